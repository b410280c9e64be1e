"""What readers rated, as a table for measures of agreement: one row per lesion or question, one column per rater."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import isnan
from typing import Any

import pandas as pd

from eci_annotate.repository.analysis.delta import grouped
from eci_annotate.repository.analysis.readings import Comparison, Reading, volume_in

ALL = "all labels"


@dataclass(frozen=True)
class RatingRow:
    """An annotation as a row of a version's table: enough to pair it and to know its volume."""

    uid: str
    label: str
    series_uid: str
    kind: str
    volume_mm3: float


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

    def of(self, label: str) -> Targets:
        """Those of one label."""
        found = Targets()
        for subject, each, values in zip(self.subjects, self.labels, self.rows, strict=True):
            if each == label:
                found.add(subject, each, values)
        return found

    def whole(self) -> tuple[pd.DataFrame, list[str]]:
        """The targets that every rater has, and their subjects."""
        kept = [(s, r) for s, r in zip(self.subjects, self.rows, strict=True) if all(each is not None for each in r)]
        return pd.DataFrame([row for _, row in kept]), [subject for subject, _ in kept]


def volumes(comparison: Comparison) -> Targets:
    """The volume of each lesion (mm³) by column."""
    found = Targets()
    for subject, readings in comparison.subjects.items():
        for group in grouped([_rows_of(each) for each in readings]):
            some = next(each for each in group if each is not None)
            found.add(subject, some.label, tuple(map(_volume, group)))
    return found


def _volume(row: RatingRow | None) -> float | None:
    """Return the volume of a row; None also where it has none: on projections and slices of unknown thickness."""
    return None if row is None or isnan(row.volume_mm3) else row.volume_mm3


def ambiguous_labels(comparison: Comparison) -> list[str]:
    """Return the labels that one reading has more than once on a series, sorted: nothing says which belong together."""
    readings = [reading for some in comparison.subjects.values() for reading in some]
    counts = (Counter((row.label, row.series_uid) for row in _rows_of(each)) for each in readings)
    return sorted({label for found in counts for (label, _), count in found.items() if count > 1})


def _rows_of(reading: Reading) -> list[RatingRow]:
    return [RatingRow(r["uid"], r["label"], r["series"], r["kind"], volume_in(r)) for r in reading.rows]


def by_label(targets: Targets) -> Iterator[tuple[str, Targets]]:
    """All targets, if they have several labels; then those of each label."""
    labels = list(dict.fromkeys(targets.labels))
    if len(labels) != 1:
        yield ALL, targets
    for label in labels:
        yield label, targets.of(label)
