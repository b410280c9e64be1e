"""Subjects of a project as a table: filters, sorting, pages; what a view hides, no filter finds."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from eci_annotate.errors import Refused
from eci_annotate.repository.backend import SORTS, Backend, SubjectQuery
from eci_annotate.workflow.subject.state import TaskStatus
from eci_annotate.workflow.subject.view import SubjectView

MARKS = {TaskStatus.SIGNED: "●", TaskStatus.OPEN: "◐", TaskStatus.READY: "○", TaskStatus.BLOCKED: "·"}
COLUMNS = ["subject", "site", "cohort", "included", "live", "stage", "progress"]


def check_query(query: SubjectQuery) -> SubjectQuery:
    """`query`; Refused, naming what there is, when it can not be answered."""
    if query.sort not in SORTS:
        raise Refused(f"Cannot sort by {query.sort!r}.", f"Sort by {', '.join(SORTS)}.")
    if query.offset < 0 or not 0 <= query.size <= 10_000 or query.position < 0:
        raise Refused("Page not found.", "A page starts at 0 or later and has at most 10000 subjects; so do positions.")
    today = SubjectQuery(query.contains, query.site, signed=query.signed, offset=query.offset, size=query.size)
    if query.position and replace(query, position=0) != today:
        raise Refused("Subjects as they stood earlier are listed by name only.", "Leave out other filters and orders.")
    return query


def subject_table(backend: Backend, project: str, query: SubjectQuery) -> tuple[pd.DataFrame, int]:
    """One page of subjects, and how many there are in all.

    Raises
    ------
    Refused
        There is no such order; names those there are.
    """
    page = backend.subjects(project, query)
    return pd.DataFrame([_row(seen) for seen in page.views], columns=COLUMNS), page.total


def _row(seen: SubjectView) -> list[object]:
    marks = "".join(MARKS[status] for _, status in seen.progress)
    return [seen.subject, seen.site, seen.cohort, seen.included, seen.live, seen.stage, marks]
