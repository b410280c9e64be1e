"""The hub: `jupyterhub --config hubconfig/jupyterhub_config.py`, with JupyterHub 5.2 or newer. Choices: `settings.py`.

As root, each user is a system user of his own. Where there is only one, it starts with `insecure_demo` alone.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import authentication
import landing
import scopes
from settings import HERE, Settings, load

from eci_annotate.errors import EciError, Refused
from eci_annotate.userservers.banner import INSECURE, REMEDY, WORDS
from eci_annotate.userservers.cgroups import found_root
from eci_annotate.userservers.python_interpreter import user_python
from eci_annotate.userservers.spawner import SharedSpawner, UidSpawner
from eci_annotate.userservers.system_users import SERVICE

ROOT = os.geteuid() == 0
NOBODY = 65_534
INSTALLED_PROXY = HERE.parent / ".venv" / "node" / "node_modules" / ".bin" / "configurable-http-proxy"


def check(settings: Settings) -> None:
    """Refuse what would be less safe than it looks."""
    if not ROOT and not settings.insecure_demo:
        raise Refused(
            "Without root there is only one system user for everybody.",
            "Start the hub as root; or, to try it out with no real data, with --insecure-demo.",
        )
    if ROOT and settings.insecure_demo:
        raise Refused("As root nothing need be insecure.", "Leave insecure_demo away.")
    if not settings.https and not settings.host.endswith("localhost"):
        raise Refused(
            "Without TLS passwords and work are open to the network.", "Set tls_cert and tls_key, or tls_before."
        )
    if ROOT and settings.repository.exists() and settings.repository.stat().st_uid == 0:
        raise Refused(
            "The repository belongs to root, and the service must not run as root.",
            f"Give it to an account of its own: chown -R eci-annotate {settings.repository}",
        )


def folder(path: Path, mode: int = 0o700) -> Path:
    """A folder of that mode."""
    path.mkdir(mode=mode, parents=True, exist_ok=True)
    path.chmod(mode)
    return path


def places(settings: Settings) -> tuple[Path, Path]:
    """Make the folders of homes and of sockets: others may pass through, but not look around."""
    folder(settings.state, 0o711 if ROOT else 0o700)
    runtime = settings.runtime or ("/run/eci-hub" if ROOT else str(settings.state / "run"))
    return folder(Path(settings.homes or settings.state / "homes"), 0o711), folder(Path(runtime), 0o711)


def set_network(c, settings: Settings) -> None:
    """Addresses: one name per user and for the service, so that no page of one can act as another."""
    c.JupyterHub.bind_url = f"{'https' if settings.tls_cert else 'http'}://{settings.bind}:{settings.port}/"
    c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{settings.inner_port(1)}"
    c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{settings.inner_port(0)}"
    c.ConfigurableHTTPProxy.pid_file = str(settings.state / "proxy.pid")
    installed = [str(INSTALLED_PROXY)] if INSTALLED_PROXY.exists() else ["configurable-http-proxy"]
    c.ConfigurableHTTPProxy.command = list(settings.proxy_command) or installed
    c.JupyterHub.subdomain_host = settings.public
    c.JupyterHub.ssl_cert, c.JupyterHub.ssl_key = settings.tls_cert, settings.tls_key
    c.JupyterHub.cookie_host_prefix_enabled = True
    c.JupyterHub.cookie_max_age_days = 1
    c.JupyterHub.tornado_settings = {
        "headers": {
            "Content-Security-Policy": "frame-ancestors 'none'",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
        }
    }


def set_hub(c, settings: Settings) -> None:
    """Database, limits, people."""
    c.JupyterHub.db_url = settings.db_url
    c.JupyterHub.cookie_secret_file = str(settings.state / "cookie_secret")
    c.JupyterHub.cleanup_servers = not settings.keep_servers
    c.JupyterHub.last_activity_interval = 0  # the proxy counts any byte; servers tell the hub of people
    c.JupyterHub.active_server_limit = settings.active_servers
    c.JupyterHub.concurrent_spawn_limit = settings.concurrent_spawns
    c.JupyterHub.allow_named_servers = False
    c.JupyterHub.custom_scopes = scopes.CUSTOM
    c.JupyterHub.load_roles = scopes.ROLES
    c.JupyterHub.default_url = landing.after_login
    if not settings.oidc.get("groups_claim"):
        c.JupyterHub.load_groups = {name: {"users": list(users)} for name, users in settings.groups.items()}
    if settings.insecure_demo:
        c.JupyterHub.template_vars = {"announcement": f"{WORDS} {REMEDY}"}


def set_servers(c, settings: Settings, python: str) -> None:
    """What users are given."""
    homes, runtime = places(settings)
    spawner = UidSpawner if ROOT else SharedSpawner
    c.JupyterHub.spawner_class = spawner
    c.FolderSpawner.homes, c.FolderSpawner.runtime, c.FolderSpawner.warm = str(homes), str(runtime), settings.warm
    c.UidSpawner.uid_file, c.UidSpawner.cages = str(settings.state / "uids.json"), found_root()
    c.UidSpawner.first_uid = settings.first_uid
    lands = landing.Landing(python, settings.notebooks)
    c.Spawner.cmd, c.Spawner.default_url = lands.app, "/"
    c.Spawner.group_overrides = lands.overrides
    c.Spawner.server_token_scopes = scopes.SERVER_TOKEN
    c.Spawner.disable_user_config = True
    c.Spawner.start_timeout = c.Spawner.http_timeout = 90
    c.Spawner.mem_limit, c.Spawner.cpu_limit = settings.memory, settings.cpus
    c.Spawner.env_keep = ["LANG", "LC_ALL", "PATH", "PYTHONPATH"]
    c.Spawner.environment = {"ECI_ANNOTATE_SERVICE": service_url(settings)}
    if not settings.https:  # HubOAuth would set a __Host- cookie without Secure, which browsers drop
        c.Spawner.environment["JUPYTERHUB_COOKIE_HOST_PREFIX_ENABLED"] = "0"


def service_url(settings: Settings) -> str:
    """Where kernels and the culler find the service."""
    return f"http://127.0.0.1:{settings.inner_port(2)}/services/{scopes.SERVICE}"


def owner(settings: Settings) -> int:
    """The account that the repository belongs to."""
    return settings.repository.stat().st_uid if settings.repository.exists() else SERVICE


def as_account(uid: int, command: list[str]) -> list[str]:
    """The command as another system user."""
    return [sys.executable, "-m", "eci_annotate.userservers.run_as", str(uid), *command] if ROOT else command


def service(settings: Settings, python: str) -> dict:
    """The service that holds the repository: the only process that touches it."""
    own, account = folder(settings.state / "service"), owner(settings)
    if ROOT:
        os.chown(own, account, account)
    command = list(settings.service_command) or [python, "-m", "eci_annotate.hub"]
    return {
        "name": scopes.SERVICE,
        "url": f"http://127.0.0.1:{settings.inner_port(2)}",
        "command": as_account(account, command),
        "oauth_no_confirm": True,
        "oauth_client_allowed_scopes": [scopes.PERSON],
        "display": True,
        "environment": {
            "ECI_ANNOTATE_REPOSITORY": str(settings.repository),
            "ECI_ANNOTATE_STATE": str(own),
            "HOME": str(own),
            "NUMBA_CACHE_DIR": str(own / "numba"),
            "MPLCONFIGDIR": str(own / "matplotlib"),
            **({INSECURE: "1"} if settings.insecure_demo else {}),
        },
    }


def culler(settings: Settings, python: str) -> dict:
    """Stops servers that nobody uses; asks the service first who holds a lease."""
    words = [
        f"--timeout={settings.idle_s}", f"--cull-every={settings.cull_every_s}", f"--max-age={settings.longest_s}",
        f"--config={HERE / 'idle_culler_config.py'}",
    ]  # fmt: skip
    return {
        "name": "culler",
        "command": as_account(NOBODY, [python, "-m", "jupyterhub_idle_culler", *words]),
        "environment": {"ECI_ANNOTATE_SERVICE": service_url(settings), "HOME": "/nonexistent"},
    }


def configure(c) -> None:
    """Set everything."""
    settings = load()
    check(settings)
    python = str(user_python(settings.state / "python")) if ROOT else sys.executable
    set_network(c, settings)
    set_hub(c, settings)
    authentication.configure(c, settings)
    set_servers(c, settings, python)
    c.JupyterHub.services = [service(settings, python), culler(settings, python)]
    os.umask(0o077)  # the hub's own files are its alone
    signal.signal(signal.SIGINT, signal.default_int_handler)  # or services of a hub in the background never hear it


try:
    configure(get_config())  # type: ignore[name-defined]  # noqa: F821
except EciError as error:
    sys.exit(f"{error.what} {error.remedy}")
