"""The hub: `jupyterhub --config hubconfig/jupyterhub_config.py`, with JupyterHub 5.2 or newer. Settings: `settings.py`.

As root, each user gets a separate system user. With only one system user, it requires `insecure_demo`.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import authentication
import landing
import scopes
from addresses import PUBLIC_FD, Addresses, addresses, check_public, folder, service_token
from settings import HERE, Settings, load

from eci_annotate.errors import EciError, Refused
from eci_annotate.userservers.banner import INSECURE, REMEDY, WORDS
from eci_annotate.userservers.cgroups import found_root
from eci_annotate.userservers.decoder_host import DECODER_PYTHON, DECODER_UID
from eci_annotate.userservers.jupyterhub_sockets import HeldProxy, place_service, watch_services
from eci_annotate.userservers.python_interpreter import user_python
from eci_annotate.userservers.spawner import SharedSpawner, UidSpawner
from eci_annotate.userservers.system_users import SERVICE

ROOT = os.geteuid() == 0
NOBODY = 65_534
LOOK_S = 2  # interval at which the hub checks proxy and services
INSTALLED_PROXY = HERE.parent / ".venv" / "node" / "node_modules" / ".bin" / "configurable-http-proxy"


def check(settings: Settings) -> None:
    """Refuse settings that are less secure than they look."""
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


def places(settings: Settings) -> tuple[Path, Path]:
    """Create the folders of homes and of sockets: others may traverse but not list them."""
    folder(settings.state, 0o711 if ROOT else 0o700)
    return folder(Path(settings.homes or settings.state / "homes"), 0o711), folder(settings.run, 0o711)


def set_network(c: Any, settings: Settings, at: Addresses) -> None:
    """Set addresses: one host name per user and for the service, so that no page can act as another."""
    c.JupyterHub.bind_url = f"{'https' if settings.tls_cert else 'http'}://{settings.bind}:{settings.port}/"
    c.JupyterHub.hub_bind_url, c.ConfigurableHTTPProxy.api_url = at.hub, at.proxy
    c.JupyterHub.hub_socket_mode = 0o666  # a token identifies clients; the folder protects the name
    c.JupyterHub.proxy_class = HeldProxy
    c.HeldProxy.public_fd = int(os.environ.get(PUBLIC_FD, "-1"))
    c.ConfigurableHTTPProxy.pid_file = str(settings.state / "proxy.pid")
    c.ConfigurableHTTPProxy.check_running_interval = LOOK_S
    installed = [str(INSTALLED_PROXY)] if INSTALLED_PROXY.exists() else ["configurable-http-proxy"]
    c.ConfigurableHTTPProxy.command = as_account(os.geteuid(), list(settings.proxy_command) or installed)
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


def set_hub(c: Any, settings: Settings) -> None:
    """Set database, limits and authentication."""
    c.JupyterHub.db_url = settings.db_url
    c.JupyterHub.cookie_secret_file = str(settings.state / "cookie_secret")
    c.JupyterHub.cleanup_servers = not settings.keep_servers
    c.JupyterHub.last_activity_interval = 0  # the proxy counts any byte; servers report user activity to the hub
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


def set_servers(c: Any, settings: Settings, python: str, at: Addresses) -> None:
    """Set what users get."""
    homes, runtime = places(settings)
    spawner = UidSpawner if ROOT else SharedSpawner
    c.JupyterHub.spawner_class = spawner
    c.FolderSpawner.homes, c.FolderSpawner.runtime, c.FolderSpawner.warm = str(homes), str(runtime), settings.warm
    c.UidSpawner.uid_file, c.UidSpawner.cages = str(settings.state / "uids.json"), found_root()
    c.UidSpawner.first_uid, c.UidSpawner.sockets = settings.first_uid, at.servers
    c.Spawner.poll_interval = 5
    lands = landing.Landing(python, settings.notebooks)
    c.Spawner.cmd, c.Spawner.default_url = lands.app, "/"
    c.Spawner.group_overrides = lands.overrides
    c.Spawner.server_token_scopes = scopes.SERVER_TOKEN
    c.Spawner.disable_user_config = True
    c.Spawner.start_timeout = c.Spawner.http_timeout = 90
    c.Spawner.mem_limit, c.Spawner.cpu_limit = settings.memory, settings.cpus
    c.Spawner.env_keep = ["LANG", "LC_ALL", "PATH", "PYTHONPATH"]
    c.Spawner.environment = {"ECI_ANNOTATE_SERVICE": service_url(at)}
    if not settings.https:  # HubOAuth would set a __Host- cookie without Secure, which browsers drop
        c.Spawner.environment["JUPYTERHUB_COOKIE_HOST_PREFIX_ENABLED"] = "0"


def service_url(at: Addresses) -> str:
    """Return the address of the service for kernels and the culler."""
    return f"{at.service}/services/{scopes.SERVICE}"


def owner(settings: Settings) -> int:
    """Return the account that owns the repository."""
    return settings.repository.stat().st_uid if settings.repository.exists() else SERVICE


def as_account(uid: int, command: list[str]) -> list[str]:
    """Return the command as another system user (as root), exiting with the hub in any case."""
    return [sys.executable, "-m", "eci_annotate.userservers.run_as", str(uid if ROOT else os.geteuid()), *command]


def supervised(uid: int, at: Addresses, command: list[str]) -> list[str]:
    """Return the service's command, restarted whenever it ends; on a socket held by its parent, if there is one."""
    place = at.service_socket or f"{at.service.rpartition('/')[2]}"
    return [sys.executable, "-m", "eci_annotate.userservers.supervisor", str(uid), place, *command]


