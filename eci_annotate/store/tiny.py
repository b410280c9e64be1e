"""TinyDB, the embedded store: one small document file per stream, replaced whole; `feed.jsonl` is its index.

An append first announces its position in the feed, then replaces the stream; the replaced stream is the commit.
A position whose stream has no such document was never committed, and is given to nobody again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tinydb import TinyDB
from tinydb.storages import Storage

from eci_annotate.errors import Conflict, Tampered
from eci_annotate.store.files import append_whole, locked, mend_tail, write_atomic, writing
from eci_annotate.store.protocols import Entry, Record, check_stream
from eci_annotate.workflow.codec import canonical, parse

_TABLE = "events"
Line = tuple[int, int, str]


class AtomicStorage(Storage):  # type: ignore[misc]
    """TinyDB's storage in one file that is only ever replaced as a whole."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> dict[str, Any] | None:
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return None
        data: dict[str, Any] = parse(content, "A stream's file")
        return data

    def write(self, data: dict[str, Any]) -> None:
        write_atomic(self._path, canonical(data))


class TinyEvents:
    """EventStore in a folder, for many processes on one machine."""

    def __init__(self, folder: Path) -> None:
        self._streams = folder / "streams"
        self._feed = folder / "feed.jsonl"
        self._lock = folder / "store.lock"

    def append(self, stream: str, records: Sequence[Record], expected: int) -> None:
        path = self._path(stream)
        with writing(), locked(self._lock):
            if len(self._documents(path)) != expected:
                raise Conflict("Somebody else was faster.", "Read again and retry.")
            if records:
                first = self._announce(stream, len(records))
                documents = [{"p": first + n, "r": record} for n, record in enumerate(records)]
                with TinyDB(path, storage=AtomicStorage) as database:
                    database.table(_TABLE).insert_multiple(documents)

    def _announce(self, stream: str, count: int) -> int:
        if not self._feed.exists():
            self._rebuild()
        with writing():
            handle = os.open(self._feed, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            mend_tail(handle)
            first = self._last_position() + 1
            append_whole(handle, canonical({"p": first, "n": count, "s": stream}) + b"\n")
            os.fsync(handle)
        finally:
            os.close(handle)
        return first

    def _last_position(self) -> int:
        lines = self._lines_after(-1, blocks=1)
        return lines[-1][0] + lines[-1][1] - 1 if lines else 0

    def read(self, stream: str, after: int = 0) -> list[Record]:
        return [document["r"] for document in self._documents(self._path(stream))[after:]]

    def feed(self, after: int = 0) -> list[Entry]:
        lines = self._lines_after(after)
        if not lines and not self._feed.exists() and self.streams():
            with locked(self._lock):
                self._rebuild()
            lines = self._lines_after(after)
        found: dict[str, dict[int, tuple[int, Record]]] = {}
        for _, _, stream in lines:
            found.setdefault(stream, self._by_position(stream))
        if lines and lines[-1][0] not in found[lines[-1][2]]:
            with locked(self._lock):
                found[lines[-1][2]] = self._by_position(lines[-1][2])
        return list(_entries(lines, found, after))

    def _by_position(self, stream: str) -> dict[int, tuple[int, Record]]:
        documents = self._documents(self._path(stream))
        return {document["p"]: (index, document["r"]) for index, document in enumerate(documents)}

    def streams(self, prefix: str = "") -> list[str]:
        paths = self._streams.rglob("*.json") if self._streams.exists() else ()
        names = (path.relative_to(self._streams).as_posix().removesuffix(".json") for path in paths)
        return sorted(n for n in names if n.startswith(prefix) and "/." not in f"/{n}")

    def rebuild(self) -> None:
        """Make the feed's index anew from the streams, under the lock."""
        with locked(self._lock):
            self._rebuild()

    def _rebuild(self) -> None:
        places = sorted((p, stream) for stream in self.streams() for p in self._by_position(stream))
        lines = [canonical({"p": position, "n": 1, "s": stream}) + b"\n" for position, stream in places]
        write_atomic(self._feed, b"".join(lines))

    def _lines_after(self, after: int, blocks: int = 0) -> list[Line]:
        try:
            handle = os.open(self._feed, os.O_RDONLY)
        except FileNotFoundError:
            return []
        try:
            return _tail(handle, after, blocks)
        finally:
            os.close(handle)

    def _path(self, stream: str) -> Path:
        return self._streams / f"{check_stream(stream)}.json"

    def _documents(self, path: Path) -> list[dict[str, Any]]:
        if not path.exists():
            return []
        with TinyDB(path, storage=AtomicStorage) as database:
            rows = sorted(database.table(_TABLE).all(), key=lambda row: row.doc_id)  # JSON has "10" before "2"
        documents = [dict(row) for row in rows]
        if not all(isinstance(d.get("p"), int) and isinstance(d.get("r"), dict) for d in documents):
            raise Tampered("A stream's file is damaged.", "Restore it from a backup.")
        return documents


def _entries(lines: list[Line], found: dict[str, dict[int, tuple[int, Record]]], after: int) -> Iterator[Entry]:
    for first, count, stream in lines:
        for position in range(max(first, after + 1), first + count):
            if position in found[stream]:
                index, record = found[stream][position]
                yield Entry(position, stream, index, record)


def _tail(handle: int, after: int, blocks: int) -> list[Line]:
    size, step, turn = os.fstat(handle).st_size, 4096, 0
    while True:
        turn += 1
        begin = max(0, size - step)
        lines = _lines(os.pread(handle, size - begin, begin), whole=begin == 0)
        if begin == 0 or (lines and lines[0][0] <= after) or (lines and turn == blocks):
            return [line for line in lines if line[0] + line[1] - 1 > after]
        step *= 4


def _lines(block: bytes, whole: bool) -> list[Line]:
    rows = block.split(b"\n")[0 if whole else 1 : -1]
    try:
        read = [json.loads(row) for row in rows]
        return [(row["p"], row["n"], row["s"]) for row in read]
    except (ValueError, KeyError, TypeError) as error:
        raise Tampered("The feed's index is damaged.", "Delete feed.jsonl: it is made anew.") from error
