"""DICOM connections with limits: who may connect, how many at once, how large a PDU is, and how long one may take.

pynetdicom reads a PDU of any announced size into memory and waits for it without end; here neither is possible.
"""

from __future__ import annotations

import logging
import select
import socket
import ssl
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from threading import Lock
from typing import Any

from pynetdicom.transport import AssociationSocket, RequestHandler, ThreadedAssociationServer

LARGEST_PDU, READ = 1 << 20, 1 << 16
POLL_S = 0.001
SLOWEST = 16 << 10  # bytes per second, below which a sender is cut off
log = logging.getLogger("eci_proxy")


class Limits:
    """What one server allows.

    Parameters
    ----------
    allowed
        Whether an address may connect.
    connections, per_address
        How many at once, altogether and from one address.
    largest
        Largest object, in bytes.
    patience_s
        How long a connection may send nothing, or need for one PDU.
    """

    def __init__(
        self, allowed: Callable[[str], bool], connections: int, per_address: int, largest: int, patience_s: float
    ) -> None:
        self._allowed, self._most, self._each = allowed, connections, per_address
        self.largest, self.patience_s = largest, patience_s
        self._open: Counter[str] = Counter()
        self._lock = Lock()

    def enter(self, address: str) -> bool:
        """Whether a connection from an address is allowed now; if so, it is counted."""
        with self._lock:
            allowed = self._allowed(address)
            room = self._open.total() < self._most and self._open[address] < self._each
            if allowed and room:
                self._open[address] += 1
                return True
        why = "too many connections" if allowed else "address not allowed"
        log.warning("a connection was refused", extra={"address": address, "why": why})
        return False

    def connections(self) -> int:
        """Return how many connections are open."""
        with self._lock:
            return self._open.total()

    def leave(self, address: str) -> None:
        """Count a connection that ended."""
        with self._lock:
            self._open[address] -= 1
            self._open += Counter()


class GuardedSocket(AssociationSocket):  # type: ignore[misc]
    """An association's socket that reads only what the limits allow."""

    limits: Limits
    address = ""
    object_bytes = 0
    _left = False

    @property
    def ready(self) -> bool:
        """Whether there is something to read; waits for it a moment, so that the thread need not sleep."""
        if self.socket is None or not self._is_connected:
            return False
        if isinstance(self.socket, ssl.SSLSocket) and self.socket.pending():
            return True
        try:
            return bool(select.select([self.socket], [], [], POLL_S)[0])
        except (OSError, ValueError):
            self.event_queue.put("Evt17")  # the connection has ended
            return False

    def recv(self, nr_bytes: int) -> bytearray:
        """Return so many bytes; raises OSError, with the connection closed, if a limit is exceeded."""
        self.object_bytes += nr_bytes
        if nr_bytes > LARGEST_PDU or self.object_bytes > self.limits.largest + LARGEST_PDU:
            self._refuse("too large")
        content, begun = bytearray(nr_bytes), time.monotonic()
        view, done = memoryview(content), 0
        allowed_s = self.limits.patience_s + nr_bytes / SLOWEST
        while done < nr_bytes:
            rest = allowed_s - (time.monotonic() - begun)
            if rest <= 0:
                self._refuse("too slow")
            done += self._some(view[done : done + READ], rest)
        return content

    def _some(self, view: memoryview, rest_s: float) -> int:
        connection = self.socket
        if connection is None:
            raise OSError("closed")
        connection.settimeout(rest_s)
        try:
            number = connection.recv_into(view)
        except TimeoutError:
            self._refuse("too slow")
        if not number:
            raise OSError("closed")
        return int(number)

    def _refuse(self, why: str) -> None:
        log.warning("a connection was ended", extra={"address": self.address, "why": why})
        self.close()
        raise OSError(why)

    def close(self) -> None:
        """Close the connection; its place is free again."""
        super().close()
        if not self._left:
            self._left = True
            self.limits.leave(self.address)


class GuardedHandler(RequestHandler):  # type: ignore[misc]
    """Starts an association on a guarded socket."""

    server: GuardedServer

    def _create_association(self) -> Any:
        association = super()._create_association()
        association.dul.socket = None
        association.dul.event_queue.get()  # the connection is announced once, by the guarded socket
        guarded = GuardedSocket(association, client_socket=self.request)
        guarded.limits, guarded.address = self.server.limits, self.client_address[0]
        association.set_socket(guarded)
        association.dimse.receive_primitive = partial(_received, association.dimse.receive_primitive, guarded)
        association.dul._run_loop_delay = 0
        association.run = partial(_run, association, association.run, guarded)
        return association


def _run(association: Any, run: Callable[[], None], connection: GuardedSocket) -> None:
    """Serve an association; however it ends, its connection ends too, its place is free; no part stays."""
    try:
        run()
    finally:
        connection.close()
        message = association.dimse.message
        part, file = getattr(message, "_data_set_path", None), getattr(message, "_data_set_file", None)
        with suppress(OSError):  # what cannot be flushed to a full disk
            if file is not None:
                file.close()
        if part is not None:
            part.unlink(missing_ok=True)


def _received(receive: Callable[[Any], None], connection: GuardedSocket, primitive: Any) -> None:
    """Process a message; a malformed one ends its connection, not the thread, whose error would quote it."""
    try:
        receive(primitive)
    except Exception as error:
        why = "not stored" if isinstance(error, OSError) else "malformed"
        extra = {"address": connection.address, "why": why, "kind": type(error).__name__}
        log.warning("a connection was ended", extra=extra)
        connection.close()


class GuardedServer(ThreadedAssociationServer):  # type: ignore[misc]
    """A server that checks a connection before it reads anything, and does TLS in the connection's own thread."""

    daemon_threads = True
    request_queue_size = 50

    def __init__(self, *given: Any, limits: Limits, tls: ssl.SSLContext | None = None, **named: Any) -> None:
        self.limits, self._tls = limits, tls
        super().__init__(*given, request_handler=GuardedHandler, **named)

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Whether this address may connect now."""
        return self.limits.enter(client_address[0])

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Do the handshake, and start the association; a failure costs this connection only."""
        try:
            request.settimeout(self.limits.patience_s)
            request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                request = self._tls.wrap_socket(request, server_side=True)
            self.finish_request(request, client_address)
        except Exception as error:  # whatever a sender does; its text may hold what was sent
            extra = {"address": client_address[0], "why": "no handshake", "kind": type(error).__name__}
            log.warning("a connection was refused", extra=extra)
            self.limits.leave(client_address[0])
            self.shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing: an error's text may hold what was sent."""
