"""What is measured of an annotation: its size as numbers, and in words with the statistics of the values inside."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eci_annotate.errors import Refused
from eci_annotate.imaging.annotations import Box, Contours
from eci_annotate.imaging.blocks import Block, bounding_box
from eci_annotate.imaging.measurements import axis_lengths, statistics_of
from eci_annotate.imaging.volume import is_colour, measured
from eci_annotate.tools.editing.table import Table
from eci_annotate.tools.protocol import HALF, Paint


def _voxels(table: Table, uid: str) -> NDArray[np.bool_]:
    thing = table.objects[uid]
    if isinstance(thing, Paint):
        return np.asarray(table.field(uid) >= HALF)
    if isinstance(thing, Box | Contours):
        return thing.voxels_on(table.sheet_of(thing.series_uid).grid)
    return np.zeros((0, 0, 0), bool)


@dataclass(frozen=True)
class Size:
    """Size of an annotation in the patient: axes on one slice (RECIST 1.1) in mm, volume in mm3."""

    long_mm: float
    short_mm: float
    volume_mm3: float


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
    if sheet.volume.attrs.get("kind") == "projection":
        raise Refused(f"{name} is drawn on a projection, which has no size in the patient.", "Type the value.")
    axes = axis_lengths(thing, _voxels(table, uid), sheet.grid)
    if axes is None:
        raise Refused(f"{name} contains no voxel.", "Draw it first.")
    return Size(*axes, table.volume_mm3(uid))


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
    words = [
        f"{thing.label or 'annotation'}: {table.volume_mm3(uid) / 1000:.2f} ml",
        f"long axis {axes[0]:.1f} mm, short axis {axes[1]:.1f} mm",
        _values_in_words(table, thing.series_uid, voxels[where], where),
    ]
    return "; ".join(word for word in words if word)


def _values_in_words(table: Table, series_uid: str, voxels: NDArray[np.bool_], where: Block) -> str:
    volume = table.sheet_of(series_uid).volume
    if is_colour(volume):
        return ""  # colours have no mean
    part = volume.transpose("k", "j", "i")[where]
    found = statistics_of(np.asarray(part.values), voxels & measured(part))
    if found is None:
        return ""
    return f"mean {found.mean:.1f}, SD {found.sd:.1f}, {found.low:.0f} to {found.high:.0f} ({found.count} voxels)"
