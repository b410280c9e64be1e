"""From a click to a suggested mask; the growth curve of the last click is kept, so that [ and ] cost little.

It runs in a thread of its own and reads nothing that is written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eci_annotate.imaging.annotations import Annotation
from eci_annotate.imaging.blocks import block, bounding_box
from eci_annotate.imaging.geometry import Vector
from eci_annotate.imaging.measurements import extent_in_words, is_projection, unit_of
from eci_annotate.tools.clicksegment.curve import Curve, block_around, curve_of
from eci_annotate.tools.cut_sides import cut_sides
from eci_annotate.tools.editing.series_sheet import Sheet
from eci_annotate.tools.suggestion import MaskPart, Suggestion

SOURCE = "clicksegment/1"
NO_BORDER = "No border was found around this point. Click in the middle of the lesion, or paint it."


@dataclass(frozen=True, eq=False)
class ClickRequest:
    """What to grow.

    Attributes
    ----------
    sheet, series_uid
        The series.
    at
        Point that was clicked, patient millimetres.
    flat_axis
        Axis along which only the slice of the click counts, or -1.
    offset
        Steps along the growth curve.
    target
        Header of the annotation that the region would become.
    is_new
        Whether accepting adds that annotation.
    """

    sheet: Sheet
    series_uid: str
    at: Vector
    flat_axis: int
    offset: int
    target: Annotation
    is_new: bool


def _cut_off(request: ClickRequest, region: NDArray[np.bool_], corner: tuple[int, int, int]) -> str:
    """Return toward where a region goes on beyond the reach of a click; empty if it does not."""
    grid = request.sheet.grid
    searched = block(corner, [low + count for low, count in zip(corner, region.shape, strict=True)])
    toward = cut_sides(region, searched, grid, is_projection(request.sheet.volume), request.flat_axis)
    return f"It goes on toward {' and '.join(toward)}, beyond the reach of a click: paint the rest." if toward else ""


class Grower:
    """Grows regions, and keeps the last growth curve."""

    def __init__(self) -> None:
        self._key: object = None
        self._curve: Curve | None = None

    def size_at(self, request: ClickRequest) -> str:
        """Return what a click would give, in words."""
        curve, corner = self._curve_for(request)
        if curve.best < 0:
            return NO_BORDER
        region = curve.region(curve.best)
        extent_mm3 = int(np.count_nonzero(region)) * request.sheet.grid.voxel_mm3
        extent = extent_in_words(extent_mm3, unit_of(request.sheet.volume))
        return f"Click to outline about {extent}. {_cut_off(request, region, corner)}".strip()

    def suggest(self, request: ClickRequest, go_on: Callable[[float], bool]) -> Suggestion | str | None:
        """Return the region of a click, or why there is none.

        Parameters
        ----------
        request
            What to grow.
        go_on
            Is asked whether the result is still wanted.
        """
        curve, corner = self._curve_for(request)
        if curve.best < 0:
            return NO_BORDER
        if not go_on(0.5):
            return None
        region = curve.region(curve.level_at(request.offset))
        inner = bounding_box(region)
        low = [s.start + c for s, c in zip(inner, corner, strict=True)]
        where = block(low, [s.stop + c for s, c in zip(inner, corner, strict=True)])
        label = request.target.label or "annotation"
        part = MaskPart(request.target.uid, where, region[inner])
        adds = request.target if request.is_new else None
        note = _cut_off(request, region, corner)
        return Suggestion(SOURCE, f"click segment of {label}", request.series_uid, (part,), adds=adds, note=note)

    def _curve_for(self, request: ClickRequest) -> tuple[Curve, tuple[int, int, int]]:
        grid = request.sheet.grid
        k, j, i = (int(n) for n in grid.voxel_from_reference(request.at))
        where = block_around((k, j, i), grid.spacing_mm, grid.shape, request.flat_axis)
        key = (request.series_uid, (k, j, i), request.flat_axis)
        if self._curve is None or key != self._key:
            self._curve = curve_of(request.sheet.smooth, (k, j, i), where, grid.spacing_mm)
            self._key = key
        return self._curve, (where[0].start, where[1].start, where[2].start)
