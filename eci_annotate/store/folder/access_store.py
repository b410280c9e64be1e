"""Access records (read, exported, refused): one append-only file of chained lines per month, never rewritten."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from eci_annotate.errors import Tampered
from eci_annotate.store.atomic_files import append_whole, last_line, locked, mend_tail, writing
from eci_annotate.store.folder.line_search import lines_between
from eci_annotate.store.protocols import Record, check_month
from eci_annotate.workflow.codec import canonical
from eci_annotate.workflow.trust.seals import START, check_chain, check_part, link

_DAMAGED = ("The access stream is damaged.", "Restore it from a backup.")


class AccessLog:
    """Access streams in a folder; `month` is e.g. ``2026-01``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def append(self, month: str, record: Record) -> None:
        """Append a record ``{"name": ..., "data": ...}``, chained to the previous one."""
        self._add(month, [record], sync=False)

    def extend(self, month: str, records: Sequence[Record]) -> None:
        """Append many records, all or none; they are on the disk on return."""
        self._add(month, records, sync=True)

    def _add(self, month: str, records: Sequence[Record], sync: bool) -> None:
        with writing(), locked(self._folder / "lock"):
            handle = os.open(self._path(month), os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                mend_tail(handle)
                append_whole(handle, b"".join(_rows(month, *_last(handle), records)))
                if sync:
                    os.fsync(handle)
            finally:
                os.close(handle)

    def read(self, month: str) -> list[Record]:
        """Return all records of a month; raises Tampered if the chain is broken."""
        path = self._path(month)
        rows = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
        records = [_numbered(row)[1] for row in rows]
        check_chain(month, records)
        return records

    def between(self, month: str, begin: int, end: int, words: Sequence[str] = ()) -> list[tuple[int, Record]]:
        """Return some records of a month with their numbers; see `AccessStore`."""
        if begin >= end:
            return []
        with self._path(month).open("rb") as file:
            lines = lines_between(file.fileno(), _number, begin, end)
        first = _number(lines[0]) if lines else 0
        part = lines[begin - first : end - first]
        if first > begin or len(part) < end - begin or (_number(part[0]), _number(part[-1])) != (begin, end - 1):
            raise Tampered(*_DAMAGED)
        needed = [word.encode() for word in words]
        found = [_numbered(line) for line in part if all(word in line for word in needed)]
        check_part(month, found)
        return found

    def months(self) -> list[str]:
        """Return the existing months, oldest first."""
        return sorted(path.stem for path in self._folder.glob("*.jsonl"))

    def head(self, month: str) -> tuple[int, str]:
        """Return the number of records of a month, and the digest of the last one."""
        try:
            handle = os.open(self._path(month), os.O_RDONLY)
        except FileNotFoundError:
            return 0, START
        try:
            return _last(handle)
        finally:
            os.close(handle)

    def _path(self, month: str) -> Path:
        return self._folder / f"{check_month(month)}.jsonl"


def _rows(month: str, count: int, previous: str, records: Sequence[Record]) -> Iterator[bytes]:
    for index, record in enumerate(records, count):
        row = link(month, index, record, previous)
        previous = row["digest"]
        yield canonical({"n": index, **row}) + b"\n"


def _last(handle: int) -> tuple[int, str]:
    line = last_line(handle)
    if not line:
        return 0, START
    number, record = _numbered(line)
    try:
        return number + 1, record["digest"]
    except KeyError as error:
        raise Tampered(*_DAMAGED) from error


def _number(line: bytes) -> int:
    return _numbered(line)[0]


def _numbered(line: bytes) -> tuple[int, Record]:
    try:
        record = json.loads(line)
        return int(record.pop("n")), record
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Tampered(*_DAMAGED) from error
