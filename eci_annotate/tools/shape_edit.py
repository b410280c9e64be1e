"""Changes of contours and boxes as a whole, suggested and then accepted: interpolate, snap to voxels, fit a mask."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from itertools import pairwise

import numpy as np
import shapely

from eci_annotate.errors import Refused
from eci_annotate.imaging.annotations import Box, Contours
from eci_annotate.imaging.blocks import bounding_box, is_empty
from eci_annotate.imaging.contour_interpolation import regions_between
from eci_annotate.imaging.geometry import Floats, Grid, Vector, tuple3
from eci_annotate.imaging.measurements import is_projection
from eci_annotate.tools.appearance import looks_same
from eci_annotate.tools.editing.table import Table
from eci_annotate.tools.freedraw import region_on, rings_of, slice_of
from eci_annotate.tools.protocol import HALF, Object, Paint, Unplaced
from eci_annotate.tools.suggestion import Suggestion

SOURCE = "shape/1"
MOST_MM = 2000.0  # nobody is larger
FLAT_ANGLE = 1e-6  # of the cosine between the normals of a flat box and of the slices


class ShapeOperation(StrEnum):
    """Operations on contours and boxes, by the name that the user reads."""

    INTERPOLATE = "Interpolate between slices"
    SNAP = "Snap to voxels"
    FIT = "Fit tightly around"  # the label of a painted annotation follows
    SIZE = "Set the size"
    CENTRE = "Move to the crosshair"
    MEASURE = "Measure"


def slices_of(thing: Contours, grid: Grid) -> dict[int, list[Floats]]:
    """Return the rings of contours by slice, ascending."""
    found: dict[int, list[Floats]] = {}
    for ring in thing.rings_lps:
        found.setdefault(slice_of(ring, grid), []).append(ring)
    return dict(sorted(found.items()))


def interpolated_contours(thing: Contours, grid: Grid) -> list[tuple[int, Contours]]:
    """Return, for each gap between drawn slices, its number of slices and the contours with this gap filled.

    Parameters
    ----------
    thing
        Contours on slices of the grid.
    grid
        Grid of the series.
    """
    drawn = slices_of(thing, grid)
    regions = {k: region_on(rings, grid) for k, rings in drawn.items()}
    pixel = grid.spacing_mm[2], grid.spacing_mm[1]
    found = []
    for a, b in pairwise(k for k, region in regions.items() if region.area > 0):
        if b - a > 1:
            ends = [shapely.transform(regions[k], lambda xy: xy * pixel) for k in (a, b)]
            between = regions_between(ends[0], ends[1], b - a - 1, pixel)
            rings = [
                ring
                for n, region in enumerate(between, a + 1)
                for ring in rings_of(shapely.transform(region, lambda xy: xy / pixel), n, grid)
            ]
            found.append((b - a - 1, replace(thing, rings_lps=(*thing.rings_lps, *rings))))
    return found


def snapped(box: Box, grid: Grid) -> Box:
    """Return the smallest box along the axes of a grid that contains a box and ends between voxels."""
    half = np.asarray(box.size_mm) / 2
    signs = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
    corners = np.asarray(box.centre_lps) + (signs * half) @ np.asarray(box.axes_lps)
    at = grid.image_from_reference(corners)
    low, high = np.floor(at.min(0) + 0.5 + 1e-6), np.ceil(at.max(0) - 0.5 - 1e-6)
    return around_voxels(box, np.minimum(low, high), np.maximum(low, high), grid)


def around_voxels(box: Box, low: Floats, high: Floats, grid: Grid) -> Box:
    """Return a box around the voxels from `low` to `high` (both included), with the identity of another.

    Parameters
    ----------
    box
        Box whose label, colour and identity are kept.
    low, high
        Voxels (k, j, i).
    grid
        Grid of the series.
    """
    centre = grid.reference_from_image((np.asarray(low, float) + np.asarray(high, float)) / 2)
    size = (np.asarray(high) - np.asarray(low) + 1) * np.asarray(grid.spacing_mm)
    k, j, i = grid.directions
    if grid.is_sheared:  # as wide as the slices are apart sideways, too
        lean = np.abs(np.asarray([j, i]) @ grid.step_lps[0]) * (high[0] - low[0])
        size = np.array([(high[0] - low[0] + 1) * grid.slice_mm, *(size[1:] + lean)])
        k = tuple3(grid.normal_lps, 9)
    return replace(box, centre_lps=tuple3(centre, 6), size_mm=tuple3(size[::-1], 6), axes_lps=(i, j, k))


def fitted(box: Box, voxels: np.ndarray, grid: Grid) -> Box:
    """Return a box tightly around a mask (bool, (k, j, i)), along the axes of its grid."""
    where = bounding_box(voxels)
    if is_empty(where):
        raise Refused("There is nothing to fit the box to.", "Paint something first.")
    low, high = np.array([s.start for s in where]), np.array([s.stop - 1 for s in where])
    return around_voxels(box, low, high, grid)


def sized(box: Box, typed: str) -> Box:
    """Return a box with the same centre and axes and the size that was typed: three numbers, millimetres."""
    try:
        x, y, z = (float(number) for number in re.split(r"[x×*;\s]+", typed.replace("mm", "").strip()))
    except ValueError:
        x = y = z = -1.0
    if not (0 < x <= MOST_MM and 0 < y <= MOST_MM and 0 <= z <= MOST_MM):
        raise Refused(f"{typed!r} is not a size.", "Type width, height and depth in mm, such as 40 x 30 x 20.")
    return replace(box, size_mm=(x, y, z))


def centred(box: Box, at: Vector | None, grid: Grid) -> Box:
    """Return a box with its centre at the crosshair; Refused if that is not on the series."""
    if at is None or not grid.contains(at):
        raise Refused(
            "The crosshair is not in the images of this annotation.",
            "Make a pane of its series the active one, and move the crosshair there.",
        )
    return replace(box, centre_lps=tuple3(at, 6))


def upright_box(thing: Unplaced, grid: Grid) -> Box:
    """Return a box of one voxel along the axes of a grid in place of an annotation that has no shape yet."""
    return around_voxels(Box((0, 0, 0), (1, 1, 1), **thing.header), np.zeros(3), np.zeros(3), grid)


def size_as_typed(box: Box) -> str:
    """Return the size of a box as a user types it."""
    return " x ".join(f"{n:.1f}" for n in box.size_mm)


def paints_near(table: Table, uid: str) -> Mapping[str, str]:
    """Return the labels of painted annotations on the series of another annotation, by uid."""
    own = table.objects[uid]
    things = table.objects.items()
    return {o: t.label for o, t in things if isinstance(t, Paint) and t.series_uid == own.series_uid}


def suggested_shape(
    table: Table, uid: str, what: ShapeOperation, other: str = "", at: Vector | None = None
) -> Suggestion:
    """Return the result of an operation on contours or a box as a suggestion.

    Parameters
    ----------
    table
        The annotations.
    uid, what
        The annotation, and what to do with it.
    other
        For `FIT`, the painted annotation; for `SIZE`, the size as typed, such as ``40 x 30 x 20`` (mm).
    at
        The crosshair in patient millimetres: the centre of a box that is moved or was not drawn yet; None if it is
        in another frame of reference.

    Raises
    ------
    Refused
        If the operation does not fit the annotation, or changes nothing.
    """
    thing = table.objects.get(uid)
    label = thing.label if thing and thing.label else "annotation"
    choices: tuple[tuple[str, Object], ...] = ()
    after: Box | Contours
    unfit = Refused(f"{what} does not fit {label!r}.", "Select contours or a box.")
    if not isinstance(thing, Box | Contours | Unplaced):
        raise unfit
    sheet = table.sheet_of(thing.series_uid)
    grid = sheet.grid
    match thing, what:
        case Contours(), ShapeOperation.INTERPOLATE:
            after, choices = _all_gaps(thing, grid)
        case Box(), ShapeOperation.SNAP:
            after = _as_flat(thing, snapped(thing, grid), grid)
        case Box(), ShapeOperation.FIT:
            after = _as_flat(thing, fitted(thing, table.field(other) >= HALF, grid), grid)
        case Box(), ShapeOperation.CENTRE:
            after = centred(thing, at, grid)
        case Box() | Unplaced(), ShapeOperation.SIZE:
            box = centred(upright_box(thing, grid), at, grid) if isinstance(thing, Unplaced) else thing
            after = sized(box, other)
            if after.size_mm[2] and is_projection(sheet.volume):
                raise Refused("A box on a projection has no depth.", "Type width and height, then 0: 40 x 30 x 0.")
        case _:
            raise unfit
    if looks_same(thing, after):
        raise Refused(f"{what}: nothing would change in {label!r}.")
    more = f" {table.objects[other].label}" if what is ShapeOperation.FIT else ""
    name = f"“{what.lower()}{more}” on {label}"
    return Suggestion(SOURCE, name, thing.series_uid, objects=(after,), choices=choices)


def _as_flat(box: Box, changed: Box, grid: Grid) -> Box:
    """Return a changed box of one slice without depth if the box was flat on a slice; its third axis is theirs."""
    normal = np.asarray(box.axes_lps)[int(np.argmin(box.size_mm))] @ np.asarray(grid.normal_lps)
    on_slice = box.is_flat and abs(float(normal)) > 1 - FLAT_ANGLE
    if not on_slice or changed.size_mm[2] > grid.slice_mm + 1e-3:
        return changed
    return replace(changed, size_mm=(*changed.size_mm[:2], 0.0))


def _all_gaps(thing: Contours, grid: Grid) -> tuple[Contours, tuple[tuple[str, Object], ...]]:
    found = interpolated_contours(thing, grid)
    if not found:
        raise Refused("No slice between drawn ones is empty.", "Draw on slices with a distance, then interpolate.")
    added = [ring for _, each in found for ring in each.rings_lps[len(thing.rings_lps) :]]
    titles = (f"Gap {n} of {len(found)} ({size} slice{'s' * (size > 1)})" for n, (size, _) in enumerate(found, 1))
    choices = tuple(zip(titles, (each for _, each in found), strict=True)) if len(found) > 1 else ()
    return replace(thing, rings_lps=(*thing.rings_lps, *added)), choices
