"""What a form needs beyond its JSON Schema: measures and contradictions name what exists, codes are well formed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from eci_annotate.workflow.findings import Finding
from eci_annotate.workflow.form_schema_check import schema_findings
from eci_annotate.workflow.usecase.answer_code import code_findings
from eci_annotate.workflow.usecase.contradiction import AnswerRange, Contradiction, Values
from eci_annotate.workflow.usecase.form import CHOICE, GROUP, INTEGER, LIST, NUMBER, Question, Schema, questions
from eci_annotate.workflow.usecase.form_measure import Measure


def form_findings(report: Mapping[str, Any], hanging: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield each problem of the form and its remedy."""
    yield from schema_findings(report)
    yield from _group(questions(report), [slot["name"] for slot in hanging.get("slots", ())])
    for name, question in question_schemas(report):
        yield from code_findings(str(question.get("title", name)), question.get("oneOf", []))


def question_schemas(schema: Schema) -> Iterator[tuple[str, Schema]]:
    """Yield name and schema of each question, those of groups and lists too."""
    for name, question in schema.get("properties", {}).items():
        yield name, question
        yield from question_schemas(question.get("items", question))


def _group(asked: Sequence[Question], slots: Sequence[str]) -> Iterator[Finding]:
    for question in asked:
        for measure in question.measures:
            yield from _measure(question, measure, asked, slots)
        for each in question.contradictions:
            yield from _contradiction(question, each, asked)
        if question.kind in (LIST, GROUP):
            yield from _group(question.questions, slots)


def _contradiction(question: Question, stated: Contradiction, siblings: Sequence[Question]) -> Iterator[Finding]:
    inner = [each.questions for each in siblings if each.name == stated.within]
    others = (inner[0] if inner else ()) if stated.within else siblings
    other = next((each for each in others if each.name == stated.name), None)
    if other is None:
        where = f"{stated.within}/{stated.name}" if stated.within else stated.name
        yield f"{question.title!r} contradicts {where!r}, which is not asked.", "Name a question of the same group."
        return
    if stated.lacks and not stated.within:
        yield f"{question.title!r} contradicts what no item is, but of no list.", "Name the list ('within')."
    if stated.smaller and question.kind not in (NUMBER, INTEGER):
        yield f"{question.title!r} is compared, but is no number.", "Compare two numbers."
    if other is question:
        yield f"{question.title!r} contradicts itself.", "Name another question."
    for asked, values in ((question, stated.answer), (other, stated.values)):
        if isinstance(values, AnswerRange) and (
            asked.kind not in (NUMBER, INTEGER) or values.at_least > values.at_most
        ):
            yield f"{question.title!r} contradicts a range of {asked.title!r} that no answer is in.", "Correct it."
        for value in _unknown(asked, values):
            yield (
                f"{question.title!r} contradicts: {asked.title!r} has no choice {value!r}.",
                "Name one of its choices.",
            )


def _unknown(question: Question, values: Values) -> list[object]:
    """Return the values that are no choice of a question with choices."""
    if not isinstance(values, tuple):
        return []
    if question.kind in (NUMBER, INTEGER):
        return [value for value in values if isinstance(value, bool) or not isinstance(value, int | float)]
    if question.kind != CHOICE:
        return []
    return [value for value in values if value not in [choice for choice, _ in question.choices]]


def _measure(
    question: Question, measure: Measure, siblings: Sequence[Question], slots: Sequence[str]
) -> Iterator[Finding]:
    if question.kind != NUMBER:
        yield f"{question.title!r} is measured, but is not a number.", "Give it the type number."
    if measure.units is not None and question.unit not in measure.units:
        yield (
            f"{question.title!r} is measured as {measure.kind} in {question.unit or 'no unit'}.",
            f"Give it as x-unit one of {', '.join(measure.units)}.",
        )
    if not measure.of and not any(each.link for each in siblings):
        yield f"{question.title!r} is measured, but of no label.", "Name the label ('of'), or link a sibling question."
    known = {each.name: each for each in siblings}
    for name, values in measure.when:
        for value in _unknown(known[name], values) if name in known else ():
            yield (
                f"{question.title!r} is measured when {known[name].title!r} is {value!r}, which it cannot be.",
                "Name one of its choices.",
            )
        if name not in known:
            yield (
                f"{question.title!r} is measured when {name!r} is answered, which is not asked beside it.",
                ("Name a question of the same group."),
            )
    for slot in measure.slots:
        if slot not in slots:
            yield f"{question.title!r} is measured on the slot {slot!r}.", f"The protocol has {', '.join(slots)}."
