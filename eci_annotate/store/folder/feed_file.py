"""`feed.jsonl`: the order of all appends. A line announces positions for a stream; the stream's file commits them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

from eci_annotate.errors import Tampered
from eci_annotate.store.atomic_files import append_whole, last_line, mend_tail, write_atomic, writing
from eci_annotate.store.folder.line_search import lines_between
from eci_annotate.workflow.codec import canonical

Line = tuple[int, int, str]  # first position, count, stream


class FeedFile:
    """The feed file. Write only under the store's lock."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def exists(self) -> bool:
        """Whether it has been created."""
        return self._path.exists()

    def announce(self, stream: str, count: int) -> int:
        """Assign the next `count` positions to a stream, durably; returns the first of them."""
        with writing():
            handle = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            mend_tail(handle)
            first = _last(handle) + 1
            append_whole(handle, _row((first, count, stream)))
            os.fsync(handle)
        finally:
            os.close(handle)
        return first

    def last(self) -> int:
        """Return the last announced position; 0 if there is none."""
        try:
            handle = os.open(self._path, os.O_RDONLY)
        except FileNotFoundError:
            return 0
        try:
            return _last(handle)
        finally:
            os.close(handle)

    def after(self, position: int) -> list[Line]:
        """Return the lines with a position above this one, in order."""
        try:
            handle = os.open(self._path, os.O_RDONLY)
        except FileNotFoundError:
            return []
        try:
            return _tail(handle, position)
        finally:
            os.close(handle)

    def between(self, begin: int, end: int) -> list[Line]:
        """Return the lines with positions from `begin` to `end` (excluded), in order."""
        try:
            handle = os.open(self._path, os.O_RDONLY)
        except FileNotFoundError:
            return []
        try:
            lines = _lines(lines_between(handle, lambda line: _lines([line])[0][0], begin, end))
        finally:
            os.close(handle)
        return [line for line in lines if line[0] < end and line[0] + line[1] > begin]

    def rewrite(self, lines: Iterable[Line]) -> None:
        """Replace the file by these lines."""
        write_atomic(self._path, b"".join(map(_row, lines)))


def _row(line: Line) -> bytes:
    return canonical({"p": line[0], "n": line[1], "s": line[2]}) + b"\n"


def _last(handle: int) -> int:
    line = last_line(handle)
    if not line:
        return 0
    first, count, _ = _lines([line])[0]
    return first + count - 1


def _tail(handle: int, after: int) -> list[Line]:
    size, step = os.fstat(handle).st_size, 4096
    while True:
        begin = max(0, size - step)
        rows = os.pread(handle, size - begin, begin).split(b"\n")
        lines = _lines(rows[0 if begin == 0 else 1 : -1])
        if begin == 0 or (lines and lines[0][0] <= after):
            return [line for line in lines if line[0] + line[1] - 1 > after]
        step *= 4


def _lines(rows: list[bytes]) -> list[Line]:
    try:
        read = [json.loads(row) for row in rows]
        return [(row["p"], row["n"], row["s"]) for row in read]
    except (ValueError, KeyError, TypeError) as error:
        raise Tampered("The feed's index is damaged.", "Delete feed.jsonl: it is rebuilt.") from error
