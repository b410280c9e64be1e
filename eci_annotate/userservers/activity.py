"""A server is in use while a person types, points or scrolls in its page; what a kernel sends by itself does not count.

The page says so at most every half minute; the hub is told soon after, and its culler acts on that.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from logging import Logger

from jupyter_server.base.handlers import APIHandler
from tornado.httpclient import AsyncHTTPClient, HTTPClientError
from tornado.web import authenticated

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
        await AsyncHTTPClient().fetch(
            os.environ["JUPYTERHUB_ACTIVITY_URL"],
            method="POST",
            headers={
                "Authorization": f"token {os.environ['JUPYTERHUB_API_TOKEN']}",
                "Content-Type": "application/json",
            },
            body=json.dumps({"servers": {server: {"last_activity": when}}, "last_activity": when}),
        )
        self.told = seen

    async def keep_telling(self, log: Logger, every_s: float = EVERY_S) -> None:
        """Tell the hub again and again, until the server ends."""
        while True:
            try:
                await self.tell()
            except (OSError, HTTPClientError) as error:
                log.warning("The hub was not told of activity: %s", type(error).__name__)
            await asyncio.sleep(every_s)


class PresenceHandler(APIHandler):  # type: ignore[misc]
    """`POST <prefix>api/presence`: the page saw a person."""

    @authenticated
    def post(self) -> None:
        """Note it."""
        self.settings["eci_presence"].note()
        self.set_status(204)
        self.finish()
