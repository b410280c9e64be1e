"""The interfaces of the stores: events with their cards, blobs, drafts, access; `conformance/` checks them.

`append` with `expected` and `behind` is the only lock that the workflow needs; a draft's fence is checked when written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from eci_annotate.errors import Conflict, EciError, NotFound
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
class Head:
    """How many records a stream has, for an append that depends on them."""

    stream: str
    records: int


@dataclass(frozen=True)
class Append:
    """The arguments of one `EventStore.append`."""

    stream: str
    records: Sequence[Record]
    expected: int
    card: Card | None = None


class EventStore(Protocol):
    """Append-only streams of records, and one feed over all of them."""

    def append(
        self,
        stream: str,
        records: Sequence[Record],
        expected: int,
        card: Card | None = None,
        behind: Sequence[Head] = (),
    ) -> None:
        """Add all records or none, and the card too; raises Conflict unless the stream has `expected` records.

        Parameters
        ----------
        stream, records
            Name of the stream, and records to add; if there are none, only the card is replaced.
        expected
            Number of records that the stream must have.
        card
            Card of the stream; None keeps the current one.
        behind
            Other streams that must have that many records when these are added: no record comes to them in between.
        """

    def append_many(self, appends: Sequence[Append]) -> None:
        """Append each in this order (for copying); if one is refused, those before it may remain."""

    def read(self, stream: str, after: int = 0) -> list[Record]:
        """Return the stream's records except the first `after`; an unknown stream is empty."""

    def read_many(self, streams: Sequence[str]) -> dict[str, list[Record]]:
        """Return the records of each stream."""

    def feed(self, after: int = 0, limit: int | None = None) -> list[Entry]:
        """Return up to `limit` records above position `after`, in order; later commits never get lower positions."""

    def feed_before(self, before: int | None, span: int, words: Sequence[str] = ()) -> tuple[int, list[Entry]]:
        """Read the `span` positions below `before` (None: the end): the first, and entries newest first.

        Entries whose canonical JSON does not contain all `words` are left out.
        """

    def heads(self, prefix: str = "") -> dict[str, int]:
        """Return the number of records of each stream whose name starts with `prefix`."""

    def heads_of(self, streams: Sequence[str]) -> dict[str, int]:
        """Return the number of records of each of these streams, without empty streams."""


class CardIndex(Protocol):
    """The cards of the streams, for lists; `EventStore.append` replaces a card together with its records."""

    def cards(self, query: CardQuery) -> CardPage:
        """Return a page of cards: see `cards.page_of`."""

    def cards_of(self, streams: Sequence[str]) -> dict[str, Card]:
        """Return the cards of those streams that have one."""

    def recard(self, cards: Iterable[Card]) -> None:
        """Replace cards without adding records (a rebuild); raises NotFound, changing nothing, for an empty stream."""


class BlobStore(Protocol):
    """Bytes by scope and name. The caller gives the name, a digest: possibly that of the unencrypted content.

    A scope is ``""`` (the repository's own) or ``project/subject``.
    """

    def keep(self, scope: str, digest: str, content: bytes) -> None:
        """Store `content`, durable on return, in place of what was under that name; as young as its last `keep`."""

    def fetch(self, scope: str, digest: str) -> bytes:
        """Return the content; raises NotFound if it does not exist."""

    def drop(self, scope: str) -> int:
        """Remove all blobs of the scope, durable on return; returns their number."""

    def expire(self, scope: str, digests: Iterable[str], before: datetime) -> list[str]:
        """Remove those of these blobs that were last kept before a time; returns them. None is kept in between."""

    def names(self, scope: str) -> list[str]:
        """Return the digests of the scope, sorted."""

    def scopes(self) -> list[str]:
        """Return the scopes that contain blobs, sorted."""

    def put(self, content: bytes) -> str:
        """Store `content` in the repository's own scope under its SHA-256, and return that."""

    def get(self, digest: str) -> bytes:
        """Return what `put` stored; raises NotFound if it does not exist, Tampered if it does not match."""


class AccessStore(Protocol):
    """One chained stream of records per month (e.g. ``2026-01``): reading, exporting and refusals, by whom."""

    def append(self, month: str, record: Record) -> None:
        """Append a record ``{"name": ..., "data": ...}``, chained to the previous one."""

    def extend(self, month: str, records: Sequence[Record]) -> None:
        """Append many, each as with `append` (for copying)."""

    def read(self, month: str) -> list[Record]:
        """Return all records of a month; raises Tampered if the chain is broken."""

    def between(self, month: str, begin: int, end: int, words: Sequence[str] = ()) -> list[tuple[int, Record]]:
        """Return (number, record) from `begin` to `end` where the JSON contains all `words`; Tampered if changed."""

    def months(self) -> list[str]:
        """Return the existing months, oldest first."""

    def head(self, month: str) -> tuple[int, str]:
        """Return the number of records of a month, and the digest of the last one; ``(0, START)`` if there are none."""


