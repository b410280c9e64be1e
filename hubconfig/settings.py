"""Settings of a hub: one YAML file (`ECI_HUB_CONFIG`), overridden by `ECI_HUB_<NAME>` variables.

Secrets are never in the file: they come from the environment, or from files that the environment names.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from eci_annotate.errors import Refused

PREFIX = "ECI_HUB_"
HERE = Path(__file__).resolve().parent
SECRET_WORDS = ("secret", "password", "token")


@dataclass(frozen=True)
class Settings:
    """All settings with their defaults; the names are those of the file."""

    state: Path = Path("demo-hub")  # database, cookie secret, homes, uids; mode 0700
    repository: Path = Path("demo-hub/repository")  # owned by the account as which the service runs
    notebooks: Path = HERE.parent / "notebooks"
    host: str = "hub.localhost"  # users and the service get names below it: a wildcard name in production
    port: int = 8000
    bind: str = "127.0.0.1"
    sockets: bool = True  # hub, proxy, service and user servers use unix sockets; JupyterHub 6 or newer
    inner: int = 0  # without sockets: first of the internal ports, below 1024 as root; 0: above `port`
    tls_cert: str = ""
    tls_key: str = ""
    tls_before: bool = False  # a proxy in front of the hub terminates TLS
    public_port: int = 0  # port seen by browsers, if not `port`
    authenticator: str = "native"  # native, oidc, lti
    signup: bool = False  # native: users request an account, an administrator approves
    oidc: Mapping[str, Any] = field(default_factory=dict)
    lti: Mapping[str, Any] = field(default_factory=dict)
    admins: tuple[str, ...] = ()
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # project/role or project/role/site -> names
    insecure_demo: bool = False
    memory: str = "4G"  # for all processes of one user together
    cpus: float = 2.0
    active_servers: int = 200
    concurrent_spawns: int = 20
    idle_s: int = 3600
    cull_every_s: int = 300
    longest_s: int = 16 * 3600  # a server is stopped then, even with a lease: a kernel can fake activity
    keep_servers: bool = False  # servers keep running while the hub restarts
    first_uid: int = 20_000  # users' numbers start here; two hubs on one machine must not share any
    decoder_uid: int = 0  # system user that decodes images for the service; default: `first_uid` - 2
    homes: str = ""  # default: below `state`
    runtime: str = ""  # default: /run/eci-hub as root, below `state` otherwise
    warm: str = ""  # compiled kernels copied to new users
    proxy_command: tuple[str, ...] = ()  # default: the one that `make hub` installed, or the one on PATH
    service_command: tuple[str, ...] = ()  # default: python -m eci_annotate.hub
    database: str = ""  # default: SQLite below `state`

    @property
    def https(self) -> bool:
        """Whether browsers use TLS."""
        return bool(self.tls_cert) or self.tls_before

    @property
    def public(self) -> str:
        """The hub's address for browsers."""
        port = self.public_port or self.port
        usual = 443 if self.https else 80
        return f"{'https' if self.https else 'http'}://{self.host}{'' if port == usual else f':{port}'}"

    @property
    def run(self) -> Path:
        """Folder of all sockets."""
        usual = "/run/eci-hub" if os.geteuid() == 0 else self.state / "run"
        return Path(self.runtime or usual)

    @property
    def db_url(self) -> str:
        """The hub's database."""
        return self.database or f"sqlite:///{self.state}/hub.sqlite"

    def inner_port(self, number: int) -> int:
        """Return a port between hub, proxy and service; on 127.0.0.1 only."""
        return (self.inner or self.port + 1) + number


def _read(kind: str, text: str) -> Any:
    """Convert a value from the environment to the field's type."""
    match kind:
        case "int" | "float":
            return (int if kind == "int" else float)(text)
        case "bool":
            return text.lower() in {"1", "true", "yes", "on"}
        case _ if kind.startswith("tuple"):
            return tuple(text.split())
        case _ if kind.startswith("Mapping"):
            return yaml.safe_load(text)
    return text


def _shaped(kind: str, value: Any) -> Any:
    if kind == "Path":
        return Path(value).resolve()
    return tuple(value) if kind.startswith("tuple") else value


def _refuse_secrets(chosen: Mapping[str, Any], where: str) -> None:
    for name, value in chosen.items():
        if isinstance(value, Mapping):
            _refuse_secrets(value, where)
        elif any(word in name.lower() for word in SECRET_WORDS) and not name.endswith("_url"):
            raise Refused(
                f"{where} holds a secret ({name}).", f"Give it in the environment: see {PREFIX}… in docs/hub.md."
            )


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings.

    Raises
    ------
    Refused
        If the file contains an unknown setting, or a secret.
    """
    env = os.environ if environment is None else environment
    path = env.get(f"{PREFIX}CONFIG", "")
    chosen: dict[str, Any] = (yaml.safe_load(Path(path).read_text(encoding="utf-8")) or {}) if path else {}
    kinds = {one.name: str(one.type) for one in fields(Settings)}
    if unknown := sorted(set(chosen) - set(kinds)):
        raise Refused(f"{path} has unknown settings: {', '.join(unknown)}.", f"Known are: {', '.join(kinds)}.")
    _refuse_secrets(chosen, path)
    chosen |= {name: _read(kind, env[key]) for name, kind in kinds.items() if (key := PREFIX + name.upper()) in env}
    whole = {one.name: one.default for one in fields(Settings) if isinstance(one.default, Path)} | chosen
    return Settings(**{name: _shaped(kinds[name], value) for name, value in whole.items()})


def secret(name: str, environment: Mapping[str, str] | None = None) -> str:
    """Return the secret `ECI_HUB_<NAME>`, or the content of the file that `ECI_HUB_<NAME>_FILE` names."""
    env = os.environ if environment is None else environment
    key = PREFIX + name.upper()
    if file := env.get(f"{key}_FILE"):
        return Path(file).read_text(encoding="utf-8").strip()
    if key not in env:
        raise Refused(f"{key} is not set.", f"Set it, or {key}_FILE to a file that root alone can read.")
    return env[key]
