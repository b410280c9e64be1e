"""The audit trail as a table: every event, read, export and refusal; who, what, when, from where, how surely known."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import pandas as pd

from eci_annotate.errors import Refused
from eci_annotate.repository.local.context import Context
from eci_annotate.repository.local.event_streams import subject_stream
from eci_annotate.store.protocols import Record
from eci_annotate.workflow.actor import Actor, Permission

COLUMNS = ["at", "by", "assurance", "where", "session", "what", "project", "subject", "task", "version", "detail"]
_DETAILS = ("reason", "meaning", "verdict", "taken_from", "member", "name", "cohort", "layer", "factor")


@dataclass(frozen=True)
class AuditQuery:
    """What to show; what is empty is not asked. `since` and `until` are the beginnings of times as stored (UTC).

    `newest` is how many of the newest rows are wanted; 0: all.
    """

    project: str = ""
    subject: str = ""
    by: str = ""
    what: str = ""
    since: str = ""
    until: str = ""
    newest: int = 0


def audit_table(context: Context, actor: Actor, query: AuditQuery) -> pd.DataFrame:
    """The rows that the actor may see, oldest first; only of projects whose audit trail they may search.

    `attrs["total"]` is how many fit the query, where only the newest are given: the others are never in memory.

    Raises
    ------
    Refused
        The actor may not search it: an empty table would say that nobody did anything.
    """
    projects = {name for name in actor.roles if actor.may(Permission.AUDIT, name)}
    if not projects or (query.project and query.project not in projects):
        raise Refused("You may not search the audit trail here.", "Ask the project's owner or auditor.")
    counted = count()
    fitting = (row for row in _rows(context, query) if row["project"] in projects and _fits(row, query))
    numbered = ((row["at"], next(counted), row) for row in fitting)
    kept = heapq.nlargest(query.newest, numbered) if query.newest else list(numbered)
    table = pd.DataFrame([row for _, _, row in sorted(kept)], columns=COLUMNS)
    table.attrs["total"] = next(counted)
    return table


def _fits(row: dict[str, Any], query: AuditQuery) -> bool:
    same = all(getattr(query, key) in ("", row[key]) for key in ("project", "subject", "by"))
    kind = not query.what or query.what in row["what"]
    until = not query.until or row["at"][: len(query.until)] <= query.until
    return same and kind and row["at"] >= query.since and until


def _rows(context: Context, query: AuditQuery) -> Iterator[dict[str, Any]]:
    """Yield what may fit a query; of one subject its own stream is read only, and of a span of time its months."""
    if query.project and query.subject:
        for record in context.streams.records(subject_stream(query.project, query.subject)):
            yield _row(record, query.project, query.subject)
    else:
        for entry in context.streams.all_after():
            _, project, *subject = entry.stream.split("/")
            yield _row(entry.record, project, subject[0] if subject else "")
    for month in context.access.months():
        if month >= query.since[:7] and (not query.until or month[: len(query.until)] <= query.until[:7]):
            for record in context.access.read(month):
                yield _row(record, record["data"]["project"], record["data"]["subject"])


def _row(record: Record, project: str, subject: str) -> dict[str, Any]:
    data = record["data"]
    told = [str(data["what"])] if "what" in data else [f"{k}: {data[k]}" for k in _DETAILS if data.get(k)]
    found = {key: data.get(key, "") for key in ("at", "by", "assurance", "where", "session", "task", "version")}
    return {**found, "what": record["name"], "project": project, "subject": subject, "detail": "; ".join(told)}
