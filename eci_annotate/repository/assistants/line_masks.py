"""Lines of prompts as voxels: a scribble is the voxels it passes, a lasso the area it encloses on one slice."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from eci_annotate.errors import Refused
from eci_annotate.imaging.contours import fill_rings
from eci_annotate.repository.assistants.protocol import Voxel


def scribble_mask(voxels: Sequence[Voxel], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return the voxels that a line through these passes, uint8 (k, j, i)."""
    mask = np.zeros(shape, np.uint8)
    for a, b in pairwise([*voxels, voxels[-1]]):
        steps = int(np.abs(np.subtract(b, a)).max()) + 1
        line = np.round(np.linspace(a, b, steps)).astype(int)
        mask[tuple(np.clip(line, 0, np.array(shape) - 1).T)] = 1
    return mask


def lasso_mask(voxels: Sequence[Voxel], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return the area that a closed line on one slice encloses, the line included, uint8 (k, j, i).

    Raises
    ------
    Refused
        If the line is on no single slice of the grid.
    """
    points = np.asarray(voxels)
    flat = [axis for axis in range(3) if np.ptp(points[:, axis]) == 0]
    if not flat:
        raise Refused("A lasso lies on one slice of the images.", "Draw it in a pane with a plane of this series.")
    axis = flat[0]
    others = [each for each in range(3) if each != axis]
    mask = scribble_mask([*voxels, voxels[0]], shape)
    plane = np.moveaxis(mask, axis, 0)[points[0, axis]]
    plane |= fill_rings([points[:, others[::-1]]], plane.shape)
    return mask
