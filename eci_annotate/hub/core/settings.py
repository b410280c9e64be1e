"""Settings of the service from its environment; JupyterHub sets most of them for a managed service."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from eci_annotate.errors import NotARepository


@dataclass(frozen=True)
class Settings:
    """Where the service listens, which repository it serves, and how it reaches the hub.

    Parameters
    ----------
    repository
        Folder of the repository.
    prefix
        Path prefix of all addresses, with a slash at both ends.
    host, port
        Where it listens.
    listen_fd
        A listening socket that the parent process holds, instead of host and port; negative: none.
    decoders_fd
        A socket to a worker host that the parent process holds; negative: the service starts its own.
    hub_api, hub_token
        The hub's API, and the service's own token there.
    client_id
        OAuth client by which the hub identifies the service at login.
    hub_host, hub_base
        Address of the hub for browsers, e.g. ``https://hub.example.org`` and ``/``.
    public
        Address of the service for browsers; empty: at the hub's own host.
    callback
        Address to which the hub redirects after login, as registered there.
    insecure_demo
        All users share one system user; every page shows a warning.
    """

    repository: Path
    prefix: str = "/services/eci/"
    host: str = "127.0.0.1"
    port: int = 18010
    hub_api: str = ""
    hub_token: str = field(default="", repr=False)
    client_id: str = ""
    hub_host: str = ""
    hub_base: str = "/"
    public: str = ""
    callback: str = ""
    insecure_demo: bool = False
    listen_fd: int = -1
    decoders_fd: int = -1

    @classmethod
    def from_environment(cls, env: Mapping[str, str] | None = None) -> Settings:
        """Read the environment; raises NotARepository if it names no repository."""
        env = os.environ if env is None else env
        if not env.get("ECI_ANNOTATE_REPOSITORY"):
            raise NotARepository("The repository to serve is not configured.", "Set ECI_ANNOTATE_REPOSITORY.")
        where = urlsplit(env.get("JUPYTERHUB_SERVICE_URL", "http://127.0.0.1:18010"))
        return cls(
            Path(env["ECI_ANNOTATE_REPOSITORY"]),
            env.get("JUPYTERHUB_SERVICE_PREFIX", "/services/eci/"),
            where.hostname or "127.0.0.1",
            where.port or 18010,
            env.get("JUPYTERHUB_API_URL", ""),
            env.get("JUPYTERHUB_API_TOKEN", ""),
            env.get("JUPYTERHUB_CLIENT_ID", ""),
            env.get("JUPYTERHUB_HOST", ""),
            env.get("JUPYTERHUB_BASE_URL", "/"),
            env.get("JUPYTERHUB_PUBLIC_URL", ""),
            env.get("JUPYTERHUB_OAUTH_CALLBACK_URL", ""),
            env.get("ECI_ANNOTATE_INSECURE_DEMO", "") == "1",
            int(env.get("ECI_ANNOTATE_LISTEN_FD", "-1")),
            int(env.get("ECI_ANNOTATE_DECODERS_FD", "-1")),
        )

    @property
    def origin(self) -> str:
        """The origin of the service's pages; empty if only the request determines it."""
        where = urlsplit(self.public or self.hub_host)
        return f"{where.scheme}://{where.netloc}" if where.netloc else ""

    @property
    def own_host(self) -> bool:
        """Whether the service has its own host that browsers treat as secure, as required by `__Host-` cookies."""
        where = urlsplit(self.public)
        secure = where.scheme == "https" or (where.hostname or "").endswith(".localhost")
        return bool(self.hub_host) and secure and where.netloc != urlsplit(self.hub_host).netloc

    @property
    def https(self) -> bool:
        """Whether cookies are restricted to secure connections."""
        return self.own_host or self.origin.startswith("https:")
