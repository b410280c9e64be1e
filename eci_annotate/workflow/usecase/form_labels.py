"""Form answers for display: each question by its title, each choice by its label, in the form's order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from eci_annotate.workflow.usecase.form import Question, Schema, questions


def labelled(schema: Schema, answers: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return question and answer as displayed to users, without unanswered questions."""
    return list(_group(questions(schema), answers, ""))


def _group(asked: Sequence[Question], answers: Mapping[str, Any], before: str) -> Iterator[tuple[str, str]]:
    for question in asked:
        if question.name in answers and answers[question.name] is not None:
            yield from _answer(question, answers[question.name], before)


def _answer(question: Question, value: Any, before: str) -> Iterator[tuple[str, str]]:
    title = f"{before}{question.title}"
    match question.kind:
        case "group":
            yield from _group(question.questions, value, f"{title}: ")
        case "list":
            for number, each in enumerate(value, 1):
                yield from _group(question.questions, each, f"{title} {number}: ")
            if not value:
                yield title, "none"
        case _:
            yield title, _text(question, value)


def _text(question: Question, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    label = dict(question.choices).get(value, str(value)) if question.choices else str(value)
    return f"{label} {question.unit}".strip()
