"""Who read what: the signed readings of a task as columns that can be compared, each subject beside itself.

They come from views alone, so nobody compares what they may not see. Of each reader the newest version counts, unless
it was rejected; readings count below an adjudication too, since readers are compared. What is left out is said in
`notes`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

from eci_annotate.archive.protocol import Study, study_ages
from eci_annotate.errors import NotFound
from eci_annotate.imaging.annotations import Annotation
from eci_annotate.repository.task import Signed
from eci_annotate.workflow.subject.blinding import is_nameless
from eci_annotate.workflow.subject.events import VersionSigned
from eci_annotate.workflow.subject.verdict import Verdict
from eci_annotate.workflow.subject.view import SubjectView, TaskView
from eci_annotate.workflow.usecase.pipeline import readings_of
from eci_annotate.workflow.usecase.usecase import UseCase

BETWEEN, WITHIN = "between readers", "of one reader"
EACH = "each reader, again"


def volume_in(row: Mapping[str, Any]) -> float:
    """Return the volume of a row about an annotation, mm3; nan if it has none (on a projection)."""
    return float("nan") if row["volume_mm3"] is None else float(row["volume_mm3"])


class Reading:
    """A signed version whose content is read once."""

    def __init__(self, signed: Signed, task: str) -> None:
        self.signed, self.task = signed, task
        self.subject, self.reader, self.version = signed.subject, signed.reader, signed.version

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """One row per annotation, with its volume."""
        return self.signed.rows()

    @cached_property
    def lesion_rows(self) -> list[dict[str, Any]]:
        """The rows without what a gate allows beside the lesions, such as the organ."""
        beside = self.signed.use_case.labels_beside
        return [row for row in self.rows if row["label"] not in beside]

    @cached_property
    def report(self) -> dict[str, Any]:
        """The form's answers."""
        return self.signed.report

    @cached_property
    def _annotations(self) -> list[Annotation]:
        return self.signed.annotations()

    def annotations(self) -> list[Annotation]:
        """The annotations as they were signed."""
        return self._annotations

    @cached_property
    def studies(self) -> list[Study]:
        """The studies of the subject."""
        return self.signed.studies()

    @cached_property
    def prior_series(self) -> frozenset[str]:
        """The series of the subject's prior studies."""
        ages = zip(self.studies, study_ages(self.studies), strict=True)
        prior = (study for study, age in ages if age == "prior")
        return frozenset(series.series_uid for study in prior for series in study.series)


@dataclass(frozen=True)
class Comparison:
    """Columns to be compared: by subject one reading for each.

    Parameters
    ----------
    name, kind
        As people read it; ``between readers`` or ``of one reader``.
    columns
        Names of the columns: readers, or first and again.
    subjects
        One reading per column, of those subjects that have them all.
    """

    name: str
    kind: str
    columns: tuple[str, ...]
    subjects: Mapping[str, tuple[Reading, ...]]

    @property
    def counted(self) -> str:
        """How many subjects, in words."""
        return f"{len(self.subjects)} subject{'s' * (len(self.subjects) != 1)}"


@dataclass(frozen=True)
class Readings:
    """By subject: the readings of a task in the order of the pipeline, and the repeated ones."""

    first: Mapping[str, Sequence[Reading]]
    again: Mapping[str, Sequence[Reading]]
    notes: tuple[str, ...]
    case: UseCase

    def comparisons(self) -> list[Comparison]:
        """Each pair of readers, all of them together, whoever read, and each reader with themselves."""
        found = [*self._pairs(), *self._together(), *self._whoever(), *self._repeats()]
        return [each for each in found if each.subjects]

    @cached_property
    def readers(self) -> list[str]:
        """Who read, sorted."""
        return sorted({each.reader for readings in self.first.values() for each in readings})

    def _by(self, *readers: str) -> dict[str, tuple[Reading, ...]]:
        tables = {subject: {each.reader: each for each in found} for subject, found in self.first.items()}
        whole = {subject: table for subject, table in tables.items() if set(readers) <= set(table)}
        return {subject: tuple(table[reader] for reader in readers) for subject, table in whole.items()}

    def _pairs(self) -> Iterator[Comparison]:
        for pair in combinations(self.readers, 2):
            yield Comparison(" – ".join(pair), BETWEEN, pair, self._by(*pair))

    def _together(self) -> Iterator[Comparison]:
        if len(self.readers) > 2:
            yield Comparison(f"all {len(self.readers)} readers", BETWEEN, tuple(self.readers), self._by(*self.readers))

    def _whoever(self) -> Iterator[Comparison]:
        """Where readers change from subject to subject; ICC(1,1) is the one for this."""
        if len(self.readers) > 2:
            pairs = {subject: tuple(found[:2]) for subject, found in self.first.items() if len(found) > 1}
            yield Comparison("two readings, whoever read", BETWEEN, ("first", "second"), pairs)

    def _repeats(self) -> Iterator[Comparison]:
        pairs = {s: pair for s, found in self.again.items() for pair in self._with_first(s, found)}
        readers = sorted({pair[0].reader for pair in pairs.values()})
        for reader in readers:
            own = {subject: pair for subject, pair in pairs.items() if pair[0].reader == reader}
            yield Comparison(f"{reader}, again", WITHIN, ("first", "again"), own)
        if len(readers) > 1:
            yield Comparison(EACH, WITHIN, ("first", "again"), pairs)

    def _with_first(self, subject: str, again: Sequence[Reading]) -> Iterator[tuple[Reading, Reading]]:
        for repeat in again:
            yield from ((each, repeat) for each in self.first.get(subject, ()) if each.reader == repeat.reader)


