"""Planes in any position through a volume: parallel to each other, one of them through a given point."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import ArrayLike

from eci_annotate.errors import Refused
from eci_annotate.imaging.geometry import Floats, Grid, Vector, tuple3, unit
from eci_annotate.viewer.stage.pane_geometry import CONVENTION, PANES, PlaneStack

OBLIQUE = "oblique"
MOST_PIXELS = 640  # along each side: a slice takes some 3 ms
PARALLEL = 0.05


@dataclass(frozen=True)
class Tilt:
    """How planes are turned, in LPS.

    Attributes
    ----------
    right, down
        Unit vectors along displayed rows and columns, at right angles.
    through
        A point on one of the planes, patient millimetres.
    frame_uid
        Frame of reference of all three.
    """

    right: Vector
    down: Vector
    through: Vector
    frame_uid: str

    @classmethod
    def from_vectors(cls, right: ArrayLike, down: ArrayLike, through: ArrayLike, frame_uid: str) -> Tilt:
        """Return a tilt; `down` is turned to be at right angles to `right`.

        Raises
        ------
        Refused
            If both point the same way.
        """
        one, other = unit(right), unit(down)
        normal = np.cross(one, other)
        if not np.linalg.norm(normal) > PARALLEL:
            raise Refused("These directions are no plane.", "Give two that are not parallel.")
        return cls(tuple3(one, 7), tuple3(np.cross(unit(normal), one), 7), tuple3(through), frame_uid)

    @classmethod
    def from_normal(cls, normal: ArrayLike, right: ArrayLike | None, through: ArrayLike, frame_uid: str) -> Tilt:
        """Return the tilt of planes with a normal; without `right` as the nearest anatomical plane is shown."""
        axis = unit(normal)
        near = max(PANES, key=lambda name: abs(axis[CONVENTION[name][0]]))
        _, usual, down = CONVENTION[near]
        along = np.asarray(usual if right is None else right, float)
        flat = along - (along @ axis) * axis
        if np.linalg.norm(flat) < PARALLEL:
            raise Refused("The direction of the rows is that of the normal.", "Give another one.")
        column = np.cross(axis, unit(flat))
        return cls.from_vectors(flat, column if column @ np.asarray(down) > 0 else -column, through, frame_uid)


def oblique_stack(source: Grid, tilt: Tilt) -> PlaneStack:
    """Return planes that cover a volume.

    Their pixels are as small as its smallest voxel spacing, unless a side had more than `MOST_PIXELS`; along the normal
    they are as far apart as its voxels are in that direction. `tilt.through` is in the middle of a pixel.
    """
    right, down = np.asarray(tilt.right), np.asarray(tilt.down)
    normal = np.cross(right, down)
    axes = np.stack([normal, down, right])
    ends = [(-0.5, n - 0.5) for n in source.shape]
    reach = (source.reference_from_image(list(product(*ends))) - np.asarray(tilt.through)) @ axes.T
    low, high = reach.min(0), reach.max(0)
    pixel = max(min(source.spacing_mm), float((high - low)[1:].max()) / MOST_PIXELS)
    spacing = np.array([_distance(source, normal), pixel, pixel])
    first, last = np.ceil(low / spacing), np.floor(high / spacing)
    origin = np.asarray(tilt.through) + (first * spacing) @ axes
    shape = tuple(int(n) for n in np.maximum(last - first + 1, 1))
    grid = Grid.from_arrays(origin, axes, spacing, shape, source.frame_of_reference_uid)
    return PlaneStack(f"{OBLIQUE}:{grid.digest[:12]}", grid, 0, (1, 2), (False, False), oblique=True)


def _distance(source: Grid, normal: Floats) -> float:
    """Return how far apart voxels are along a direction."""
    shares = np.asarray(source.directions) @ normal
    return float(np.linalg.norm(shares * np.asarray(source.spacing_mm)) / np.linalg.norm(shares))
