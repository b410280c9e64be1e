"""A report form is a JSON Schema; this module turns it into typed questions.

Conditions are `if`/`then`/`else` under `allOf`: a question named by a branch is asked only there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from eci_annotate.workflow.usecase.answer_code import AnswerCode, codes_from
from eci_annotate.workflow.usecase.contradiction import Contradiction, contradictions_from
from eci_annotate.workflow.usecase.form_measure import Measure, measures_from

Schema = Mapping[str, Any]
TEXT, CHOICE, NUMBER, INTEGER, YES_NO, LIST, GROUP = (
    "text",
    "choice",
    "number",
    "integer",
    "yes-no",
    "list",
    "group",
)


_LEAST = {LIST: "minItems", TEXT: "minLength"}
_MOST = {LIST: "maxItems", TEXT: "maxLength"}


@dataclass(frozen=True)
class Condition:
    """Whether the sibling question `name` is (or, if negated, is not) answered with one of `values`."""

    name: str
    values: tuple[Any, ...]
    negated: bool = False

    def holds(self, siblings: Mapping[str, Any]) -> bool:
        """Whether the condition holds for the sibling answers."""
        return (siblings.get(self.name) in self.values) is not self.negated


@dataclass(frozen=True)
class Question:
    """One question of a form.

    Parameters
    ----------
    name, title, help
        Key of the answer; title shown to users; longer explanation.
    kind
        ``text``, ``choice``, ``number``, ``integer``, ``yes-no``, ``list`` or ``group``.
    required
        Whether it must be answered when asked.
    choices
        For ``choice``: (value, shown label).
    codes
        For ``choice``: (value, code) of those choices that have a code.
    minimum, maximum, unit
        For numbers; for lists the number of items, for text the number of characters.
    link
        ``annotation``: the answer is the label of an annotation.
    questions
        For a ``list``: the questions of each item; for a ``group``: its questions.
    when
        Asked only if one of these holds; always if empty.
    long
        For ``text``: several lines.
    ordered
        For ``choice``: the choices are a scale, from one end to the other.
    measures
        For numbers: where the value can be taken from the drawing; the first that applies counts.
    contradictions
        Other answers that cannot be right beside some of its own.
    """

    name: str
    title: str
    kind: str
    required: bool
    help: str = ""
    choices: tuple[tuple[Any, str], ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    unit: str = ""
    link: str = ""
    questions: tuple[Question, ...] = ()
    when: tuple[Condition, ...] = ()
    long: bool = False
    ordered: bool = False
    measures: tuple[Measure, ...] = ()
    codes: tuple[tuple[Any, AnswerCode], ...] = ()
    contradictions: tuple[Contradiction, ...] = ()

    def is_asked(self, siblings: Mapping[str, Any]) -> bool:
        """Whether it is asked, given the sibling answers."""
        return not self.when or any(condition.holds(siblings) for condition in self.when)

    def label_of(self, answer: Any) -> str:
        """Return a choice as displayed; other answers as they are."""
        return next((label for value, label in self.choices if value == answer), str(answer))

    def code_of(self, answer: Any) -> AnswerCode | None:
        """Return the code of a choice; None if it has none."""
        return next((code for value, code in self.codes if value == answer), None)


def asked_among(group: Iterable[Question], given: Mapping[str, Any]) -> set[str]:
    """Return the names of the questions of a group that are asked: an answer to one that is not asked asks for none."""
    counted, names = dict(given), set[str]()
    for question in group:
        if question.is_asked({name: value for name, value in counted.items() if name != question.name}):
            names.add(question.name)
        else:
            counted.pop(question.name, None)
    return names


def questions(schema: Schema) -> tuple[Question, ...]:
    """Return the questions of an object schema, in its order."""
    conditions, needed, extra = _branches(schema)
    properties = {**schema.get("properties", {}), **extra}
    required = {*schema.get("required", ()), *needed}
    return tuple(_question(name, each, name in required, conditions.get(name, ())) for name, each in properties.items())


def _branches(schema: Schema) -> tuple[dict[str, tuple[Condition, ...]], set[str], dict[str, Any]]:
    conditions: dict[str, tuple[Condition, ...]] = {}
    needed: set[str] = set()
    extra: dict[str, Any] = {}
    for rule in schema.get("allOf", ()):
        for branch, negated in (("then", False), ("else", True)):
            part = rule.get(branch, {})
            named = [*part.get("properties", {}), *part.get("required", ())]
            for name in dict.fromkeys(named):
                conditions[name] = conditions.get(name, ()) + tuple(_conditions(rule["if"], negated))
            needed.update(part.get("required", ()))
            extra.update({k: v for k, v in part.get("properties", {}).items() if isinstance(v, Mapping)})
    return conditions, needed, extra


def _conditions(test: Schema, negated: bool) -> Iterator[Condition]:
    for name, each in test.get("properties", {}).items():
        values = (each["const"],) if "const" in each else tuple(each.get("enum", ()))
        yield Condition(name, values, negated)


def _question(name: str, each: Schema, required: bool, when: tuple[Condition, ...]) -> Question:
    kind = _kind(each)
    inner = each.get("items", {}) if kind == LIST else each
    return Question(
        name=name,
        title=str(each.get("title", name.replace("_", " ").capitalize())),
        kind=kind,
        required=required,
        help=str(each.get("description", "")),
        choices=_choices(each),
        minimum=each.get(_LEAST.get(kind, "minimum")),
        maximum=each.get(_MOST.get(kind, "maximum")),
        unit=str(each.get("x-unit", "")),
        link=str(each.get("x-link", "")),
        questions=questions(inner) if kind in (LIST, GROUP) else (),
        when=when,
        long=bool(each.get("x-long", False)),
        ordered=bool(each.get("x-ordered", False)),
        measures=measures_from(each.get("x-measure")),
        codes=codes_from(each.get("oneOf", [])),
        contradictions=contradictions_from(each.get("x-contradicts", ())),
    )


def _kind(each: Schema) -> str:
    if "enum" in each or "oneOf" in each:
        return CHOICE
    table = {"boolean": YES_NO, "array": LIST, "object": GROUP, "number": NUMBER, "integer": INTEGER}
    return table.get(str(each.get("type", "string")), TEXT)


def _choices(each: Schema) -> tuple[tuple[Any, str], ...]:
    if "oneOf" in each:
        return tuple((option["const"], str(option.get("title", option["const"]))) for option in each["oneOf"])
    return tuple((value, str(value)) for value in each.get("enum", ()))