Handle = Callable[[SubjectView, VersionSigned], Signed]


def gather(subjects: Sequence[SubjectView], case_of: Callable[[str], UseCase], handle: Handle, task: str) -> Readings:
    """The readings of `task` (a task, or a group of readings) among `subjects`.

    Raises
    ------
    NotFound
        No subject has such a task for this actor, or nothing of it can be compared.
    """
    first: dict[str, list[Reading]] = {}
    again: dict[str, list[Reading]] = {}
    left_out, case, rejected = Counter[str](), None, 0
    for seen in subjects:
        pipeline = case_of(seen.use_case).pipeline
        names = [each.name for each in readings_of(pipeline, task)]
        case = case_of(seen.use_case) if names else case
        if why := _left_out(seen):
            left_out[why] += 1
            continue
        repeats = [each.name for each in pipeline if each.repeats in names]
        tasks = {each.name: each for each in seen.tasks}
        first[seen.subject] = [r for n in names if n in tasks for r in _readings(seen, tasks[n], handle)]
        again[seen.subject] = [r for n in repeats if n in tasks for r in _readings(seen, tasks[n], handle)]
        rejected += sum(_rejected_readers(tasks[n]) for n in (*names, *repeats) if n in tasks)
    if case is None:
        raise NotFound(f"No subject that you may see has a task {task!r}.", "Name a task or group of the pipeline.")
    notes = [*_notes(first, again, left_out, task), *_rejected_note(rejected)]
    return Readings(first, again, tuple(notes), case)


def _left_out(seen: SubjectView) -> str:
    nameless = any(is_nameless(each) for task in seen.tasks for each in task.signed)
    reasons = {"withdrawn": seen.withdrawn, "excluded": not seen.included, "for test": not seen.live}
    reasons["whose readers are hidden from you until they are adjudicated"] = nameless
    return next((why for why, holds in reasons.items() if holds), "")


def _readings(seen: SubjectView, task: TaskView, handle: Handle) -> list[Reading]:
    return [Reading(handle(seen, each), task.name) for each, _ in task.chosen(readings=True)]


def _rejected_readers(task: TaskView) -> int:
    return sum(each.newest and each.verdict == Verdict.REJECTED for each in task.statuses)


def _notes(
    first: Mapping[str, Sequence[Reading]], again: Mapping[str, Sequence[Reading]], left_out: Counter[str], task: str
) -> Iterator[str]:
    for why, count in left_out.items():
        yield f"Left out: {count} subject{'s' * (count > 1)} {why}."
    single = sum(len(found) == 1 and not again[subject] for subject, found in first.items())
    if single:
        yield f"Left out: {single} subject{'s' * (single > 1)} with one reading that you may see."
    none = sum(not found for found in first.values())
    if none:
        yield f"Left out: {none} subject{'s' * (none > 1)} with no signed reading that you may see."
    if any({each.task for each in found} == {task} and len(found) > 1 for found in first.values()):
        yield f"Versions of {task!r} by several people: each began from the one before, so they are not independent."


def _rejected_note(count: int) -> list[str]:
    one = "1 reading whose newest version was"
    return [f"Left out: {one if count == 1 else f'{count} readings whose newest versions were'} rejected."] * bool(
        count
    )
