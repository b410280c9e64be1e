"""The waists of the floor: `EventStore`, `BlobStore`, `DraftStore`, `AccessStore`. `conformance.py` holds each to them.

`append` with `expected` is the only lock that the workflow needs; a draft's fence is checked at each write.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from eci_annotate.errors import Conflict, EciError, LeaseLost, NotFound
from eci_annotate.store.cards import Card, CardPage, CardQuery

Record = dict[str, Any]
_SEGMENT = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}"
_STREAM = re.compile(rf"{_SEGMENT}(/{_SEGMENT}){{0,3}}")
_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Entry:
    """One record of the feed: its position (from 1), its stream, and its index there (from 0)."""

    position: int
    stream: str
    index: int
    record: Record


@dataclass(frozen=True)
class Append:
    """The arguments of one `EventStore.append`."""

    stream: str
    records: Sequence[Record]
    expected: int
    card: Card | None = None


class EventStore(Protocol):
    """Append-only streams of records, one feed over all of them, and a card per stream for lists."""

    def append(self, stream: str, records: Sequence[Record], expected: int, card: Card | None = None) -> None:
        """Add all records or none, and the card with them; Conflict when the stream has not `expected` records.

        Without a card the stream keeps the one that it has. Without records only the card is replaced.
        """

    def append_many(self, appends: Sequence[Append]) -> None:
        """Each as `append`, in this order (a copy's way); when one is refused those before it may be kept."""

    def read(self, stream: str, after: int = 0) -> list[Record]:
        """The stream's records but the first `after`; an unknown stream is empty."""

    def read_many(self, streams: Sequence[str]) -> dict[str, list[Record]]:
        """The records of each of these streams."""

    def feed(self, after: int = 0, limit: int | None = None) -> list[Entry]:
        """The records with a position above `after`, in order, at most `limit`; none that commits later gets a
        lower one."""

    def streams(self, prefix: str = "") -> list[str]:
        """The names of all streams that begin with `prefix`, sorted."""

    def heads(self, prefix: str = "") -> dict[str, int]:
        """How many records each stream has whose name begins with `prefix`."""

    def heads_of(self, streams: Sequence[str]) -> dict[str, int]:
        """How many records each of these streams has; those that have none are left out."""

    def cards(self, query: CardQuery) -> CardPage:
        """A page of cards: see `cards.page_of`."""

    def cards_of(self, streams: Sequence[str]) -> dict[str, Card]:
        """The cards of these streams, of those that have one."""

    def recard(self, cards: Iterable[Card]) -> None:
        """Replace cards without adding records (a rebuild); NotFound, changing nothing, for a stream without any."""


class BlobStore(Protocol):
    """Bytes by scope and name. The name is a digest that the caller gives: it may be that of what was encrypted.

    A scope is ``""`` (the repository's own) or ``project/subject``.
    """

    def keep(self, scope: str, digest: str, content: bytes) -> None:
        """Keep `content`, durable when it returns; other bytes under the same name are replaced as a whole."""

    def fetch(self, scope: str, digest: str) -> bytes:
        """The content; NotFound when there is none."""

    def drop(self, scope: str) -> int:
        """Remove everything of the scope, durable when it returns; how many there were."""

    def names(self, scope: str) -> list[str]:
        """The digests of the scope, sorted."""

    def scopes(self) -> list[str]:
        """The scopes that hold anything, sorted."""

    def put(self, content: bytes) -> str:
        """Keep `content` in the repository's own scope under its SHA-256; returns that."""

    def get(self, digest: str) -> bytes:
        """What `put` kept; NotFound when there is none, Tampered when it does not match."""


class AccessStore(Protocol):
    """One chained stream of records per month (e.g. ``2026-01``): who read, exported or was refused what."""

    def append(self, month: str, record: Record) -> None:
        """Add a record ``{"name": ..., "data": ...}``, chained to the one before."""

    def extend(self, month: str, records: Sequence[Record]) -> None:
        """Add many, as `append` each (a copy's way)."""

    def read(self, month: str) -> list[Record]:
        """All records of a month; Tampered when the chain is broken."""

    def months(self) -> list[str]:
        """The months that there are, oldest first."""

    def head(self, month: str) -> tuple[int, str]:
        """How many records a month has, and the last one's digest; ``(0, START)`` when none."""


@dataclass(frozen=True, order=True)
class Address:
    """Whose draft: one task of one subject of one project."""

    project: str
    subject: str
    task: str


@dataclass(frozen=True)
class Holder:
    """Under which fence a draft is written, until when, by whom, for which version."""

    fence: int
    until: datetime
    owner: str
    version: int


@dataclass(frozen=True)
class DraftPart:
    """What is to be added to one draft, under which fence."""

    address: Address
    fence: int
    entries: Sequence[Record]


class DraftStore(Protocol):
    """Append-only journals of open tasks; only the newest fence writes."""

    def open(self, address: Address, holder: Holder) -> None:
        """Raise the fence; the owner's own earlier draft of the same version is carried over."""

    def holder(self, address: Address) -> Holder | None:
        """Who writes now, None when nobody ever did."""

    def renew(self, address: Address, fence: int, until: datetime) -> None:
        """Move the end; LeaseLost when the fence is not the newest."""

    def append(self, address: Address, fence: int, entries: Sequence[Record]) -> None:
        """Add entries, in the operating system's hands when it returns; LeaseLost for an older fence."""

    def append_many(self, parts: Sequence[DraftPart]) -> list[EciError | None]:
        """Add each, in order, on the disk when it returns; with what each was refused, None for what was kept."""

    def sync(self, address: Address, fence: int) -> None:
        """On the disk when it returns."""

    def read(self, address: Address, fence: int) -> list[Record]:
        """All entries of the journal; a torn last one is left out."""

    def addresses(self, project: str = "") -> list[Address]:
        """Where there are drafts, sorted; of one project only when it is named."""

    def fences(self, address: Address) -> list[int]:
        """The fences of the journals there, sorted."""

    def openings(self, address: Address) -> list[Holder]:
        """The holder that each journal was opened for, by fence."""

    def drop(self, project: str, subject: str) -> int:
        """Remove all drafts of a subject, holders too, durable when it returns; how many journals there were."""


def check_stream(stream: str) -> str:
    """`stream` when it is a name that every store can keep; ValueError otherwise."""
    if not _STREAM.fullmatch(stream):
        raise ValueError("A stream is named by one to four words of letters, digits, '_', '-' and '.'.")
    return stream


def check_scope(scope: str) -> str:
    """`scope` when it is empty or ``project/subject``; ValueError otherwise."""
    if scope and check_stream(scope).count("/") != 1:
        raise ValueError("A scope is empty, or 'project/subject'.")
    return scope


def check_month(month: str) -> str:
    """`month` when it is one; ValueError otherwise."""
    if not _MONTH.fullmatch(month):
        raise ValueError("A month is written like 2026-01.")
    return month


def place_of(address: Address) -> str:
    """The address as a name: ``project/subject/task``; ValueError for words that no store can keep."""
    if any("/" in word for word in (address.project, address.subject, address.task)):
        raise ValueError("The words of an address hold no '/'.")
    return check_stream(f"{address.project}/{address.subject}/{address.task}")


def check_digest(digest: str) -> str:
    """`digest` when it is one; NotFound otherwise."""
    if not _DIGEST.fullmatch(digest):
        raise NotFound("This is no digest.", "A digest has 64 hexadecimal digits.")
    return digest


def check_fence(holder: Holder | None, fence: int) -> Holder:
    """`holder` when `fence` is the newest; LeaseLost otherwise."""
    if holder is None or holder.fence != fence:
        raise lost()
    return holder


def lost() -> LeaseLost:
    """What is raised for an older fence."""
    return LeaseLost("This task was taken over.", "Start it again; your last work is kept as a draft.")


def append_each(drafts: DraftStore, parts: Sequence[DraftPart]) -> list[EciError | None]:
    """`DraftStore.append_many` where nothing is gained by adding them together."""
    return [_refusal_of(drafts, part) for part in parts]


def _refusal_of(drafts: DraftStore, part: DraftPart) -> EciError | None:
    try:
        drafts.append(part.address, part.fence, part.entries)
        drafts.sync(part.address, part.fence)
    except LeaseLost as refusal:
        return refusal
    return None


def busy() -> Conflict:
    """What is raised when a stream has not as many records as expected."""
    return Conflict("Somebody else was faster.", "Read again and retry.")


def no_stream() -> NotFound:
    """What is raised for a card whose stream has no records."""
    return NotFound("There is no stream for a card.", "Append its first record before.")


@dataclass(frozen=True)
class Stores:
    """Events, blobs, drafts and access streams of one repository."""

    events: EventStore
    blobs: BlobStore
    drafts: DraftStore
    access: AccessStore
    closing: Callable[[], None] = field(default=lambda: None, repr=False)

    def close(self) -> None:
        """Give back what the stores hold open; they are not used afterwards."""
        self.closing()
