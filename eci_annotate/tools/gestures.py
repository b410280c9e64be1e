"""Pointer input in patient millimetres; gestures know nothing of browsers, widgets or pixels.

One press, drags and a release make a stroke. They are values and are stored in the stroke journal unchanged.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eci_annotate.imaging.geometry import Floats, Vector

ALT, SHIFT, CONTROL = "alt", "shift", "control"


@dataclass(frozen=True)
class Plane:
    """The plane of the pane in which a gesture happens.

    Attributes
    ----------
    name
        Name of the pane, such as `axial`, `sagittal` or `coronal`.
    origin_lps
        A point on the plane.
    right_lps, down_lps
        Unit vectors to the right and downward on the screen.
    thickness_mm
        Distance to the next plane of the same pane.
    """

    name: str
    origin_lps: Vector
    right_lps: Vector
    down_lps: Vector
    thickness_mm: float

    @property
    def normal_lps(self) -> Floats:
        """Unit normal, away from the viewer."""
        return np.cross(self.right_lps, self.down_lps)


@dataclass(frozen=True)
class Press:
    """A button or pen goes down at a point; handles within `reach_mm` count as hit."""

    at: Vector
    plane: Plane
    reach_mm: float = 2.0
    button: int = 0
    modifiers: frozenset[str] = frozenset()
    pressure: float = 1.0
    time_s: float = 0.0


@dataclass(frozen=True)
class Drag:
    """The pen moves along points, in order; the last one is its current position."""

    path: tuple[Vector, ...]
    plane: Plane
    modifiers: frozenset[str] = frozenset()
    pressures: tuple[float, ...] = ()
    time_s: float = 0.0


@dataclass(frozen=True)
class Release:
    """The pen goes up."""

    at: Vector
    plane: Plane
    modifiers: frozenset[str] = frozenset()
    time_s: float = 0.0


@dataclass(frozen=True)
class Cancel:
    """Escape was pressed or the pointer was lost: the stroke is discarded."""


Gesture = Press | Drag | Release | Cancel
