"""Changes of a whole annotation, suggested and then accepted: smooth, fill, margins, combine, interpolate.

An operation is stored by its name and what it is applied to; the result goes into the journal when it is accepted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from eci_annotate.errors import Refused
from eci_annotate.imaging import mask_operations as ops
from eci_annotate.imaging.annotations import Annotation
from eci_annotate.imaging.blocks import Block, block, bounding_box, is_empty, union
from eci_annotate.imaging.geometry import Vector
from eci_annotate.imaging.mask_operations import Bools, Spacing
from eci_annotate.tools.editing.table import Table
from eci_annotate.tools.protocol import HALF, Paint
from eci_annotate.tools.shape_edit import ShapeOperation
from eci_annotate.tools.suggestion import MaskPart, Suggestion

MARGIN_MM = 2.0
SMOOTH_MM = 1.5  # at least one and a half voxels in the plane
SOURCE = "mask/1"


class MaskOperation(StrEnum):
    """Operations on one painted annotation, by the name that the user reads."""

    INTERPOLATE = "Interpolate between slices"
    SMOOTH = "Smooth"
    FILL = "Fill holes"
    LARGEST = "Keep the largest piece"
    GROW = "Grow by 2 mm"
    SHRINK = "Shrink by 2 mm"
    COPY = "Copy to a new annotation"


class Combination(StrEnum):
    """Operations with another painted annotation; its label follows."""

    UNION = "Add"
    SUBTRACT = "Subtract"
    INTERSECT = "Keep only what is also in"


@dataclass(frozen=True)
class MaskEdit:
    """What to do with annotation `uid`; `other` is the second annotation of a combination, `at` the crosshair (LPS)."""

    uid: str
    what: MaskOperation | Combination | ShapeOperation
    other: str = ""
    at: Vector | None = None


ALONE: Mapping[MaskOperation, Callable[[Bools, Spacing], Bools]] = {
    MaskOperation.SMOOTH: lambda mask, s: ops.smooth(mask, s, max(SMOOTH_MM, 1.5 * min(s))),
    MaskOperation.FILL: lambda mask, s: ops.fill_holes(mask),
    MaskOperation.LARGEST: lambda mask, s: ops.largest_piece(mask),
    MaskOperation.GROW: lambda mask, s: ops.with_margin(mask, s, MARGIN_MM),
    MaskOperation.SHRINK: lambda mask, s: ops.with_margin(mask, s, -MARGIN_MM),
    MaskOperation.INTERPOLATE: lambda mask, s: ops.interpolate(mask, s),
    MaskOperation.COPY: lambda mask, s: mask.copy(),
}
TOGETHER: Mapping[Combination, Callable[[Bools, Bools], Bools]] = {
    Combination.UNION: lambda a, b: a | b,
    Combination.SUBTRACT: lambda a, b: a & ~b,
    Combination.INTERSECT: lambda a, b: a & b,
}


def others_of(table: Table, uid: str) -> dict[str, str]:
    """Return the labels of the annotations that a mask can be combined with, by uid: painted on the same series."""
    own = table.objects.get(uid)
    return {
        other: thing.label
        for other, thing in table.objects.items()
        if isinstance(own, Paint) and isinstance(thing, Paint) and other != uid and thing.series_uid == own.series_uid
    }


def suggested_edit(table: Table, edit: MaskEdit, copy: Annotation | None = None) -> Suggestion:
    """Return the result of an operation as a suggestion.

    Parameters
    ----------
    table
        The annotations.
    edit
        What to do.
    copy
        Header of the new annotation of a copy.

    Raises
    ------
    Refused
        If the annotation is not painted or empty, or the operation changes nothing.
    """
    thing = table.objects.get(edit.uid)
    if not isinstance(thing, Paint):
        raise Refused(
            "This works on painted annotations.", "Select one that was painted, or grown from a click or seeds."
        )
    grid = table.sheet_of(thing.series_uid).grid
    own = table.field(edit.uid)
    box = bounding_box(own >= HALF)
    if edit.what is Combination.UNION:
        box = union(box, bounding_box(table.field(edit.other) >= HALF))
    where = _room(box, edit, grid.metric_mm, grid.shape)
    if is_empty(where):
        raise Refused(f"{thing.label!r} is empty.", "Draw something first.")
    before = own[where] >= HALF
    after = _result(before, edit, table, where, grid.metric_mm)
    if edit.what is not MaskOperation.COPY and np.array_equal(before, after):
        raise Refused(f"{edit.what}: nothing would change in {thing.label!r}.")
    name = f"{edit.what.lower()} {table.objects[edit.other].label}" if edit.other else edit.what.lower()
    target = copy.uid if copy else edit.uid
    return Suggestion(
        SOURCE,
        f"\u201c{name}\u201d on {thing.label or 'annotation'}",
        thing.series_uid,
        (MaskPart(target, where, after),),
        adds=copy,
        choices=_gaps(before, edit, thing, where, grid.metric_mm),
    )


def _room(where: Block, edit: MaskEdit, spacing_mm: Spacing, shape: tuple[int, ...]) -> Block:
    """Return the block that the result may need."""
    if is_empty(where):
        return where
    room = [int(np.ceil(max(MARGIN_MM, 4 * SMOOTH_MM) / s)) + 1 for s in spacing_mm]
    low = [max(s.start - n, 0) for s, n in zip(where, room, strict=True)]
    high = [min(s.stop + n, m) for s, n, m in zip(where, room, shape, strict=True)]
    return block(low, high)


def _result(before: Bools, edit: MaskEdit, table: Table, where: Block, spacing_mm: Spacing) -> Bools:
    if isinstance(edit.what, MaskOperation):
        return ALONE[edit.what](before, spacing_mm)
    assert isinstance(edit.what, Combination)
    return TOGETHER[edit.what](before, table.field(edit.other)[where] >= HALF)


def _gaps(
    before: Bools, edit: MaskEdit, thing: Paint, where: Block, spacing_mm: Spacing
) -> tuple[tuple[str, MaskPart], ...]:
    """Return each gap that interpolation fills as a choice of its own, if there are several."""
    found = ops.gaps(before) if edit.what is MaskOperation.INTERPOLATE else []
    parts = (MaskPart(thing.uid, where, ops.interpolate(before, spacing_mm, [gap])) for gap in found)
    titles = (f"Gap {n} of {len(found)} ({b - a - 1} slice{'s' * (b - a > 2)})" for n, (a, b) in enumerate(found, 1))
    return tuple(zip(titles, parts, strict=True)) if len(found) > 1 else ()
