"""What a tool would compute for the state of the easel, and what comes back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

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
