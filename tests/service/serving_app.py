"""An application served in a thread, over real HTTP."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from eci_annotate.hub.core.slow_clients import TimedProtocol
from tests.patience import until


class Prompt(uvicorn.Server):
    """Ends soon after it should: hundreds of tests wait for that."""

    async def main_loop(self) -> None:
        counter = 0
        while not await self.on_tick(counter):
            counter += 1
            await asyncio.sleep(0.01)


@contextmanager
def running(app: FastAPI, port: int, keep_alive_s: int = 5) -> Iterator[None]:
    """Serve it for this while."""
    server = Prompt(
        uvicorn.Config(
            app, port=port, log_level="warning", access_log=False, http=TimedProtocol, timeout_keep_alive=keep_alive_s
        )
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert until(lambda: server.started, pause_s=0.01)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(10)
