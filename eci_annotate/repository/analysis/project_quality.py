"""How a running project does: progress and forecast, rejections, agreement over time; and why a subject is not ready.

Everything comes from the views of one actor: what blinding hides from them is not counted, and said to be hidden.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from eci_annotate.errors import NotFound
from eci_annotate.repository.analysis.readings import EACH, WITHIN, Handle, Readings, gather
from eci_annotate.repository.analysis.weekly_agreement import weekly
from eci_annotate.workflow.subject.events import VersionSigned
from eci_annotate.workflow.subject.state import TaskStatus
from eci_annotate.workflow.subject.view import SubjectView, TaskView
from eci_annotate.workflow.usecase.pipeline import DRAWN, Decision, TaskKind, readings_of
from eci_annotate.workflow.usecase.usecase import UseCase

RATE_DAYS, MOST_TIMED = 28, 100
STATUSES = tuple(reversed(TaskStatus))
TASKS = ["task", "title", "wanted", *map(str, STATUSES), "progress_percent", "per_day", "days_left", "done_by"]
DAYS, REJECTIONS = ["day", "task", "signatures"], ["task", "reader", "reason", "rejections"]
MINUTES = ["task", "title", "versions", "median", "quarter", "three_quarters", "drawing", "reporting"]
HIDDEN = "hidden"
_NUMBER = re.compile(r" \(\d+ of \d+\)$")


@dataclass(frozen=True)
class ProjectQuality:
    """Progress, rejections and agreement of a project, as one member may see them.

    Parameters
    ----------
    subjects
        Their views; only those that are included, live and not withdrawn count.
    case_of
        Gives a use-case definition by its digest.
    handle
        Gives a signed version, to read the volumes that agreement compares.
    now
        Forecasts are made from here.
    """

    subjects: Sequence[SubjectView]
    case_of: Callable[[str], UseCase]
    handle: Handle
    now: datetime

    @cached_property
    def _counted(self) -> list[SubjectView]:
        return [each for each in self.subjects if each.included and each.live and not each.withdrawn]

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row per task or group of readings: counts, progress, and the forecast from the signatures of four weeks.

        `wanted` is how many signatures the project needs, and no subject counts for more than its own; `per_day`,
        `days_left` and `done_by` are missing where nothing was signed lately, or signatures are hidden from you.
        """
        cells: dict[str, list[tuple[list[TaskView], int]]] = defaultdict(list)
        for seen in self._counted:
            for name, tasks in _by_group(seen).items():
                cells[name].append((tasks, self._need(seen, name)))
        return pd.DataFrame([self._row(name, each) for name, each in cells.items()], columns=TASKS)

    def _need(self, seen: SubjectView, name: str) -> int:
        readings = readings_of(self.case_of(seen.use_case).pipeline, name)
        return next((each.readers for each in readings if each.group), 1)

    def _row(self, name: str, cells: Sequence[tuple[Sequence[TaskView], int]]) -> dict[str, Any]:
        """Return the row of a task, or group, from its tasks in each subject and how many of them are needed there."""
        tasks, wanted = [task for cell, _ in cells for task in cell], sum(need for _, need in cells)
        status = Counter(task.status for task in tasks)
        done = sum(min(sum(task.status == TaskStatus.SIGNED for task in cell), need) for cell, need in cells)
        rate = self._rate(cells)
        left = math.ceil((wanted - done) / rate) if rate else None
        return {
            "task": name,
            "title": _title(tasks[0]),
            "wanted": wanted,
            **{each.value: status[each] for each in STATUSES},
            "progress_percent": 100 * done // wanted if wanted else 100,
            "per_day": round(rate, 2) if rate else None,
            "days_left": left,
            "done_by": (self.now + timedelta(days=left)).date() if left is not None else None,
        }

    def _rate(self, cells: Sequence[tuple[Sequence[TaskView], int]]) -> float | None:
        """Return first versions per day in the last four weeks, or since the first one; None if not known.

        Of each subject as many count as it needs.
        """
        if any(task.status == TaskStatus.SIGNED and not task.signed for tasks, _ in cells for task in tasks):
            return None  # hidden from this member
        first = (sorted(task.signed[0].at for task in tasks if task.signed)[:need] for tasks, need in cells)
        begun = [at for times in first for at in times]
        since = max(min(begun, default=self.now), self.now - timedelta(days=RATE_DAYS))
        days = max((self.now - since).total_seconds() / 86400, 1.0)
        return sum(at >= since for at in begun) / days or None

    @cached_property
    def days(self) -> pd.DataFrame:
        """Signatures per day (UTC) and task, of those that you may see."""
        found: Counter[tuple[date, str]] = Counter()
        for _, task in self._tasks():
            found.update((each.at.date(), task.group or task.name) for each in task.signed)
        return pd.DataFrame([[*key, count] for key, count in sorted(found.items())], columns=DAYS)

    @cached_property
    def rejections(self) -> pd.DataFrame:
        """How often which reader's versions were rejected, by reason; readers that are hidden from you are "hidden"."""
        found: Counter[tuple[str, str, str]] = Counter()
        for seen, review in self._tasks():
            if review.kind == TaskKind.REVIEW:
                found.update(self._rejected(seen, review))
        rows = [[*key, count] for key, count in sorted(found.items(), key=lambda item: (-item[1], item[0]))]
        return pd.DataFrame(rows, columns=REJECTIONS)

    def _rejected(self, seen: SubjectView, review: TaskView) -> Iterator[tuple[str, str, str]]:
        pipeline = self.case_of(seen.use_case).pipeline
        about = next((each.of for each in pipeline if each.name == review.name), "")
        for each in review.signed:
            if each.verdict == Decision.REJECT:
                yield about, _reader(seen, about, each), each.reason or "no reason given"

    @cached_property
    def agreement(self) -> pd.DataFrame:
        """Double readings per week (UTC): difference of the volume of all lesions (of their mean), equal counts.

        Versions of one task by several people are no double reading: each began from the one before. Readings whose
        readers are hidden from you are left out. `Repository.agreement` says more.
        """
        found = ((name, each) for name, readings in self._gathered for each in readings.first.values())
        latest = ((name, list({reading.task: reading for reading in each}.values())) for name, each in found)
        pairs = ((name, each[0], each[1]) for name, each in latest if len(each) > 1)
        return weekly((name, "", one, other) for name, one, other in pairs if one.reader != other.reader)

    @cached_property
    def repeats(self) -> pd.DataFrame:
        """Repeated readings per week and reader: the second reading of a subject beside the same person's first one."""
        found = (
            (name, pair[1].reader, pair[0], pair[1])
            for name, readings in self._gathered
            for comparison in readings.comparisons()
            if comparison.kind == WITHIN and comparison.name != EACH
            for pair in comparison.subjects.values()
        )
        return weekly(found, by_reader=True)

    @cached_property
    def active_minutes(self) -> pd.DataFrame:
        """Active minutes per drawn task, or group of readings: median, quartiles, and medians of drawing and reporting.

        Of the newest 100 signed versions that you may see and that state times; pauses do not count (`active_times`).
        """
        signed: dict[tuple[str, str], list[tuple[SubjectView, VersionSigned]]] = defaultdict(list)
        for seen, task in self._tasks():
            if task.kind in DRAWN:
                signed[task.group or task.name, _title(task)] += [(seen, event) for event in task.signed]
        rows = (self._minutes(*name, found) for name, found in signed.items())
        return pd.DataFrame([row for row in rows if row], columns=MINUTES)

    def _minutes(self, name: str, title: str, signed: list[tuple[SubjectView, VersionSigned]]) -> list[Any]:
        newest = sorted(signed, key=lambda each: each[1].at, reverse=True)[:MOST_TIMED]
        times = [spent for each in newest if (spent := self.handle(*each).active_time())]
        if not times:
            return []
        parts = np.array([[each.total_s, each.drawing_s, each.reporting_s] for each in times]) / 60
        quarter, median, most = np.percentile(parts[:, 0], (25, 50, 75))
        return [
            name,
            title,
            len(times),
            *np.round([median, quarter, most, *np.median(parts[:, 1:], axis=0)], 1).tolist(),
        ]

    @cached_property
    def _gathered(self) -> list[tuple[str, Readings]]:
        """The readings of each drawn task, or group of tasks, by its name."""
        found = []
        for name in dict.fromkeys(task.group or task.name for _, task in self._tasks() if task.kind in DRAWN):
            with suppress(NotFound):
                found.append((name, gather(self._counted, self.case_of, self.handle, name)))
        return found

    def _tasks(self) -> Iterator[tuple[SubjectView, TaskView]]:
        return ((seen, task) for seen in self._counted for task in seen.tasks if task.kind != TaskKind.INGEST)

    def _repr_html_(self) -> str:
        return str(self.table.to_html(index=False))


def _by_group(seen: SubjectView) -> dict[str, list[TaskView]]:
    found: dict[str, list[TaskView]] = defaultdict(list)
    for task in seen.tasks:
        if task.kind != TaskKind.INGEST:
            found[task.group or task.name].append(task)
    return found


def _title(task: TaskView) -> str:
    """Return the title of a task; of a reading that of its group, without its number."""
    return _NUMBER.sub("", task.title) if task.group else task.title


def _reader(seen: SubjectView, task: str, review: VersionSigned) -> str:
    """Return who signed what a review is about, as the member sees it."""
    tasks = (each for each in seen.tasks if each.name == task)
    versions = (each for found in tasks for each in found.signed)
    return next((each.by for each in versions if each.version == review.basis.get(task)), HIDDEN)
