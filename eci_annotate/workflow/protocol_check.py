"""What a hanging protocol needs beyond its JSON Schema: names that exist, each once, and rules that can be met."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from eci_annotate.workflow.findings import Finding, repeated
from eci_annotate.workflow.series import series_vocabulary as vocabulary
from eci_annotate.workflow.series.breast_views import SPECIAL_VIEWS
from eci_annotate.workflow.series.series_facts import PLANES

Stated = Mapping[str, Any]

_CONTENTS = (*vocabulary.CONTENTS, *vocabulary.COMPUTED, *vocabulary.IMAGE_TYPES.values())
FACT_VALUES: Mapping[str, frozenset[str]] = {
    "plane": frozenset((*PLANES, "oblique")),
    "nearest_plane": frozenset(PLANES),
    "phase": frozenset(vocabulary.PHASES),
    "content": frozenset(_CONTENTS),
    "contrast": frozenset(("with", "without")),
    "region": frozenset(vocabulary.REGIONS),
    "side": frozenset("LR"),
    "study": frozenset(("current", "prior")),
    "special_view": frozenset((*SPECIAL_VIEWS, "for processing")),
}


def protocol_findings(hanging: Stated) -> Iterator[Finding]:
    """Yield each problem and its remedy."""
    slots = hanging.get("slots", ())
    known = [slot["name"] for slot in slots]
    for what, names in (
        ("slots are named", known),
        ("slots have the title", [slot["title"] for slot in slots]),
        ("stages are named", [stage["name"] for stage in hanging.get("stages", ())]),
    ):
        for name in repeated(names):
            yield f"Two {what} {name!r} in the hanging protocol.", "Give each its own."
    yield from _rules("all slots", hanging)
    for slot in slots:
        yield from _slot(slot, known)
    for stage in hanging.get("stages", ()):
        for cell in chain.from_iterable(stage["grid"]):
            yield from _cell(stage["name"], cell, known)


def _slot(slot: Stated, known: list[str]) -> Iterator[Finding]:
    title, made = slot["title"], slot.get("computed", {})
    for name in made.values():
        if name not in known:
            yield f"{title!r} is computed from the slot {name!r}.", f"The protocol has {', '.join(known)}."
    if made and len({slot["name"], *made.values()}) < 3:
        yield f"{title!r} is computed from itself, or from one slot twice.", "Name two other slots."
    yield from _rules(repr(title), slot)
    yield from _rules(f"what is laid over {title!r}", slot.get("fuse", {}))


def _rules(where: str, slot: Stated) -> Iterator[Finding]:
    if "window" in slot and slot["window"][1] <= 0:
        yield f"The window of {where} has no width.", "Give centre and width, which is above 0."
    for kind in ("require", "exclude", "prefer"):
        for rule in slot.get(kind, ()):
            if kind != "prefer" and ("rank" in rule or "score" in rule):
                what = f"A rule of {where} under {kind!r} has a rank or a score ({rule['why']!r})."
                yield what, "Only what is under 'prefer' has one."
            for test in rule.get("any", (rule,)):
                if problem := _problem_of(test):
                    yield f"A rule of {where} under {kind!r} {problem} ({rule['why']!r}).", "Correct it."


def _problem_of(test: Stated) -> str:
    field, wanted = test.get("field", ""), test.get("is", ())
    if "matches" in test:
        try:
            re.compile(test["matches"])
        except re.error as error:
            return f"has a pattern that is no regular expression: {error}"
    if test.get("at_least", float("-inf")) > test.get("at_most", float("inf")):
        return "asks for at least more than at most"
    values = FACT_VALUES.get(field)
    for value in wanted if isinstance(wanted, list | tuple) else (wanted,):
        if values is not None and value not in values:
            return f"asks for the {field} {value!r}, which is none of {', '.join(sorted(values))}"
    return ""


def _cell(stage: str, cell: Stated, known: list[str]) -> Iterator[Finding]:
    for slot in [*(cell["slot"] if isinstance(cell["slot"], list) else [cell["slot"]]), cell.get("like", known[0])]:
        if slot not in known:
            yield f"The stage {stage!r} names the slot {slot!r}.", f"The hanging protocol has {', '.join(known)}."
    if {"normal", "right", "like"} & set(cell) and cell.get("plane") != "oblique":
        yield f"The stage {stage!r} turns a pane that is not oblique.", "Give it plane: oblique."
    normal, right = cell.get("normal"), cell.get("right")
    if (normal and not any(normal)) or (right and not (normal and _differ(normal, right))):
        yield f"The stage {stage!r} has a pane without a direction.", "Give 'normal' and 'right' two directions."


def _differ(a: Sequence[float], b: Sequence[float]) -> bool:
    """Whether two directions span a plane."""
    return any(a[n - 2] * b[n - 1] != a[n - 1] * b[n - 2] for n in range(3))
