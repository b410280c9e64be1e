"""Measurements of a mask: long and short axis on one slice, volume, and statistics of the values in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
import xarray as xr
from numpy.typing import NDArray

from eci_annotate.imaging.annotations import Box
from eci_annotate.imaging.blocks import bounding_box
from eci_annotate.imaging.geometry import Floats, Grid

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
    size = np.array(spacing_mm[1:])
    hulls = {int(k): _corners(mask[k]) * size for k in np.flatnonzero(mask.any((1, 2)))}
    if not hulls:
        return None
    slice_k = max(hulls, key=lambda k: float(_distances(hulls[k]).max()))
    hull = hulls[slice_k]
    away = _distances(hull)
    a, b = np.unravel_index(int(np.argmax(away)), away.shape)
    along = (hull[b] - hull[a]) / away[a, b]
    across = hull @ np.array([-along[1], along[0]])
    return Axes(slice_k, float(away[a, b]), float(np.ptp(across)), hull[[a, b]] / size)


def _distances(points: Floats) -> Floats:
    """Return the distance of each point (j, i) to each other."""
    j, i = points.T
    found: Floats = np.hypot(j[:, None] - j, i[:, None] - i)
    return found


def _corners(shape: Bools) -> Floats:
    """Return the corners of the convex hull of the voxels (j, i) of a slice, in image indices.

    No voxel but the first and the last of each row can be at a corner.
    """
    rows = np.flatnonzero(shape.any(1))
    first = shape[rows].argmax(1) - 0.5
    last = shape.shape[1] - 0.5 - shape[rows, ::-1].argmax(1)
    ends = np.stack([np.tile(rows, 2), np.concatenate([first, last])], 1)
    points = shapely.multipoints(np.concatenate([ends - (0.5, 0), ends + (0.5, 0)]))
    return shapely.get_coordinates(shapely.convex_hull(points))


def axis_lengths(shape: object, voxels: Bools, grid: Grid) -> tuple[float, float] | None:
    """Return long and short axis of an annotation in mm; None if it contains no voxel.

    A box is the frame around a lesion: its axes are its sides in the plane of the slices, not its diagonal. Axes of
    all others run from edge to edge of voxels.

    Parameters
    ----------
    shape
        The annotation.
    voxels
        Its voxels on the grid, bool (k, j, i).
    grid
        Where they are.
    """
    if not voxels.any():
        return None
    if isinstance(shape, Box):
        return _sides(shape, grid)
    axes = axes_of(voxels[bounding_box(voxels)], grid.spacing_mm)
    return (axes.long_mm, axes.short_mm) if axes else None


def _sides(box: Box, grid: Grid) -> tuple[float, float]:
    """Return the longer and the shorter side; the side nearest to the normal of the slices is left out."""
    across = int(np.argmax(np.abs(np.asarray(box.axes_lps) @ grid.normal_lps)))
    short, long = sorted(float(size) for axis, size in enumerate(box.size_mm) if axis != across)
    return long, short


@dataclass(frozen=True)
class Statistics:
    """Values inside a mask; padding and NaN are left out."""

    count: int
    mean: float
    sd: float
    low: float
    high: float


def is_placed(volume: xr.DataArray) -> bool:
    """Whether a volume has a place in space; a projection has none, and no size in the patient."""
    return bool(volume.attrs.get("kind") != "projection")


def has_volume(volume: xr.DataArray) -> bool:
    """Whether voxels have a size along three axes in the patient: not those of a projection, nor of a slice that does
    not say how thick it is.
    """
    return volume.attrs.get("kind") not in ("projection", "slice")


def statistics_of(values: NDArray[np.number], mask: Bools) -> Statistics | None:
    """Return statistics of the finite values inside a mask; None if there are none."""
    inside = np.asarray(values[mask], np.float64)
    inside = inside[np.isfinite(inside)]
    if not inside.size:
        return None
    sd = float(inside.std(ddof=1)) if inside.size > 1 else 0.0
    return Statistics(inside.size, float(inside.mean()), sd, float(inside.min()), float(inside.max()))
