"""A page of cards and their total number, without examining each card.

Cards have few distinct sets of words (kinds), which are counted as they change: a filter is evaluated on those first.
Few cards are collected and sorted in the same statement; a page of many is read along the index of the sort column.
A search for part of a name first counts in the narrow table of names, which is fast to scan.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from psycopg import Connection, sql

from eci_annotate.store.cards import ORDER, Card, CardPage, CardQuery, from_row, lower, to_row
from eci_annotate.store.postgres.database import Database, Query, Row
from eci_annotate.workflow.codec import canonical, digest, parse

_FEW = 1000
_EACH = sql.SQL("kind + 0 = ANY(%s::integer[])")  # prevents fetching all cards of many kinds by the kind's index
_WALK = sql.SQL("""SELECT name, card FROM
(SELECT stream FROM cards WHERE {where} ORDER BY {order} LIMIT %s OFFSET %s) AS page
JOIN cards USING (stream) ORDER BY {order}""")
_AT_ONCE = sql.SQL("""WITH these AS MATERIALIZED ({kinds}),
counted AS MATERIALIZED (SELECT coalesce(sum(cards), 0)::bigint AS total FROM these),
found AS MATERIALIZED (SELECT * FROM cards WHERE project = %s AND kind = ANY(ARRAY(SELECT id FROM these))
AND (SELECT total FROM counted) <= %s)
SELECT total, name, card FROM counted LEFT JOIN
(SELECT * FROM found ORDER BY {order} LIMIT %s OFFSET %s) AS page ON true ORDER BY {order}""")
_NAMED = "FROM names WHERE subject LIKE %s AND kind = ANY(%s::integer[])"
_COUNT = f"SELECT count(*) {_NAMED}"
_SEARCH = sql.SQL(f"""SELECT name, card FROM cards WHERE stream = ANY(ARRAY(SELECT stream {_NAMED}))
ORDER BY {{order}} LIMIT %s OFFSET %s""")
Part = tuple[sql.Composed, list[Any]]


def values(card: Card) -> list[Any]:
    """Return a card as arguments of the schema's functions: project, kind, words, order, the card itself."""
    words = sorted(card.words)
    order = [card.order.get(column, "") for column in ORDER]
    return [card.project, digest(canonical(words)), words, order, canonical(to_row(card)).decode()]


def page(database: Database, query: CardQuery) -> CardPage:
    """Return the result of `query`; total and page are from the same snapshot."""
    if not query.contains:
        with database.connection() as connection:
            found = _at_once(connection, query)
        if found is not None:
            return found
    with database.moment() as connection:
        kinds, total = _kinds(connection, query)
        if query.contains and total:
            total = _run(connection, _COUNT, [_part(query), kinds])[0][0]
        if query.offset >= total or not query.size:
            return CardPage(total)
        if query.contains and total <= _FEW:
            return _page(total, _search(connection, query, kinds))
        if query.offset <= total // 2:
            return _page(total, _walk(connection, query, kinds))
        return _page(total, _walk(connection, _from_the_end(query, total), kinds)[::-1])


def _at_once(connection: Connection[Row], query: CardQuery) -> CardPage | None:
    """Return the page in one statement if few cards match; None if there are more."""
    kinds, arguments = _wanted(query)
    statement = _AT_ONCE.format(kinds=kinds, order=_order(query))
    rows = _run(connection, statement, [*arguments, query.project, _FEW, query.size, query.offset])
    total = rows[0][0]
    return None if total > _FEW else _page(total, [(name, card) for _, name, card in rows if name is not None])


def _from_the_end(query: CardQuery, total: int) -> CardQuery:
    """Return the same page, counted from the other end in reverse order: the shorter scan."""
    end = min(query.offset + query.size, total)
    return replace(query, descending=not query.descending, offset=total - end, size=end - query.offset)


def _page(total: int, rows: list[Row]) -> CardPage:
    cards = (from_row(parse(card.encode(), "A card")) for _, card in rows)
    return CardPage(total, cards, [name for name, _ in rows])


def _kinds(connection: Connection[Row], query: CardQuery) -> tuple[list[int], int]:
    """Return the project's kinds that have the wanted words, and the number of their cards."""
    rows = _run(connection, *_wanted(query))
    return [kind for kind, _ in rows], sum(cards for _, cards in rows)


def _wanted(query: CardQuery) -> Part:
    """Return the statement that finds the kinds, and its arguments."""
    wanted = sql.SQL("").join([sql.SQL(" AND words && %s::text[]")] * len(query.wanted))
    statement = sql.SQL("SELECT id, cards FROM kinds WHERE project = %s") + wanted
    return statement, [query.project, *map(list, query.wanted)]


def _search(connection: Connection[Row], query: CardQuery, kinds: list[int]) -> list[Row]:
    statement = _SEARCH.format(order=_order(query))
    return _run(connection, statement, [_part(query), kinds, query.size, query.offset])


def _walk(connection: Connection[Row], query: CardQuery, kinds: list[int]) -> list[Row]:
    where, arguments = _where(query, kinds)
    statement = _WALK.format(where=where, order=_order(query))
    return _run(connection, statement, [*arguments, query.size, query.offset])


def _order(query: CardQuery) -> sql.Composed:
    direction = sql.SQL(" DESC" if query.descending else "")
    columns = [sql.Identifier(column) for column in dict.fromkeys([query.sort, "subject", "name"])]
    return sql.SQL(", ").join(column + direction for column in columns)


def _where(query: CardQuery, kinds: list[int]) -> Part:
    parts = [sql.SQL("project = %s")]
    arguments: list[Any] = [query.project]
    if query.contains:
        parts.append(sql.SQL("lower(subject) LIKE %s"))
        arguments.append(_part(query))
    if query.wanted:
        parts.append(_EACH)
        arguments.append(kinds)
    return sql.SQL(" AND ").join(parts), arguments


def _part(query: CardQuery) -> str:
    """Return the LIKE pattern of names that contain the part."""
    return "%" + re.sub(r"([%_\\])", r"\\\1", lower(query.contains)) + "%"


def _run(connection: Connection[Row], statement: Query, arguments: list[Any]) -> list[Row]:
    """Run with a plan for these arguments, because the best plan depends on the number of kinds."""
    return connection.execute(statement, arguments, prepare=False).fetchall()
