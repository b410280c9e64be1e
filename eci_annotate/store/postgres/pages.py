"""A page of cards, and how many there are in all, without looking at each card.

Cards have few distinct sets of words (kinds), counted as they change: a filter is first answered on those.
Then a page is a walk along the index of the sort column; few cards are rather fetched by kind, and sorted.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from psycopg import Connection, sql

from eci_annotate.store.cards import ORDER, Card, CardPage, CardQuery, from_row, lower, to_row
from eci_annotate.store.postgres.database import Database, Query, Row
from eci_annotate.workflow.codec import canonical, digest, parse

_FEW = 500
Part = tuple[sql.Composed, list[Any]]


def values(card: Card) -> list[Any]:
    """A card as the arguments of the schema's functions: project, key of its kind, words, order, the card itself."""
    words = sorted(card.words)
    order = [card.order.get(column, "") for column in ORDER]
    return [card.project, digest(canonical(words)), words, order, canonical(to_row(card)).decode()]


def page(database: Database, query: CardQuery) -> CardPage:
    """What `query` finds; total and page are of the same moment."""
    with database.transaction() as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        kinds, total = _kinds(connection, query)
        if query.contains and total:
            total = _count(connection, query, kinds)
        rows = _fetch(connection, _walk if total > _FEW else _gather, query, kinds) if total and query.size else []
    return CardPage(total, tuple(from_row(parse(card.encode(), "A card")) for (card,) in rows))


def _kinds(connection: Connection[Row], query: CardQuery) -> tuple[list[int] | None, int]:
    """The kinds that have the wanted words, None for all of the project; and how many cards they have."""
    wanted = sql.SQL("").join([sql.SQL(" AND words && %s::text[]")] * len(query.wanted))
    statement = sql.SQL("SELECT id, cards FROM kinds WHERE project = %s") + wanted
    rows = _run(connection, statement, [query.project, *map(list, query.wanted)])
    return [kind for kind, _ in rows] if query.wanted else None, sum(cards for _, cards in rows)


def _count(connection: Connection[Row], query: CardQuery, kinds: list[int] | None) -> int:
    where, arguments = _where(query, kinds)
    count: int = _run(connection, sql.SQL("SELECT count(*) FROM cards WHERE ") + where, arguments)[0][0]
    return count


def _where(query: CardQuery, kinds: list[int] | None) -> Part:
    parts: list[sql.Composable] = [sql.SQL("project = %s")]
    arguments: list[Any] = [query.project]
    if kinds is not None:
        parts.append(sql.SQL("kind = ANY(%s)"))
        arguments.append(kinds)
    if query.contains:
        parts.append(sql.SQL("lower(subject) LIKE %s"))
        arguments.append("%" + re.sub(r"([%_\\])", r"\\\1", lower(query.contains)) + "%")
    return sql.SQL(" AND ").join(parts), arguments


def _fetch(
    connection: Connection[Row], way: Callable[..., Part], query: CardQuery, kinds: list[int] | None
) -> list[Row]:
    direction = sql.SQL(" DESC" if query.descending else "")
    columns = dict.fromkeys([query.sort, "subject", "name"])
    order = sql.SQL(", ").join(sql.Identifier(column) + direction for column in columns)
    statement, arguments = way(*_where(query, kinds), order)
    return _run(connection, statement, [*arguments, query.size, query.offset])


def _walk(where: sql.Composed, arguments: list[Any], order: sql.Composed) -> Part:
    statement = sql.SQL(
        "SELECT card FROM (SELECT stream FROM cards WHERE {where} ORDER BY {order} LIMIT %s OFFSET %s) AS page "
        "JOIN cards USING (stream) ORDER BY {order}"
    )
    return statement.format(where=where, order=order), arguments


def _gather(where: sql.Composed, arguments: list[Any], order: sql.Composed) -> Part:
    statement = sql.SQL(
        "WITH found AS MATERIALIZED (SELECT * FROM cards WHERE {where}) "
        "SELECT card FROM found ORDER BY {order} LIMIT %s OFFSET %s"
    )
    return statement.format(where=where, order=order), arguments


def _run(connection: Connection[Row], statement: Query, arguments: list[Any]) -> list[Row]:
    """Plan with these arguments: how many kinds there are decides the way."""
    return connection.execute(statement, arguments, prepare=False).fetchall()
