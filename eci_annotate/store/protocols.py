"""The waists of the floor: `EventStore`, `BlobStore`, `DraftStore`. `conformance.py` is what each must pass.

`append` with `expected` is the only lock that the workflow needs; a draft's fence is checked at each write.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from eci_annotate.errors import LeaseLost, NotFound

Record = dict[str, Any]
_SEGMENT = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}"
_STREAM = re.compile(rf"{_SEGMENT}(/{_SEGMENT}){{0,3}}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Entry:
    """One record of the feed: its position (from 1), its stream, and its index there (from 0)."""

    position: int
    stream: str
    index: int
    record: Record


class EventStore(Protocol):
    """Append-only streams of records, and one feed over all of them."""

    def append(self, stream: str, records: Sequence[Record], expected: int) -> None:
        """Add all records or none; Conflict when the stream has not `expected` records."""

    def read(self, stream: str, after: int = 0) -> list[Record]:
        """The stream's records but the first `after`; an unknown stream is empty."""

    def feed(self, after: int = 0) -> list[Entry]:
        """All records with a position above `after`, in order; none that commits later gets a lower one."""

    def streams(self, prefix: str = "") -> list[str]:
        """The names of all streams that begin with `prefix`, sorted."""


class BlobStore(Protocol):
    """Bytes under their SHA-256."""

    def put(self, content: bytes) -> str:
        """Keep `content`; returns its digest."""

    def get(self, digest: str) -> bytes:
        """The content; NotFound when there is none, Tampered when it does not match."""


@dataclass(frozen=True)
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

    def sync(self, address: Address, fence: int) -> None:
        """On the disk when it returns."""

    def read(self, address: Address, fence: int) -> list[Record]:
        """All entries of the journal; a torn last one is left out."""


def check_stream(stream: str) -> str:
    """`stream` when it is a name that every store can keep; ValueError otherwise."""
    if not _STREAM.fullmatch(stream):
        raise ValueError("A stream is named by one to four words of letters, digits, '_', '-' and '.'.")
    return stream


def check_digest(digest: str) -> str:
    """`digest` when it is one; NotFound otherwise."""
    if not _DIGEST.fullmatch(digest):
        raise NotFound("This is no digest.", "A digest has 64 hexadecimal digits.")
    return digest


def check_fence(holder: Holder | None, fence: int) -> Holder:
    """`holder` when `fence` is the newest; LeaseLost otherwise."""
    if holder is None or holder.fence != fence:
        raise LeaseLost("This task was taken over.", "Start it again; your last work is kept as a draft.")
    return holder
