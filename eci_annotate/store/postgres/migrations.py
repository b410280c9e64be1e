"""The schema consists of numbered steps, `schema/001_*.sql` and on; each is applied once, all in one transaction.

A database with steps unknown to this release is refused with the name of the first such step.
"""

from __future__ import annotations

from importlib.resources import files

from psycopg import Connection, sql

from eci_annotate.errors import NotARepository
from eci_annotate.store.postgres.database import SCHEMA, Database, Row

_LOCK = 0x656369  # "eci"


def steps() -> dict[str, str]:
    """Return the steps by name, in order, as SQL."""
    folder = files(__package__) / "schema"
    found = sorted(path.name for path in folder.iterdir() if path.name.endswith(".sql"))
    return {name.removesuffix(".sql"): (folder / name).read_text(encoding="utf-8") for name in found}


def migrate(database: Database) -> None:
    """Migrate the schema to this release.

    Raises
    ------
    NotARepository
        If the database was created by a newer release, or does not store text as UTF-8.
    """
    known = steps()
    with database.connection() as connection:
        if list(known) == _applied(connection):
            return
    with database.transaction() as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        _check_encoding(connection)
        connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(SCHEMA)))
        connection.execute("CREATE TABLE IF NOT EXISTS steps (name text PRIMARY KEY, at timestamptz DEFAULT now())")
        for name in missing(_applied(connection), list(known)):
            connection.execute(known[name].encode())
            connection.execute("INSERT INTO steps (name) VALUES (%s)", [name])


def missing(applied: list[str], known: list[str]) -> list[str]:
    """Return the steps to apply; raises NotARepository if others than the known ones were applied."""
    for step, ours in zip(applied, [*known, *[""] * len(applied)], strict=False):
        if step != ours:
            raise NotARepository(
                f"The database has the schema step {step!r}, which this release does not know.",
                "Install a newer release of eci-annotate.",
            )
    return known[len(applied) :]


def _applied(connection: Connection[Row]) -> list[str]:
    if connection.execute("SELECT to_regclass(%s)", [f"{SCHEMA}.steps"]).fetchall() == [(None,)]:
        return []
    return [name for (name,) in connection.execute('SELECT name FROM steps ORDER BY name COLLATE "C"')]


def _check_encoding(connection: Connection[Row]) -> None:
    if connection.execute("SHOW server_encoding").fetchall() != [("UTF8",)]:
        raise NotARepository("The database does not keep text as UTF-8.", "Make one with ENCODING 'UTF8'.")
