"""Annotations as blocks of voxels, for panes that section them and for the browser's echoes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eci_annotate.imaging.annotations import Box, Contours
from eci_annotate.imaging.blocks import NOTHING, Block, around, block, bounding_box, is_empty, union
from eci_annotate.imaging.geometry import Grid, Vector, tuple3
from eci_annotate.imaging.reslice import nearest
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.tools.protocol import FULL, HALF, Fields, Object, Paint, Ruler, is_series_field
from eci_annotate.viewer.stage.pane_geometry import PlaneStack


@dataclass(frozen=True, eq=False)
class Solid:
    """Voxels [where] of a grid."""

    where: Block
    voxels: NDArray[np.bool_]

    def plane(self, stack: PlaneStack, index: int) -> NDArray[np.uint16] | None:
        """Return one slice as displayed, as a field; None if the block is not on it."""
        n = index - self.where[stack.axis].start
        if not 0 <= n < self.voxels.shape[stack.axis]:
            return None
        r0, r1, c0, c1 = stack.shown_block(self.where)
        plane = np.zeros((stack.rows, stack.cols), np.uint16)
        plane[r0:r1, c0:c1] = stack.slice_of(self.voxels, n) * np.uint16(FULL)
        return plane


class Extents:
    """The block that contains each painted annotation: extended with each change, never scanned while drawing."""

    def __init__(self, easel: Easel) -> None:
        self.easel = easel
        self._where: dict[str, Block] = {}

    def of(self, uid: str) -> Block:
        """Return the block outside which the field is certainly below one half; of a series, certainly zero."""
        if uid not in self._where:
            self._where[uid] = bounding_box(self.easel.table.field(uid) >= (1 if is_series_field(uid) else HALF))
        return self._where[uid]

    def know(self, uid: str, where: Block) -> None:
        """Take the block of a field as given, instead of searching for it."""
        self._where[uid] = where

    def grow(self, uid: str, where: Block | None) -> None:
        """Record a change; None: it may be anywhere."""
        if where is None:
            self._where.pop(uid, None)
        elif uid in self._where:
            self._where[uid] = union(self._where[uid], where)


def solid_of_paint(easel: Easel, uid: str, extent: Block) -> Solid:
    """Return the voxels of a painted annotation, cropped to it."""
    inside = easel.table.field(uid)[extent] >= HALF
    inner = bounding_box(inside)
    k, j, i = (slice(e.start + n.start, e.start + n.stop) for e, n in zip(extent, inner, strict=True))
    return Solid((k, j, i), inside[inner])


def solid_of_contours(thing: Contours, grid: Grid, margin: int = 1) -> Solid:
    """Return the voxels inside contours, computed only around them and a margin of voxels."""
    if not thing.rings_lps:
        return Solid(NOTHING, np.zeros((0, 0, 0), bool))
    at = grid.image_from_reference(np.concatenate(thing.rings_lps))
    k, j, i = around(at, grid, margin)
    if is_empty((k, j, i)):
        return Solid(NOTHING, np.zeros((0, 0, 0), bool))
    return Solid((k, j, i), thing.voxels_on(part_of(grid, (k, j, i))))


def block_on(where: Block, source: Grid, target: Grid) -> Block:
    """Return the block of one grid that contains a block of another in the same frame of reference."""
    if is_empty(where):
        return NOTHING
    ends = [(each.start - 0.5, each.stop - 0.5) for each in where]
    corners = [[k, j, i] for k in ends[0] for j in ends[1] for i in ends[2]]
    return around(target.image_from_reference(source.reference_from_image(corners)), target)


def moved(solid: Solid, source: Grid, target: Grid) -> Solid:
    """Return voxels on another grid: each voxel of the target takes the nearest one.

    Parameters
    ----------
    solid
        Voxels on `source`.
    source, target
        Grid of these voxels alone, and the grid of the other series, in the same frame of reference.
    """
    where = block_on(block((0, 0, 0), source.shape), source, target)
    if is_empty(where):
        return Solid(NOTHING, np.zeros((0, 0, 0), bool))
    return Solid(where, nearest(solid.voxels.view(np.uint8), source, part_of(target, where)).astype(bool))


def flat_grid(stack: PlaneStack, index: int) -> Grid:
    """Return the grid of one whole slice: the same voxels, whatever is cropped elsewhere."""
    flat = [slice(0, n) for n in stack.grid.shape]
    flat[stack.axis] = slice(index, index + 1)
    return part_of(stack.grid, (flat[0], flat[1], flat[2]))


def section_of_contours(thing: Contours, stack: PlaneStack, index: int) -> NDArray[np.uint16] | None:
    """Return one oblique slice, as displayed, of contours; None if they have no rings."""
    if not thing.rings_lps:
        return None
    inside = thing.voxels_on(flat_grid(stack, index))
    return stack.slice_of(np.where(inside, np.uint16(FULL), np.uint16(0)), 0)


def part_of(grid: Grid, where: Block) -> Grid:
    """Return the grid of a block alone."""
    k, j, i = where
    return grid.cropped((k.start, j.start, i.start), (k.stop - k.start, j.stop - j.start, i.stop - i.start))


class Solids:
    """The blocks of all annotations of an easel, kept until they change."""

    def __init__(self, easel: Easel) -> None:
        self.easel = easel
        self.extents = Extents(easel)
        self._contours: dict[str, tuple[Contours, Solid]] = {}
        self._elsewhere: dict[tuple[str, str], tuple[int, Solid]] = {}

    def of(self, uid: str) -> Solid | None:
        """Return the block of one annotation; None for annotations without voxels, such as boxes."""
        thing = self.easel.table.objects[uid]
        match thing:
            case Paint():
                return solid_of_paint(self.easel, uid, self.extents.of(uid))
            case Contours():
                return self.of_contours(uid, thing)
        return None

    def has_same_voxels(self, thing: Object, series_uid: str) -> bool:
        """Whether an annotation's series and another one have the same voxels at the same places."""
        if thing.series_uid == series_uid:
            return True
        return self.easel.table.sheet_of(thing.series_uid).grid.same_voxels(self.easel.table.sheet_of(series_uid).grid)

    def on(self, uid: str, series_uid: str) -> Solid | None:
        """Return the block of one annotation on a series of its frame of reference; None if it has no voxels."""
        thing = self.easel.table.objects[uid]
        if not isinstance(thing, (Paint, Contours)) or self.has_same_voxels(thing, series_uid):
            return self.of(uid)
        revision = self.easel.table.history.revision(uid)
        kept = self._elsewhere.get((uid, series_uid))
        if kept is None or kept[0] != revision:
            kept = (revision, self._moved(uid, thing, self.easel.table.sheet_of(series_uid).grid))
            self._elsewhere[uid, series_uid] = kept
        return kept[1]

    def _moved(self, uid: str, thing: Paint | Contours, grid: Grid) -> Solid:
        if isinstance(thing, Contours):
            slab = np.ceil((thing.spacing_mm or 0.0) / min(grid.spacing_mm))
            return solid_of_contours(thing, grid, max(int(slab), 1))
        own = solid_of_paint(self.easel, uid, self.extents.of(uid))
        if is_empty(own.where):
            return Solid(NOTHING, np.zeros((0, 0, 0), bool))
        source = part_of(self.easel.table.sheet_of(thing.series_uid).grid, own.where)
        return moved(Solid(own.where, own.voxels), source, grid)

    def block_on(self, thing: Object, where: Block, series_uid: str) -> Block:
        """Return the voxels of a series that contain some voxels of an annotation's own series."""
        if self.has_same_voxels(thing, series_uid):
            return where
        return block_on(
            where, self.easel.table.sheet_of(thing.series_uid).grid, self.easel.table.sheet_of(series_uid).grid
        )

    def cut(self, uid: str, thing: Paint, stack: PlaneStack, index: int) -> Fields | None:
        """Return one slice, as displayed, of a painted annotation on planes with other voxels.

        Each voxel takes the nearest one; only this plane is computed, so that it follows each stroke.
        """
        field = self.cut_field(uid, thing.series_uid, stack, index)
        return None if field is None else np.where(field >= HALF, np.uint16(FULL), np.uint16(0))

    def cut_field(self, uid: str, series_uid: str, stack: PlaneStack, index: int) -> Fields | None:
        """Return one slice, as displayed, of a field on the voxels of a series; None where the slice misses it."""
        own = self.easel.table.sheet_of(series_uid).grid
        reach = block_on(self.extents.of(uid), own, stack.grid)[stack.axis]
        if not reach.start <= index < reach.stop:
            return None
        return stack.slice_of(nearest(self.easel.table.field(uid), own, flat_grid(stack, index)), 0)

    def middle_of(self, uid: str) -> Vector | None:
        """Return a point in the middle of an annotation, on its largest slice (patient mm); None if it has no shape."""
        thing = self.easel.table.objects.get(uid)
        if isinstance(thing, Box):
            return thing.centre_lps
        if isinstance(thing, Ruler):
            return thing.middle_lps if len(thing.points_lps) > 1 else None
        solid = None if thing is None else self.of(uid)
        if thing is None or solid is None or not solid.voxels.any():
            return None
        n = int(np.argmax(solid.voxels.sum((1, 2))))
        corner = [each.start for each in solid.where]
        at = np.array([n, *np.argwhere(solid.voxels[n]).mean(0)]) + corner
        return tuple3(self.easel.table.sheet_of(thing.series_uid).grid.reference_from_image(at))

    def of_contours(self, uid: str, thing: Contours) -> Solid:
        """Return the block of contours, from the cache if they are unchanged."""
        kept = self._contours.get(uid)
        if kept is None or kept[0] is not thing:
            kept = (thing, solid_of_contours(thing, self.easel.table.sheet_of(thing.series_uid).grid))
            self._contours[uid] = kept
        return kept[1]
