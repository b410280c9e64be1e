"""Listening addresses of hub, proxy, service and user servers, such that no user of the machine can impersonate them.

Unix sockets in folders owned by root, whatever runs or has crashed; JupyterHub 5 uses ports below 1024 instead.
"""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from settings import Settings

from eci_annotate.errors import Refused
from eci_annotate.repository.remote.unix_url import unix_url
from eci_annotate.userservers.jupyterhub_sockets import can_use_sockets
from eci_annotate.userservers.listener import can_be_taken, check_closed, check_length

PUBLIC_FD, PUBLIC_KEPT = "ECI_HUB_PUBLIC_FD", "ECI_HUB_PUBLIC_KEPT"  # set by serve.py
ROOT = os.geteuid() == 0


@dataclass(frozen=True)
class Addresses:
    """Listening addresses.

    Parameters
    ----------
    hub, proxy, service
        Addresses of the hub, of the proxy's API for the hub, and of the service.
    service_socket
        The service's socket; empty if it listens on a port.
    servers
        Folder of user servers' sockets; empty if they listen on ports.
    """

    hub: str
    proxy: str
    service: str
    service_socket: str = ""
    servers: str = ""


def folder(path: Path, mode: int = 0o700) -> Path:
    """Create a folder with that mode, and return it."""
    path.mkdir(mode=mode, parents=True, exist_ok=True)
    path.chmod(mode)
    return path


def addresses(settings: Settings) -> Addresses:
    """Return all listening addresses; creates the folders."""
    if not (settings.sockets and can_use_sockets()):
        return _ports(settings)
    mine = folder(settings.run / f"hub-{settings.port}", 0o711)  # users may connect, but neither create nor rename
    proxy, servers = folder(mine / "proxy"), folder(mine / "servers")
    check_length(proxy / "api.sock")
    if ROOT:
        check_closed(mine)
    service = mine / "service.sock"
    return Addresses(
        unix_url(mine / "hub.sock"), unix_url(proxy / "api.sock"), unix_url(service), str(service),
        str(servers) if ROOT else "",
    )  # fmt: skip


def _ports(settings: Settings) -> Addresses:
    proxy, hub, service = (settings.inner_port(number) for number in range(3))
    if ROOT and can_be_taken(max(proxy, hub, service)):
        raise Refused(
            "Any user of this machine could take the hub's inner ports while the hub restarts.",
            "Use JupyterHub 6 or newer; or set `inner` to the first of three free ports below 1024 "
            "(and the system's net.ipv4.ip_unprivileged_port_start to 1024).",
        )
    return Addresses(*(f"http://127.0.0.1:{port}" for port in (hub, proxy, service)))


def check_public(settings: Settings) -> None:
    """Refuse a public port that a user could hijack while the hub is stopped, to collect passwords.

    With a certificate of the hub this is useless to them: browsers refuse a server without its key.
    """
    if not ROOT or settings.tls_cert or not can_be_taken(settings.port):
        return
    if PUBLIC_FD not in os.environ:
        raise Refused(
            f"Any user of this machine could take port {settings.port} while the hub restarts.",
            "Start with `python hubconfig/serve.py`, which holds it; or set tls_cert, or a port below 1024.",
        )
    if settings.keep_servers and not os.environ.get(PUBLIC_KEPT):
        raise Refused(
            f"With keep_servers, a user's process could take port {settings.port} while the hub is stopped.",
            "Let systemd hold the port (docs/hub.md), set tls_cert, or choose a port below 1024.",
        )


def service_token(settings: Settings, name: str) -> str:
    """Return a service's token at the hub: created once and stored, so that it stays valid when the hub restarts."""
    path = settings.state / "service_tokens.json"
    known: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if name not in known:
        known[name] = secrets.token_hex(32)
        path.touch(0o600)
        path.write_text(json.dumps(known), encoding="utf-8")
    return known[name]
