"""Agreement of signed readings: volumes and numbers by ICC, shapes by overlap and distance, choices by kappa.

What one reader has and the other has not is counted beside every measure, and listed; it never goes without a word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from eci_annotate.errors import NotFound
from eci_annotate.repository.analysis.annotation_pairs import StudyOf, studies_by_series
from eci_annotate.repository.analysis.delta import Delta, Pair
from eci_annotate.repository.analysis.form_answers import Asked, answered, asked
from eci_annotate.repository.analysis.ratings import (
    ALL,
    CHANGE,
    Targets,
    ambiguous_labels,
    by_label,
    series_notes,
    volumes,
)
from eci_annotate.repository.analysis.readings import Comparison, Reading, Readings
from eci_annotate.repository.analysis.statistics import FEW, NAN, Estimate, icc, kappa, library, resampled

COLUMNS = ["comparison", "kind", "about", "of", "measure", "value", "low", "high", "n", "missing", "remark"]
PAIRS = [
    "comparison", "kind", "subject", "label", "series", "found_by", "volume_a_mm3", "volume_b_mm3", "dice",
    "hd95_mm", "mean_distance_mm", "surface_dice", "study", "series_b",
]  # fmt: skip
VOLUME, FORM, SHAPE = "volume", "form", "shape"
BOTH, OTHERWISE = "both", "both, drawn otherwise"
Volume = Callable[[str, str], xr.DataArray]


class Agreement:
    """Agreement of the signed readings of one task; made by `Repository.agreement`.

    Of each reader the newest version that was not rejected is compared, below an adjudication too.

    Attributes
    ----------
    task, tolerance_mm
        What was read; how far surfaces may lie apart for the surface Dice.
    comparisons
        Which columns were compared.
    notes
        What was left out, in sentences.
    """

    def __init__(self, readings: Readings, volume: Volume, task: str, tolerance_mm: float) -> None:
        self._readings, self._volume = readings, volume
        self.task, self.tolerance_mm, self.notes = task, tolerance_mm, readings.notes
        self.comparisons = readings.comparisons()
        if not self.comparisons:
            what = f"No subject has two signed readings of {task!r} that you may see."
            raise NotFound(" ".join([what, *self.notes]), "Have a second reader sign, or repeat a reading.")
        if equal := sorted({label for each in self.comparisons for label in ambiguous_labels(each)}):
            names = ", ".join(map(repr, equal))
            self.notes = (*self.notes, f"Several annotations of one reading are labelled {names}: they were paired in "
                          "the order of the readings, not by place.")  # fmt: skip
        self.notes = (*self.notes, *series_notes(self.comparisons))
        for package in ("pingouin", "statsmodels"):
            library(package)

    def __repr__(self) -> str:
        names = "; ".join(f"{each.name} ({each.counted})" for each in self.comparisons)
        return f"<Agreement on {self.task!r}: {names}>"

    @cached_property
    def table(self) -> pd.DataFrame:
        """Every measure: comparison, what of what, value with 95 % interval, targets used, targets missing a rater."""
        rows = [row for each in self.comparisons for row in self._rows(each)]
        return pd.DataFrame(rows, columns=COLUMNS)

    @property
    def icc(self) -> pd.DataFrame:
        """The intraclass correlations of `table`."""
        return self._measured("ICC")

    @property
    def kappa(self) -> pd.DataFrame:
        """The kappas of `table`."""
        return self._measured("kappa")

    @property
    def shapes(self) -> pd.DataFrame:
        """Dice and distances of `table`."""
        return self.table[self.table["about"] == SHAPE].reset_index(drop=True)

    def _measured(self, word: str) -> pd.DataFrame:
        return self.table[self.table["measure"].str.contains(word)].reset_index(drop=True)

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """Each lesion of each two readings; `found_by` is ``both`` or the one who has it alone.

        What one of them drew of such a lesion on a further series of the study, or also as another kind, is
        ``both, drawn otherwise``.
        """
        rows = [row for each in self.comparisons if len(each.columns) == 2 for row in self._compared(each)]
        return pd.DataFrame(rows, columns=PAIRS)

    @property
    def missing(self) -> pd.DataFrame:
        """The lesions that only one of two readers has."""
        return self.pairs[~self.pairs["found_by"].isin([BOTH, OTHERWISE])].reset_index(drop=True)

    # -- volumes and shapes -------------------------------------------------------
    def _rows(self, comparison: Comparison) -> Iterator[list[Any]]:
        yield from self._volumes(comparison)
        yield from self._answers(comparison)
        if len(comparison.columns) == 2:
            yield from self._shapes(comparison)

    def _volumes(self, comparison: Comparison) -> Iterator[list[Any]]:
        targets = volumes(comparison)
        for label, some in by_label(targets):
            table, _ = some.whole()
            yield from self._measures(comparison, VOLUME, f"{label} [mm³]", icc(table), some)

    def _measures(
        self, comparison: Comparison, about: str, of: str, found: Sequence[Estimate], targets: Targets
    ) -> Iterator[list[Any]]:
        used = len(targets.whole()[1])
        head, counts = [comparison.name, comparison.kind, about, of], [used, len(targets.rows) - used]
        for each in found:
            yield [*head, each.measure, each.value, each.low, each.high, *counts, each.remark]

    def _compared(self, comparison: Comparison) -> Iterator[dict[str, Any]]:
        for subject, (a, b) in comparison.subjects.items():
            volume, study_of = partial(self._volume, subject), studies_by_series(a.studies)
            delta = Delta(a, b, volume, self.tolerance_mm, study_of)
            shared = _shared(delta.pairs, study_of)
            for one, other in delta.pairs:
                some = one or other
                assert some is not None
                row = delta.row(one, other)
                named = {"volume_a_mm3": row["volume_before_mm3"], "volume_b_mm3": row["volume_after_mm3"]}
                alone = comparison.columns[0] if other is None else comparison.columns[1]
                places = shared.get((some.label, study_of(some.series_uid)))
                if some.label and places and (some.series_uid, some.kind) not in places:
                    alone = OTHERWISE
                where = {"comparison": comparison.name, "kind": comparison.kind, "subject": subject}
                study = "prior" if some.series_uid in a.prior_series else "current"
                who = {"found_by": BOTH if one and other else alone, "series": some.series_uid, "study": study}
                who["series_b"] = other.series_uid if other else ""
                yield {**row, **where, **who, **named}

    def _shapes(self, comparison: Comparison) -> Iterator[list[Any]]:
        pairs = self.pairs[self.pairs["comparison"] == comparison.name]
        pairs = pairs[pairs["found_by"] != OTHERWISE]
        labels = list(dict.fromkeys(pairs["label"]))
        for label in [ALL, *labels] if len(labels) != 1 else labels:
            some = pairs if label == ALL else pairs[pairs["label"] == label]
            both = some[some["found_by"] == BOTH]
            counts = [len(both), len(some) - len(both)]
            for name, column, rows in self._means(some, both):
                each = _mean(name, rows, column)
                head = [comparison.name, comparison.kind, SHAPE, label, each.measure]
                yield [*head, each.value, each.low, each.high, *counts, each.remark]

    def _means(self, some: pd.DataFrame, both: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
        yield "Dice, mean", "dice", both
        yield "Dice, mean, a missing one is 0", "dice", some
        yield "HD95, mean [mm]", "hd95_mm", both
        yield f"surface Dice, mean ({self.tolerance_mm:g} mm)", "surface_dice", both

    # -- the form --------------------------------------------------------------------
    def _answers(self, comparison: Comparison) -> Iterator[list[Any]]:
        for question in asked(self._readings.case.questions):
            targets = self._answers_to(question, comparison)
            if targets.rows:
                found = [*self._scaled(question, targets), *self._chosen(question, targets)]
                yield from self._measures(comparison, FORM, question.title, found, targets)

    def _answers_to(self, question: Asked, comparison: Comparison) -> Targets:
        found = Targets()
        for subject, readings in comparison.subjects.items():
            given = [self._given(each) for each in readings]
            items = dict.fromkeys(item for each in given for path, item in each if path == question.path)
            for item in items:
                found.add(subject, " ".join(item), tuple(each.get((question.path, item)) for each in given))
        return found

    def _given(self, reading: Reading) -> dict[Any, Any]:
        return answered(self._readings.case.questions, reading.report)

    def _scaled(self, question: Asked, targets: Targets) -> list[Estimate]:
        return icc(targets.whole()[0]) if question.is_number else []

    def _chosen(self, question: Asked, targets: Targets) -> list[Estimate]:
        if not question.levels:
            return []
        table, subjects = targets.whole()
        if table.empty:
            return [Estimate("kappa", NAN, remark=FEW)]
        gone = [each for each in pd.unique(table.to_numpy().ravel()) if each not in question.levels]
        ordered = question.is_ordered and not gone  # an older form had other choices
        return [kappa(table, [*question.levels, *gone], ordered, subjects)]

    # -- for people -------------------------------------------------------------------
    def picture(self, comparison: str = "", label: str = "") -> Any:
        """Volumes of two readings against each other, and their Bland–Altman plot; a matplotlib figure.

        Parameters
        ----------
        comparison, label
            One of `comparisons` with two columns, by default the first; one label, by default all.
        """
        from eci_annotate.repository.analysis.plots import bland_altman

        two = [each for each in self.comparisons if len(each.columns) == 2]
        chosen = next((each for each in two if comparison in ("", each.name)), None)
        if chosen is None:
            names = ", ".join(repr(each.name) for each in two)
            raise NotFound(f"Unknown comparison {comparison!r}.", f"Choose one of {names}.")
        targets = volumes(chosen)
        drawn = [each for each in targets.labels if not each.endswith(CHANGE)]
        return bland_altman(chosen, targets.of(*([label] if label else drawn)))

    def _repr_html_(self) -> str:
        from eci_annotate.repository.analysis.plots import page

        picture = self.picture() if any(len(each.columns) == 2 for each in self.comparisons) else None
        tables = [(f"{each.name}: {each.counted}", self._shown(each)) for each in self.comparisons]
        return page(f"Agreement on {self.task}", self._said(), tables, picture)

    def _said(self) -> list[str]:
        alone = len(self.missing)
        return [*self.notes, *([f"{alone} lesions in one of two readings alone; see .missing."] if alone else [])]

    def _shown(self, comparison: Comparison) -> pd.DataFrame:
        rows = self.table[self.table["comparison"] == comparison.name]
        return rows.drop(columns=["comparison", "kind"])


def _shared(pairs: Sequence[Pair], study_of: StudyOf) -> dict[tuple[str, str], set[tuple[str, str]]]:
    """Return of each lesion that both have, by label and study, on which series and as what they have it."""
    found: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for one, other in pairs:
        if one and other:
            places = found.setdefault((one.label, study_of(one.series_uid)), set())
            places |= {(each.series_uid, each.kind) for each in (one, other)}
    return found


def _mean(name: str, rows: pd.DataFrame, column: str) -> Estimate:
    if rows.empty:
        return Estimate(name, NAN, remark=FEW)
    kept = rows[rows[column].notna()]
    if kept.empty:
        return Estimate(name, NAN, remark="no annotation covers a voxel")
    found = resampled(name, kept[column].to_numpy(float), list(kept["subject"]), lambda some: float(np.mean(some)))
    away = f"{len(rows) - len(kept)} without voxels left out" if len(kept) < len(rows) else ""
    return replace(found, remark="; ".join(filter(None, (found.remark, away))))
