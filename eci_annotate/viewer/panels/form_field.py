"""One question of a form as a widget, with the answers of others next to it."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets as w

from eci_annotate.repository.analysis.annotation_sizes import DrawnSize
from eci_annotate.viewer.panels.other_answers import Opinion, buttons
from eci_annotate.workflow.usecase.answer_check import Fault, Path
from eci_annotate.workflow.usecase.form import CHOICE, INTEGER, NUMBER, YES_NO, Question
from eci_annotate.workflow.usecase.form_measure import agrees

WIDE = w.Layout(width="auto")
Changed = Callable[[], None]


class Field:
    """One question with its widget; `answer` is raw: None while unanswered."""

    def __init__(self, question: Question, changed: Changed) -> None:
        self.question = question
        self.input = _input(question)
        unit = f" [{question.unit}]" if question.unit else ""
        star = " *" if question.required else ""
        self.title = w.HTML(
            f"<span title='{html.escape(question.help)}'>{html.escape(question.title)}{unit}{star}</span>"
        )
        self.heard = w.HBox([], layout=w.Layout(flex_flow="row wrap", display="none"))
        self._opinions: list[Opinion] = []
        self._reading: DrawnSize | None = None
        self.take = w.Button(icon="arrows-h", layout=w.Layout(width="auto", flex="0 0 auto"))
        self.take.add_class("eci-measure")
        self.take.on_click(lambda _: self._take_measured())
        self.differs = w.HTML()
        self.wrong = w.HTML(layout=w.Layout(display="none"))
        self.measured = w.HBox([self.take, self.differs], layout=w.Layout(flex_flow="row wrap", display="none"))
        parts = [self.title, self.input, self.wrong, *([self.measured] if question.measures else []), self.heard]
        self.widget = w.VBox(parts, layout=w.Layout(margin="0 0 6px 0"))
        self.widget.add_class(f"eci-q-{question.name}")
        self.input.observe(lambda change: changed(), "value")

    @property
    def answer(self) -> Any:
        value = self.input.value
        if self.question.kind in (NUMBER, INTEGER) and isinstance(value, str) and value.strip():
            return _number(value, self.question.kind == INTEGER)
        return None if value == "" else value

    @answer.setter
    def answer(self, value: Any) -> None:
        if self.question.kind in (CHOICE, YES_NO):  # an older form may have had a choice that no longer exists
            known = [each for _, each in self.input.options]
            self.input.value = value if value in known else ""
        else:
            self.input.value = "" if value is None else str(value)

    def mark(self, faults: Sequence[Fault], depth: int) -> None:
        """Show what is wrong with the answer: a bar beside what is missing, a sentence below what is invalid."""
        fault = faults[0] if faults else None
        missing, invalid = bool(fault and fault.is_missing), bool(fault and not fault.is_missing)
        for name, holds in (("eci-missing", missing), ("eci-invalid", invalid)):
            (self.widget.add_class if holds else self.widget.remove_class)(name)
        said = html.escape(fault.said_there) if fault and invalid else ""
        self.wrong.value = f"<div class='eci-problem'>{said}</div>" if said else ""
        self.wrong.layout.display = "flex" if invalid else "none"

    def find(self, path: Path) -> Any:
        """Return the input."""
        return self.input

    def hear(self, opinions: Sequence[Opinion]) -> None:
        """Show answers of others, each with a button to copy it; unchanged buttons stay, since one may be pressed."""
        if list(opinions) == self._opinions:
            return
        self._opinions = list(opinions)
        self.heard.children = buttons(self.question, opinions, self._take)
        self.heard.layout.display = "flex" if self.heard.children else "none"

    def measure(
        self,
        source: Callable[[Question, Mapping[str, Any], str], DrawnSize | None],
        siblings: Mapping[str, Any],
        link: str,
    ) -> None:
        """Show the measured value on a button that fills it in, and whether the answer differs from it."""
        if not self.question.measures:
            return
        self._reading = reading = source(self.question, siblings, link)
        self.measured.layout.display = "none" if reading is None else "flex"
        if reading is None:
            return
        known = reading.value is not None
        self.take.description = f"Measure: {reading.words}" if known else "Measure"
        self.take.tooltip = "Fill in the size of the drawing" if known else reading.words
        self.take.disabled = not known or self.input.disabled
        self.differs.value = self._difference(reading)

    def _difference(self, reading: DrawnSize) -> str:
        answer = self.answer
        if not isinstance(answer, int | float) or reading.claims:
            return ""
        if reading.value is None:
            return "<span>not measured on a drawing</span>"
        if agrees(answer, reading.value, self.question.unit):
            return "<span class='eci-good'>as drawn</span>"
        return f"<span class='eci-warned' role='status'>differs from the drawing ({html.escape(reading.words)})</span>"

    def _take_measured(self) -> None:
        """Fill in the measured value; a ruler without a name becomes that of this question."""
        reading = self._reading
        if reading is not None and reading.value is not None and not self.input.disabled:
            self.answer = reading.value
            if reading.claim is not None:
                reading.claim()

    def _take(self, answer: Any) -> None:
        if not self.input.disabled and answer is not None:
            self.answer = answer

    def offer(self, labels: Sequence[str]) -> None:
        """Set the labels of the annotations, for questions that link to one."""
        if self.question.link and isinstance(self.input, w.Combobox):
            self.input.options = tuple(dict.fromkeys(label for label in labels if label))


def _number(text: str, whole: bool) -> Any:
    try:
        return int(text) if whole else float(text.replace(",", "."))
    except ValueError:
        return text  # checked, with a message, together with the whole form


def _input(question: Question) -> Any:
    match question.kind:
        case "choice":
            options = [("—", ""), *((title, value) for value, title in question.choices)]
            return w.Dropdown(options=options, value="", layout=WIDE)
        case "yes-no":
            return w.Dropdown(options=[("—", ""), ("Yes", True), ("No", False)], value="", layout=WIDE)
        case "number" | "integer":
            return w.Text(placeholder=_range(question), layout=WIDE)
    if question.link:
        return w.Combobox(placeholder="label of an annotation", layout=WIDE)
    return w.Textarea(rows=3, layout=WIDE) if question.long else w.Text(layout=WIDE)


def _range(question: Question) -> str:
    low, high = question.minimum, question.maximum
    return "" if low is None or high is None else f"{low:g} to {high:g}"
