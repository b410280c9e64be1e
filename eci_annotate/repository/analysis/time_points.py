"""The time points of a study that a use case names, and the kinetic curves of a signed version over them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from math import isclose
from typing import TYPE_CHECKING, Any

import xarray as xr

from eci_annotate.archive.protocol import Series, Study, hanging_headers
from eci_annotate.errors import EciError, NotFound
from eci_annotate.imaging.annotation import AnnotationKind
from eci_annotate.repository.analysis.kinetics import KineticCurve, LatePhase, TimePoint, kinetic_curve
from eci_annotate.workflow.series.header_values import number_of, seconds_of
from eci_annotate.workflow.usecase.hanging import Hanging
from eci_annotate.workflow.usecase.kinetic_rule import KineticRule
from eci_annotate.workflow.usecase.usecase import UseCase

if TYPE_CHECKING:
    import pandas as pd

    from eci_annotate.imaging.annotation import Annotation

DAY_S = 86400.0
ALIKE = ("EchoTime", "RepetitionTime", "FlipAngle")  # of all points, if what differs is to be the contrast agent alone
SAME = 0.01  # relative
TAKEN_FOR_NATIVE = "no series is known to be before contrast agent: the first time point is taken for it"
Load = Callable[[str], xr.DataArray]


class DynamicStudy:
    """The time points of a study.

    Parameters
    ----------
    case
        The use case, which says what the time points are.
    studies
        The studies of the subject.
    load
        Loads a series or stack.

    Raises
    ------
    NotFound
        If the use case asks for no kinetic curve, or the study has no such series.
    """

    def __init__(self, case: UseCase, studies: Sequence[Study], load: Load) -> None:
        if case.kinetics is None:
            raise NotFound("This use case asks for no kinetic curve.", "Add `kinetics` to its usecase.yaml.")
        self.rule: KineticRule = case.kinetics
        self._hanging = case.hang(hanging_headers(studies))
        found = _series(self.rule, self._hanging, studies)
        self.points = tuple(_points(self.rule, self._hanging, found, load))
        if not self.points:
            raise NotFound("The study has no series for a kinetic curve.", f"It needs one of: {_words(self.rule)}.")
        self._unlike = _unlike(found)

    def has_curve(self, annotation: Annotation) -> bool:
        """Whether the use case asks for the curve of this annotation."""
        slots = {each.slot for each in self._hanging.placed if each.series_uid == annotation.series_uid}
        return annotation.kind != AnnotationKind.BOX and (not self.rule.mask or bool(slots & set(self.rule.mask)))

    def curve(self, annotation: Annotation) -> KineticCurve:
        """Return the curve of an annotation; see `kinetic_curve`. A first time point taken for native is said.

        Nothing is classified where the time points are not of one sequence: their signals cannot be compared.
        """
        curve = kinetic_curve(annotation, self.points)
        if self._unlike:
            why = f"the time points are not of one sequence ({self._unlike} differs)"
            return replace(curve, wash_in=None, late_phase=LatePhase.NOT_CLASSIFIED, remark=why)
        native = {each.slot for each in self._hanging.placed} & {self.rule.before}
        if native or curve.wash_in is None:
            return curve
        return replace(curve, remark="; ".join(filter(None, (curve.remark, TAKEN_FOR_NATIVE))))

    def table(self, annotations: Sequence[Annotation]) -> pd.DataFrame:
        """Return the curves of all annotations that have one; one that cannot be measured has a row with the reason."""
        import pandas as pd

        tables = [self._rows(each) for each in annotations if self.has_curve(each)]
        columns = KineticCurve("", (), None, LatePhase.NOT_CLASSIFIED).table.columns
        rows = [row for table in tables for row in table]
        return pd.DataFrame(rows, columns=columns)

    def _rows(self, annotation: Annotation) -> list[dict[Any, Any]]:
        try:
            found: list[dict[Any, Any]] = self.curve(annotation).table.to_dict("records")
        except EciError as error:
            return [{"label": annotation.label, "late_phase": str(LatePhase.NOT_CLASSIFIED), "remark": error.what}]
        return found


def _words(rule: KineticRule) -> str:
    return ", ".join(rule.over)


def _series(rule: KineticRule, hanging: Hanging, studies: Sequence[Study]) -> list[Series]:
    """Return the series on the slots, each with all stacks of its series."""
    every = [each for study in studies for each in study.series]
    wanted = {each.series_uid for each in hanging.placed if each.slot in rule.over}
    homes = {_home(each) for each in every if each.series_uid in wanted}
    return [each for each in every if _home(each) in homes]


def _unlike(series: Sequence[Series]) -> str:
    """Return the first element in which series differ that must be alike; empty: none that they state."""
    for name in ALIKE:
        stated = [each for each in (number_of(one.header.get(name)) for one in series) if each is not None]
        if stated and not isclose(min(stated), max(stated), rel_tol=SAME):
            return name
    return ""


def _points(rule: KineticRule, hanging: Hanging, found: Sequence[Series], load: Load) -> Iterator[TimePoint]:
    """Yield the time points that series are."""
    times = _times(found)
    before = {each.series_uid for each in hanging.placed if each.slot == rule.before}
    if not before and rule.first_is_before and found and None not in times:
        before = {found[times.index(min(each for each in times if each is not None))].series_uid}
    for series, seconds in zip(found, times, strict=True):
        name = series.description or series.series_uid
        yield TimePoint(name, load(series.series_uid), seconds, series.series_uid in before)


def _home(series: Series) -> str:
    return str(series.header.get("stack_of", series.series_uid))


def _times(series: Sequence[Series]) -> list[float | None]:
    """Return when each was acquired; times that seem more than half a day apart go over midnight."""
    found = [seconds_of(str(each.header.get("AcquisitionTime", ""))) for each in series]
    known = [each for each in found if each is not None]
    if known and max(known) - min(known) > DAY_S / 2:
        return [each + DAY_S if each is not None and each < DAY_S / 2 else each for each in found]
    return found
