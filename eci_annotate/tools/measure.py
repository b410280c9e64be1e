"""What is measured of an annotation: its size as numbers, and in words with the statistics of the values inside."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from eci_annotate.errors import Refused
from eci_annotate.imaging.annotations import Box, Contours
from eci_annotate.imaging.blocks import Block, bounding_box
from eci_annotate.imaging.measurements import (
    Statistics,
    Unit,
    axis_lengths,
    degrees_at_middle,
    has_volume,
    is_projection,
    statistics_of,
    unit_of,
)
from eci_annotate.imaging.volume import is_colour, measured
from eci_annotate.tools.editing.table import Table
from eci_annotate.tools.protocol import HALF, Angle, Paint, Ruler


def _voxels(table: Table, uid: str) -> NDArray[np.bool_]:
    thing = table.objects[uid]
    if isinstance(thing, Paint):
        return np.asarray(table.field(uid) >= HALF)
    if isinstance(thing, Box | Contours):
        return thing.voxels_on(table.sheet_of(thing.series_uid).grid)
    return np.zeros((0, 0, 0), bool)


@dataclass(frozen=True)
class Size:
    """Size of an annotation in the patient: axes on one slice (RECIST 1.1) in mm, volume in mm3 if it has one."""

    long_mm: float
    short_mm: float
    volume_mm3: float | None


def size_of_drawing(table: Table, uid: str) -> Size:
    """Return the size of an annotation.

    Raises
    ------
    Refused
        If it has no shape, or is drawn on a projection, whose millimetres are not those of the patient.
    """
    thing = table.objects[uid]
    name = thing.label or "The annotation"
    sheet = table.sheet_of(thing.series_uid)
    if is_projection(sheet.volume):
        raise Refused(f"{name} is drawn on a projection, which has no size in the patient.", "Type the value.")
    axes = axis_lengths(thing, _voxels(table, uid), sheet.grid)
    if axes is None:
        raise Refused(f"{name} contains no voxel.", "Draw it first.")
    return Size(*axes, table.volume_mm3(uid) if has_volume(sheet.volume) else None)


def ruler_value(table: Table, uid: str) -> float:
    """Return what a ruler measures: millimetres in the patient, or degrees.

    Raises
    ------
    Refused
        If a point is missing, or if it is a distance on a projection.
    """
    thing = table.objects[uid]
    name = thing.label or "The ruler"
    if not isinstance(thing, Ruler) or not thing.is_complete:
        raise Refused(f"{name} has too few points.", "Place all of its points.")
    points = np.asarray(thing.points_lps, float)
    if table.sheet_of(thing.series_uid).volume.attrs.get("is_stretched"):
        raise Refused(f"{name} is drawn on an image whose pixels are not square.", "Type the value.")
    if isinstance(thing, Angle):
        return degrees_at_middle(points)
    if is_projection(table.sheet_of(thing.series_uid).volume):
        raise Refused(f"{name} is drawn on a projection, which has no size in the patient.", "Type the value.")
    return _length_mm(thing)


def _length_mm(thing: Ruler) -> float:
    return float(np.linalg.norm(np.subtract(thing.points_lps[1], thing.points_lps[0])))


def number_in_label(label: str, name: str) -> int | None:
    """Return N of the label `name N`, which is given by default; None for any other, which a person typed."""
    found = re.fullmatch(rf"{name} (\d{{1,6}})", label)
    return int(found[1]) if found else None


def ruler_in_words(table: Table, uid: str) -> str:
    """Return what a ruler measures with its unit; on a projection the length at the detector, or in pixels."""
    thing = table.objects[uid]
    if not isinstance(thing, Ruler) or not thing.is_complete:
        return "unfinished"
    if table.sheet_of(thing.series_uid).volume.attrs.get("is_stretched"):
        return "not known: the pixels are not square"
    if isinstance(thing, Angle):
        return f"{ruler_value(table, uid):.0f}°"
    length, unit = _length_mm(thing), unit_of(table.sheet_of(thing.series_uid).volume)
    return f"{length:.1f} {Unit.PATIENT if unit.is_placed else unit}" if unit != Unit.PIXEL else f"{length:.0f} px"


def values_of_drawing(table: Table, uid: str) -> tuple[Statistics, str]:
    """Return statistics of the values inside an annotation, on the series it was drawn on, and their unit.

    Raises
    ------
    Refused
        If it contains no measured voxel, or the series has colours.
    """
    thing = table.objects[uid]
    name, volume = thing.label or "The annotation", table.sheet_of(thing.series_uid).volume
    if is_colour(volume):
        raise Refused(f"{name} is drawn on a colour image, which has no values.", "Type the value.")
    voxels = _voxels(table, uid)
    where = bounding_box(voxels)
    found = _statistics(volume, voxels[where], where)
    if found is None:
        raise Refused(f"{name} contains no voxel.", "Draw it first.")
    return found, str(volume.attrs.get("units", ""))


def measurements_in_words(table: Table, uid: str) -> str:
    """Return what there is to say of an annotation, with units.

    Raises
    ------
    Refused
        If it has no shape.
    """
    thing = table.objects[uid]
    voxels = _voxels(table, uid)
    where = bounding_box(voxels)
    sheet = table.sheet_of(thing.series_uid)
    axes = axis_lengths(thing, voxels, sheet.grid)
    if axes is None:
        raise Refused(f"{thing.label or 'The annotation'} contains no voxel.", "Draw it first.")
    volume = sheet.volume
    size = f"{table.volume_mm3(uid) / 1000:.2f} ml" if has_volume(volume) else "no volume"
    unit = Unit.PATIENT if unit_of(volume).is_placed else unit_of(volume)
    words = [
        f"{thing.label or 'annotation'}: {size}",
        f"long axis {axes[0]:.1f} {unit}, short axis {axes[1]:.1f} {unit}",
        _values_in_words(table, thing.series_uid, voxels[where], where),
    ]
    return "; ".join(word for word in words if word)


def _statistics(volume: xr.DataArray, voxels: NDArray[np.bool_], where: Block) -> Statistics | None:
    """Return statistics of the measured values in a block of a volume; None if there is none."""
    part = volume.transpose("k", "j", "i")[where]
    return statistics_of(np.asarray(part.values), voxels & measured(part))


def _values_in_words(table: Table, series_uid: str, voxels: NDArray[np.bool_], where: Block) -> str:
    volume = table.sheet_of(series_uid).volume
    if is_colour(volume):
        return ""  # colours have no mean
    found = _statistics(volume, voxels, where)
    if found is None:
        return ""
    return f"mean {found.mean:.1f}, SD {found.sd:.1f}, {found.low:.0f} to {found.high:.0f} ({found.count} voxels)"
