"""A server is active while a user types, points or scrolls in its page; messages sent by a kernel do not count.

The page reports this at most every half minute; the server tells the hub soon after, whose culler acts on it.
"""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from logging import Logger
from typing import Any

import httpx
from jupyter_server.base.handlers import APIHandler
from tornado.web import authenticated

from eci_annotate.repository.remote.unix_url import client, socket_and_url

EVERY_S = 15.0


@dataclass
class Presence:
    """Time of the last user input, and the time reported to the hub; in seconds since 1970."""

    seen: float = field(default_factory=time.time)
    told: float = 0.0

    def note(self) -> None:
        """Record that a user is present now."""
        self.seen = time.time()

    async def tell(self) -> None:
        """Report the newest time to the hub, if it is new; a failure is retried at the next call."""
        if self.seen <= self.told:
            return
        seen = self.seen
        when = datetime.fromtimestamp(seen, UTC).isoformat()
        server = os.environ.get("JUPYTERHUB_SERVER_NAME", "")
        told = {"servers": {server: {"last_activity": when}}, "last_activity": when}
        await asyncio.to_thread(_post, os.environ["JUPYTERHUB_ACTIVITY_URL"], told)
        self.told = seen

    async def keep_telling(self, log: Logger, every_s: float = EVERY_S) -> None:
        """Report to the hub repeatedly, until the server stops."""
        while True:
            try:
                await self.tell()
            except (OSError, httpx.HTTPError) as error:
                log.warning("Activity could not be reported to the hub: %s", type(error).__name__)
            await asyncio.sleep(every_s)


def _post(address: str, told: dict[str, Any]) -> None:
    """Post to the hub, with the server's token."""
    headers = {"Authorization": f"token {os.environ['JUPYTERHUB_API_TOKEN']}"}
    _, url = socket_and_url(address)
    with client(address, headers=headers, timeout=20.0) as hub:
        hub.post(url, json=told).raise_for_status()


class PresenceHandler(APIHandler):  # type: ignore[misc]
    """`POST <prefix>api/presence`: the page received user input."""

    @authenticated
    def post(self) -> None:
        """Record it."""
        self.settings["eci_presence"].note()
        self.set_status(204)
        self.finish()
