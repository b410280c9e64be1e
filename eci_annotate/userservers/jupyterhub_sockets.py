"""Overrides of JupyterHub 6 with which hub, proxy, service and user servers communicate over unix sockets only.

JupyterHub's client and proxy support this. Missing are: targets without a port, a service with such an address, a proxy
that listens on a socket held by its parent, and checking services more often than every 30 seconds.
"""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jupyterhub import proxy as proxy_module
from jupyterhub.app import JupyterHub
from jupyterhub.proxy import ConfigurableHTTPProxy
from jupyterhub.services import service as service_module
from traitlets import Integer

from eci_annotate.repository.remote.unix_url import SCHEME, socket_and_url
from eci_annotate.userservers.listener import listen_tcp

PRELOAD = Path(__file__).parent / "share" / "listen_fd.cjs"
PROGRAM = b"configurable-http-proxy"


def can_use_sockets() -> bool:
    """Whether this JupyterHub's client supports unix sockets: 6 and newer."""
    try:
        from jupyterhub.httpclient import _HTTPUnixConnector
    except ImportError:
        return False
    return SCHEME in _HTTPUnixConnector.allowed_protocol_schema_set


class HeldProxy(ConfigurableHTTPProxy):  # type: ignore[misc]
    """The proxy on a public socket held by this process (or its parent), with user servers on unix sockets."""

    public_fd = Integer(-1, help="The listening socket, from the parent; negative: it is bound here.").tag(config=True)
    _held: Sequence[socket.socket] = ()

    async def start(self) -> None:
        """Start the program with the public socket."""
        if self.public_fd < 0:
            place = urlsplit(self.public_url)
            self._held = listen_tcp(place.hostname or "0.0.0.0", place.port or 80)
            self.public_fd = self._held[0].fileno()
        self._check_previous_process()
        if path := socket_and_url(self.api_url)[0]:
            Path(path).unlink(missing_ok=True)  # a socket left by a killed proxy could not be bound again
        proxy_module.Popen = self._popen
        await super().start()

    def _popen(self, command: list[str], env: Mapping[str, str], **more: Any) -> subprocess.Popen[bytes]:
        """Start the program with the public socket and the script that makes it listen there."""
        preload = f"--require={PRELOAD} {env.get('NODE_OPTIONS', '')}".strip()
        told = {**env, "NODE_OPTIONS": preload, "ECI_PUBLIC_FD": str(self.public_fd)}
        return subprocess.Popen(command, env=told, pass_fds=(self.public_fd,), **more)

    def _check_pid(self, pid: int) -> None:
        """Reject a process number that now belongs to another program."""
        super()._check_pid(pid)
        try:
            line = Path(f"/proc/{pid}/cmdline").read_bytes()
        except FileNotFoundError:
            line = b""
        if PROGRAM not in line:
            raise ProcessLookupError

    async def add_route(self, routespec: str, target: str, data: dict[str, Any]) -> None:
        """Add a route as usual, without the port that JupyterHub's database appends to a socket's name."""
        await super().add_route(routespec, without_port(target), (data or {}) | {"asked": target})

    async def get_all_routes(self) -> dict[str, dict[str, Any]]:
        """Return routes with the requested targets; otherwise JupyterHub would set them again and again."""
        routes = await super().get_all_routes()
        for route in routes.values():
            route["target"] = route["data"].pop("asked", route["target"])
        return routes


def without_port(target: str) -> str:
    """Return a unix address without the port, which is meaningless there."""
    parts = urlsplit(target)
    return parts._replace(netloc=parts.netloc.split(":")[0]).geturl() if parts.scheme == SCHEME else target


def place_service(name: str, address: str) -> None:
    """Make JupyterHub find a service at a unix address, which it does not accept as the service's `url`."""
    made = JupyterHub.service_from_spec

    def service_from_spec(self: Any, *args: Any, **kwargs: Any) -> Any:
        service = made(self, *args, **kwargs)
        if service is not None and service.name == name:
            parts = urlsplit(address)
            service.orm.server.proto, service.orm.server.ip, service.orm.server.port = SCHEME, parts.netloc, 80
        return service

    JupyterHub.service_from_spec = service_from_spec


def watch_services(every_s: int) -> None:
    """Make JupyterHub check its services at this interval, for which there is no setting."""
    usual = service_module._ServiceSpawner
    made = type("ServiceSpawner", (usual,), {"poll_interval": Integer(every_s)})
    service_module._ServiceSpawner = made
