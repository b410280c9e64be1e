"""Answers of others next to a question: a click copies an answer. Equal answers are grouped."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ipywidgets as w

from eci_annotate.workflow.usecase.form import Question


@dataclass(frozen=True)
class Opinion:
    """Another reader's answer to a question, a group or a list; None if there is none."""

    who: str
    answer: Any

    def of(self, name: str) -> Opinion:
        """Return their answer to one question of the group."""
        return Opinion(self.who, self.answer.get(name) if isinstance(self.answer, Mapping) else None)


def together(opinions: Sequence[Opinion]) -> list[tuple[str, Any]]:
    """Return equal answers with the names of those who gave them, without empty answers."""
    found: list[tuple[list[str], Any]] = []
    for each in opinions:
        if each.answer is None:
            continue
        same = next((who for who, answer in found if answer == each.answer), None)
        if same is None:
            found.append(([each.who], each.answer))
        else:
            same.append(each.who)
    return [(", ".join(who), answer) for who, answer in found]


def agreed(opinions: Sequence[Opinion]) -> dict[str, Any]:
    """Return, for groups of answers, those that all gave and gave equally."""
    names = dict.fromkeys(name for each in opinions for name in each.answer or ())
    pairs = {name: [each.of(name).answer for each in opinions] for name in names}
    return {name: given[0] for name, given in pairs.items() if all(each == given[0] for each in given)}


def in_words(question: Question, answer: Any) -> str:
    """Return an answer as displayed to users."""
    if isinstance(answer, bool):
        return "Yes" if answer else "No"
    return next((title for value, title in question.choices if value == answer), str(answer))


def buttons(question: Question, opinions: Sequence[Opinion], take: Callable[[Any], None]) -> list[w.Button]:
    """Return a button for each different answer."""
    found = together(opinions)
    return [_button(who, in_words(question, answer), answer, take, len(found) > 1) for who, answer in found]


def _button(who: str, words: str, answer: Any, take: Callable[[Any], None], differs: bool) -> w.Button:
    short = words if len(words) <= 40 else f"{words[:39]}…"
    button = w.Button(description=f"{who}: {short}", tooltip=f"Take: {words}", layout=w.Layout(width="auto"))
    button.add_class("eci-opinion")
    if differs:
        button.add_class("eci-differs")
    button.on_click(lambda _: take(answer))
    return button
