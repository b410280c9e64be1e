"""DraftStore in PostgreSQL: checks the fence and adds the entry under the lock of the draft's single row."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from eci_annotate.errors import EciError, LeaseLost
from eci_annotate.store.fences import lost
from eci_annotate.store.postgres.database import Database, Row, run_each
from eci_annotate.store.protocols import Address, DraftPart, Holder, Record, busy, check_scope, place_of
from eci_annotate.workflow.codec import canonical, from_json, parse, stamp

_MOST_KNOWN = 10_000
_HERE = "project = %s AND subject = %s AND task = %s"
_OPEN = "SELECT open_draft(%s, %s, %s, %s, %s, %s, %s)"
_HOLDER = f"SELECT fence, until, owner, version, closed FROM drafts WHERE {_HERE}"
_RENEW = f"UPDATE drafts SET until = %s, closed = closed OR %s WHERE {_HERE} AND fence = %s"
_APPEND = """SELECT CASE WHEN %s::text IS NULL OR coalesce((SELECT records FROM streams WHERE name = %s), 0) = %s
THEN append_entries(%s, %s, %s, %s, %s::text[]) END"""  # NULL: the stream in front has another length
_READ = f"SELECT entry FROM entries WHERE draft = (SELECT id FROM drafts WHERE {_HERE}) AND fence = %s ORDER BY index"
_ADDRESSES = "SELECT project, subject, task FROM drafts WHERE %s IN ('', project) ORDER BY project, subject, task"
_OPENINGS = f"""SELECT fence, until, owner, version FROM journals
WHERE draft = (SELECT id FROM drafts WHERE {_HERE}) ORDER BY fence"""
_DROP = """WITH dropped AS (DELETE FROM drafts WHERE project = %s AND subject = %s RETURNING id)
SELECT count(*) FROM journals WHERE draft IN (SELECT id FROM dropped)"""


class PostgresDrafts:
    """DraftStore in PostgreSQL, for many processes on many machines."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: set[tuple[Address, int]] = set()  # written to, so they exist

    def open(self, address: Address, holder: Holder) -> None:
        who = [holder.fence, stamp(holder.until), holder.owner, holder.version]
        if not self._database.value(_OPEN, [*_words(address), *who]):
            raise self._lost(address, holder.fence)

    def holder(self, address: Address) -> Holder | None:
        rows = self._database.rows(_HOLDER, _words(address))
        return _holder(rows[0]) if rows else None

    def renew(self, address: Address, fence: int, until: datetime, *, close: bool = False) -> None:
        if not self._database.change(_RENEW, [stamp(until), close, *_words(address), fence]):
            raise self._lost(address, fence)

    def append(self, address: Address, fence: int, entries: Sequence[Record]) -> None:
        if entries:
            if not self._database.value(_APPEND, _arguments(DraftPart(address, fence, entries))):
                raise self._lost(address, fence)
            self._know(address, fence)

    def append_many(self, parts: Sequence[DraftPart]) -> list[EciError | None]:
        order = sorted(range(len(parts)), key=lambda number: parts[number].address)  # prevents deadlocks
        with self._database.connection() as connection:
            kept = run_each(connection, _APPEND, [_arguments(parts[number]) for number in order])
        told: list[EciError | None] = [None] * len(parts)
        for number, there in zip(order, kept, strict=True):
            told[number] = self._refusal(parts[number], there)
        return told

    def _refusal(self, part: DraftPart, there: bool | None) -> EciError | None:
        if there:
            return None
        return busy() if there is None else self._lost(part.address, part.fence)

    def _lost(self, address: Address, fence: int) -> LeaseLost:
        return lost(self.holder(address), fence)

    def _know(self, address: Address, fence: int) -> None:
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known.add((address, fence))

    def sync(self, address: Address, fence: int) -> None:
        """Do nothing: each entry is on the disk when `append` returns."""
        if (address, fence) not in self._known and fence not in (holder.fence for holder in self.openings(address)):
            raise LeaseLost("Draft not found.", "Start the task again.")

    def read(self, address: Address, fence: int) -> list[Record]:
        rows = self._database.rows(_READ, [*_words(address), fence])
        return [parse(entry.encode(), "A draft's entry") for (entry,) in rows]

    def addresses(self, project: str = "") -> list[Address]:
        return [Address(*row) for row in self._database.rows(_ADDRESSES, [project])]

    def openings(self, address: Address) -> list[Holder]:
        return [_holder(row) for row in self._database.rows(_OPENINGS, _words(address))]

    def drop(self, project: str, subject: str) -> int:
        count: int = self._database.value(_DROP, check_scope(f"{project}/{subject}").split("/"))
        self._known.clear()
        return count


def _arguments(part: DraftPart) -> list[Any]:
    head = (part.behind.stream, part.behind.stream, part.behind.records) if part.behind else (None, None, None)
    return [*head, *_words(part.address), part.fence, [canonical(entry).decode() for entry in part.entries]]


def _words(address: Address) -> list[Any]:
    return place_of(address).split("/")


def _holder(row: Row) -> Holder:
    return from_json(Holder, dict(zip(("fence", "until", "owner", "version", "closed"), row, strict=False)))
