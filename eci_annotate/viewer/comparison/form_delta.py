"""The fields of a form that two sides answered differently, with the labels of the form."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

from eci_annotate.repository.analysis.delta import Delta
from eci_annotate.repository.analysis.form_answers import by_path
from eci_annotate.viewer.comparison.sides import Side
from eci_annotate.viewer.panels.other_answers import in_words
from eci_annotate.workflow.usecase.form import Question


def form_table(delta: Delta, sides: Sequence[Side]) -> str:
    """Return the form's differing fields as displayed to users, as HTML."""
    if delta.form.empty:
        return "<b>Form</b><div class='eci-facts'>The answers are the same.</div>"
    known = {each.path: each.question for each in by_path(sides[-1].signed.use_case.questions)}
    head = "".join(f"<th>{html.escape(side.title)}</th>" for side in sides)
    rows = "".join(_form_row(known, *row) for row in delta.form.values.tolist())
    return f"<b>Form</b><table class='eci-form-delta'><tr><th></th>{head}</tr>{rows}</table>"


def _form_row(known: Mapping[str, Question], field: str, *answers: Any) -> str:
    question = known.get(re.sub(r"\[\d+\]", "[]", field)) or known.get(re.sub(r"\[\d+\]$", "", field))
    number = "".join(f" {each}" for each in re.findall(r"\[(\d+)\]", field))
    title = f"{question.title}{number}" if question else field
    cells = "".join(f"<td>{_said(question, each)}</td>" for each in answers)
    return f"<tr><td>{html.escape(title)}</td>{cells}</tr>"


def _said(question: Question | None, value: Any) -> str:
    if value is None:
        return "—"
    if isinstance(value, dict):
        inner = {each.name: each for each in question.questions} if question else {}
        return "<br>".join(_said(inner.get(str(name)), each) for name, each in value.items())
    return html.escape(in_words(question, value) if question else str(value))
