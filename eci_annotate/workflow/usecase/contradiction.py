"""Answers that contradict each other: `x-contradicts` of a question names others, and says why both cannot be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class AnswerRange:
    """Numbers from `at_least` to `at_most`."""

    at_least: float = float("-inf")
    at_most: float = float("inf")

    def __contains__(self, value: object) -> bool:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return is_number and self.at_least <= value <= self.at_most  # type: ignore[operator]


Values = tuple[Any, ...] | AnswerRange
SMALLER = "smaller"  # in place of values: the other number is smaller than the answer


@dataclass(frozen=True)
class Contradiction:
    """One pair of answers that cannot both be right.

    Parameters
    ----------
    answer
        Values of the question itself.
    name, values
        Another question of the same group, and its values. With `within` the other question is one of the items of
        that list, or of that group, and one item is enough. `smaller`: the other is a number below the answer.
    lacks
        With `within`: the contradiction is that no item of that list has one of the values.
    because
        What the other answer says, to follow "but".
    """

    answer: Values
    name: str
    values: Values
    because: str
    within: str = ""
    lacks: bool = False
    smaller: bool = False

    def holds(self, answer: Any, siblings: Mapping[str, Any]) -> bool:
        """Whether the answer contradicts one of its siblings."""
        if answer not in self.answer:
            return False
        others = siblings.get(self.within) if self.within else siblings
        if self.lacks and others is None:
            return False
        items = others if isinstance(others, Sequence) else (others,)
        return any(isinstance(each, Mapping) and self._is(each.get(self.name), answer) for each in items) != self.lacks

    def _is(self, other: Any, answer: Any) -> bool:
        return other in AnswerRange() and other < answer if self.smaller else other in self.values


def contradictions_from(stated: Sequence[Mapping[str, Any]]) -> tuple[Contradiction, ...]:
    """Return what a question states."""
    return tuple(
        Contradiction(
            _values(each["answer"]),
            each["of"],
            AnswerRange() if each["is"] == SMALLER else _values(each["is"]),
            each["because"],
            each.get("within", ""),
            each.get("lacks", False),
            each["is"] == SMALLER,
        )
        for each in stated
    )


def _values(stated: Any) -> Values:
    return AnswerRange(**stated) if isinstance(stated, Mapping) else tuple(stated)
