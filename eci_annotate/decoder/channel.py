"""What travels between a service and a worker: JSON heads, bytes of values, and open files. Nothing is ever unpickled.

The service receives heads and bytes only, of limited size, until a given time; a worker is sent the files it asks for.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import time
from collections.abc import Iterator, Mapping
from math import inf
from typing import Any

from eci_annotate.errors import DecoderFailed

MOST_HEAD = 64 << 20
_LENGTH, _BLOCK = struct.Struct(">I"), 1 << 20
_REMEDY = "It may be damaged or much too large. Copy it again from its archive, or convert it to another encoding."


def lost() -> DecoderFailed:
    """Return what is raised for files whose worker ended, or took too long."""
    return DecoderFailed("An image could not be decoded: the decoder ended, or took too long.", _REMEDY)


class Channel:
    """One end of the connection between a service and a worker.

    Parameters
    ----------
    end
        A connected socket.
    seconds
        How long all of the work may take.
    """

    def __init__(self, end: socket.socket, seconds: float = inf) -> None:
        self._end, self._until = end, time.monotonic() + seconds

    def send(self, head: Mapping[str, Any]) -> None:
        """Send a head."""
        content = json.dumps(head).encode()
        self._send(_LENGTH.pack(len(content)) + content)

    def receive(self) -> dict[str, Any]:
        """Return the next head; raises DecoderFailed for anything else."""
        (size,) = _LENGTH.unpack(b"".join(self.blocks(_LENGTH.size)))
        if size > MOST_HEAD:
            raise lost()
        try:
            head = json.loads(b"".join(self.blocks(size)))
        except (ValueError, RecursionError):
            raise lost() from None
        if not isinstance(head, dict):
            raise lost()
        return head

    def blocks(self, size: int) -> Iterator[memoryview]:
        """Return exactly `size` bytes, in blocks."""
        while size:
            try:
                self._wait()
                block = self._end.recv(min(size, _BLOCK))
            except OSError:
                raise lost() from None
            if not block:
                raise lost()
            size -= len(block)
            yield memoryview(block)

    def send_block(self, block: memoryview) -> None:
        """Send bytes of values."""
        self._send(block)

    def send_file(self, handle: int) -> None:
        """Send an open file."""
        try:
            self._wait()
            socket.send_fds(self._end, [b"f"], [handle])
        except OSError:
            raise lost() from None

    def receive_file(self) -> int:
        """Return a file that was sent, open for reading."""
        try:
            _, handles, _, _ = socket.recv_fds(self._end, 1, 1)
        except OSError:
            raise lost() from None
        if not handles:
            raise lost()
        return handles[0]

    def _send(self, content: bytes | memoryview) -> None:
        try:
            self._wait()
            self._end.sendall(content)
        except OSError:
            raise lost() from None

    def _wait(self) -> None:
        """Set how long the socket may wait; raises TimeoutError if there is no time left."""
        if self._until == inf:
            return
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._end.settimeout(left)


def open_content(content: bytes) -> int:
    """Return a handle of a file in memory with this content, at its beginning."""
    handle = os.memfd_create("content") if hasattr(os, "memfd_create") else _temporary()
    view = memoryview(content)
    while view:
        view = view[os.write(handle, view) :]
    os.lseek(handle, 0, os.SEEK_SET)
    return handle


def _temporary() -> int:
    import tempfile

    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
