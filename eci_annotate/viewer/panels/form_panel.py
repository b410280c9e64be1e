"""The whole report form: what is missing, what signing would refuse, and what differs from the drawing."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import ipywidgets as w

from eci_annotate.viewer.panels.form_field import WIDE
from eci_annotate.viewer.panels.other_answers import Opinion
from eci_annotate.viewer.panels.report_form import Group, Measure
from eci_annotate.viewer.session.event_loop import LOOP, Scheduler
from eci_annotate.workflow.usecase.answer_check import Fault, typed_answers
from eci_annotate.workflow.usecase.form import Question
from eci_annotate.workflow.usecase.gate import Mismatch, Row

REST_S = 0.4
MOST_SHOWN = 4  # faults listed below the form; the fields are all marked
Unmatched = Callable[[Mapping[str, Any], Sequence[Row]], Sequence[Mismatch]]


def _counted(faults: Sequence[Fault]) -> str:
    """Return what is missing or invalid, in words."""
    missing = sum(each.is_missing for each in faults)
    parts = [(missing, "missing"), (len(faults) - missing, "invalid")]
    said = ", ".join(f"{n} answer{'s' if n > 1 else ''} {what}" for n, what in parts if n)
    more = len(faults) - MOST_SHOWN
    return f"{said}. Click to go there{f' (the first {MOST_SHOWN})' if more > 0 else ''}:"


def _listed(said: Sequence[str]) -> str:
    """Return the first sentences, and how many more there are."""
    more = len(said) - MOST_SHOWN
    return " ".join([*said[:MOST_SHOWN], *([f"({more} more)"] if more > 0 else [])])


def disabled(widget: Any) -> Iterator[Any]:
    """Yield all input widgets below a widget, for disabling."""
    for child in getattr(widget, "children", ()):
        yield from disabled(child)
    if hasattr(widget, "disabled"):
        yield widget


class FormPanel:
    """The whole form.

    Parameters
    ----------
    schema, questions
        The form as JSON Schema, and its typed questions.
    answers
        Initial raw answers.
    save
        Called with the raw answers whenever they change.
    opinions
        Answers of others, shown next to the questions.
    unmatched
        Returns, for complete answers and the drawn annotations, what signing would still refuse.
    go
        Leads to what a mismatch is about.
    measure
        Measures the drawing that a question names; None where there is no drawing to measure.
    scheduler
        For measuring when the drawing is at rest: a large lesion takes longer than a stroke may.

    Attributes
    ----------
    problem
        What is missing or invalid, as displayed to the user; empty if the form is complete.
    """

    def __init__(
        self,
        schema: Mapping[str, Any],
        questions: Sequence[Question],
        answers: Mapping[str, Any],
        save: Callable[[dict[str, Any]], None],
        opinions: Sequence[Opinion] = (),
        unmatched: Unmatched = lambda answers, drawn: (),
        go: Callable[[Mismatch], None] = lambda mismatch: None,
        measure: Measure | None = None,
        scheduler: Scheduler = LOOP,
    ) -> None:
        self._save = save
        self.problem = ""
        self._unmatched, self._drawn, self._go = unmatched, list[Row](), go
        self._measure, self._scheduler, self._strokes = measure, scheduler, 0
        self._questions = questions
        self._found: list[Fault | Mismatch] = []
        self._quiet = True
        self.group = Group(questions, self._changed)
        self.group.answer = dict(answers)
        self.group.hear(opinions)
        self._remeasure()
        self._quiet = False
        self.said = w.HTML()
        title = html.escape(str(schema.get("title", "Report")))
        self.faults = w.VBox([])
        self.widget = w.VBox([w.HTML(f"<b>{title}</b>"), self.group.widget, self.said, self.faults])
        self.widget.add_class("eci-form")
        self.check()

    def match(self, labels: Sequence[str], drawn: Sequence[Row]) -> None:
        """Set the labels of all annotations, and those that are drawn."""
        self.group.offer(labels)
        self._strokes += 1
        if self._measure is not None:
            self._scheduler.after(REST_S, partial(self._at_rest, self._strokes))
        self._drawn = list(drawn)
        self.check()

    def _at_rest(self, stroke: int) -> None:
        if stroke == self._strokes:
            self._remeasure()

    def _remeasure(self) -> None:
        if self._measure is not None:
            self.group.measure(self._measure)

    def _changed(self) -> None:
        if not self._quiet:
            self._save(self.group.answer)
            self.check()

    def check(self) -> None:
        """Show what is missing now."""
        typed, faults = typed_answers(self._questions, self.group.answer)
        unmatched = [] if faults else list(self._unmatched(typed, self._drawn))
        self.problem = _listed([each.said for each in faults])
        said = [("eci-problem", _counted(faults))] if faults else [("eci-good", "Complete")]
        said += [("eci-problem", "Before you sign, click to correct:")] if unmatched else []
        self.said.value = "".join(f"<div class='{kind}'>{html.escape(text)}</div>" for kind, text in said)
        self.group.mark(faults)
        self._show([*faults[:MOST_SHOWN], *unmatched])

    def _show(self, found: list[Fault | Mismatch]) -> None:
        """List faults and mismatches as buttons; those that were listed before stay, since one may be pressed now."""
        if found == self._found:
            return
        for each in self.faults.children:
            each.close()
        self._found, self.faults.children = found, [self._fault(each) for each in found]

    def _fault(self, found: Fault | Mismatch) -> w.Button:
        text = found.what if isinstance(found, Fault) else found.text[:1].upper() + found.text[1:]
        button = w.Button(description=text, icon="arrow-right", tooltip="Go there", layout=WIDE)
        button.add_class("eci-fault")
        button.on_click(lambda _: self._lead(found))
        return button

    def _lead(self, found: Fault | Mismatch) -> None:
        if not isinstance(found, Fault):
            self._go(found)
        elif (there := self.group.find(found.path)) is not None:
            there.focus()

    def close(self) -> None:
        """Disable answering."""
        for widget in disabled(self.group.widget):
            widget.disabled = True
