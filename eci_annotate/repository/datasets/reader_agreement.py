"""How well readers agree, for the datasheet of a training set: of all subjects of its projects that were read twice."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from eci_annotate.errors import EciError, NotFound, StoreUnavailable
from eci_annotate.repository.backend import SubjectQuery, every_subject
from eci_annotate.repository.datasets.dataset_plan import DatasetPlan
from eci_annotate.repository.repository import Repository
from eci_annotate.workflow.usecase.pipeline import DRAWN

COLUMNS = ("comparison", "of", "measure", "value", "low", "high", "n", "missing")
NONE = "No subject has two signed readings that you may see."
DIGITS = 4


@dataclass(frozen=True)
class ReaderAgreement:
    """Measures with 95 % intervals, a row each, as plain values; and what is to be said about them."""

    rows: tuple[dict[str, Any], ...] = ()
    notes: tuple[str, ...] = ()


def reader_agreement(repository: Repository, plan: DatasetPlan) -> ReaderAgreement:
    """Return the agreement of the readings of each project; an error is a note and stops nothing."""
    rows: list[dict[str, Any]] = []
    notes: list[str] = []
    for project, task in _read_tasks(repository, plan):
        try:
            found = repository.agreement(project, task, position=plan.position)
            rows += [_row(project, task, row) for row in found.table.to_dict("records")]
            notes += [f"{project}, {task}: {note}" for note in found.notes]
        except NotFound:
            continue  # nobody read it twice
        except StoreUnavailable:
            raise
        except EciError as error:
            notes.append(f"{project}, {task}: {error.what} {error.remedy}".strip())
    return ReaderAgreement(tuple(rows), tuple(notes or ([] if rows else [NONE])))


def _read_tasks(repository: Repository, plan: DatasetPlan) -> Iterator[tuple[str, str]]:
    """Yield each project with each of its tasks, or groups of readings, that hold annotations."""
    asked = SubjectQuery(position=plan.position)
    for project in plan.projects:
        tasks = [task for seen in every_subject(repository.backend, project, asked) for task in seen.tasks]
        yield from (
            (project, name) for name in sorted({task.group or task.name for task in tasks if task.kind in DRAWN})
        )


def _row(project: str, task: str, row: Mapping[Any, Any]) -> dict[str, Any]:
    return {"project": project, "task": task} | {name: _plain(row[name]) for name in COLUMNS}


def _plain(value: Any) -> str | int | float | None:
    """Return a cell as JSON holds it; numbers with four decimals, None for one that is unknown."""
    if isinstance(value, str):
        return value
    number = float(value)
    if not math.isfinite(number):
        return None
    return int(number) if number.is_integer() and not isinstance(value, float) else round(number, DIGITS)