def service(settings: Settings, python: str, at: Addresses) -> dict[str, Any]:
    """Return the service that holds the repository: the only process that accesses it."""
    own, account = folder(settings.state / "service"), owner(settings) if ROOT else os.geteuid()
    if ROOT:
        os.chown(own, account, account)
    command = list(settings.service_command) or [python, "-m", "eci_annotate.hub"]
    return {
        "name": scopes.SERVICE,
        "url": "http://localhost" if at.service_socket else at.service,  # JupyterHub accepts no socket here
        "command": supervised(account, at, command),
        "api_token": service_token(settings, scopes.SERVICE),
        "oauth_no_confirm": True,
        "oauth_client_allowed_scopes": [scopes.PERSON],
        "display": True,
        "environment": {
            "ECI_ANNOTATE_REPOSITORY": str(settings.repository),
            "ECI_ANNOTATE_STATE": str(own),
            "HOME": str(own),
            "NUMBA_CACHE_DIR": str(own / "numba"),
            "MPLCONFIGDIR": str(own / "matplotlib"),
            DECODER_UID: str(settings.decoder_uid or settings.first_uid - 2),
            DECODER_PYTHON: python,
            **({INSECURE: "1"} if settings.insecure_demo else {}),
        },
    }


def culler(settings: Settings, python: str, at: Addresses) -> dict[str, Any]:
    """Return the service that stops idle servers; it first asks the main service who holds a lease."""
    words = [
        f"--timeout={settings.idle_s}", f"--cull-every={settings.cull_every_s}", f"--max-age={settings.longest_s}",
        f"--config={HERE / 'idle_culler_config.py'}",
    ]  # fmt: skip
    return {
        "name": "culler",
        "command": as_account(NOBODY, [python, "-m", "jupyterhub_idle_culler", *words]),
        "api_token": service_token(settings, "culler"),
        "environment": {"ECI_ANNOTATE_SERVICE": service_url(at), "HOME": "/nonexistent"},
    }


def configure(c: Any) -> None:
    """Set everything."""
    settings = load()
    check(settings)
    check_public(settings)
    python = str(user_python(settings.state / "python")) if ROOT else sys.executable
    places(settings)
    at = addresses(settings)
    set_network(c, settings, at)
    set_hub(c, settings)
    authentication.configure(c, settings)
    set_servers(c, settings, python, at)
    c.JupyterHub.services = [service(settings, python, at), culler(settings, python, at)]
    watch_services(LOOK_S)
    if at.service_socket:
        place_service(scopes.SERVICE, at.service)
    os.umask(0o077)  # the hub's own files are private
    signal.signal(signal.SIGINT, signal.default_int_handler)  # otherwise services of a background hub never receive it


try:
    configure(get_config())  # type: ignore[name-defined]  # noqa: F821
except EciError as error:
    sys.exit(f"{error.what} {error.remedy}")
