"""Measurements of a mask: long and short axis on one slice, volume, and statistics of the values in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from eci_annotate.imaging.geometry import Floats, Vector

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Axes:
    """The longest diameter of a mask on any slice, and its extent perpendicular to it on the same slice.

    Attributes
    ----------
    slice_k
        Index of the slice.
    long_mm, short_mm
        Lengths from edge to edge of voxels.
    ends
        Ends of the long axis, image indices (j, i), shape (2, 2).
    """

    slice_k: int
    long_mm: float
    short_mm: float
    ends: Floats


def axes_of(mask: Bools, spacing_mm: tuple[float, float, float]) -> Axes | None:
    """Return long and short axis; None for an empty mask.

    Parameters
    ----------
    mask
        Bool (k, j, i).
    spacing_mm
        Distance between voxel centres along k, j, i.

    References
    ----------
    Eisenhauer et al., RECIST 1.1, Eur J Cancer 45(2), 2009: longest diameter in the plane of acquisition.
    """
    found = [_axes_on(mask[k], int(k), spacing_mm) for k in np.flatnonzero(mask.any((1, 2)))]
    return max(found, key=lambda axes: axes.long_mm, default=None)


def _axes_on(shape: Bools, slice_k: int, spacing_mm: tuple[float, float, float]) -> Axes:
    size = np.array(spacing_mm[1:])
    at = _row_ends(shape)
    corners = np.concatenate([at + offset for offset in ((-0.5, -0.5), (-0.5, 0.5), (0.5, -0.5), (0.5, 0.5))])
    hull = shapely.get_coordinates(shapely.convex_hull(shapely.MultiPoint(corners * size)))
    away = np.linalg.norm(hull[:, None] - hull[None], axis=-1)
    a, b = np.unravel_index(int(np.argmax(away)), away.shape)
    along = (hull[b] - hull[a]) / away[a, b]
    across = hull @ np.array([-along[1], along[0]])
    return Axes(slice_k, float(away[a, b]), float(np.ptp(across)), hull[[a, b]] / size)


def _row_ends(shape: Bools) -> NDArray[np.int64]:
    """Return first and last voxel (j, i) of each row: no other can be a corner of the convex hull."""
    rows = np.flatnonzero(shape.any(1))
    first = shape[rows].argmax(1)
    last = shape.shape[1] - 1 - shape[rows, ::-1].argmax(1)
    return np.concatenate([np.stack([rows, first], 1), np.stack([rows, last], 1)])


def sides_of(size_mm: Vector, axes_lps: ArrayLike, normal_lps: ArrayLike) -> tuple[float, float]:
    """Return the longer and the shorter side of a box in the plane of the slices, in mm.

    Parameters
    ----------
    size_mm
        Lengths along the axes of the box.
    axes_lps
        Axes of the box, unit vectors as rows, shape (3, 3).
    normal_lps
        Normal of the slices; the side nearest to it is left out.
    """
    across = int(np.argmax(np.abs(np.asarray(axes_lps) @ np.asarray(normal_lps))))
    short, long = sorted(float(size) for axis, size in enumerate(size_mm) if axis != across)
    return long, short


@dataclass(frozen=True)
class Statistics:
    """Values inside a mask; padding and NaN are left out."""

    count: int
    mean: float
    sd: float
    low: float
    high: float


def statistics_of(values: NDArray[np.number], mask: Bools) -> Statistics | None:
    """Return statistics of the finite values inside a mask; None if there are none."""
    inside = np.asarray(values[mask], np.float64)
    inside = inside[np.isfinite(inside)]
    if not inside.size:
        return None
    sd = float(inside.std(ddof=1)) if inside.size > 1 else 0.0
    return Statistics(inside.size, float(inside.mean()), sd, float(inside.min()), float(inside.max()))
