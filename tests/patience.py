"""Waits end with their event: patience costs a failing test only, and a busy machine needs minutes for seconds."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from contextlib import suppress

PATIENCE_S = 180


def until(true: Callable[[], object], patience_s: float = PATIENCE_S, pause_s: float = 0.05) -> bool:
    """Wait for something; returns whether it came."""
    end = time.monotonic() + patience_s
    while not (found := true()) and time.monotonic() < end:
        time.sleep(pause_s)
    return bool(found)


def listens(port: int) -> bool:
    """Whether a port of this machine takes connections."""
    with suppress(OSError):
        socket.create_connection(("127.0.0.1", port), 2).close()
        return True
    return False
