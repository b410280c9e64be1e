"""The form of a task: its own, with the answers of others next to it, or in a review the signed answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from eci_annotate.viewer.comparison.sides import Side
from eci_annotate.viewer.panels.other_answers import Opinion
from eci_annotate.viewer.panels.report_form import FormPanel
from eci_annotate.workflow.usecase.gate import Row, unmatched
from eci_annotate.workflow.usecase.hanging import Hanging
from eci_annotate.workflow.usecase.pipeline import REVIEW

if TYPE_CHECKING:
    from eci_annotate.repository.task import Task


def form_of(
    task: Task,
    hanging: Hanging,
    answers: Mapping[str, Any],
    save: Callable[[dict[str, Any]], None],
    sides: Sequence[Side] = (),
) -> FormPanel | None:
    """Return the form with the current answers; None if the task has no questions.

    Parameters
    ----------
    task
        The task.
    hanging
        Layout of the study, for checking annotations against the form.
    answers
        Current raw answers.
    save
        Called with the raw answers whenever they change.
    sides
        Other readings, whose answers are shown next to the questions.
    """
    case, definition = task.use_case, task.definition
    if definition.kind == REVIEW and answers:
        form = FormPanel(case.report, case.questions, answers, lambda _: None)
        form.close()
        return form
    if not task.questions:
        return None
    opinions = [Opinion(side.title, side.report) for side in sides]

    def refused(given: Mapping[str, Any], drawn: Sequence[Row]) -> list[str]:
        return unmatched(definition.gate, given, drawn, hanging) if definition.gate else []

    return FormPanel(case.report, task.questions, answers, save, opinions, refused)
