"""An application served in a thread, over real HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from tests.patience import until


@contextmanager
def running(app: FastAPI, port: int) -> Iterator[None]:
    """Serve it for this while."""
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", access_log=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert until(lambda: server.started)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(10)
