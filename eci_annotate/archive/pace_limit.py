"""HTTP connections that end when the other side takes too long for what it sends: a byte a minute is no answer.

The timeout of httpx is for each piece that arrives. Here a request and its answer together have `GRACE_S`, and a second
more for each `LEAST_PER_S` bytes that were sent or received.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable
from typing import Any

import httpcore
import httpx

GRACE_S, LEAST_PER_S = 120.0, 8192


def paced(client: httpx.Client) -> httpx.Client:
    """Give the connections of a client these limits, those through a proxy of the environment too; returns it."""
    for transport in (client._transport, *client._mounts.values()):
        if isinstance(transport, httpx.HTTPTransport):
            transport._pool._network_backend = PacedBackend()  # httpx passes none on
    return client


class PacedBackend(httpcore.NetworkBackend):
    """Connects as httpcore does, and limits each connection."""

    def __init__(self) -> None:
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        return PacedStream(self._backend.connect_tcp(host, port, timeout, local_address, socket_options))

    def sleep(self, seconds: float) -> None:
        self._backend.sleep(seconds)


class PacedStream(httpcore.NetworkStream):
    """A connection; writing after an answer begins the next request, with its own time."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream, self._begun, self._bytes, self._reads = stream, time.monotonic(), 0, False

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self._reads = True
        content = self._stream.read(max_bytes, self._left(timeout, httpcore.ReadTimeout))
        self._bytes += len(content)
        return content

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if self._reads:
            self._begun, self._bytes, self._reads = time.monotonic(), 0, False
        self._stream.write(buffer, self._left(timeout, httpcore.WriteTimeout))
        self._bytes += len(buffer)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return PacedStream(self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    def _left(self, timeout: float | None, error: type[Exception]) -> float:
        """Return how long the next piece may take, seconds; raises `error` if no time is left."""
        left = self._begun + GRACE_S + self._bytes / LEAST_PER_S - time.monotonic()
        if left <= 0:
            raise error("too slow")
        return left if timeout is None else min(timeout, left)
