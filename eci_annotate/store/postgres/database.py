"""A few connections shared by threads; server errors become specific errors without the server's address.

Each connection commits each statement, and a commit is on the disk before it is acknowledged.
"""

from __future__ import annotations

import select
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, LiteralString

import psycopg
from psycopg import Connection, IsolationLevel, sql
from psycopg_pool import ConnectionPool

from eci_annotate.errors import StoreUnavailable

SCHEMA = "eci_annotate"
_WAIT_S, _RETRY_S, _IDLE_S = 5.0, 3.0, 300.0
_SETTINGS = (
    f"SET search_path TO {SCHEMA}",
    "SET default_transaction_isolation TO 'read committed'",
    "SET jit TO off",
    "SET max_parallel_workers_per_gather TO 0",  # starting workers costs more than they save
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'",
)
_REASONS = {
    "53100": ("its disk is full", "Nothing was changed. Make room, then try again."),
    "53300": ("it has too many connections", "Try again in a moment."),
    "25006": ("it is read-only", "Nothing was changed. Ask whoever runs it."),
    "42501": ("it does not permit this", "Nothing was changed. Give the role rights on the schema eci_annotate."),
}
_LOST = ("The database cannot be reached, or the connection was lost.", "Try again; read first, the last may be kept.")

Row = tuple[Any, ...]
Query = LiteralString | sql.Composed | sql.SQL


@contextmanager
def answering() -> Iterator[None]:
    """Convert server errors to StoreUnavailable, without their messages: they may contain the address."""
    try:
        yield
    except psycopg.Error as error:
        raise _refusal(error) from None


def _refusal(error: psycopg.Error) -> StoreUnavailable:
    code = error.sqlstate or ""
    if code in _REASONS:
        reason, remedy = _REASONS[code]
        return StoreUnavailable(f"The database refused: {reason}.", remedy)
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return StoreUnavailable(*_LOST)
    return StoreUnavailable(f"The database refused ({code or type(error).__name__}).", "Nothing was changed.")


class Database:
    """The connections to one database."""

    def __init__(self, dsn: str, most: int) -> None:
        self._pool = ConnectionPool(
            dsn,
            kwargs={"autocommit": True},
            min_size=0,
            max_size=most,
            configure=_configure,
            check=_check,
            timeout=_WAIT_S,
            reconnect_timeout=_RETRY_S,
            max_idle=_IDLE_S,
            num_workers=1,
            name="eci_annotate",
            open=True,
        )

    @contextmanager
    def connection(self) -> Iterator[Connection[Row]]:
        """Yield a connection that commits each statement; a broken one is replaced first."""
        with answering(), self._pool.connection() as connection:
            yield connection

    @contextmanager
    def transaction(self) -> Iterator[Connection[Row]]:
        """Yield a connection in a transaction: everything is committed, or nothing."""
        with self.connection() as connection, connection.transaction():
            yield connection

    @contextmanager
    def moment(self) -> Iterator[Connection[Row]]:
        """Yield a read-only connection that sees the database as of its first statement."""
        with self.connection() as connection:
            connection.isolation_level, connection.read_only = IsolationLevel.REPEATABLE_READ, True
            try:
                with connection.transaction():
                    yield connection
            finally:
                if not connection.broken:
                    connection.isolation_level = connection.read_only = None

    def rows(self, query: Query, arguments: Sequence[Any] = (), binary: bool = False) -> list[Row]:
        """Return the rows of one statement."""
        with self.connection() as connection:
            return connection.execute(query, arguments, binary=binary).fetchall()

    def value(self, query: Query, arguments: Sequence[Any] = (), binary: bool = False) -> Any:
        """Return the first column of the first row; None if there are no rows."""
        rows = self.rows(query, arguments, binary)
        return rows[0][0] if rows else None

    def change(self, query: Query, arguments: Sequence[Any] = ()) -> int:
        """Return how many rows one statement changed."""
        with self.connection() as connection:
            return connection.execute(query, arguments).rowcount

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()


def patterns(words: Sequence[str]) -> list[str]:
    """Return LIKE patterns for texts that contain each of these words."""
    special = str.maketrans({char: f"\\{char}" for char in "\\%_"})
    return [f"%{word.translate(special)}%" for word in words]


def run_each(connection: Connection[Row], statement: str, rows: list[list[Any]]) -> list[bool | None]:
    """Return the result of one statement for each of many arguments, in one round trip and one transaction."""
    if len(rows) < 2:  # nothing to gain from a pipeline
        return [connection.execute(statement.encode(), row).fetchall()[0][0] for row in rows]
    cursor = connection.cursor()
    cursor.executemany(statement.encode(), rows, returning=True)
    found = [cursor.fetchall()[0][0]]
    while cursor.nextset():
        found.append(cursor.fetchall()[0][0])
    return found


def _check(connection: Connection[Row]) -> None:
    """Check whether a connection is alive, but only if the server sent something unrequested, such as its end."""
    ear = select.poll()
    ear.register(connection.fileno(), select.POLLIN)
    if ear.poll(0):
        ConnectionPool.check_connection(connection)


def _configure(connection: Connection[Row]) -> None:
    for setting in _SETTINGS:
        connection.execute(setting)
