"""Limits of connections: slow clients are cut off, and there are never so many that no file can be opened."""

from __future__ import annotations

import asyncio
import resource
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

HEAD_S = 20.0  # until the head of a request is complete
_FILES, _LEAST = 16_384, 32  # open files that are asked for; connections that are always allowed


class TimedProtocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """HTTP of a connection that is closed if the head of a request takes longer than `HEAD_S`."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Go on waiting, unless a request was read."""
        super().data_received(data)
        if self._idle():
            self._wait()
        else:
            self._stop()

    def connection_lost(self, error: Exception | None) -> None:
        """Stop waiting."""
        self._stop()
        super().connection_lost(error)

    def _idle(self) -> bool:
        return self.cycle is None or bool(self.cycle.response_complete)

    def _wait(self) -> None:
        if self._late is None:
            self._late = self.loop.call_later(HEAD_S, self._close)

    def _stop(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _close(self) -> None:
        self._late = None
        if self._idle():
            self.transport.close()


def most_connections() -> int:
    """Allow as many open files as the system permits, and return how many of them may be connections: half."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return max(_LEAST, (_FILES if soft == resource.RLIM_INFINITY else min(soft, _FILES)) // 2)
