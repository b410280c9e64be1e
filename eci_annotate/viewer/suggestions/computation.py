"""What a tool would compute for the state of the easel, and what comes back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from eci_annotate.imaging.geometry import Vector
from eci_annotate.tools.suggestion import Suggestion

Result = Suggestion | str | None
"""A suggestion, what the user should add, or nothing because the work was ended."""
Work = Callable[[Callable[[float], bool]], Result]


@dataclass(frozen=True, eq=False)
class Computation:
    """What to compute: `state` identifies what it depends on; `work` returns a suggestion, or what to add."""

    state: object
    work: Work


class Source(Protocol):
    """A tool's half: it says what could be suggested now."""

    def computation(self) -> Computation | None:
        """Return what to compute for the current state; None: nothing is suggested now."""

    def step(self, by: int) -> bool:
        """Make what is suggested smaller (negative) or larger; return False if this source suggests nothing."""

    def point_at(self, at: Vector | None) -> None:
        """Take note of where the pointer rests, patient millimetres; None: outside."""
