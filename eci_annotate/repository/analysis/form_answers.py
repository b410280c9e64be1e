"""The answers of a form as values that can be compared: one question of one subject, or of one lesion of it.

Items of a list meet by the label of their annotation, or by their place where they have none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eci_annotate.workflow.usecase.form import CHOICE, GROUP, INTEGER, LIST, NUMBER, YES_NO, Question

MOST_LEVELS = 11  # a whole number of a short range is a scale


@dataclass(frozen=True)
class Asked:
    """A question, wherever it stands in the form.

    Parameters
    ----------
    path, question
        ``lesions[].segment`` and the question itself.
    """

    path: str
    question: Question

    @property
    def title(self) -> str:
        """As people read it, with its unit."""
        return f"{self.question.title} [{self.question.unit}]" if self.question.unit else self.question.title

    @property
    def is_number(self) -> bool:
        """Whether distances between answers have a meaning."""
        return self.question.kind in (NUMBER, INTEGER)

    @property
    def levels(self) -> tuple[Any, ...]:
        """All possible answers in their order; none when they cannot be listed."""
        question = self.question
        match question.kind:
            case "choice":
                return tuple(value for value, _ in question.choices)
            case "yes-no":
                return (False, True)
            case "integer" if question.minimum is not None and question.maximum is not None:
                scale = tuple(range(int(question.minimum), int(question.maximum) + 1))
                return scale if len(scale) <= MOST_LEVELS else ()
        return ()

    @property
    def is_ordered(self) -> bool:
        """Whether the levels are a scale."""
        numbers = all(isinstance(each, int | float) and not isinstance(each, bool) for each in self.levels)
        return self.question.ordered or (bool(self.levels) and numbers)


def asked(questions: Sequence[Question], path: str = "") -> Iterator[Asked]:
    """All questions that can be compared, those in groups and lists too; not free text."""
    for question in questions:
        here = f"{path}{question.name}"
        if question.kind == GROUP:
            yield from asked(question.questions, f"{here}.")
        elif question.kind == LIST:
            yield from asked(question.questions, f"{here}[].")
        elif question.kind in (NUMBER, INTEGER, CHOICE, YES_NO):
            yield Asked(here, question)


def by_path(questions: Sequence[Question], path: str = "") -> Iterator[Asked]:
    """All questions, with the paths that a delta of forms gives them (numbers of items left out)."""
    for question in questions:
        here = f"{path}{question.name}"
        yield Asked(here, question)
        yield from by_path(question.questions, f"{here}{'[]' if question.kind == LIST else ''}.")


Answers = dict[tuple[str, tuple[str, ...]], Any]


def answered(questions: Sequence[Question], given: Mapping[str, Any], path: str = "", item: Any = ()) -> Answers:
    """By path and item (of each list around it one name): the answer."""
    found: Answers = {}
    for question in questions:
        value, here = given.get(question.name), f"{path}{question.name}"
        if value is None:
            continue
        if question.kind == GROUP:
            found |= answered(question.questions, value, f"{here}.", item)
        elif question.kind == LIST:
            for name, each in zip(item_names(question, value), value, strict=True):
                found |= answered(question.questions, each, f"{here}[].", (*item, name))
        else:
            found[here, item] = value
    return found


def item_names(question: Question, items: Sequence[Mapping[str, Any]]) -> list[str]:
    """A name for each item of a list: its annotation's label, numbered where it is not the only one."""
    link = next((each.name for each in question.questions if each.link), None)
    labels = [str(each.get(link, "")) if link else str(number) for number, each in enumerate(items, 1)]
    seen: Counter[str] = Counter()
    names = []
    for label in labels:
        seen[label] += 1
        names.append(label if seen[label] == 1 else f"{label} #{seen[label]}")
    return names
