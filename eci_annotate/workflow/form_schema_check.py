"""What JSON Schema accepts of a form, and nobody can answer: limits that cross, conditions that never hold."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from eci_annotate.workflow.findings import Finding, repeated

Schema = Mapping[str, Any]

NAME = re.compile(r"\w[\w -]*")
LIMITS = {
    "number": ("minimum", "maximum"),
    "integer": ("minimum", "maximum"),
    "string": ("minLength", "maxLength"),
    "array": ("minItems", "maxItems"),
}
_OF_ALL = {"title", "description", "type", "x-title", "x-description", "x-contradicts", "x-measure"}
KEYS: Mapping[str, set[str]] = {  # what a question of each type may say
    "number": {*LIMITS["number"], "x-unit"},
    "integer": {*LIMITS["integer"], "x-unit"},
    "string": {*LIMITS["string"], "x-link", "x-long"},
    "array": {*LIMITS["array"], "items"},
    "boolean": set(),
    "choice": {"enum", "oneOf", "x-ordered"},
}
TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}


def schema_findings(schema: Schema) -> Iterator[Finding]:
    """Yield each problem of a group of questions, and of those within, and its remedy."""
    asked: Mapping[str, Schema] = schema.get("properties", {})
    titles = [str(each.get("title", name)) for name, each in asked.items()]
    for title in repeated(titles):
        yield f"Two questions of one group are titled {title!r}.", "Give each its own title."
    for name, question in asked.items():
        if not NAME.fullmatch(name):
            yield f"{name!r} is no name of a question.", "Use letters, digits, blanks, - and _."
        yield from _question(str(question.get("title", name)), question)
    for name in schema.get("required", ()):
        if name not in asked:
            yield f"The form requires {name!r}, which it does not ask.", "Name a question of the same group."
    for rule in schema.get("allOf", ()):
        yield from _condition(rule, list(asked), asked)


def _question(title: str, question: Schema) -> Iterator[Finding]:
    kind = "choice" if "enum" in question or "oneOf" in question else str(question.get("type", ""))
    if kind == "object":
        yield from schema_findings(question)
        return
    if kind not in KEYS:
        yield f"{title!r} has no type.", "Give it one: string, number, integer, boolean, array; or choices (oneOf)."
        return
    for key in sorted(set(question) - _OF_ALL - KEYS[kind]):
        yield f"{title!r} says {key!r}, which means nothing for a {kind}.", "Leave it out, or change the type."
    low, high = (question.get(key) for key in LIMITS.get(kind, ("", "")))
    if low is not None and high is not None and low > high:
        yield f"{title!r} takes at least {low:g} and at most {high:g}: no answer fits.", "Correct the limits."
    if kind == "array" and "items" not in question:
        yield f"{title!r} is a list without questions.", "Give it 'items'."
    yield from schema_findings(question.get("items", {}))
    if kind == "choice":
        yield from _choices(title, question)


def _choices(title: str, question: Schema) -> Iterator[Finding]:
    if "enum" in question and "oneOf" in question:
        yield f"{title!r} has both 'enum' and 'oneOf'.", "Keep one."
    options = question.get("oneOf") or [{"const": value} for value in question["enum"]]
    values = [option["const"] for option in options]
    allowed = TYPES.get(question.get("type", ""), (str, int, float, bool))
    for value in values:
        is_odd = isinstance(value, bool) and bool not in allowed
        if not isinstance(value, allowed) or is_odd or not str(value).strip():
            yield f"{title!r} has the choice {value!r}, which is none of its type.", "Correct the choice, or the type."
    for number, value in enumerate(values):
        if value in values[:number] or str(value) in map(str, values[:number]):
            yield f"{title!r} has the choice {value!r} twice.", "Keep one."
    titles = [str(option.get("title", option["const"])) for option in options]
    for text in repeated(titles):
        yield f"{title!r} has two choices titled {text!r}.", "Give each its own title."


def _condition(rule: Schema, order: list[str], asked: Mapping[str, Schema]) -> Iterator[Finding]:
    """Yield what is wrong with a condition: it is about an answer to a question before those that depend on it."""
    ((name, test),) = rule["if"]["properties"].items()
    if name not in asked:
        yield f"A condition is about {name!r}, which is not asked.", "Name a question of the same group."
        return
    question, title = asked[name], str(asked[name].get("title", name))
    if rule["if"]["required"] != [name]:
        yield f"The condition about {title!r} does not require its answer.", f'Write "required": ["{name}"].'
    if question.get("type") in ("array", "object"):
        yield f"A condition is about {title!r}, which has questions of its own.", "Name a choice."
    options = [option["const"] for option in question.get("oneOf", ())] or question.get("enum")
    for value in test.get("enum", [test.get("const")]):
        if options is not None and value not in options:
            yield f"A condition is about the choice {value!r} of {title!r}.", f"It has {', '.join(map(str, options))}."
    depending = [each for branch in ("then", "else") for each in rule.get(branch, {}).get("required", ())]
    if not depending:
        yield f"Nothing depends on the condition about {title!r}.", "Give it 'then' or 'else', or remove it."
    for each in depending:
        if each not in asked:
            yield f"The condition about {title!r} asks for {each!r}, which the form does not have.", "Add the question."
        elif order.index(each) <= order.index(name):
            yield f"The condition about {title!r} decides on {each!r}, which is asked before it.", "Ask it later."
