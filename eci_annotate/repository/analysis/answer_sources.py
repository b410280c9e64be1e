"""Answers beside what is drawn: where each measured value comes from, where both differ, and a drawing's rulers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eci_annotate.repository.analysis.annotation_sizes import DrawingSizes, DrawnSize, link_of
from eci_annotate.tools.editing.table import Table
from eci_annotate.tools.measure import ruler_in_words
from eci_annotate.tools.protocol import Ruler
from eci_annotate.workflow.usecase.form import GROUP, LIST, Question
from eci_annotate.workflow.usecase.form_measure import agrees


@dataclass(frozen=True)
class MeasuredAnswer:
    """An answer beside what is drawn.

    Parameters
    ----------
    question, path, value
        The question, where it is in the form, and its answer.
    link
        Label that the item of the form names; empty if it names none.
    reading
        What is drawn.
    """

    question: Question
    path: tuple[str | int, ...]
    value: float
    link: str
    reading: DrawnSize

    @property
    def agrees(self) -> bool:
        """Whether the answer is what is drawn."""
        return agrees(self.value, self.reading.value or 0.0, self.question.unit)

    def to_row(self, table: Table) -> dict[str, Any]:
        """Return where the value comes from, as it is kept with a signed version."""
        source = table.objects[self.reading.source]
        return {
            "path": list(self.path),
            "value": self.value,
            "unit": self.question.unit,
            "measure": str(self.reading.kind),
            "measured": self.reading.value,
            "agrees": self.agrees,
            "uid": source.uid,
            "kind": source.kind,
            "label": source.label,
            "series": source.series_uid,
        }


def measured_answers(
    questions: Sequence[Question], answers: Mapping[str, Any], sizes: DrawingSizes, path: tuple[str | int, ...] = ()
) -> Iterator[MeasuredAnswer]:
    """Yield each answer that was measured of the drawing, or could be.

    Parameters
    ----------
    questions
        The form, or a group of it.
    answers
        Raw or checked answers.
    sizes
        Sizes of the drawings.
    path
        Where the group is in the form.
    """
    for question in questions:
        value, here = answers.get(question.name), (*path, question.name)
        if value is None:
            continue
        if question.kind == GROUP:
            yield from measured_answers(question.questions, value, sizes, here)
        elif question.kind == LIST:
            for number, each in enumerate(value):
                yield from measured_answers(question.questions, each, sizes, (*here, number))
        elif question.measures and isinstance(value, int | float):
            link = link_of(questions, answers)
            reading = sizes.reading(question, answers, link)
            if reading is not None and reading.value is not None and not reading.claims:
                yield MeasuredAnswer(question, here, value, link, reading)


def differences(questions: Sequence[Question], answers: Mapping[str, Any], sizes: DrawingSizes) -> Iterator[str]:
    """Yield, in words, each answer that differs from the drawing it could be measured of; as `measured_answers`."""
    for each in measured_answers(questions, answers, sizes):
        if not each.agrees:
            of, unit = f" of {each.link!r}" if each.link else "", each.question.unit
            yield f"{each.question.title}{of}: {each.value:g} {unit} in the form, {each.reading.words} drawn"


def ruler_rows(table: Table) -> Iterator[dict[str, Any]]:
    """Yield each finished ruler, as it is kept with a signed version."""
    for uid, thing in table.objects.items():
        if isinstance(thing, Ruler) and thing.is_complete:
            yield {
                "uid": uid,
                "kind": thing.kind,
                "label": thing.label,
                "series": thing.series_uid,
                "frame": thing.frame_uid,
                "points_lps": [list(point) for point in thing.points_lps],
                "measured": ruler_in_words(table, uid),
            }
