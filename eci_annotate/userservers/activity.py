"""A server is in use while a person types, points or scrolls in its page; what a kernel sends by itself does not count.

The page says so at most every half minute; the hub is told soon after, and its culler acts on that.
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
    """When a person was last seen, and what of that the hub knows; times in seconds since 1970."""

    seen: float = field(default_factory=time.time)
    told: float = 0.0

    def note(self) -> None:
        """A person is here now."""
        self.seen = time.time()

    async def tell(self) -> None:
        """Post the newest time to the hub, if it does not know it; a failure is tried again at the next call."""
        if self.seen <= self.told:
            return
        seen = self.seen
        when = datetime.fromtimestamp(seen, UTC).isoformat()
        server = os.environ.get("JUPYTERHUB_SERVER_NAME", "")
        told = {"servers": {server: {"last_activity": when}}, "last_activity": when}
        await asyncio.to_thread(_post, os.environ["JUPYTERHUB_ACTIVITY_URL"], told)
        self.told = seen

    async def keep_telling(self, log: Logger, every_s: float = EVERY_S) -> None:
        """Tell the hub again and again, until the server ends."""
        while True:
            try:
                await self.tell()
            except (OSError, httpx.HTTPError) as error:
                log.warning("The hub was not told of activity: %s", type(error).__name__)
            await asyncio.sleep(every_s)


def _post(address: str, told: dict[str, Any]) -> None:
    """Tell the hub, with the server's token."""
    headers = {"Authorization": f"token {os.environ['JUPYTERHUB_API_TOKEN']}"}
    _, url = socket_and_url(address)
    with client(address, headers=headers, timeout=20.0) as hub:
        hub.post(url, json=told).raise_for_status()


class PresenceHandler(APIHandler):  # type: ignore[misc]
    """`POST <prefix>api/presence`: the page saw a person."""

    @authenticated
    def post(self) -> None:
        """Note it."""
        self.settings["eci_presence"].note()
        self.set_status(204)
        self.finish()
