"""EventStore in PostgreSQL. An append is one call of a database function in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from eci_annotate.store.cards import Card, CardPage, CardQuery, check_card, from_row
from eci_annotate.store.postgres.card_pages import page, values
from eci_annotate.store.postgres.database import Database, patterns, run_each
from eci_annotate.store.protocols import Append, Entry, Head, Record, busy, check_stream, no_stream
from eci_annotate.workflow.codec import canonical, parse

_APPEND = "SELECT append_events(%s, %s, %s::text[], %s, %s, %s::text[], %s::text[], %s)"
_APPEND_BEHIND = (
    "SELECT append_behind(%s::text[], %s::integer[], %s, %s, %s::text[], %s, %s, %s::text[], %s::text[], %s)"
)
_REPLACE = "SELECT replace_card(%s, %s, %s, %s, %s::text[], %s::text[], %s)"
_RECARD = "SELECT put_card(id, name, %s, %s, %s::text[], %s::text[], %s) FROM streams WHERE name = %s"
_READ = (
    "SELECT record FROM events WHERE stream = (SELECT id FROM streams WHERE name = %s) AND index >= %s ORDER BY index"
)
_READ_MANY = """SELECT name, record FROM streams JOIN events ON stream = id WHERE name = ANY(%s) ORDER BY name, index"""
_FEED = """SELECT position, name, index, record FROM events JOIN streams ON stream = id
WHERE position > %s ORDER BY position LIMIT %s"""
_BEFORE = """SELECT position, name, index, record FROM events JOIN streams ON stream = id
WHERE position >= %s AND position < %s AND record LIKE ALL(%s::text[]) ORDER BY position DESC"""
_NAMES = """SELECT name, records FROM streams WHERE name >= %s AND name < %s ORDER BY name"""
_HEADS_OF = "SELECT name, records FROM streams WHERE name = ANY(%s)"
_CARDS_OF = "SELECT name, card FROM cards JOIN streams USING (name) WHERE id = stream AND name = ANY(%s)"
_PIECE = 500


class PostgresEvents:
    """EventStore in PostgreSQL, for many processes on many machines."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(
        self,
        stream: str,
        records: Sequence[Record],
        expected: int,
        card: Card | None = None,
        behind: Sequence[Head] = (),
    ) -> None:
        if not records:
            return self._set_card(check_stream(stream), expected, card)
        arguments = _arguments(Append(stream, records, expected, card))
        if behind:
            heads = [[check_stream(each.stream) for each in behind], [each.records for each in behind]]
            done = self._database.value(_APPEND_BEHIND, [*heads, *arguments])
        else:
            done = self._database.value(_APPEND, arguments)
        if not done:
            raise busy()
        return None

    def append_many(self, appends: Sequence[Append]) -> None:
        with self._database.transaction() as connection:
            connection.execute(
                "LOCK TABLE streams IN SHARE ROW EXCLUSIVE MODE"
            )  # no appender may wait for this transaction
            for done in run_each(connection, _APPEND, [_arguments(each) for each in appends if each.records]):
                if not done:
                    raise busy()

    def _set_card(self, stream: str, expected: int, card: Card | None) -> None:
        check_card(stream, card)
        if card is None:
            done = self.heads_of([stream]).get(stream, 0) == expected
        else:
            done = self._database.value(_REPLACE, [stream, expected, *values(card)])
        if done is None:
            raise no_stream()
        if not done:
            raise busy()

    def heads_of(self, streams: Sequence[str]) -> dict[str, int]:
        return dict(self._database.rows(_HEADS_OF, [list(streams)]))

    def recard(self, cards: Iterable[Card]) -> None:
        cards = list(cards)
        names = list({card.stream for card in cards})
        if self._database.value("SELECT count(*) FROM streams WHERE name = ANY(%s)", [names]) != len(names):
            raise no_stream()
        for begin in range(0, len(cards), _PIECE):
            with self._database.transaction() as connection:
                connection.execute("SELECT 1 FROM feed FOR NO KEY UPDATE")
                rows = [[*values(card), card.stream] for card in cards[begin : begin + _PIECE]]
                connection.cursor().executemany(_RECARD, rows)

    def read(self, stream: str, after: int = 0) -> list[Record]:
        rows = self._database.rows(_READ, [check_stream(stream), after])
        return [_parsed(record) for (record,) in rows]

    def read_many(self, streams: Sequence[str]) -> dict[str, list[Record]]:
        found: dict[str, list[Record]] = {check_stream(stream): [] for stream in streams}
        for name, record in self._database.rows(_READ_MANY, [list(found)]):
            found[name].append(_parsed(record))
        return found

    def feed(self, after: int = 0, limit: int | None = None) -> list[Entry]:
        rows = self._database.rows(_FEED, [after, limit])
        return [Entry(position, name, index, _parsed(record)) for position, name, index, record in rows]

    def feed_before(self, before: int | None, span: int, words: Sequence[str] = ()) -> tuple[int, list[Entry]]:
        end = self._database.value("SELECT position FROM feed") + 1 if before is None else before
        begin = max(1, end - span)
        rows = self._database.rows(_BEFORE, [begin, end, patterns(words)])
        return begin, [Entry(position, name, index, _parsed(record)) for position, name, index, record in rows]

    def heads(self, prefix: str = "") -> dict[str, int]:
        return dict(self._database.rows(_NAMES, [prefix, prefix + "\U0010ffff"]))

    def cards(self, query: CardQuery) -> CardPage:
        return page(self._database, query)

    def cards_of(self, streams: Sequence[str]) -> dict[str, Card]:
        rows = self._database.rows(_CARDS_OF, [list(streams)])
        return {name: from_row(parse(card.encode(), "A card")) for name, card in rows}


def _arguments(append: Append) -> list[Any]:
    check_card(append.stream, append.card)
    records = [canonical(record).decode() for record in append.records]
    card = [None] * 5 if append.card is None else values(append.card)
    return [check_stream(append.stream), append.expected, records, *card]


def _parsed(record: str) -> Record:
    parsed: Record = parse(record.encode(), "An event")
    return parsed
