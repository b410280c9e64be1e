"""Measurements of a mask: long and short axis on one slice, volume, and statistics of the values in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import shapely
import xarray as xr
from numpy.typing import NDArray

from eci_annotate.imaging.annotation import Annotation
from eci_annotate.imaging.annotations import Box
from eci_annotate.imaging.blocks import bounding_box
from eci_annotate.imaging.geometry import Floats, Grid

Bools = NDArray[np.bool_]


class Unit(StrEnum):
    """What lengths on a volume are stated in. Only the first two are lengths in space."""

    PATIENT = "mm"
    PLANE = "mm in the plane"  # one slice of unknown thickness
    DETECTOR = "mm at the detector"
    CALIBRATED = "mm as calibrated"
    REGION = "mm in the scanned region"  # of ultrasound
    FILM = "mm on the film"
    STATED = "mm as stated"  # the file gives a spacing, and does not say where it holds
    PIXEL = "px"

    @property
    def is_placed(self) -> bool:
        """Whether the volume has a place in space."""
        return self in (Unit.PATIENT, Unit.PLANE)

    @property
    def has_volume(self) -> bool:
        """Whether voxels have a size along three axes in the patient."""
        return self is Unit.PATIENT


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


UNITS = {
    "pixels": Unit.PIXEL,
    "ImagerPixelSpacing": Unit.DETECTOR,
    "NominalScannedPixelSpacing": Unit.FILM,
    "SequenceOfUltrasoundRegions": Unit.REGION,
}


def degrees_at_middle(points: Floats) -> float:
    """Return the angle at the second of three points, shape (3, 3), in degrees."""
    arms = points[[0, 2]] - points[1]
    cosine = float(arms[0] @ arms[1]) / float(np.prod(np.linalg.norm(arms, axis=1)))
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def is_projection(volume: xr.DataArray) -> bool:
    """Whether it has no place in the patient, and so no depth, as a mammogram."""
    return bool(volume.attrs.get("kind") == "projection")


def unit_of(volume: xr.DataArray) -> Unit:
    """Return what lengths on a volume are stated in."""
    return unit_in(volume.attrs)


def unit_in(attrs: Mapping[Any, Any]) -> Unit:
    """Return what lengths are stated in on a volume with these attributes."""
    kind = attrs.get("kind")
    if kind != "projection":
        return Unit.PLANE if kind == "slice" else Unit.PATIENT
    if "calibration" in attrs:
        return Unit.CALIBRATED
    return UNITS.get(str(attrs.get("spacing_from")), Unit.STATED)


def has_volume(volume: xr.DataArray) -> bool:
    """Whether voxels have a size along three axes in the patient: not those of a projection, nor of a slice that does
    not say how thick it is.
    """
    return unit_of(volume).has_volume


def limits_of_unit(unit: Unit) -> str:
    """Return for the header of a file what its spacings do not say, at most 68 characters; mostly nothing."""
    if unit is Unit.PATIENT:
        return ""
    if unit is Unit.PLANE:
        return "; slice thickness unknown, 1 mm stands for it"
    return f"; no place in space, lengths in {unit}"


def extent_in_words(extent_mm3: float, unit: Unit, digits: int = 1) -> str:
    """Return a volume in millilitres, or what it is where slices have no thickness: an area, times one millimetre."""
    if unit.has_volume:
        return f"{extent_mm3 / 1000:.{digits}f} ml"
    return f"{extent_mm3:.0f} px²" if unit is Unit.PIXEL else f"{extent_mm3 / 100:.{digits}f} cm²{unit[2:]}"


def volume_mm3_on(annotation: Annotation, volume: xr.DataArray) -> float:
    """Return the volume of an annotation on its series; nan if nothing on that series has a volume."""
    return float(annotation.volume_mm3) if has_volume(volume) else float("nan")


def statistics_of(values: NDArray[np.number], mask: Bools) -> Statistics | None:
    """Return statistics of the finite values inside a mask; None if there are none."""
    inside = np.asarray(values[mask], np.float64)
    inside = inside[np.isfinite(inside)]
    if not inside.size:
        return None
    sd = float(inside.std(ddof=1)) if inside.size > 1 else 0.0
    return Statistics(inside.size, float(inside.mean()), sd, float(inside.min()), float(inside.max()))
