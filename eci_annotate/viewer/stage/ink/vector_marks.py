"""The vector layer of one pane: boxes, contours on their own slices, handles and preview lines, in device pixels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from eci_annotate.imaging.annotations import Box, Contours
from eci_annotate.imaging.geometry import Floats
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.tools.measure import ruler_in_words
from eci_annotate.tools.protocol import Ruler
from eci_annotate.viewer.stage.orders import CAPTION, Mark
from eci_annotate.viewer.stage.pane_geometry import PlaneStack, View

LINE_PX = 2.5
THIN_PX = 1.5
FILL = 0.25
REACH_PX = 9.0
SPOT_PX = 4.5  # half the width of a handle
SMALL_PX = 60.0  # shortest side of a box whose corner handles lie on its corners
PARALLEL = 1 - 1e-4
FLAT_MM = 1e-3
SHOWN = 0.25  # a ruler that crosses a slice has its text only where this share of it is visible
RULER_TEXT_PX = np.array([6.0, 14.0])  # right of the line and below it


def acquired(stack: PlaneStack) -> bool:
    """Whether a pane shows slices as they were acquired, on which contours are defined."""
    return stack.axis == 0 and not stack.oblique


def has_rings_on(easel: Easel, thing: Contours, stack: PlaneStack) -> bool:
    """Whether a pane shows contours as lines: on acquired slices, of its own or of a parallel series."""
    if not acquired(stack) or not thing.rings_lps:
        return False
    own = easel.table.sheet_of(thing.series_uid).grid.normal_lps
    return abs(float(stack.plane(0).normal_lps @ np.asarray(own))) > PARALLEL


def marks_of(
    easel: Easel, stack: PlaneStack, view: View, editable: bool, series_uid: str | None = None
) -> tuple[Mark, ...]:
    """Return all vectors that a view shows, of the easel's series or another one.

    Parameters
    ----------
    easel
        Source of the annotations.
    stack
        Planes of the pane.
    view
        What the pane shows.
    editable
        Whether to include handles and preview lines.
    series_uid
        Series to draw; None for the easel's own.
    """
    series_uid = easel.table.series_uid if series_uid is None else series_uid
    found = list(_annotations(easel, stack, view, series_uid))
    if editable and easel.table.active not in easel.table.hidden:
        found += _overlay(easel, stack, view, series_uid)
    return tuple(found)


def _annotations(easel: Easel, stack: PlaneStack, view: View, series_uid: str) -> Iterator[Mark]:
    plane = stack.plane(view.index)
    for uid, thing in easel.table.objects.items():
        if uid in easel.table.hidden or not easel.table.is_on(thing, series_uid):
            continue
        width = LINE_PX * view.ratio
        match thing:
            case Box():
                around = thing.section(plane.origin_lps, plane.normal_lps, plane.thickness_mm)
                if len(around) > 1:
                    yield Mark(view.px_from_lps(stack, around), thing.colour, width, closed=True)
            case Contours() if has_rings_on(easel, thing, stack):
                thickness = max(plane.thickness_mm, thing.spacing_mm or 0.0)
                rings = rings_on(thing, np.asarray(plane.origin_lps), plane.normal_lps, thickness)
                if rings:
                    yield Mark(_joined(rings, stack, view), thing.colour, width, closed=True, fill=FILL)
            case Ruler() if len(thing.points_lps) > 1:
                yield from _ruler_marks(thing, ruler_in_words(easel.table, uid), stack, view)


def _ruler_marks(thing: Ruler, words: str, stack: PlaneStack, view: View) -> Iterator[Mark]:
    """Yield the parts of a ruler that are on a slice, and what it measures beside the last of them."""
    plane = stack.plane(view.index)
    points = np.asarray(thing.points_lps, float)
    heights = (points - np.asarray(plane.origin_lps)) @ plane.normal_lps
    reach = max(plane.thickness_mm / 2, FLAT_MM)
    parts = [
        part
        for n in range(len(points) - 1)
        if (part := _within(points[n : n + 2], heights[n : n + 2], reach)) is not None
    ]
    for part in parts:
        yield Mark(view.px_from_lps(stack, part), thing.colour, LINE_PX * view.ratio)
    longest = float(np.linalg.norm(np.diff(points, axis=0), axis=1).max())
    if parts and float(np.linalg.norm(parts[-1][1] - parts[-1][0])) > SHOWN * longest:
        at = view.px_from_lps(stack, parts[-1]).max(0)[None] + RULER_TEXT_PX * view.ratio
        yield Mark(at, thing.colour, THIN_PX * view.ratio, spot=CAPTION, text=words)


def _within(ends: Floats, heights: Floats, reach: float) -> Floats | None:
    """Return the part of a line (2, 3) whose height over a slice is at most `reach`; None if there is none."""
    rise = float(heights[1] - heights[0])
    if abs(rise) < FLAT_MM:
        return ends if abs(float(heights[0])) <= reach else None
    low, high = sorted(((-reach - heights[0]) / rise, (reach - heights[0]) / rise))
    low, high = max(float(low), 0.0), min(float(high), 1.0)
    return None if low >= high else ends[0] + np.array([[low], [high]]) * (ends[1] - ends[0])


def rings_on(thing: Contours, origin: Floats, normal: Floats, thickness_mm: float) -> list[Floats]:
    """Return the rings on a slice.

    Parameters
    ----------
    thing
        Contours in patient millimetres.
    origin, normal
        A point on the slice (patient millimetres), and its unit normal.
    thickness_mm
        Thickness of the slice.
    """
    return [r for r in thing.rings_lps if abs(float((r[0] - origin) @ normal)) < thickness_mm / 2]


def _joined(rings: list[Floats], stack: PlaneStack, view: View) -> Floats:
    """Concatenate rings; a row of NaN ends each."""
    gap = np.full((1, 2), np.nan)
    return np.concatenate([part for ring in rings for part in (view.px_from_lps(stack, ring), gap)])


def _overlay(easel: Easel, stack: PlaneStack, view: View, series_uid: str) -> list[Mark]:
    thing = easel.table.objects.get(easel.table.active or "")
    if thing is not None and not easel.table.is_editable_on(thing, series_uid):
        return []
    overlay = easel.overlay(stack.plane(view.index), REACH_PX * view.ratio / view.px_per_mm)
    colour = thing.colour if thing else (255, 255, 255)
    thin = THIN_PX * view.ratio
    marks = [Mark(view.px_from_lps(stack, line), colour, thin) for line in overlay.lines if len(line) > 1]
    spots: dict[str, list[tuple[float, float, float]]] = {}
    for handle in overlay.handles:
        spots.setdefault(handle.kind, []).append(handle.at_lps)
    for kind, at in spots.items():
        px = view.px_from_lps(stack, at)
        marks.append(Mark(_beside(px, view.ratio) if kind == "corner" else px, colour, thin, spot=kind))
    return marks


def _beside(corners: Floats, ratio: float) -> Floats:
    """Return where the corner handles of a box are drawn, px: beside a small one, since they would cover what it holds.

    What a press does is not changed: they stay within reach of the corners.
    """
    if float(np.ptp(corners, axis=0).min()) >= SMALL_PX * ratio:
        return corners
    return corners + np.sign(corners - corners.mean(0)) * SPOT_PX * ratio
