"""Where a result ends only because the region in which it was looked for ends there."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eci_annotate.imaging.blocks import Block
from eci_annotate.imaging.geometry import Floats, Grid

PATIENT_SIDES = (("the right", "the left"), ("anterior", "posterior"), ("the feet", "the head"))  # LPS: low, high
PICTURE_SIDES = (
    ("the first picture", "the last picture"),
    ("the first row", "the last row"),
    ("the first column", "the last column"),
)


def cut_sides(voxels: NDArray[np.bool_], region: Block, grid: Grid, is_picture: bool, flat_axis: int = -1) -> list[str]:
    """Return toward which sides a mask touches a side of the region that is no side of the volume.

    Parameters
    ----------
    voxels
        The mask in the region (k, j, i).
    region
        Block of the volume.
    grid
        Grid of the volume.
    is_picture
        Whether its rows and columns have no direction in the patient, as on a projection.
    flat_axis
        Axis along which the region is one slice on purpose, or -1.
    """
    found = []
    for axis, (side, count) in enumerate(zip(region, grid.shape, strict=True)):
        ends = np.moveaxis(voxels, axis, 0)
        direction = grid.normal_lps if axis == 0 else np.asarray(grid.directions[axis])
        for end, inner, sign in ((0, side.start > 0, -1), (-1, side.stop < count, 1)):
            if inner and axis != flat_axis and ends[end].any():
                found.append(PICTURE_SIDES[axis][end] if is_picture else _side_of(sign * direction))
    return list(dict.fromkeys(found))


def _side_of(direction_lps: Floats) -> str:
    axis = int(np.argmax(np.abs(direction_lps)))
    return PATIENT_SIDES[axis][0 if direction_lps[axis] < 0 else -1]
