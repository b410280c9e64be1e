"""Tables for people: the worklist, the annotations, the result of a verification. pandas in, nothing else out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from eci_annotate.errors import Tampered
from eci_annotate.repository.backend import Backend, Check, SubjectQuery
from eci_annotate.workflow.subject.lease import to_minute
from eci_annotate.workflow.subject.view import SubjectView, TaskView
from eci_annotate.workflow.usecase.pipeline import TaskKind

MOST_URGENT = 500
ANNOTATION_INDEX = ["project", "subject", "task", "reader", "version", "uid"]
ANNOTATION_COLUMNS = ["kind", "label", "colour", "series", "frame", "volume_mm3", "signed_at", "seal"]
STATUS_COLUMNS = ["verdict", "superseded"]
WORKLIST_COLUMNS = ["project", "subject", "task", "title", "status", "version", "until", "remark"]


def startable(backend: Backend, projects: Sequence[str], asked: SubjectQuery) -> tuple[list[SubjectView], bool]:
    """Return the subjects of a page of each project, urgent ones of later pages too; and whether there are more."""
    pages = [backend.subjects(name, asked) for name in projects]
    more = any(page.total > len(page.views) for page in pages)
    if more:  # what comes first may belong to any subject
        pages += [backend.subjects(name, replace(asked, urgent=True, size=MOST_URGENT)) for name in projects]
    return list({(seen.project, seen.subject): seen for page in pages for seen in page.views}.values()), more


def offered(subjects: Iterable[SubjectView]) -> Iterator[tuple[SubjectView, TaskView]]:
    """The tasks that may be started now, and those held."""
    pairs = ((seen, task) for seen in subjects for task in seen.tasks if task.kind != TaskKind.INGEST)
    return ((seen, task) for seen, task in pairs if task.may_start or task.elsewhere)


def worklist(subjects: Iterable[SubjectView]) -> pd.DataFrame:
    """Only what may be started now, and what is held; one row per task."""
    rows = [_work_row(seen, task) for seen, task in offered(subjects)]
    return pd.DataFrame(rows, columns=WORKLIST_COLUMNS)


def _work_row(seen: SubjectView, task: TaskView) -> dict[str, Any]:
    return {
        "project": seen.project,
        "subject": seen.subject,
        "task": task.name,
        "title": task.title,
        "status": "yours" if task.mine or task.elsewhere else task.status.value,
        "version": task.version + 1,
        "until": to_minute(task.until) if task.until else "",
        "remark": _remark(task),
    }


def _remark(task: TaskView) -> str:
    if task.elsewhere:
        return "open in another of your sessions: start with take_over=True"
    return f"rejected: {task.rejected}" if task.rejected else ""


def layers(seen: SubjectView) -> pd.DataFrame:
    """Data layers: name, version, media type, size in bytes, by whom, when."""
    rows = [[e.layer, e.version, e.media_type, e.size, e.by, to_minute(e.at)] for e in seen.layers]
    return pd.DataFrame(rows, columns=["layer", "version", "media_type", "size", "by", "at"])


def annotation_table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Annotations indexed by project, subject, task, reader, version and uid."""
    table = pd.DataFrame(rows, columns=[*ANNOTATION_INDEX, *ANNOTATION_COLUMNS, *STATUS_COLUMNS])
    return table.astype({"superseded": bool, "volume_mm3": float}).set_index(ANNOTATION_INDEX)


class Verification:
    """The outcome of a verification; every check is a row of `table`."""

    def __init__(self, checks: list[Check]) -> None:
        self.checks = checks

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)

    @property
    def failed(self) -> list[Check]:
        """The checks that did not."""
        return [check for check in self.checks if not check.passed]

    def check(self) -> None:
        """Raise `Tampered`, naming the first check that failed and how many did, unless all passed."""
        if self.failed:
            first = self.failed[0]
            where = f"{first.subject} {first.task} version {first.version}, {first.check}"
            names = ", ".join(dict.fromkeys(check.check for check in self.failed))
            what = f"{len(self.failed)} of {len(self.checks)} checks failed ({names}); {where}: {first.detail}"
            raise Tampered(what, "Restore it from a backup.")

    @property
    def table(self) -> pd.DataFrame:
        """subject, task, version, check, passed, detail."""
        columns = ["subject", "task", "version", "check", "passed", "detail"]
        return pd.DataFrame([vars(check) for check in self.checks], columns=columns)

    def _repr_html_(self) -> str:
        return str(self.table.to_html(index=False))

    def __repr__(self) -> str:
        return f"<Verification: {len(self.checks)} checks, {len(self.failed)} failed>"
