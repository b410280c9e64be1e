"""Subjects of a project as a table: filters, sorting, pages; what a view hides, no filter finds."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from eci_annotate.errors import Refused
from eci_annotate.repository.protocols import Backend
from eci_annotate.workflow.state import BLOCKED, OPEN, READY, SIGNED
from eci_annotate.workflow.view import SubjectView

MARKS = {SIGNED: "●", OPEN: "◐", READY: "○", BLOCKED: "·"}
COLUMNS = ["subject", "site", "cohort", "included", "live", "stage", "progress"]
SORTS = ("subject", "site", "cohort", "stage", "progress")


@dataclass(frozen=True)
class SubjectQuery:
    """Which subjects; what is empty or None is not asked."""

    contains: str = ""
    site: str = ""
    cohort: str = ""
    stage: str = ""
    included: bool | None = None
    live: bool | None = None
    sort: str = "subject"
    descending: bool = False
    offset: int = 0
    size: int = 20


def subject_table(backend: Backend, project: str, query: SubjectQuery) -> tuple[pd.DataFrame, int]:
    """One page of subjects, and how many there are in all.

    Raises
    ------
    Refused
        There is no such order; names those there are.
    """
    if query.sort not in SORTS:
        raise Refused(f"There is no order by {query.sort!r}.", f"Sort by {', '.join(SORTS)}.")
    found = [seen for seen in backend.subjects(project, query.contains) if _fits(seen, query)]
    found.sort(key=lambda seen: (_key(seen, query.sort), seen.subject), reverse=query.descending)
    page = found[query.offset : query.offset + query.size]
    return pd.DataFrame([_row(seen) for seen in page], columns=COLUMNS), len(found)


def _fits(seen: SubjectView, query: SubjectQuery) -> bool:
    words = all(getattr(query, key) in ("", getattr(seen, key)) for key in ("site", "cohort", "stage"))
    return words and all(getattr(query, key) in (None, getattr(seen, key)) for key in ("included", "live"))


def _key(seen: SubjectView, sort: str) -> str:
    return f"{_share(seen):.6f}" if sort == "progress" else str(getattr(seen, sort))


def _share(seen: SubjectView) -> float:
    done = sum(status == SIGNED for _, status in seen.progress)
    return done / max(len(seen.progress), 1)


def _row(seen: SubjectView) -> list[object]:
    marks = "".join(MARKS[status] for _, status in seen.progress)
    return [seen.subject, seen.site, seen.cohort, seen.included, seen.live, seen.stage, marks]
