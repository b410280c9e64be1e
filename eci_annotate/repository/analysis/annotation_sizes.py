"""Answers that can be measured: the size of the drawing or ruler that a question names.

Nothing is picked: two drawings that could be meant are said to be two, and nothing is measured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from eci_annotate.errors import EciError, Refused
from eci_annotate.imaging.annotations import Box
from eci_annotate.imaging.measurements import Statistics
from eci_annotate.tools.editing.table import Table
from eci_annotate.tools.measure import (
    Size,
    number_in_label,
    ruler_value,
    size_of_drawing,
    values_of_drawing,
)
from eci_annotate.tools.protocol import Object, Ruler, Unplaced
from eci_annotate.workflow.usecase.form import Question
from eci_annotate.workflow.usecase.form_measure import (
    ANGLE_UNITS,
    RULERS,
    VALUES,
    Measure,
    MeasureKind,
    rounded,
)
from eci_annotate.workflow.usecase.hanging import Hanging

T = TypeVar("T")


@dataclass(frozen=True)
class DrawnSize:
    """What was measured for a question.

    Parameters
    ----------
    value
        In the unit of the question; None if nothing was measured.
    words
        The value with its unit, or why there is none.
    source
        uid of the annotation or ruler that was measured.
    kind
        What was measured of it.
    claims
        Label that a ruler must be given before the value counts as measured of it; empty: it has that label.
    claim
        Gives it that label.
    """

    value: float | None
    words: str
    source: str = ""
    kind: MeasureKind | None = None
    claims: str = ""
    claim: Callable[[], None] | None = None


class DrawingSizes:
    """Sizes of the annotations of a table; each is measured again only after it was changed.

    Parameters
    ----------
    table
        The annotations.
    hanging
        Which series fills which slot.
    """

    def __init__(self, table: Table, hanging: Hanging) -> None:
        self.table, self._hanging = table, hanging
        self._known: dict[tuple[str, str], tuple[int, Any]] = {}

    def reading(self, question: Question, siblings: Mapping[str, Any], link: str) -> DrawnSize | None:
        """Measure what a question asks for.

        Parameters
        ----------
        question
            The question.
        siblings
            Answers of the same group.
        link
            The answer that names the label of the drawing; empty if none is given.

        Returns
        -------
        DrawnSize or None
            None if the question is not measured for these answers.
        """
        measure = next((each for each in question.measures if each.applies(siblings)), None)
        if measure is None:
            return None
        label, claims = measure.of or link, ""
        try:
            uid = self._chosen_ruler(label, measure)
            claims = label if uid else ""
            uid = uid or self._drawing(label, measure)
            value = rounded(self._value(uid, measure, question.unit), question.unit)
        except EciError as error:
            return DrawnSize(None, error.what)
        of = f", {self.table.objects[uid].label}" if claims else ""
        space = "" if question.unit in ANGLE_UNITS else " "
        words = f"{value:g}{space}{question.unit}".strip() + of
        return DrawnSize(value, words, uid, measure.kind, claims)

    def _chosen_ruler(self, label: str, measure: Measure) -> str:
        """Return the uid of the selected ruler if it has no own name yet, and no ruler has the label; else empty."""
        uid = self.table.active or ""
        thing = self.table.objects.get(uid)
        fits = isinstance(thing, Ruler) and thing.kind.value == measure.kind.value and thing.is_complete
        if not label or not fits or thing is None or self._named(label, measure.kind):
            return ""
        return uid if number_in_label(thing.label, thing.kind) is not None and self._is_placed(thing, measure) else ""

    def _is_placed(self, thing: Object, measure: Measure) -> bool:
        """Whether it is on a series that the measure asks for."""
        slots = [each.slot for each in self._hanging.placed if each.series_uid == thing.series_uid]
        return not measure.slots or any(slot in measure.slots for slot in slots)

    def _drawing(self, label: str, measure: Measure) -> str:
        """Return the uid of the only drawing that is meant."""
        if not label:
            raise Refused("Choose the label first.")
        series = [each.series_uid for slot in measure.slots for each in self._hanging.placed if each.slot == slot]
        found = self._named(label, measure.kind)
        if measure.slots:
            places = [[uid for uid in found if self.table.objects[uid].series_uid == one] for one in series]
            found = next((each for each in places if each), [])
        shapes = [uid for uid in found if not isinstance(self.table.objects[uid], Box)] or found
        if not shapes:
            tool = {MeasureKind.DISTANCE: "Distance", MeasureKind.ANGLE: "Angle"}.get(measure.kind)
            how = f" Measure it with {tool}, then press this button." if tool else ""
            raise Refused(f"{label!r} is not drawn yet.{how}")
        if len(shapes) > 1:
            raise Refused(f"{label!r} is drawn {len(shapes)} times: type the value.")
        return shapes[0]

    def _named(self, label: str, kind: MeasureKind) -> list[str]:
        """Return the uids of the rulers of a kind, or else of the annotations, that have a label."""
        things = [(uid, thing) for uid, thing in self.table.objects.items() if thing.label == label]
        if kind in RULERS:
            return [uid for uid, thing in things if thing.kind.value == kind.value]
        return [uid for uid, thing in things if not isinstance(thing, Unplaced | Ruler)]

    def _value(self, uid: str, measure: Measure, unit: str) -> float:
        """Return what is measured, in a unit."""
        if measure.kind in VALUES:
            values, own = self._kept(uid, values_of_drawing)
            if own != unit:
                name = self.table.objects[uid].label
                raise Refused(f"{name!r} has values in {own or 'no unit'}: type the value.")
            return _of_values(values, measure.kind)
        units = measure.units or {}
        if measure.kind in RULERS:
            return float(self._kept(uid, ruler_value)) / units[unit]
        return _of_kind(self._kept(uid, size_of_drawing), measure.kind) / units[unit]

    def _kept(self, uid: str, measured: Callable[[Table, str], T]) -> T:
        """Return what a function measures of an annotation as it is now; it is called again only after a change."""
        key, revision = (uid, measured.__name__), self.table.history.revision(uid)
        if key not in self._known or self._known[key][0] != revision:
            try:
                self._known[key] = (revision, measured(self.table, uid))
            except Refused as refusal:
                self._known[key] = (revision, refusal)
        found: T | Refused = self._known[key][1]
        if isinstance(found, Refused):
            raise found
        return found


def _of_kind(size: Size, kind: MeasureKind) -> float:
    match kind:
        case MeasureKind.LONG_AXIS:
            return size.long_mm
        case MeasureKind.SHORT_AXIS:
            return size.short_mm
    if size.volume_mm3 is None:
        raise Refused("It is drawn on one slice of unknown thickness, which has no volume.", "Type the value.")
    return size.volume_mm3


def _of_values(values: Statistics, kind: MeasureKind) -> float:
    match kind:
        case MeasureKind.MEAN:
            return values.mean
        case MeasureKind.SD:
            return values.sd
        case MeasureKind.MINIMUM:
            return values.low
    return values.high


def link_of(questions: Sequence[Question], answers: Mapping[str, Any]) -> str:
    """Return the label of the annotation that a group of answers is about; empty if it names none."""
    return next((str(answers.get(each.name) or "") for each in questions if each.link), "")


def is_measured(questions: Sequence[Question]) -> bool:
    """Whether any question, also of a group or list, can be measured."""
    return any(each.measures or is_measured(each.questions) for each in questions)
