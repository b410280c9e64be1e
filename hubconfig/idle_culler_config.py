"""Check of the culler before it stops an idle server: users with a lease keep their server.

`GET <service>/leases`, with the culler's token, returns a JSON list of user names. Without an answer none is stopped.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from datetime import timedelta
from typing import Any

import httpx
from tornado.netutil import Resolver

from eci_annotate.repository.remote.unix_url import client, socket_and_url

FRESH_S = 5.0
_held: tuple[float, frozenset[str] | None] = (0.0, None)


def _asked() -> frozenset[str] | None:
    headers = {"Authorization": f"token {os.environ['JUPYTERHUB_API_TOKEN']}"}
    try:
        with client(os.environ["ECI_ANNOTATE_SERVICE"], headers=headers, timeout=5) as service:
            return frozenset(service.get("leases").raise_for_status().json())
    except (httpx.HTTPError, ValueError):
        return None


def holders() -> frozenset[str] | None:
    """Return the names of users with an active lease; None if the service does not answer. One request per round."""
    global _held
    if time.monotonic() - _held[0] > FRESH_S:
        _held = (time.monotonic(), _asked())
    return _held[1]


def arbiter(inactive: timedelta, inactive_limit: float, server: dict[str, Any]) -> bool:
    """Whether to stop a server."""
    if inactive.total_seconds() < inactive_limit:
        return False
    holding = holders()
    return holding is not None and server["full_name"].split("/")[0] not in holding


class HubSocket(Resolver):  # type: ignore[misc]
    """Resolves every connection of this process (the culler only connects to the hub) to the hub's socket."""

    async def resolve(self, host: str, port: int, family: int = 0) -> list[tuple[int, Any]]:
        """Return the socket."""
        return [(socket.AF_UNIX, HUB)]


c = get_config()  # type: ignore[name-defined]  # noqa: F821
HUB, url = socket_and_url(os.environ["JUPYTERHUB_API_URL"])
if HUB:
    sys.modules["pycurl"] = None  # type: ignore[assignment]  # it would ask no resolver of ours
    Resolver.configure(HubSocket)
    c.IdleCuller.url = url
c.IdleCuller.cull_arbiter_hook = arbiter
