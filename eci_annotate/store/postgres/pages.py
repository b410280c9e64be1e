"""A page of cards, and how many there are in all, without looking at each card.

Cards have few distinct sets of words (kinds), counted as they change: a filter is first answered on those.
Then a page is a walk along the index of the sort column; few cards are rather gathered, and sorted.
A search for a part of the name first counts in the narrow table of names, which is quickly looked through.
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
_BY_KIND = sql.SQL("kind = ANY(%s::integer[])")
_EACH = sql.SQL("kind + 0 = ANY(%s::integer[])")  # keeps from fetching all cards of many kinds by the kind's index
_WALK = sql.SQL("""SELECT name, card FROM
(SELECT stream FROM cards WHERE {where} ORDER BY {order} LIMIT %s OFFSET %s) AS page
JOIN cards USING (stream) ORDER BY {order}""")
_GATHER = sql.SQL("""WITH found AS MATERIALIZED (SELECT * FROM cards WHERE {where})
SELECT name, card FROM found ORDER BY {order} LIMIT %s OFFSET %s""")
_NAMED = "FROM names WHERE subject LIKE %s AND kind = ANY(%s::integer[])"
_COUNT = f"SELECT count(*) {_NAMED}"
_SEARCH = sql.SQL(f"""SELECT name, card FROM cards WHERE stream = ANY(ARRAY(SELECT stream {_NAMED}))
ORDER BY {{order}} LIMIT %s OFFSET %s""")
Part = tuple[sql.Composed, list[Any]]


def values(card: Card) -> list[Any]:
    """A card as the arguments of the schema's functions: project, key of its kind, words, order, the card itself."""
    words = sorted(card.words)
    order = [card.order.get(column, "") for column in ORDER]
    return [card.project, digest(canonical(words)), words, order, canonical(to_row(card)).decode()]


def page(database: Database, query: CardQuery) -> CardPage:
    """What `query` finds; total and page are of the same moment."""
    with database.moment() as connection:
        kinds, total = _kinds(connection, query)
        if query.contains and total:
            total = _run(connection, _COUNT, [_part(query), kinds])[0][0]
        if query.offset >= total or not query.size:
            return CardPage(total)
        if total <= _FEW:
            return _page(total, _fetch(connection, _SEARCH if query.contains else _GATHER, query, kinds))
        if query.offset <= total // 2:
            return _page(total, _fetch(connection, _WALK, query, kinds))
        return _page(total, _fetch(connection, _WALK, _from_the_end(query, total), kinds)[::-1])


def _from_the_end(query: CardQuery, total: int) -> CardQuery:
    """The same page, counted from the other end and turned round: the shorter walk."""
    end = min(query.offset + query.size, total)
    return replace(query, descending=not query.descending, offset=total - end, size=end - query.offset)


def _page(total: int, rows: list[Row]) -> CardPage:
    cards = (from_row(parse(card.encode(), "A card")) for _, card in rows)
    return CardPage(total, cards, [name for name, _ in rows])


def _kinds(connection: Connection[Row], query: CardQuery) -> tuple[list[int], int]:
    """The project's kinds that have the wanted words; and how many cards they have."""
    wanted = sql.SQL("").join([sql.SQL(" AND words && %s::text[]")] * len(query.wanted))
    statement = sql.SQL("SELECT id, cards FROM kinds WHERE project = %s") + wanted
    rows = _run(connection, statement, [query.project, *map(list, query.wanted)])
    return [kind for kind, _ in rows], sum(cards for _, cards in rows)


def _fetch(connection: Connection[Row], way: sql.SQL, query: CardQuery, kinds: list[int]) -> list[Row]:
    direction = sql.SQL(" DESC" if query.descending else "")
    columns = [sql.Identifier(column) for column in dict.fromkeys([query.sort, "subject", "name"])]
    order = sql.SQL(", ").join(column + direction for column in columns)
    if way is _SEARCH:
        statement, arguments = way.format(order=order), [_part(query), kinds]
    else:
        where, arguments = _where(query, kinds, _BY_KIND if way is _GATHER else _EACH)
        statement = way.format(where=where, order=order)
    return _run(connection, statement, [*arguments, query.size, query.offset])


def _where(query: CardQuery, kinds: list[int], of_kind: sql.SQL) -> Part:
    parts, arguments = [sql.SQL("project = %s")], [query.project]
    if query.contains:
        parts.append(sql.SQL("lower(subject) LIKE %s"))
        arguments.append(_part(query))
    if not query.wanted:
        return sql.SQL(" AND ").join(parts), arguments
    return sql.SQL(" AND ").join([*parts, of_kind]), [*arguments, kinds]


def _part(query: CardQuery) -> str:
    """What a name is like that contains the part."""
    return "%" + re.sub(r"([%_\\])", r"\\\1", lower(query.contains)) + "%"


def _run(connection: Connection[Row], statement: Query, arguments: list[Any]) -> list[Row]:
    """Plan with these arguments: how many kinds there are decides the way."""
    return connection.execute(statement, arguments, prepare=False).fetchall()
