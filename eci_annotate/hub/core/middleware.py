"""Processing of every request: body size, metrics for Prometheus, one log line without request parameters."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from eci_annotate.errors import EciError, NoIdentity, Overloaded
from eci_annotate.hub.core.client_address import whence
from eci_annotate.hub.core.problem_responses import answer, unknown
from eci_annotate.hub.core.token_identity import People, identified
from eci_annotate.repository.remote.wire_format import error_to_wire
from eci_annotate.repository.service.values import WHENCE, SyncState

LARGEST, LARGEST_DRAFT, LARGEST_BLOB, LARGEST_UPLOAD = 1 << 20, 4 << 20, 256 << 20, 4 << 30
LARGEST_PART = 64 << 20  # of a file that a site's proxy sends
DRAFTS = re.compile(r"/api/projects/[^/]+/subjects/[^/]+/drafts/[^/]+")
# the routes whose bodies may be larger, as whole addresses below the prefix
BODIES = (
    (re.compile(r"/projects/[^/]+/add"), LARGEST_UPLOAD),
    (re.compile(r"/api/projects/[^/]+/subjects/[^/]+/blobs"), LARGEST_BLOB),
    (DRAFTS, LARGEST_DRAFT),
    (re.compile(r"/api/site/files/[^/]+"), LARGEST_PART),
)
REST, REST_S, TOO_LARGE = 4 << 20, 5.0, 413
BODY_S, SLOWEST = 30.0, 4 << 10  # a body may take so long, and a second more for so many bytes
PER_REQUEST = 32 << 10  # of a body of JSON; larger ones are parsed one after the other
MOST_PARTS = 500_000  # lists and objects in a body of JSON: they cost more time than its bytes
PAUSE = 64 << 20  # after each of these, other requests have a second for so many bytes
log = logging.getLogger("eci_annotate.hub")


class Numbers:
    """Metrics for Prometheus."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ("method", "route", "status")
        self.requests = Counter("eci_requests", "Requests", labels, registry=self.registry)
        self.seconds = Histogram("eci_request_seconds", "Time to answer", ("route",), registry=self.registry)
        self.under_way = Gauge("eci_requests_under_way", "Requests that are answered now", registry=self.registry)
        who = ("direction", "name", "state")
        self.sync = Gauge("eci_sync", "Versions sent and files pulled, by state", who, registry=self.registry)
        self.failing = Gauge("eci_sync_failing", "Whether it fails now", who[:2], registry=self.registry)

    def count_sync(self, states: Sequence[SyncState]) -> None:
        """Take over how the exchange with other archives goes."""
        self.sync.clear()
        self.failing.clear()
        for each in states:
            self.failing.labels(each.direction.value, each.name).set(bool(each.problem))
            for state, number in each.counts.items():
                self.sync.labels(each.direction.value, each.name, state).set(number)

    def text(self) -> bytes:
        """Return the metrics in Prometheus text format."""
        return generate_latest(self.registry)


