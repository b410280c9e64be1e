"""Serve HTTP within limits: connections at once, time to read and to answer, size of headers and body; TLS or not.

One request for each connection. Nothing of a request is logged but its kind of failure.
"""

from __future__ import annotations

import logging
import socket
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any

MOST_AT_ONCE, READ_S, ANSWER_S = 32, 20.0, 120.0
log = logging.getLogger("eci_proxy")


class LimitedServer(ThreadingHTTPServer):
    """A server with a thread for each connection, of which there are only so many.

    Parameters
    ----------
    address
        Host and port.
    handler
        What handles a connection.
    tls
        The TLS context; None without TLS.
    read_s
        How long a browser may take to send a request.
    """

    daemon_threads, block_on_close, request_queue_size = True, False, 16

    def __init__(
        self,
        address: tuple[str, int],
        handler: type[BaseHTTPRequestHandler],
        tls: ssl.SSLContext | None = None,
        read_s: float = READ_S,
    ) -> None:
        self.tls, self._read_s = tls, read_s
        self._places, self._lock = threading.BoundedSemaphore(MOST_AT_ONCE), threading.Lock()
        self._open: dict[int, tuple[socket.socket, float]] = {}
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, handler)

    def server_bind(self) -> None:
        """Bind without asking a name server."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        """Handle a connection in a thread; close it at once if there are too many."""
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._places.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Handle a connection, and make its place free."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                self._open.pop(threading.get_ident(), None)
            self._places.release()

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Do the handshake, in the connection's own thread, and handle the request."""
        if self.tls is None:
            self.allow(request, self._read_s)
            super().finish_request(request, client_address)
            return
        with self.tls.wrap_socket(request, server_side=True, do_handshake_on_connect=False) as secured:
            self.allow(secured, self._read_s)
            secured.do_handshake()
            super().finish_request(secured, client_address)

    def allow(self, connection: socket.socket, seconds: float) -> None:
        """Give the connection of this thread so much time from now."""
        with self._lock:
            self._open[threading.get_ident()] = (connection, time.monotonic() + seconds)

    def service_actions(self) -> None:
        """Cut off connections that take too long; called twice a second."""
        now = time.monotonic()
        with self._lock:
            for connection, until in self._open.values():
                if now > until:
                    _cut(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log the kind of a failure; its text may hold what was sent."""
        import sys

        kind = type(sys.exc_info()[1]).__name__
        log.info("a connection to the page ended early", extra={"kind": kind, "address": client_address[0]})


def _cut(connection: socket.socket) -> None:
    try:
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
    except OSError:
        return
