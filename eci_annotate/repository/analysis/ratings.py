"""What readers rated, as a table for measures of agreement: one row per lesion or question, one column per rater."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import isnan
from typing import Any

import pandas as pd

from eci_annotate.repository.analysis.annotation_pairs import StudyOf, grouped, studies_by_series
from eci_annotate.repository.analysis.readings import Comparison, Reading, volume_in

ALL = "all labels"
PRIOR_STUDY, CHANGE = ", prior study", ", change since the prior study"
Volumes = tuple[float | None, ...]
Group = tuple["RatingRow | None", ...]


@dataclass(frozen=True)
class RatingRow:
    """An annotation as a row of a version's table: enough to pair it and to know its volume."""

    uid: str
    label: str
    series_uid: str
    kind: str
    volume_mm3: float
    frame_uid: str = ""


@dataclass(frozen=True)
class Targets:
    """What was rated: one row per target, one column per rater; NaN or None where a rater has nothing."""

    rows: list[tuple[Any, ...]] = field(default_factory=list)
    subjects: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)

    def add(self, subject: str, label: str, values: tuple[Any, ...]) -> None:
        """One more target."""
        self.rows.append(values)
        self.subjects.append(subject)
        self.labels.append(label)

    def of(self, *labels: str) -> Targets:
        """Those of some labels."""
        found = Targets()
        for subject, each, values in zip(self.subjects, self.labels, self.rows, strict=True):
            if each in labels:
                found.add(subject, each, values)
        return found

    def whole(self) -> tuple[pd.DataFrame, list[str]]:
        """The targets that every rater has, and their subjects."""
        kept = [(s, r) for s, r in zip(self.subjects, self.rows, strict=True) if all(each is not None for each in r)]
        return pd.DataFrame([row for _, row in kept]), [subject for subject, _ in kept]


def volumes(comparison: Comparison) -> Targets:
    """Return the volume of each lesion (mm³) by column.

    Lesions of a prior study are targets with a label of their own, and so is the change of a lesion that has one
    annotation on either: volumes before and after a treatment differ more than readers do.
    """
    found = Targets()
    for subject, readings in comparison.subjects.items():
        prior = readings[0].prior_series
        ages: dict[str, tuple[list[Volumes], list[Volumes]]] = {}
        for group in _without_further(groups_of(readings), studies_by_series(readings[0].studies)):
            some = next(each for each in group if each is not None)
            is_prior, values = some.series_uid in prior, tuple(map(_volume, group))
            found.add(subject, some.label + PRIOR_STUDY * is_prior, values)
            ages.setdefault(some.label, ([], []))[is_prior].append(values)
        for label, (now, before) in ages.items():
            if len(now) == len(before) == 1:
                found.add(subject, label + CHANGE, tuple(map(_change, now[0], before[0])))
    return found


def groups_of(readings: Sequence[Reading]) -> list[Group]:
    """Return the annotations of each lesion in the readings of one subject; None where one has none."""
    return grouped([_rows_of(each) for each in readings], studies_by_series(readings[0].studies))


def _without_further(groups: Sequence[Group], study_of: StudyOf) -> list[Group]:
    """Leave out what some readers drew of a lesion on further series, or as another kind, beside what all have."""
    drawn: dict[tuple[str, str] | None, set[tuple[str, str]]] = {}
    for group in groups:
        if None not in group:
            drawn.setdefault(_lesion(group, study_of), set()).update((e.series_uid, e.kind) for e in group if e)
    drawn.pop(None, None)
    return [
        group
        for group in groups
        if None not in group
        or (places := drawn.get(_lesion(group, study_of))) is None
        or any((each.series_uid, each.kind) in places for each in group if each)
    ]


def _lesion(group: Group, study_of: StudyOf) -> tuple[str, str] | None:
    """Return label and study of a group; None without a label."""
    some = next(each for each in group if each is not None)
    return (some.label, study_of(some.series_uid)) if some.label else None


def series_notes(comparisons: Sequence[Comparison]) -> Iterator[str]:
    """Yield what to know of lesions that readers drew on different series, in sentences."""
    apart, shared, further = set(), set(), set()
    for comparison in comparisons:
        for subject, readings in comparison.subjects.items():
            study_of = studies_by_series(readings[0].studies)
            alone: dict[tuple[str, str], set[str]] = {}
            groups = groups_of(readings)
            kept = _without_further(groups, study_of)
            counts = Counter(_lesion(group, study_of) for group in kept if None not in group)
            labels = {_lesion(group, study_of) for group in groups if group not in kept}
            labels |= {lesion for lesion, count in counts.items() if count > 1}
            further |= {(subject, lesion[0]) for lesion in labels if lesion}
            for group in kept:
                rows = [each for each in group if each is not None]
                if len({each.series_uid for each in rows}) > 1:
                    shared.add((subject, rows[0].label))
                if len(rows) < len(group):
                    for each in rows:
                        alone.setdefault((each.label, study_of(each.series_uid)), set()).add(each.series_uid)
            apart |= {(subject, label) for (label, _), series in alone.items() if len(series) > 1}
    if shared:
        yield f"Drawn on different series of one study, and compared there: {_named(shared)}."
    if further:
        yield (
            f"Drawn several times in one study: each drawing that all readers have is a row of its own, further ones "
            f"of some readers are left out: {_named(further)}."
        )
    if apart:
        yield (
            f"Drawn on different series that are in different frames of reference or unpaired, and counted as missing "
            f"to each other: {_named(apart)}."
        )


def _named(lesions: set[tuple[str, str]]) -> str:
    return ", ".join(f"{label!r} of {subject}" for subject, label in sorted(lesions))


def _change(now: float | None, before: float | None) -> float | None:
    """Return how much a volume has grown; None if one of the two is missing."""
    return None if now is None or before is None else now - before


def _volume(row: RatingRow | None) -> float | None:
    """Return the volume of a row; None also where it has none: on projections and slices of unknown thickness."""
    return None if row is None or isnan(row.volume_mm3) else row.volume_mm3


def ambiguous_labels(comparison: Comparison) -> list[str]:
    """Return the labels that one reading has more than once on a series, sorted: nothing says which belong together."""
    readings = [reading for some in comparison.subjects.values() for reading in some]
    counts = (Counter((row.label, row.series_uid) for row in _rows_of(each)) for each in readings)
    return sorted({label for found in counts for (label, _), count in found.items() if count > 1})


def _rows_of(reading: Reading) -> list[RatingRow]:
    return [
        RatingRow(r["uid"], r["label"], r["series"], r["kind"], volume_in(r), r.get("frame") or "")
        for r in reading.rows
    ]


def by_label(targets: Targets) -> Iterator[tuple[str, Targets]]:
    """Yield the targets of each label, and before them those of all labels of one study, if there are several."""
    labels = list(dict.fromkeys(targets.labels))
    for kind, those in _by_study(labels):
        if len(those) > 1:
            yield ALL + kind, targets.of(*those)
    for label in labels:
        yield label, targets.of(label)


def _by_study(labels: list[str]) -> Iterator[tuple[str, list[str]]]:
    kinds = {label: next((kind for kind in (CHANGE, PRIOR_STUDY) if label.endswith(kind)), "") for label in labels}
    for kind in ("", PRIOR_STUDY, CHANGE):
        yield kind, [label for label in labels if kinds[label] == kind]