class Watch:
    """Measures and logs each request by its route (never by its address).

    Before a body is read it refuses one that is too large for its route, and one to the API without a valid token.

    Parameters
    ----------
    app
        The application.
    numbers
        The metrics.
    prefix
        Path below which the service is.
    people
        Resolves tokens to persons.
    """

    def __init__(self, app: ASGIApp, numbers: Numbers, prefix: str, people: People) -> None:
        self._app, self._numbers, self._prefix, self._people = app, numbers, prefix.rstrip("/"), people
        self._parsing = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Process one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        WHENCE.set(whence(scope))
        begin, status, begun = time.perf_counter(), [500], list[bool]()
        path = scope["path"].removeprefix(self._prefix)
        limit = _limit(path)
        body = _Body(receive, limit, self._parsing if limit <= LARGEST_DRAFT else None)

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                if message["status"] != TOO_LARGE:
                    await body.read_rest()
                status[0] = message["status"]
                begun.append(True)
            await send(message)

        with self._numbers.under_way.track_inprogress():
            try:
                await self._checked(scope, body.receive, sent, path)
            except Exception as error:
                response = unknown(error)
                if not begun:
                    await response(scope, receive, sent)
            finally:
                await body.release()
                self._note(scope, status[0], time.perf_counter() - begin)

    async def _checked(self, scope: Scope, receive: Receive, send: Send, path: str) -> None:
        head = dict(scope["headers"])
        declared = head.get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > _limit(path):
            await _too_large(send)
            return
        if not path.startswith("/api/"):
            await self._app(scope, receive, send)
            return
        saving = scope["method"] == "POST" and DRAFTS.fullmatch(path) is not None
        scope.setdefault("state", {})["saving"] = saving
        try:
            header = head.get(b"authorization", b"").decode("latin-1")
            person = await identified(self._people, header, saving=saving)
            with scope["app"].state.desk.allowance.at_once(f"{person.kind}/{person.name}"):
                self._charge(scope, head, path, f"{person.kind}/{person.name}")
                await self._app(scope, receive, send)
        except EciError as error:
            if isinstance(error, NoIdentity) and scope["method"] in ("GET", "HEAD"):
                await self._app(scope, receive, send)  # some need no token, and the others refuse
            else:
                await answer(error)(scope, receive, send)

    def _charge(self, scope: Scope, head: dict[bytes, bytes], path: str, name: str) -> None:
        """Count a large body of JSON as many requests: parsing it holds all others up."""
        limit = _limit(path)
        size = int(head.get(b"content-length", b"0")) if b"transfer-encoding" not in head else limit
        if limit <= LARGEST_DRAFT and size > PER_REQUEST:
            scope["app"].state.desk.allowance.take(name, size / PER_REQUEST)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "") or getattr(scope.get("endpoint"), "__name__", "none")
        self._numbers.requests.labels(scope["method"], route, str(status)).inc()
        self._numbers.seconds.labels(route).observe(seconds)
        who = scope.get("state", {}).get("person", "")
        fields = {
            "method": scope["method"],
            "route": route,
            "status": status,
            "ms": round(1000 * seconds, 1),
            "who": who,
        }
        log.info("request", extra=fields)


def _limit(path: str) -> int:
    """Return the largest body of an address below the prefix."""
    return next((largest for route, largest in BODIES if route.fullmatch(path)), LARGEST)


class _Body:
    """A request's body. It is truncated at the limit, or if it comes too slowly, as if the client had disconnected.

    A large one of JSON is given when no other one is parsed or answered: each holds everything else up.
    """

    def __init__(self, receive: Receive, limit: int, turn: asyncio.Lock | None) -> None:
        self._receive, self._limit, self._turn, self._mine = receive, limit, turn, False
        self._got, self._parts, self._waited, self._ended = 0, 0, 0.0, False

    async def receive(self) -> Message:
        """Return the next message."""
        message = await self._receive() if self._ended else await self._next()
        self._count(message.get("body", b""))
        ended, self._ended = self._ended, self._ended or not message.get("more_body", False)
        if self._turn is not None and self._got > PER_REQUEST and self._ended and not ended:
            await self._turn.acquire()
            self._mine = True
        fits = self._got <= self._limit and (self._turn is None or self._parts <= MOST_PARTS)
        return message if fits else {"type": "http.disconnect"}

    def _count(self, piece: bytes) -> None:
        self._got += len(piece)
        if self._turn is not None:
            self._parts += piece.count(b"[") + piece.count(b"{")

    async def release(self) -> None:
        """Let the next large body be parsed, after requests that wait have been answered."""
        if self._mine and self._turn is not None:
            self._mine = False
            try:
                await asyncio.sleep(self._got / PAUSE)
            finally:
                self._turn.release()

    async def _next(self) -> Message:
        """Return the next message; a client that sends too slowly has disconnected."""
        begun = time.monotonic()
        try:
            async with asyncio.timeout(BODY_S + self._got / SLOWEST - self._waited):
                return await self._receive()
        except TimeoutError:
            return {"type": "http.disconnect"}
        finally:
            self._waited += time.monotonic() - begun

    async def read_rest(self) -> None:
        """Read what a refusal left unread, up to a limit.

        On a unix socket the proxy would otherwise fail to send the rest after the response, and return 503 instead.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(REST_S):
                while not self._ended and self._got < REST:
                    await self.receive()


async def _too_large(send: Send) -> None:
    body = json.dumps(error_to_wire(Overloaded("The body is too large.", "Send less at once."))).encode()
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": TOO_LARGE, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON; only known fields, so that nothing else can leak."""

    FIELDS = ("method", "route", "status", "ms", "who", "kind", "where")

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        known: dict[str, Any] = {"at": self.formatTime(record), "level": record.levelname, "what": record.msg}
        known.update({name: getattr(record, name) for name in self.FIELDS if hasattr(record, name)})
        return json.dumps(known)


def log_as_json() -> None:
    """Write the service's log to standard error as JSON lines."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    log.handlers[:] = [handler]
    log.setLevel(logging.INFO)
    log.propagate = False
