"""A seal is a digest over all parts of a version, including the seal of the version before.

Every stream is a chain: the digest of each record covers its position, its content and the digest before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from eci_annotate.errors import Tampered
from eci_annotate.workflow.codec import Json, Record, canonical, digest, to_json

START = "0" * 64


class PartKind(StrEnum):
    """What a part of a manifest is: its role, as it is stored."""

    IMAGES = "images"  # a blob with the pixel digest of each image instance
    INSTANCES = "instances"  # a blob with the digests of file, header and pixels of each image instance
    INGEST = "ingest"  # the seal of the ingest that a version rests on
    SNAPSHOT = "snapshot"
    JOURNAL = "journal"
    ANNOTATIONS = "annotations"
    REPORT = "report"
    RTSTRUCT = "rtstruct"  # DICOM: image series/series/instance
    SR = "sr"  # DICOM: image series/series/instance
    REVIEWED = "reviewed"  # the seal of the version that a review is about
    PLACES = "places"
    CHECKS = "checks"  # what the annotator stated of slots and series
    MEASUREMENTS = "measurements"  # a blob: rulers, and which annotation or ruler each measured answer comes from
    ACTIVE_TIME = "active_time"  # a blob: how long its reader worked on it, by phase
    FIDELITY = "fidelity"  # a blob: what was written as DICOM, read again and compared with what was drawn


@dataclass(frozen=True)
class SealedPart:
    """One part of a version: its role, its name (such as a UID) and its SHA-256."""

    role: str
    name: str
    digest: str


@dataclass(frozen=True)
class Manifest:
    """All parts of a version, and the software that made it; roles are those of `PartKind`."""

    parts: tuple[SealedPart, ...] = ()
    software: str = ""

    def of(self, role: str) -> tuple[SealedPart, ...]:
        """Return the parts with that role, in order."""
        return tuple(part for part in self.parts if part.role == role)

    def only(self, role: str) -> SealedPart | None:
        """Return the one part with that role, or None."""
        found = self.of(role)
        return found[0] if found else None


def seal(content: Json) -> str:
    """Return the seal over a version's content (see `versions.seal_of`) as 64 hexadecimal digits."""
    return digest(b"eci-annotate seal 1\n" + canonical(to_json(content)))


def link(stream: str, index: int, record: Record, previous: str) -> Record:
    """Return `record` as a link of the stream's chain.

    Parameters
    ----------
    stream
        Name of the stream.
    index
        Position in the stream, from 0.
    record
        Record with ``name`` and ``data``.
    previous
        Digest of the record before.
    """
    body = {
        "stream": stream,
        "index": index,
        "prev": previous,
        "name": record["name"],
        "data": record["data"],
    }
    return {
        "name": record["name"],
        "data": record["data"],
        "prev": previous,
        "digest": digest(canonical(body)),
    }


def chained(stream: str, before: list[Record], records: Iterable[Record]) -> Iterator[Record]:
    """Yield new `records`, linked to those already in the stream."""
    previous = before[-1]["digest"] if before else START
    for index, record in enumerate(records, len(before)):
        linked = link(stream, index, record, previous)
        previous = linked["digest"]
        yield linked


def check_chain(stream: str, records: Iterable[Record]) -> int:
    """Return the number of records in the chain.

    Raises
    ------
    Tampered
        Names the first record whose content, position or predecessor differs from what was written.
    """
    previous, count = START, 0
    for index, record in enumerate(records):
        _check_link(stream, index, record, previous)
        previous, count = record["digest"], index + 1
    return count


def check_part(stream: str, records: Iterable[tuple[int, Record]]) -> None:
    """Check some records of a chain, given with their indexes: each is unchanged, and follows a neighbour before it.

    Raises
    ------
    Tampered
        Names the first record that was changed.
    """
    last, digest_of_last = -1, START
    for index, record in records:
        previous = digest_of_last if index == last + 1 else str(record.get("prev"))
        _check_link(stream, index, record, previous)
        last, digest_of_last = index, record["digest"]


def _check_link(stream: str, index: int, record: Record, previous: str) -> None:
    try:
        right = link(stream, index, record, previous) == record
    except (KeyError, TypeError, ValueError):
        right = False
    if not right:
        raise Tampered(f"Event {index + 1} of stream {stream!r} was changed.", "Restore it from a backup.")
