"""Planes as a pane shows them flipped or rotated. Only what is on the screen changes: tools get the planes upright.

A turn is a number 0..7: the quarter turns clockwise, plus 4 if the picture was flipped left-right before. All are the
symmetries of a square, so each is again a swap of rows and columns and a reversal of either: `esm/eyes/turn.js` does
the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from eci_annotate.tools.gestures import Plane
from eci_annotate.viewer.stage.pane_geometry import PlaneStack

UPRIGHT = 0
FLIPPED = 4


@dataclass(frozen=True, eq=False)
class TurnedStack(PlaneStack):
    """The planes of another stack, flipped or rotated on the screen."""

    upright: PlaneStack | None = None

    def plane(self, index: int) -> Plane:
        """Return the plane as tools know it: the same whatever way it is shown."""
        return self.upright.plane(index) if self.upright else super().plane(index)


def turned(stack: PlaneStack, turn: int) -> PlaneStack:
    """Return planes as a pane shows them.

    Parameters
    ----------
    stack
        Planes in radiological convention.
    turn
        Quarter turns clockwise (0..3), plus 4 if flipped left-right before.
    """
    if turn == UPRIGHT:
        return stack
    (row, col), (up, left) = stack.axes, stack.flips
    left ^= turn >= FLIPPED
    for _ in range(turn % FLIPPED):
        row, col, up, left = col, row, left, not up  # the columns become rows, the rows columns from right to left
    return TurnedStack(stack.name, stack.grid, stack.axis, (row, col), (up, left), stack.alone, stack.oblique, stack)
