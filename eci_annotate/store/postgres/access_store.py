"""AccessStore in PostgreSQL: the month's row holds the end of the chain, and is locked while records are added."""

from __future__ import annotations

from collections.abc import Sequence

from eci_annotate.errors import Tampered
from eci_annotate.store.postgres.database import Database, patterns
from eci_annotate.store.protocols import Record, check_month
from eci_annotate.workflow.codec import canonical, parse
from eci_annotate.workflow.trust.seals import START, check_chain, check_part, link

_LOCK = """INSERT INTO months (month, records, digest) VALUES (%s, 0, %s)
ON CONFLICT (month) DO UPDATE SET records = months.records RETURNING records, digest"""
_ADD = """WITH added AS (
  INSERT INTO access SELECT %s, %s + n - 1, r FROM unnest(%s::text[]) WITH ORDINALITY AS u (r, n)
) UPDATE months SET records = records + %s, digest = %s WHERE month = %s"""

_BETWEEN = """SELECT index, CASE WHEN record LIKE ALL(%s::text[]) THEN record END FROM access
WHERE month = %s AND index >= %s AND index < %s ORDER BY index"""


class PostgresAccess:
    """AccessStore in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, month: str, record: Record) -> None:
        self.extend(month, [record])

    def extend(self, month: str, records: Sequence[Record]) -> None:
        if not records:
            return
        with self._database.transaction() as connection:
            count, digest = connection.execute(_LOCK, [check_month(month), START]).fetchall()[0]
            rows = []
            for index, record in enumerate(records, count):
                linked = link(month, index, record, digest)
                digest = linked["digest"]
                rows.append(canonical(linked).decode())
            connection.execute(_ADD, [month, count, rows, len(rows), digest, month])

    def read(self, month: str) -> list[Record]:
        found = self._database.rows("SELECT record FROM access WHERE month = %s ORDER BY index", [check_month(month)])
        records = [parse(record.encode(), "The access stream") for (record,) in found]
        check_chain(month, records)
        return records

    def between(self, month: str, begin: int, end: int, words: Sequence[str] = ()) -> list[tuple[int, Record]]:
        rows = self._database.rows(_BETWEEN, [patterns(words), check_month(month), begin, end])
        if [index for index, _ in rows] != list(range(begin, end)):
            raise Tampered("Records of the access stream are missing.", "Restore it from a backup.")
        found = [(index, parse(text.encode(), "The access stream")) for index, text in rows if text is not None]
        check_part(month, found)
        return found

    def months(self) -> list[str]:
        return [month for (month,) in self._database.rows("SELECT month FROM months ORDER BY month")]

    def head(self, month: str) -> tuple[int, str]:
        rows = self._database.rows("SELECT records, digest FROM months WHERE month = %s", [check_month(month)])
        return rows[0] if rows else (0, START)  # type: ignore[return-value]
