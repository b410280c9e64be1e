"""TinyDB, the embedded store: one small document file per stream, with its card, replaced atomically.

An append announces its position in the feed, then replaces the stream's file: this is the commit. Its card is then
added to `cards.jsonl`, which only speeds up lists: missing cards are detected by the feed position and read again.
A position whose stream has no such document was never committed, and is never reused.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Any

from tinydb import TinyDB
from tinydb.middlewares import CachingMiddleware
from tinydb.storages import Storage

from eci_annotate.errors import StoreUnavailable, Tampered, undamaged
from eci_annotate.store.atomic_files import locked, write_atomic, writing
from eci_annotate.store.cards import Card, CardPage, CardQuery, check_card, from_row, page_of, to_row
from eci_annotate.store.folder import card_file
from eci_annotate.store.folder import feed_file as feedfile
from eci_annotate.store.folder.card_file import CardFile, Index
from eci_annotate.store.folder.feed_file import FeedFile
from eci_annotate.store.protocols import Append, Entry, Head, Record, busy, check_stream, no_stream
from eci_annotate.workflow.codec import canonical, contains, parse

_TABLE, _CARD = "events", "card"
_MOST_LENGTHS = 10_000
_DAMAGED = "A stream's file is damaged."


class AtomicStorage(Storage):  # type: ignore[misc]
    """TinyDB storage in one file that is always replaced as a whole."""

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
        self._feed = FeedFile(folder / "feed.jsonl")
        self._cards = CardFile(folder / "cards.jsonl")
        self._lock = folder / "store.lock"
        self._following = Lock()
        self._lengths: dict[str, tuple[tuple[int, int, int], int]] = {}

    def append(
        self,
        stream: str,
        records: Sequence[Record],
        expected: int,
        card: Card | None = None,
        behind: Sequence[Head] = (),
    ) -> None:
        check_card(stream, card)
        path = self._path(stream)
        with writing(), locked(self._lock):
            database = _document(path)
            have = len(_documents(database))
            if have != expected or any(self._length(each.stream) != each.records for each in behind):
                raise busy()
            if records:
                self._catch_up()
                first = self._feed.announce(stream, len(records))
                documents = [{"p": first + n, "r": record} for n, record in enumerate(records)]
                database.table(_TABLE).insert_multiple(documents)
                self._commit(database, card_file.CardLine(first + len(records) - 1, stream, have + len(records), card))
            elif card is not None:
                self._replace(card)

    def append_many(self, appends: Sequence[Append]) -> None:
        for each in appends:
            self.append(each.stream, each.records, each.expected, each.card)

    def _length(self, stream: str) -> int:
        """Return how many records a stream has; a file that was not replaced is not parsed again (under the lock)."""
        try:
            status = self._path(stream).stat()
        except FileNotFoundError:
            return 0
        mark = status.st_ino, status.st_size, status.st_mtime_ns
        kept = self._lengths.get(stream)
        if kept is None or kept[0] != mark:
            while len(self._lengths) >= _MOST_LENGTHS:
                self._lengths.pop(next(iter(self._lengths)))
            kept = self._lengths[stream] = mark, len(self.read(stream))
        return kept[1]

    def _commit(self, database: TinyDB, line: card_file.CardLine) -> None:
        if line.card is not None:
            database.table(_CARD).truncate()
            database.table(_CARD).insert(to_row(line.card))
        database.storage.flush()
        with suppress(OSError, StoreUnavailable, Tampered):  # already committed; the index catches up on the next read
            self._cards.note([line])

    def recard(self, cards: Iterable[Card]) -> None:
        cards = list(cards)
        if not all(self._path(card.stream).exists() for card in cards):
            raise no_stream()
        for card in cards:
            with writing(), locked(self._lock):
                self._replace(card)

    def _replace(self, card: Card) -> None:
        database = _document(self._path(card.stream))
        count = len(_documents(database))
        if count == 0:
            raise no_stream()
        if _card(database) != card:
            self._catch_up()
            self._commit(database, card_file.CardLine(self._feed.last(), card.stream, count, card))

    def _catch_up(self) -> None:
        """Add the cards that a killed writer did not (under the lock)."""
        if not self._feed.exists():
            self._rebuild()
        known, last = self._cards.position(), self._feed.last()
        if known < 0 or known > last:
            self._cards.rewrite(self._lines(0))
        elif known < last:
            self._cards.note(self._lines(known))

    def _lines(self, after: int) -> list[card_file.CardLine]:
        """Return the lines for the streams that the feed names after a position."""
        newest = {stream: first + count - 1 for first, count, stream in self._feed.after(after)}
        return [self._line(p, stream) for stream, p in sorted(newest.items(), key=lambda item: item[1])]

    def _line(self, position: int, stream: str) -> card_file.CardLine:
        database = _document(self._path(stream))
        return card_file.CardLine(position, stream, len(_documents(database)), _card(database))

    def _index(self) -> Index:
        """Return the current lengths and cards of all streams."""
        self._find_feed()
        try:
            if self._cards.follow().position == self._feed.last():
                return self._cards.index
        except Tampered:
            pass
        with locked(self._lock):
            return self._healed()

    def _healed(self) -> Index:
        last = self._feed.last()
        try:
            index = self._cards.follow()
        except Tampered:
            index = Index(position=last + 1)
        if index.position > last:
            self._cards.rewrite(self._lines(0))
            index = self._cards.follow()
        lines = self._lines(index.position)
        with suppress(OSError, StoreUnavailable):  # reading must work with a full disk
            self._cards.note(lines)
        for line in lines:
            index.add(line)
        return index

    def cards(self, query: CardQuery) -> CardPage:
        with self._following:
            return page_of(self._index().cards.values(), query)

    def cards_of(self, streams: Sequence[str]) -> dict[str, Card]:
        with self._following:
            cards = self._index().cards
            return {name: copy.deepcopy(cards[name]) for name in streams if name in cards}

    def heads_of(self, streams: Sequence[str]) -> dict[str, int]:
        with self._following:
            heads = self._index().heads
            return {name: heads[name] for name in streams if name in heads}

    def heads(self, prefix: str = "") -> dict[str, int]:
        with self._following:
            return {name: count for name, count in self._index().heads.items() if name.startswith(prefix)}

    def read(self, stream: str, after: int = 0) -> list[Record]:
        return [document["r"] for document in _documents(_document(self._path(stream)))[after:]]

    def read_many(self, streams: Sequence[str]) -> dict[str, list[Record]]:
        return {stream: self.read(stream) for stream in streams}

    def feed(self, after: int = 0, limit: int | None = None) -> list[Entry]:
        self._find_feed()
        return list(islice(self._entries(self._feed.after(after), after), limit))

    def feed_before(self, before: int | None, span: int, words: Sequence[str] = ()) -> tuple[int, list[Entry]]:
        self._find_feed()
        end = self._feed.last() + 1 if before is None else before
        begin = max(1, end - span)
        lines = [line for line in self._feed.between(begin, end) if self._mentions(line[2], words)]
        found = self._entries(lines, begin - 1)
        return begin, [entry for entry in found if entry.position < end and contains(entry.record, words)][::-1]

    def _mentions(self, stream: str, words: Sequence[str]) -> bool:
        content = self._path(stream).read_bytes() if words and self._path(stream).exists() else b""
        return all(word.encode() in content for word in words)

    def _entries(self, lines: list[feedfile.Line], after: int) -> Iterator[Entry]:
        found: dict[str, dict[int, tuple[int, Record]]] = {}
        for first, count, stream in lines:
            if stream not in found:
                found[stream] = self._by_position(stream)
            if first not in found[stream] and (first, count, stream) == lines[-1]:
                with locked(self._lock):  # whoever announced it may be about to commit
                    found[stream] = self._by_position(stream)
            for position in range(max(first, after + 1), first + count):
                if position in found[stream]:
                    index, record = found[stream][position]
                    yield Entry(position, stream, index, record)

    def _by_position(self, stream: str) -> dict[int, tuple[int, Record]]:
        documents = _documents(_document(self._path(stream)))
        return {document["p"]: (index, document["r"]) for index, document in enumerate(documents)}

    def _names(self) -> list[str]:
        found = self._streams.rglob("*.json") if self._streams.exists() else ()
        names = (path.relative_to(self._streams).as_posix().removesuffix(".json") for path in found)
        return sorted(name for name in names if "/." not in f"/{name}")

    def _find_feed(self) -> None:
        if not self._feed.exists() and self._names():
            self.rebuild()

    def rebuild(self) -> None:
        """Rebuild the feed index and the card file from the streams, under the lock."""
        with locked(self._lock):
            self._rebuild()

    def _rebuild(self) -> None:
        self._feed.rewrite(sorted((p, 1, stream) for stream in self._names() for p in self._by_position(stream)))
        self._cards.rewrite(self._lines(0))

    def _path(self, stream: str) -> Path:
        return self._streams / f"{check_stream(stream)}.json"


def _document(path: Path) -> TinyDB:
    """Open a stream's file; nothing is written until its storage is flushed, and then everything at once."""
    return TinyDB(path, storage=CachingMiddleware(AtomicStorage))


def _documents(database: TinyDB) -> list[dict[str, Any]]:
    """Return the rows of a stream, numbered from 1 without gaps."""
    with undamaged(_DAMAGED):
        rows = sorted(database.table(_TABLE).all(), key=lambda row: row.doc_id)  # JSON sorts "10" before "2"
        documents = [dict(row) for row in rows]
        sound = [row.doc_id for row in rows] == list(range(1, len(rows) + 1))
        if not (sound and all(isinstance(d.get("p"), int) and isinstance(d.get("r"), dict) for d in documents)):
            raise ValueError("rows")
        return documents


def _card(database: TinyDB) -> Card | None:
    with undamaged(_DAMAGED):
        cards = database.table(_CARD).all()
        return from_row(cards[-1]) if cards else None
