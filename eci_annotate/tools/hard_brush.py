"""A brush with a hard edge: it fills the voxels of a field along a path with one number, for seeds and zones."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from eci_annotate.imaging.blocks import Block, block
from eci_annotate.imaging.geometry import Vector
from eci_annotate.tools.protocol import ArrayEdit, Scene
from eci_annotate.tools.smartpaint.dabs import cone

ERASER = 5  # button of a pen's other end


def _centres(path: tuple[Vector, ...], step_mm: float, scene: Scene) -> NDArray[np.int64]:
    """Return the voxels along a path, both ends included, at most `step_mm` apart."""
    points = [np.asarray(path[:1])]
    for a, b in pairwise(path):
        count = max(int(np.ceil(np.linalg.norm(np.subtract(b, a)) / step_mm)), 1)
        share = np.arange(1, count + 1)[:, None] / count
        points.append(np.asarray(a) * (1 - share) + np.asarray(b) * share)
    voxels = np.unique(scene.grid.voxel_from_reference(np.concatenate(points)), axis=0)
    return np.asarray(voxels[((voxels >= 0) & (voxels < scene.grid.shape)).all(1)])


def covered(
    centres: NDArray[np.int64], brush: NDArray[np.bool_], shape: tuple[int, ...]
) -> tuple[Block, NDArray[np.bool_]]:
    """Return the block that a brush at these voxels covers, and its voxels.

    Parameters
    ----------
    centres
        Voxels (n, 3).
    brush
        Brush by offset from its centre, bool, of odd sizes.
    shape
        Shape of the volume.
    """
    half = np.array(brush.shape) // 2
    low, high = np.maximum(centres.min(0) - half, 0), np.minimum(centres.max(0) + half + 1, shape)
    inside = np.zeros(high - low, np.bool_)
    for centre in centres:
        a, b = np.maximum(centre - half, low), np.minimum(centre + half + 1, high)
        inside[block(a - low, b - low)] |= brush[block(a - centre + half, b - centre + half)]
    return block(low, high), inside


def filled(
    scene: Scene, uid: str, number: int, path: tuple[Vector, ...], radius_mm: float, flat_axis: int
) -> tuple[ArrayEdit, ...]:
    """Return the edit that fills a field along a path.

    Parameters
    ----------
    scene
        Grid and fields of the series.
    uid, number
        The field, and what is written into it.
    path
        Points in patient millimetres, one or more.
    radius_mm, flat_axis
        Radius of the brush; axis along which it is one voxel thick, or -1 for a ball.
    """
    centres = _centres(path, max(radius_mm / 2, min(scene.grid.spacing_mm)), scene)
    if not len(centres) or uid not in scene.fields:
        return ()
    brush = cone(radius_mm, scene.grid.spacing_mm, 1.0, flat_axis) > 0
    where, inside = covered(centres, brush, scene.grid.shape)
    before = scene.fields[uid][where].copy()
    after = np.where(inside, np.uint16(number), before)
    return () if np.array_equal(before, after) else (ArrayEdit(uid, where, before, after),)
