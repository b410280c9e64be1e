"""The audit trail as a table: every event, read, export and refusal; who, what, when, from where, how surely known."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any

import pandas as pd

from eci_annotate.errors import BadRequest, Refused
from eci_annotate.repository.local.context import Context
from eci_annotate.repository.local.event_streams import subject_stream
from eci_annotate.store.protocols import Entry, Record
from eci_annotate.workflow.actor import Actor, Permission
from eci_annotate.workflow.codec import canonical

COLUMNS = ["at", "by", "assurance", "where", "session", "what", "project", "subject", "task", "version", "detail"]
_DETAILS = ("reason", "meaning", "verdict", "taken_from", "member", "name", "cohort", "layer", "factor")
_FIRST_SPAN, _MOST_SPAN = 128, 4096
_NEWEST_S, _SEARCH_S = 0.1, 1.0
_OLDER = re.compile(r"([0-9]{1,15})-([0-9]{4}-[0-9]{2}):([0-9]{1,15})")
Row = dict[str, Any]
Blocks = Iterator[tuple[str, list[tuple[str, Row]]]]


@dataclass(frozen=True)
class AuditQuery:
    """What to show; what is empty is not asked. `since` and `until` are the beginnings of times as stored (UTC)."""

    project: str = ""
    subject: str = ""
    by: str = ""
    what: str = ""
    since: str = ""
    until: str = ""


@dataclass(frozen=True)
class AuditPage:
    """Rows of the audit trail, newest first; `older` is where the next page begins, empty behind the last row."""

    rows: list[Row]
    older: str


def audit_table(context: Context, actor: Actor, query: AuditQuery) -> pd.DataFrame:
    """Return the rows that the actor may see, oldest first; only of projects whose audit trail they may search.

    Raises
    ------
    Refused
        The actor may not search it: an empty table would say that nobody did anything.
    """
    projects = _projects(actor, query)
    rows: list[Row] = [row for row in _rows(context, query) if row["project"] in projects and _fits(row, query)]
    rows.sort(key=_at)
    return pd.DataFrame(rows, columns=COLUMNS)


def audit_page(
    context: Context, actor: Actor, query: AuditQuery, size: int, older: str = "", search_s: float | None = None
) -> AuditPage:
    """Return up to `size` of the newest rows; events and access records are read backwards, a block at a time.

    Pages give each row once, also where a clock went wrong: rows are merged by their time, but each of the two
    sequences is in the order in which it was stored.

    Parameters
    ----------
    context, actor, query
        As for `audit_table`.
    size
        How many rows a page has.
    older
        `AuditPage.older` of the page before; empty: begin with the newest row.
    search_s
        How long to search; by default longer if the query filters. A page has fewer rows then, and the next one goes
        on from there.

    Raises
    ------
    Refused
        The actor may not search it.
    BadRequest
        `older` is not from a page.
    """
    projects, place = _projects(actor, query), _OLDER.fullmatch(older)
    if older and place is None:
        raise BadRequest("This address of older rows is not valid.", "Open the audit trail again.")
    position, month, number = place.groups() if place else ("", "9999-99", "0")
    events = _subject_blocks if query.project and query.subject else _event_blocks
    readers = [
        _NewestFirst(events(context, query, int(position or -1)), position or "0"),
        _NewestFirst(_access_blocks(context, query, month, int(number)), f"{month}:{number}" if place else "0000-00:0"),
    ]
    rows: list[Row] = []
    usual = _NEWEST_S if query == AuditQuery(query.project) else _SEARCH_S
    end = monotonic() + (usual if search_s is None else search_s)
    while len(rows) < size:
        ready = [reader.ready(end) for reader in readers]  # each of them: only what was read has a place
        if not all(ready):
            break
        full = [reader for reader in readers if reader.rows]
        if not full:
            return AuditPage(rows, "")
        _, row = max(full, key=lambda reader: _at(reader.rows[0][1])).rows.popleft()
        if row["project"] in projects and _fits(row, query):
            rows.append(row)
    return AuditPage(rows, "-".join(reader.place for reader in readers))


def _projects(actor: Actor, query: AuditQuery) -> set[str]:
    projects = {name for name in actor.roles if actor.may(Permission.AUDIT, name)}
    if not projects or (query.project and query.project not in projects):
        raise Refused("You may not search the audit trail here.", "Ask the project's owner or auditor.")
    return projects


class _NewestFirst:
    """Rows from blocks, and the `place` below which the others are; `start` is that of an empty sequence."""

    def __init__(self, blocks: Blocks, start: str) -> None:
        self._blocks, self._bottom = blocks, start
        self._began = self._ended = False
        self.rows: deque[tuple[str, Row]] = deque()

    @property
    def place(self) -> str:
        return self.rows[0][0] if self.rows else self._bottom

    def ready(self, end: float) -> bool:
        """Read until there is a row, or none is left; False if that takes too long. The first block is always read."""
        while not self.rows and not self._ended:
            if self._began and monotonic() > end:
                return False
            self._began = True
            place, rows = next(self._blocks, ("", []))
            self._ended = not place
            self._bottom = place or self._bottom
            self.rows.extend(rows)
        return True


def _at(row: Row) -> str:
    return str(row["at"])


def _fits(row: Row, query: AuditQuery) -> bool:
    same = all(getattr(query, key) in ("", row[key]) for key in ("project", "subject", "by"))
    kind = not query.what or query.what in row["what"]
    until = not query.until or row["at"][: len(query.until)] <= query.until
    return same and kind and row["at"] >= query.since and until


def _rows(context: Context, query: AuditQuery) -> Iterator[Row]:
    """Yield what may fit a query; of one subject its own stream is read only, and of a span of time its months."""
    if query.project and query.subject:
        for record in context.streams.records(subject_stream(query.project, query.subject)):
            yield _row(record, query.project, query.subject)
    else:
        for entry in context.streams.all_after():
            yield _event_row(entry)
    for month in _months(context, query):
        for record in context.access.read(month):
            yield _row(record, record["data"]["project"], record["data"]["subject"])


def _event_blocks(context: Context, query: AuditQuery, position: int) -> Blocks:
    before, span, words = position if position >= 0 else None, _FIRST_SPAN, _words(query, "by")
    while before is None or before > 1:
        before, entries = context.streams.feed_before(before, span, words)
        yield str(before), [(str(entry.position + 1), _event_row(entry)) for entry in entries]
        span = min(2 * span, _MOST_SPAN)


def _subject_blocks(context: Context, query: AuditQuery, position: int) -> Blocks:
    if position != 1:  # a block always leads further down: a page without time for a second one goes on there
        records = context.streams.records(subject_stream(query.project, query.subject))
        rows = [(str(place), _row(record, query.project, query.subject)) for place, record in enumerate(records, 2)]
        yield "1", rows[: position - 1 if position >= 0 else None][::-1]


def _access_blocks(context: Context, query: AuditQuery, last: str, before: int) -> Blocks:
    words, span = _words(query, "by", "project", "subject"), _FIRST_SPAN
    for month in reversed([month for month in _months(context, query) if month <= last]):
        count = context.access.head(month)[0]
        end = min(before, count) if month == last else count
        while end:
            begin = max(0, end - span)
            found = context.access.between(month, begin, end, words)[::-1]
            end, span = begin, min(2 * span, _MOST_SPAN)
            rows = [(f"{month}:{n + 1}", _row(r, r["data"]["project"], r["data"]["subject"])) for n, r in found]
            yield f"{month}:{end}", rows


def _words(query: AuditQuery, *keys: str) -> list[str]:
    """Return parts of the canonical JSON that every fitting record has."""
    found = [canonical({key: getattr(query, key)}).decode()[1:-1] for key in keys if getattr(query, key)]
    return found + [canonical(query.what).decode()[1:-1]] * bool(query.what)


def _months(context: Context, query: AuditQuery) -> list[str]:
    since, until = query.since[:7], query.until[:7]
    return [m for m in context.access.months() if m >= since and (not until or m[: len(until)] <= until)]


def _event_row(entry: Entry) -> Row:
    _, project, *subject = entry.stream.split("/")
    return _row(entry.record, project, subject[0] if subject else "")


def _in_utc(at: str) -> str:
    """Return a time as all rows have it: in UTC, with microseconds, ending in Z; what has no zone stays as it is."""
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        return at
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}" if moment.tzinfo else at


def _row(record: Record, project: str, subject: str) -> Row:
    data = record["data"]
    told = [str(data["what"])] if "what" in data else [f"{k}: {data[k]}" for k in _DETAILS if data.get(k)]
    found = {key: data.get(key, "") for key in ("at", "by", "assurance", "where", "session", "task", "version")}
    found["at"] = _in_utc(found["at"])
    return {**found, "what": record["name"], "project": project, "subject": subject, "detail": "; ".join(told)}
