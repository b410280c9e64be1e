"""What a drawing must be before it is signed, whatever made its journal: on its images, drawn with the task's tools.

A viewer makes none of what is refused here. A program that writes a draft itself may, and nothing of it may be signed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from eci_annotate.errors import Refused
from eci_annotate.imaging.annotations import Box, Contours
from eci_annotate.imaging.geometry import Floats, Grid
from eci_annotate.imaging.planes import planes_of
from eci_annotate.tools.editing.acceptance import accepted_uids
from eci_annotate.tools.editing.table import Table
from eci_annotate.tools.protocol import Object, Paint, Ruler, Unplaced, is_series_field
from eci_annotate.tools.registry import TOOLS, offered

HALF_VOXEL = 0.5 + 1e-3  # an index reaches half a voxel beyond the first and the last one
THICKEST_MM = 20.0  # slices of patients; what one plane of contours can stand for
SLACK = 1.1  # of a distance of planes
_REMOVE = "Delete it, and draw it again on its images."


def require_placed(table: Table) -> None:
    """Refuse annotations and rulers that are not on the images of their series.

    Raises
    ------
    Refused
        An annotation has no identity, label or frame of reference that can be stored, or lies beside its series, or
        a part of it on a slice that does not exist, or is far larger than the images; contours state a
        distance of planes that they do not have; or a mask has another grid than its series.
    """
    for uid, thing in table.objects.items():
        if isinstance(thing, Unplaced):
            continue
        texts = (uid, thing.label, thing.series_uid, thing.frame_uid)
        if not all(isinstance(each, str) for each in texts) or not uid or is_series_field(uid):
            raise Refused("An annotation has no valid identity or label.", "Use a client of the same release.")
        grid = table.sheet_of(thing.series_uid).grid
        if grid.frame_of_reference_uid and not thing.frame_uid:
            raise Refused(f"{thing.label!r} names no frame of reference.", _REMOVE)
        if thing.frame_uid != grid.frame_of_reference_uid:
            raise Refused(f"{thing.label!r} is in another frame of reference than its series.", _REMOVE)
        if isinstance(thing, Paint) and table.field(uid).shape != grid.shape:
            raise Refused(f"{thing.label!r} was painted on a different grid than its series has.", _REMOVE)
        if not is_placed(thing, grid):
            raise Refused(f"{thing.label!r} lies, whole or in part, beside the images of its series.", _REMOVE)
        if isinstance(thing, Contours) and not is_spaced(thing, grid):
            what = f"The planes of {thing.label!r} are said to be {thing.spacing_mm:g} mm apart, which they are not."
            raise Refused(what, _REMOVE)


def is_placed(thing: Object, grid: Grid) -> bool:
    """Whether each part of an annotation or ruler is on the images of a grid; an edge may reach beyond them.

    Nothing may reach farther beyond the images than they are large.
    """
    return all(_is_on(points, grid) for points in _parts(thing))


def is_spaced(contours: Contours, grid: Grid) -> bool:
    """Whether contours state a distance of planes that gives their volume: that of their planes, or of the slices.

    One plane may stand for a thicker slice of another series.
    """
    if contours.spacing_mm is None or not contours.rings_lps:
        return True
    own = planes_of(contours.rings_lps).spacing_mm
    least, most = sorted((grid.slice_mm, own)) if np.isfinite(own) else (0.0, max(grid.slice_mm, THICKEST_MM))
    return least / SLACK <= contours.spacing_mm <= most * SLACK


def _parts(thing: Object) -> Iterator[Floats]:
    """Yield the points (n, 3) of each part that must be on the images; masks are voxels of them anyway."""
    match thing:
        case Box():
            yield thing.corners_lps
        case Contours(rings_lps=rings):
            yield from rings
        case Ruler(points_lps=points) if points:
            yield np.asarray(points, float)


def _is_on(points: Floats, grid: Grid) -> bool:
    """Whether the extent of points meets the images, and no point is far beyond them."""
    index = grid.image_from_reference(points)
    end = np.asarray(grid.shape) - 1
    low, high = index.min(0), index.max(0)
    beyond_mm = np.maximum(np.maximum(-low, high - end), 0) * grid.spacing_mm
    meets = (high >= -HALF_VOXEL).all() and (low <= end + HALF_VOXEL).all()
    return bool(meets and np.linalg.norm(beyond_mm) <= np.linalg.norm(np.multiply(grid.shape, grid.spacing_mm)))


def require_offered(
    lines: Iterable[str],
    table: Table,
    tools: Sequence[str],
    earlier: Callable[[], Collection[str]] = tuple,
) -> None:
    """Refuse annotations that were drawn, in this draft, with a tool that the task does not offer.

    Annotations of an earlier version, and those that were taken over from elsewhere, may be of any kind. Those that a
    snapshot holds and no line of the journal draws are of a kind that an offered tool makes.

    Parameters
    ----------
    lines
        All lines of the draft's journal.
    table
        What they drew.
    tools
        Tools that the definition of the task names; empty: all.
    earlier
        Gives the uids of the annotations of the version that this one continues.

    Raises
    ------
    Refused
        Names the first such annotation and its tool.
    """
    allowed = offered(tools, assisted=True)
    if set(allowed) == set(TOOLS):
        return
    entries = list(_read(lines))
    for uid, tool in _drawn_with(entries, table.objects):
        if tool in TOOLS and tool not in allowed and uid in table.objects:
            named = ", ".join(TOOLS[each].info.title for each in tools if each in TOOLS)
            label, title = table.objects[uid].label, TOOLS[tool].info.title
            raise Refused(
                f"{label!r} was drawn with {title}, which this task does not offer.",
                f"Delete it and draw it with {named}, or ask the owner of the project to offer the tool.",
            )
    makes = {TOOLS[each].info.makes for each in offered(tools)}
    if strange := [each for each in _drawn_by_no_line(entries, table) if table.objects[each].kind not in makes]:
        known = earlier()
        for uid in (each for each in strange if each not in known):
            label, kind = table.objects[uid].label, table.objects[uid].kind
            raise Refused(f"{label!r}: no tool of this task makes {kind}, and the journal does not draw it.", _REMOVE)


def _drawn_by_no_line(entries: Iterable[Any], table: Table) -> list[str]:
    named: set[str] = set()
    for entry in entries:
        match entry:
            case {"do": "add" | "adopt", "uid": str(uid)}:
                named.add(uid)
            case {"do": "accept", "shape": str(shape)}:
                named.update(accepted_uids(shape))
    return [uid for uid in table.objects if uid not in named]


def _read(lines: Iterable[str]) -> Iterator[Any]:
    """Yield lines as JSON; one that cannot be read is left out: the replay refused it, or a snapshot stands for it."""
    for line in lines:
        with suppress(ValueError, RecursionError):
            yield json.loads(line)


def _drawn_with(entries: Iterable[Mapping[str, Any]], objects: Mapping[str, Object]) -> Iterator[tuple[str, str]]:
    """Yield uid and tool of everything that drew: additions that last, strokes, and accepted suggestions."""
    added: dict[str, str] = {}
    tool = active = ""
    for entry in entries:
        match entry:
            case {"do": "add", "uid": str(uid), "tool": str(name)}:
                added[uid] = tool = name
                active = uid
            case {"do": "adopt", "uid": str(uid)}:
                added.pop(uid, None)
                active = uid
            case {"do": "select", "uid": str(uid)}:
                active = uid
            case {"do": "tool", "tool": str(name)}:
                tool = name
            case {"do": "press"} if tool in TOOLS and active in objects and TOOLS[tool].works_on(objects[active]):
                yield active, tool
            case {"do": "accept", "source": str(source), "shape": str(shape)} if source.partition("/")[0] in TOOLS:
                yield from ((uid, source.partition("/")[0]) for uid in accepted_uids(shape))
    yield from added.items()
