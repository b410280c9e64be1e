"""The report of a task: its form, with the answers of others next to it, and what is stated of slots and series.

Form and manual are shown in one language at a time; answers are the same in all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import ipywidgets as w

from eci_annotate.repository.analysis.annotation_sizes import DrawingSizes, DrawnSize, is_measured
from eci_annotate.repository.analysis.answer_sources import differences
from eci_annotate.tools.editing.entries import Alter, Select
from eci_annotate.tools.protocol import Ruler
from eci_annotate.viewer.comparison.earlier_version import EarlierVersion
from eci_annotate.viewer.comparison.equality import remark_on
from eci_annotate.viewer.comparison.sides import Side, earlier_of
from eci_annotate.viewer.panels.curve_panel import CurvePanel
from eci_annotate.viewer.panels.form_language import LanguageMenu
from eci_annotate.viewer.panels.form_panel import FormPanel
from eci_annotate.viewer.panels.layout import close_all
from eci_annotate.viewer.panels.manual import Manual
from eci_annotate.viewer.panels.other_answers import Opinion
from eci_annotate.viewer.panels.study_checks import Go, StudyChecks, stated
from eci_annotate.viewer.panels.toolbar import Do
from eci_annotate.viewer.session.resume import Restored
from eci_annotate.viewer.stage.controller import Controller
from eci_annotate.viewer.stage.orders import Order
from eci_annotate.workflow.usecase.form import Question, questions
from eci_annotate.workflow.usecase.gate import Mismatch, Row, mismatches
from eci_annotate.workflow.usecase.hanging import Hanging
from eci_annotate.workflow.usecase.pipeline import TaskKind

if TYPE_CHECKING:
    from eci_annotate.repository.task import Task


class TaskReport:
    """Form and statements of one task.

    Parameters
    ----------
    task, hanging
        The task, and the layout of its study.
    work
        What was answered and stated before.
    sides
        Other readings, whose answers are shown next to the questions.
    controller
        For the annotations that the form must match.
    save
        Called with the raw answers and the statements whenever they change.
    do, go, draw
        Choose an annotation, show a series at a point, carry out orders.

    Attributes
    ----------
    form
        The form; None if the task has no questions.
    checks
        The statements.
    manual, language
        The manual of the use case, and the menu of languages.
    """

    def __init__(
        self,
        task: Task,
        hanging: Hanging,
        work: Restored,
        sides: Sequence[Side],
        controller: Controller,
        save: Callable[[dict[str, Any], dict[str, Any]], None],
        do: Do,
        go: Go,
        draw: Callable[[Sequence[Order]], None],
    ) -> None:
        self._task, self._hanging, self._save = task, hanging, save
        self._easel, self._do, self._go = controller.easel, do, go
        gate = None if task.definition.kind == TaskKind.REVIEW else task.definition.gate
        self.checks = StudyChecks(gate, hanging, work.checks, controller, self.save, go)
        self.stated = stated(work.reviewed.checks, hanging) if work.reviewed else []
        self.earlier = earlier_of(task, controller.easel)
        self.eyes = [EarlierVersion(side, controller, go, draw) for side in self.earlier]
        self.curve = CurvePanel(task, controller.easel)
        self.sizes = DrawingSizes(controller.easel.table, hanging)
        self._measure = self._reading if is_measured(task.use_case.questions) else None
        self._opinions = [Opinion(side.title, side.report) for side in (*sides, *self.earlier)]
        self.manual = Manual(task.use_case.manual)
        self.language = LanguageMenu(task.use_case.languages, self._speak)
        self.form = self._form(work.answers)
        self._place = w.VBox([])
        self._put(self.form)
        self._drawn: Sequence[Row] = ()
        self._closed = False
        self.language.begin()

    def _speak(self, language: str) -> None:
        """Show form and manual in another language, with the same answers."""
        self.manual.say(self._task.use_case.manual_in(language))
        if self.form is None:
            return
        before, self.form = self.form, self._form(self.answers)
        assert self.form is not None, "as it was before"
        self.match(self._drawn)
        if self._closed:
            self.form.close()
        before.widget.children = [each for each in before.widget.children if each is not self.language.widget]
        self._put(self.form)
        close_all(before.widget)

    def _put(self, form: FormPanel | None) -> None:
        """Show the form, with the menu of languages below its title."""
        if form is not None:
            title, *rest = form.widget.children
            form.widget.children = [title, self.language.widget, *rest]
        self._place.children = [form.widget] if form else []

    def _form(self, answers: Mapping[str, Any]) -> FormPanel | None:
        case = self._task.use_case
        report, opinions = case.report_in(self.language.widget.value), self._opinions
        if self._task.definition.kind == TaskKind.REVIEW and answers:
            form = FormPanel(report, questions(report), answers, lambda _: None, measure=self._measure)
            form.close()
            return form
        if not self._task.questions:
            return None
        save = lambda _: self.save()  # noqa: E731
        given = (report, questions(report), answers, save, opinions, self._refused, self.correct, self._measure)
        return FormPanel(*given)

    def _reading(self, question: Question, siblings: Mapping[str, Any], link: str) -> DrawnSize | None:
        """Measure the drawing; a ruler that has no name yet is named when its value is taken."""
        found = self.sizes.reading(question, siblings, link)
        if found is None or not found.claims:
            return found
        return replace(found, claim=lambda: self._do(Alter(found.source, label=found.claims)))

    def _refused(self, given: Mapping[str, Any], drawn: Sequence[Row]) -> list[Mismatch]:
        gate = self._task.definition.gate
        return mismatches(gate, given, drawn, self._hanging, self.checks.value) if gate else []

    @property
    def answers(self) -> dict[str, Any]:
        """The raw answers as they are now."""
        return self.form.group.answer if self.form else {}

    @property
    def problem(self) -> str:
        """What is missing or invalid in the form, as displayed; empty if it is complete."""
        return self.form.problem if self.form else ""

    @property
    def remark(self) -> str:
        """Where answers differ from what is drawn, to be known before signing; empty if nowhere."""
        found = [*differences(self._task.use_case.questions, self.answers, self.sizes)]
        return f"Form and drawing differ: {'; '.join(found)}." if found else ""

    def remark_on_signing(self) -> str:
        """Return what to know before signing: that nothing was changed, or where form and drawing differ."""
        same = remark_on(self._task, self._easel, self.answers)
        return f"{same} {self.remark}".strip()

    @property
    def shown(self) -> list[Any]:
        """The widgets."""
        return [
            *(each.widget for each in self.eyes),
            *self.stated,
            *self.checks.shown,
            *self.curve.shown,
            self._place,
        ]

    def save(self) -> None:
        """Save answers and statements, and show what is missing now."""
        self._save(self.answers, self.checks.value.to_json())
        if self.form:
            self.form.check()

    def match(self, drawn: Sequence[Row]) -> None:
        """Follow the annotations: their labels, and those that are drawn."""
        self._drawn = drawn
        self.checks.refresh()
        if self.form:
            things = self._easel.table.objects.values()
            self.form.match([thing.label for thing in things if not isinstance(thing, Ruler)], drawn)

    def correct(self, mismatch: Mismatch) -> None:
        """Lead to what a mismatch is about: its annotation, or else its series."""
        things = self._easel.table.objects.items()
        named = [(uid, thing) for uid, thing in things if mismatch.label and thing.label == mismatch.label]
        here = [uid for uid, thing in named if thing.series_uid == mismatch.series]
        if here or (named and not mismatch.series):
            self._do(Select((here or [named[0][0]])[0]))
        elif mismatch.series:
            box = self.checks.boxes.get(mismatch.label)
            self._go(mismatch.series, box.centre_lps if box else None)

    def close(self) -> None:
        """Disable answering."""
        self.checks.close()
        self.language.widget.disabled = self._closed = True
        if self.form:
            self.form.close()
