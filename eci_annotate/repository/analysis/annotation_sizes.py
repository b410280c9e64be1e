"""Answers that can be measured: the size of the drawing that a question names, and where answer and drawing differ.

Nothing is picked: two drawings that could be meant are said to be two, and nothing is measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eci_annotate.errors import EciError, Refused
from eci_annotate.imaging.annotations import Box
from eci_annotate.tools.editing.table import Table
from eci_annotate.tools.measure import Size, size_of_drawing
from eci_annotate.tools.protocol import Unplaced
from eci_annotate.workflow.usecase.form import GROUP, LIST, Question
from eci_annotate.workflow.usecase.form_measure import Measure, MeasureKind, agrees, rounded
from eci_annotate.workflow.usecase.hanging import Hanging


@dataclass(frozen=True)
class DrawnSize:
    """What was measured for a question.

    Parameters
    ----------
    value
        In the unit of the question; None if nothing was measured.
    words
        The value with its unit, or why there is none.
    """

    value: float | None
    words: str


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
        self._table, self._hanging = table, hanging
        self._known: dict[str, tuple[int, Size | Refused]] = {}

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
        label = measure.of or link
        try:
            size = self._size(self._drawing(label, measure))
        except EciError as error:
            return DrawnSize(None, error.what)
        value = rounded(_of_kind(size, measure.kind) / measure.units[question.unit], question.unit)
        return DrawnSize(value, f"{value:g} {question.unit}")

    def _drawing(self, label: str, measure: Measure) -> str:
        """Return the uid of the only drawing that is meant."""
        if not label:
            raise Refused("Choose the label first.")
        series = [each.series_uid for slot in measure.slots for each in self._hanging.placed if each.slot == slot]
        found = self._named(label)
        if measure.slots:
            places = [[uid for uid in found if self._table.objects[uid].series_uid == one] for one in series]
            found = next((each for each in places if each), [])
        shapes = [uid for uid in found if not isinstance(self._table.objects[uid], Box)] or found
        if not shapes:
            raise Refused(f"{label!r} is not drawn yet.")
        if len(shapes) > 1:
            raise Refused(f"{label!r} is drawn {len(shapes)} times: type the value.")
        return shapes[0]

    def _named(self, label: str) -> list[str]:
        things = self._table.objects.items()
        return [uid for uid, thing in things if thing.label == label and not isinstance(thing, Unplaced)]

    def _size(self, uid: str) -> Size:
        revision = self._table.history.revision(uid)
        if uid not in self._known or self._known[uid][0] != revision:
            self._known[uid] = (revision, self._measured(uid))
        size = self._known[uid][1]
        if isinstance(size, Refused):
            raise size
        return size

    def _measured(self, uid: str) -> Size | Refused:
        try:
            return size_of_drawing(self._table, uid)
        except Refused as refusal:
            return refusal


def _of_kind(size: Size, kind: MeasureKind) -> float:
    match kind:
        case MeasureKind.LONG_AXIS:
            return size.long_mm
        case MeasureKind.SHORT_AXIS:
            return size.short_mm
        case MeasureKind.VOLUME:
            return size.volume_mm3


def link_of(questions: Sequence[Question], answers: Mapping[str, Any]) -> str:
    """Return the label of the annotation that a group of answers is about; empty if it names none."""
    return next((str(answers.get(each.name) or "") for each in questions if each.link), "")


def is_measured(questions: Sequence[Question]) -> bool:
    """Whether any question, also of a group or list, can be measured."""
    return any(each.measures or is_measured(each.questions) for each in questions)


def differences(questions: Sequence[Question], answers: Mapping[str, Any], sizes: DrawingSizes) -> Iterator[str]:
    """Yield, in words, each answer that differs from the drawing it could be measured of.

    Parameters
    ----------
    questions
        The form, or a group of it.
    answers
        Raw or checked answers.
    sizes
        Sizes of the drawings.
    """
    for question in questions:
        value = answers.get(question.name)
        if value is None:
            continue
        if question.kind == GROUP:
            yield from differences(question.questions, value, sizes)
        elif question.kind == LIST:
            for each in value:
                yield from differences(question.questions, each, sizes)
        elif question.measures and isinstance(value, int | float):
            yield from _difference(question, answers, link_of(questions, answers), sizes)


def _difference(question: Question, answers: Mapping[str, Any], link: str, sizes: DrawingSizes) -> Iterator[str]:
    reading, value = sizes.reading(question, answers, link), answers[question.name]
    if reading is not None and reading.value is not None and not agrees(value, reading.value, question.unit):
        of = f" of {link!r}" if link else ""
        yield f"{question.title}{of}: {value:g} {question.unit} in the form, {reading.words} drawn"
