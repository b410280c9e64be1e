"""`cards.jsonl`: one line per append with the stream's length and card, which each process follows in memory.

It only repeats the content of the streams' own files. Each line names the feed position that it includes: if the feed
is further ahead (a writer died, a line was lost), the missing cards are read from the streams again.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eci_annotate.errors import Tampered
from eci_annotate.store.atomic_files import append_whole, last_line, mend_tail, write_atomic
from eci_annotate.store.cards import Card, from_row, to_row
from eci_annotate.workflow.codec import canonical

_LEAST, _GROWTH, _HEADER = 1 << 16, 4, 128
_WHAT, _REMEDY = "The file of cards is damaged.", "Delete cards.jsonl: it is rebuilt."


@dataclass(frozen=True)
class CardLine:
    """State of a stream at a position of the feed; without a card it keeps the previous one."""

    position: int
    stream: str
    count: int
    card: Card | None


@dataclass
class Index:
    """The folded lines: the known feed position, the length of each stream, and the cards."""

    position: int = 0
    heads: dict[str, int] = field(default_factory=dict)
    cards: dict[str, Card] = field(default_factory=dict)

    def add(self, line: CardLine) -> None:
        """Apply a line."""
        self.position = max(self.position, line.position)
        if line.count:
            self.heads[line.stream] = line.count
        if line.card is not None:
            self.cards[line.stream] = line.card

    def lines(self) -> list[CardLine]:
        """Return the fewest lines with the same content."""
        return [CardLine(self.position, name, count, self.cards.get(name)) for name, count in self.heads.items()]


class CardFile:
    """The file, and the part that this process has read. Write only under the store's lock."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._header, self._read = b"", 0
        self.index = Index()

    def follow(self) -> Index:
        """Read new lines; all of them if the file was replaced. Raises Tampered for an invalid line."""
        try:
            handle = os.open(self._path, os.O_RDONLY)
        except FileNotFoundError:
            self._restart(b"")
            return self.index
        try:
            header = _header(handle)
            if header != self._header or os.fstat(handle).st_size < self._read:
                self._restart(header)
            new = os.pread(handle, os.fstat(handle).st_size - self._read, self._read)
        finally:
            os.close(handle)
        rows = new[: new.rfind(b"\n") + 1]
        for row in rows.split(b"\n")[:-1]:
            self.index.add(_line(row))
        self._read += len(rows)
        return self.index

    def _restart(self, header: bytes) -> None:
        if header:
            _least(header)
        self._header, self._read, self.index = header, len(header), Index()

    def position(self) -> int:
        """Return the position of the last line; 0 without one, -1 if it is damaged."""
        try:
            handle = os.open(self._path, os.O_RDONLY)
        except FileNotFoundError:
            return 0
        try:
            line = last_line(handle)
            return _line(line).position if line and line != _header(handle).rstrip() else 0
        except Tampered:
            return -1
        finally:
            os.close(handle)

    def note(self, lines: Iterable[CardLine]) -> None:
        """Append lines; keep only the newest if the file has grown to more than four times its size."""
        if not self._path.exists():
            self.rewrite(())
        handle = os.open(self._path, os.O_RDWR | os.O_APPEND)
        try:
            mend_tail(handle)
            for line in lines:
                append_whole(handle, _row(line))
            grown = os.fstat(handle).st_size > _GROWTH * max(_least(_header(handle)), _LEAST)
        finally:
            os.close(handle)
        if grown:
            self.rewrite(CardFile(self._path).follow().lines())

    def rewrite(self, lines: Iterable[CardLine]) -> None:
        """Replace the file by these lines."""
        content = b"".join(map(_row, lines))
        header = canonical({"least": len(content), "made": uuid.uuid4().hex}) + b"\n"
        write_atomic(self._path, header + content)


def _header(handle: int) -> bytes:
    return os.pread(handle, _HEADER, 0).split(b"\n")[0] + b"\n"


def _least(header: bytes) -> int:
    try:
        return int(json.loads(header)["least"])
    except (ValueError, KeyError, TypeError) as error:
        raise Tampered(_WHAT, _REMEDY) from error


def _row(line: CardLine) -> bytes:
    card = None if line.card is None else to_row(line.card)
    return canonical({"c": card, "n": line.count, "p": line.position, "s": line.stream}) + b"\n"


def _line(row: bytes) -> CardLine:
    try:
        read: Any = json.loads(row)
        card = None if read["c"] is None else from_row(read["c"])
        return CardLine(read["p"], read["s"], read["n"], card)
    except (ValueError, KeyError, TypeError) as error:
        raise Tampered(_WHAT, _REMEDY) from error
