"""From a connection to a request value, and from an answer value to the connection."""

from __future__ import annotations

import http.cookies
import logging
import re
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any, cast
from urllib.parse import parse_qs

from eci_annotate.proxy.page.http_server import ANSWER_S, LimitedServer
from eci_annotate.proxy.page.page_layout import error_page
from eci_annotate.proxy.page.page_message import PageAnswer, PageRefusal, PageRequest

MOST_HEAD, MOST_BODY, MOST_DISCARDED, MOST_FIELDS = 16 << 10, 64 << 10, 1 << 20, 2000
FORM = "application/x-www-form-urlencoded"
ALWAYS = (
    ("Cache-Control", "no-store"),
    (
        "Content-Security-Policy",
        "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; frame-ancestors 'none'; "
        "base-uri 'none'",
    ),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)
log = logging.getLogger("eci_proxy")


class LimitedHead:
    """A stream whose lines, together, may have so many bytes; what is read otherwise is not counted."""

    def __init__(self, stream: Any, most: int) -> None:
        self._stream, self._left = stream, most

    def readline(self, size: int = -1) -> bytes:
        """Return a line; raises ConnectionAbortedError beyond the limit."""
        line: bytes = self._stream.readline(min(size, self._left + 1) if size >= 0 else self._left + 1)
        self._left -= len(line)
        if self._left < 0:
            raise ConnectionAbortedError
        return line

    def read(self, size: int) -> bytes:
        """Return so many bytes, or fewer at the end."""
        return bytes(self._stream.read(size))

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()


def handler_of(answer: Callable[[PageRequest], PageAnswer]) -> type[BaseHTTPRequestHandler]:
    """Return the class of handlers that ask a function for the answer."""
    return cast(type[BaseHTTPRequestHandler], type("Handler", (PageHandler,), {"answer": staticmethod(answer)}))


class PageHandler(BaseHTTPRequestHandler):
    """Handles one request of a connection."""

    timeout = 15.0
    answer: Callable[[PageRequest], PageAnswer]

    def setup(self) -> None:
        """Limit the size of the head."""
        super().setup()
        self.rfile = LimitedHead(self.rfile, MOST_HEAD)  # type: ignore[assignment]

    def do_GET(self) -> None:
        """Answer a request."""
        try:
            request = self._request()
            cast(LimitedServer, self.server).allow(self.connection, ANSWER_S)
            answered = type(self).answer(request)
        except PageRefusal as refusal:
            answered = PageAnswer(refusal.status, error_page(refusal.what, refusal.remedy))
        self._send(answered)

    do_HEAD = do_POST = do_GET  # noqa: N815

    def _request(self) -> PageRequest:
        hosts, kinds = self.headers.get_all("Host", []), ("Origin", "Sec-Fetch-Site", "Cookie")
        if len(hosts) != 1 or any(len(self.headers.get_all(name, [])) > 1 for name in kinds):
            raise PageRefusal(400, "The request is damaged.", "Open the page again.")
        cookies: http.cookies.SimpleCookie = http.cookies.SimpleCookie()
        try:
            cookies.load(self.headers.get("Cookie", ""))
        except http.cookies.CookieError:
            cookies.clear()
        return PageRequest(
            "POST" if self.command == "POST" else "GET",
            self.path,
            hosts[0],
            str(self.client_address[0]),
            self.headers.get("Origin", ""),
            self.headers.get("Sec-Fetch-Site", ""),
            {name: morsel.value for name, morsel in cookies.items()},
            self._form() if self.command == "POST" else {},
        )

    def _form(self) -> dict[str, list[str]]:
        lengths = self.headers.get_all("Content-Length", [])
        if (
            len(lengths) != 1
            or "Transfer-Encoding" in self.headers
            or not re.fullmatch("[0-9]{1,18}", lengths[0].strip())
        ):
            raise PageRefusal(411, "The form does not state its length.", "Use a browser.")
        length = int(lengths[0])
        if length > MOST_BODY:
            self._discard(min(length, MOST_DISCARDED))
            raise PageRefusal(413, "The form is too large.", "Choose fewer instances at once.")
        content = self.rfile.read(length)
        if len(content) < length:
            raise ConnectionAbortedError
        if self.headers.get_content_type() != FORM:
            raise PageRefusal(415, "This is not a form of this page.", "Use a browser.")
        try:
            text = content.decode("ascii")
            return parse_qs(text, keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
        except ValueError:
            raise PageRefusal(400, "The form is damaged.", "Open the page again.") from None

    def _discard(self, length: int) -> None:
        while length > 0 and (block := self.rfile.read(min(length, 1 << 16))):
            length -= len(block)

    def _send(self, answered: PageAnswer) -> None:
        content = answered.body.encode("utf-8", "replace")
        self.send_response_only(answered.status)
        for name, value in (*ALWAYS, *answered.headers):
            self.send_header(name, value)
        self.send_header("Content-Type", answered.kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        if self.command != "HEAD":
            self.wfile.write(content)
        if answered.status >= 400:
            extra = {"status": answered.status, "address": self.client_address[0]}
            log.info("a request to the page was refused", extra=extra)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what is no request, without repeating it."""
        self.command = getattr(self, "command", None) or "GET"
        self._send(PageAnswer(int(code), error_page("The request is damaged.", "Open the page again.")))

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: a request's line may hold anything."""