@dataclass(frozen=True, order=True)
class Address:
    """The address of a draft: one task of one subject of one project."""

    project: str
    subject: str
    task: str


@dataclass(frozen=True)
class Holder:
    """The writer of a draft: fence, end, owner and version; when it is `closed`, nobody writes."""

    fence: int
    until: datetime
    owner: str
    version: int
    closed: bool = False


@dataclass(frozen=True)
class DraftPart:
    """Entries to add to one draft, and the fence; Conflict if the stream `behind` has another length."""

    address: Address
    fence: int
    entries: Sequence[Record]
    behind: Head | None = None


class DraftStore(Protocol):
    """Append-only journals of open tasks; only the newest fence writes."""

    def open(self, address: Address, holder: Holder) -> None:
        """Raise the fence; the owner's own earlier draft of the same version is carried over.

        Under the same fence it changes nothing, but a draft that was closed takes entries again.
        """

    def holder(self, address: Address) -> Holder | None:
        """Return the current writer, None if there was never one."""

    def renew(self, address: Address, fence: int, until: datetime, *, close: bool = False) -> None:
        """Move the end, or close the draft, and keep it closed; raises LeaseLost if the fence is not the newest."""

    def append(self, address: Address, fence: int, entries: Sequence[Record]) -> None:
        """Add entries, passed to the operating system on return; raises LeaseLost for an older fence, or if closed."""

    def append_many(self, parts: Sequence[DraftPart]) -> list[EciError | None]:
        """Add each in order, on the disk on return; returns for each the refusal, or None if it was stored."""

    def sync(self, address: Address, fence: int) -> None:
        """Flush the draft to the disk."""

    def read(self, address: Address, fence: int) -> list[Record]:
        """Return all entries of the journal, without an incomplete last one."""

    def drop(self, project: str, subject: str) -> int:
        """Remove all drafts of a subject, including holders, durable on return; returns the number of journals."""


class DraftIndex(Protocol):
    """Which drafts exist (for copying and backup)."""

    def addresses(self, project: str = "") -> list[Address]:
        """Return the addresses of drafts, sorted; optionally of one project only."""

    def openings(self, address: Address) -> list[Holder]:
        """Return the holder for whom each existing journal was opened, by fence."""


def check_stream(stream: str) -> str:
    """Return `stream` if every store can keep that name; raises ValueError otherwise."""
    if not _STREAM.fullmatch(stream):
        raise ValueError("A stream is named by one to four words of letters, digits, '_', '-' and '.'.")
    return stream


def check_scope(scope: str) -> str:
    """Return `scope` if it is empty or ``project/subject``; raises ValueError otherwise."""
    if scope and check_stream(scope).count("/") != 1:
        raise ValueError("A scope is empty, or 'project/subject'.")
    return scope


def check_month(month: str) -> str:
    """Return `month` if it is valid; raises ValueError otherwise."""
    if not _MONTH.fullmatch(month):
        raise ValueError("A month is written like 2026-01.")
    return month


def place_of(address: Address) -> str:
    """Return the address as a name: ``project/subject/task``; raises ValueError for invalid words."""
    if any("/" in word for word in (address.project, address.subject, address.task)):
        raise ValueError("The words of an address hold no '/'.")
    return check_stream(f"{address.project}/{address.subject}/{address.task}")


def check_digest(digest: str) -> str:
    """Return `digest` if it is valid; raises NotFound otherwise."""
    if not _DIGEST.fullmatch(digest):
        raise NotFound("This is not a digest.", "A digest has 64 hexadecimal digits.")
    return digest


def busy() -> Conflict:
    """Return the error for a stream without the expected number of records."""
    return Conflict("Another change was saved first.", "Read again and try again.")


def no_stream() -> NotFound:
    """Return the error for a card whose stream has no records."""
    return NotFound("An index entry has no stream.", "Append the first record of the stream first.")


@dataclass(frozen=True)
class Stores:
    """Event, blob, draft and access stores of one repository, with the indexes of streams and drafts."""

    events: EventStore
    cards: CardIndex
    blobs: BlobStore
    drafts: DraftStore
    journals: DraftIndex
    access: AccessStore
    closing: Callable[[], None] = field(default=lambda: None, repr=False)

    def close(self) -> None:
        """Release the resources of the stores; they must not be used afterwards."""
        self.closing()
