"""Annotations of other frames of reference, where a registration puts them: outlines with the registration's name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from eci_annotate.errors import EciError
from eci_annotate.imaging.annotations import Box, Contours
from eci_annotate.imaging.blocks import NOTHING, Block, around, is_empty, union
from eci_annotate.imaging.geometry import Grid
from eci_annotate.imaging.registration.registration import Registration
from eci_annotate.imaging.reslice import nearest
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.tools.protocol import FULL, Object, Paint
from eci_annotate.viewer.stage import messages
from eci_annotate.viewer.stage.ink.layer import Layer, Painted
from eci_annotate.viewer.stage.ink.mask_bits import coded
from eci_annotate.viewer.stage.ink.solids import Solid, block_on, flat_grid, part_of
from eci_annotate.viewer.stage.ink.vector_marks import THIN_PX
from eci_annotate.viewer.stage.orders import CAPTION, Mark, Order, Send
from eci_annotate.viewer.stage.pane_geometry import PlaneStack, View
from eci_annotate.viewer.stage.sections.series_overlays import Overlays

NAME = "registered"
CAPTION_AT, CAPTION_STEP = (8.0, 52.0), 16.0  # CSS px; the browser's own texts end above
MOST_LABELS = 3
NO_VOXELS = Solid(NOTHING, np.zeros((0, 0, 0), bool))


def sampled(solid: Solid, source: Grid, target: Grid, registration: Registration) -> Solid:
    """Return voxels on the grid of another frame of reference: each voxel takes the nearest one where it comes from.

    Parameters
    ----------
    solid
        Voxels on `source`.
    source, target
        Grids in the source and in the target frame of the registration.
    registration
        From source to target.
    """
    if is_empty(solid.where):
        return NO_VOXELS
    part = part_of(source, solid.where)
    ends = [[-0.5, n / 2 - 0.5, n - 0.5] for n in part.shape]
    points = part.reference_from_image([[k, j, i] for k in ends[0] for j in ends[1] for i in ends[2]])
    try:
        where = around(target.image_from_reference(registration.target_points(points)), target, 2)
    except EciError:  # a deformation that does not reach every corner
        k, j, i = target.shape
        where = (slice(0, k), slice(0, j), slice(0, i))
    if is_empty(where):
        return NO_VOXELS
    voxels = np.zeros([each.stop - each.start for each in where], bool)
    for n in range(voxels.shape[0]):
        index = np.stack(np.meshgrid([n], *map(np.arange, voxels.shape[1:]), indexing="ij"), -1).reshape(-1, 3)
        centres = target.reference_from_image(index + [each.start for each in where])
        at = part.image_from_reference(registration.source_points(centres))
        inside = np.isfinite(at).all(-1) & (at > -0.5).all(-1) & (at < np.asarray(part.shape) - 0.5).all(-1)
        found = np.round(at[inside]).astype(int)
        flat = np.zeros(len(index), bool)
        flat[inside] = solid.voxels[tuple(found.clip(0, np.asarray(part.shape) - 1).T)]
        voxels[n] = flat.reshape(voxels.shape[1:])
    return Solid(where, voxels)


class RegisteredLayer(Layer):
    """The user's own annotations on series of other frames of reference, through the registrations of the study.

    Boxes stay boxes under a rigid registration; everything else is shown by its voxels.

    Parameters
    ----------
    easel
        The user's own work.
    overlays
        Knows the registrations.
    """

    def __init__(self, easel: Easel, overlays: Overlays) -> None:
        super().__init__(easel, NAME)
        self._overlays = overlays
        self._kept: dict[tuple[str, str], tuple[int, Registration, Solid]] = {}

    def _shown(self, series_uid: str) -> Iterator[tuple[str, Object]]:
        for uid, thing in self.easel.table.objects.items():
            if self.shown and uid not in self.easel.table.hidden and self._registration(thing, series_uid):
                yield uid, thing

    def _registration(self, thing: Object, series_uid: str) -> Registration | None:
        """Return how an annotation gets onto a series; None if it needs no registration, or has none."""
        if not thing.frame_uid or not series_uid or self.easel.table.is_on(thing, series_uid):
            return None
        frame = self.easel.table.sheet_of(series_uid).grid.frame_of_reference_uid
        return self._overlays.registration(frame, thing.frame_uid)

    def touches(self, uid: str, series_uid: str) -> bool:
        """Whether an annotation is, or was before it changed, painted on a series of another frame of reference."""
        thing = self.easel.table.objects.get(uid)
        if thing is None or uid in self.easel.table.hidden:
            return True
        registration = self._registration(thing, series_uid)
        return registration is not None and not self._is_box(thing, registration)

    def _is_box(self, thing: Object, registration: Registration) -> bool:
        return isinstance(thing, Box) and registration.is_rigid

    def _box(self, thing: Object, series_uid: str) -> Box | None:
        registration = self._registration(thing, series_uid)
        if registration is None or not isinstance(thing, Box) or not registration.is_rigid:
            return None
        return registration.apply(thing)

    def _solid(self, uid: str, series_uid: str) -> Solid:
        """Return the voxels of an annotation on a series, computed when it changed."""
        thing = self.easel.table.objects[uid]
        registration = self._registration(thing, series_uid)
        if registration is None or self._is_box(thing, registration):
            return NO_VOXELS
        revision = self.easel.table.history.revision(uid)
        kept = self._kept.get((uid, series_uid))
        if kept is None or kept[0] != revision or kept[1] is not registration:
            grid = self.easel.table.sheet_of(series_uid).grid
            kept = (revision, registration, self._sampled(uid, thing, grid, registration))
            self._kept[uid, series_uid] = kept
        return kept[2]

    def _sampled(self, uid: str, thing: Object, grid: Grid, registration: Registration) -> Solid:
        own = self.easel.table.sheet_of(thing.series_uid).grid
        if isinstance(thing, Box):
            where = around(own.image_from_reference(thing.corners_lps), own, 1)
            solid = NO_VOXELS if is_empty(where) else Solid(where, thing.voxels_on(part_of(own, where)))
        elif isinstance(thing, Paint):
            self.solids.extents.grow(uid, None)  # the own layer follows each stroke, this one does not
            solid = self.solids.of(uid) or NO_VOXELS
        else:
            solid = self.solids.of(uid) or NO_VOXELS
        return sampled(solid, own, grid, registration)

    def extent(self, series_uid: str) -> Block:
        """Return the block that contains everything painted."""
        found = NOTHING
        for uid, _ in self._shown(series_uid):
            found = union(found, self._solid(uid, series_uid).where)
        return found

    def painted(self, series_uid: str, stack: PlaneStack, index: int) -> Painted:
        """Return slices to draw over each other."""
        found: Painted = []
        for uid, thing in self._shown(series_uid):
            solid = self._solid(uid, series_uid)
            plane = self._oblique(solid, series_uid, stack, index) if stack.oblique else solid.plane(stack, index)
            if plane is not None and not is_empty(solid.where):
                found.append((plane, thing.colour))
        return found

    def _oblique(self, solid: Solid, series_uid: str, stack: PlaneStack, index: int) -> Any:
        own = self.easel.table.sheet_of(series_uid).grid
        if is_empty(solid.where) or is_empty(block_on(solid.where, own, stack.grid)):
            return None
        inside = nearest(solid.voxels.view(np.uint8), part_of(own, solid.where), flat_grid(stack, index))
        return stack.slice_of(inside.astype(np.uint16) * np.uint16(FULL), 0)

    def marks(self, series_uid: str, stack: PlaneStack, view: View, editable: bool) -> tuple[Mark, ...]:
        """Return the boxes of other frames of reference, and a line that says by which registration all are here."""
        plane, found = stack.plane(view.index), list[Mark]()
        labels: dict[str, list[str]] = {}
        for _, thing in self._shown(series_uid):
            if isinstance(thing, Contours) and not thing.rings_lps:
                continue
            registration = self._registration(thing, series_uid)
            labels.setdefault(registration.name if registration else "", []).append(thing.label or "annotation")
            box = self._box(thing, series_uid)
            ring = box.section(plane.origin_lps, plane.normal_lps, plane.thickness_mm) if box else ()
            if len(ring) > 1:
                found.append(Mark(view.px_from_lps(stack, ring), thing.colour, THIN_PX * view.ratio, closed=True))
        return (*found, *_captions(labels, view))

    def echo(self, uid: str, series: Sequence[str]) -> Order:
        """Return the current appearance of an annotation on series with the same voxels, for the browser."""
        shown = dict(self._shown(series[0])).get(uid)
        if shown is None:
            return self.forgotten(uid, series)
        head, box = (self._known(uid), series, shown.colour, True), self._box(shown, series[0])
        if box is not None:
            return Send(messages.echo(*head, corners=box.corners_lps.tolist(), bare=True))
        solid = self._solid(uid, series[0])
        if is_empty(solid.where):
            return self.forgotten(uid, series)
        corner = [s.start for s in solid.where]
        coding, content = coded(solid.voxels)
        message = messages.echo(*head, corner=corner, size=list(solid.voxels.shape), coding=coding, bare=True)
        return Send(message, (content,))


def _captions(labels: dict[str, list[str]], view: View) -> Iterator[Mark]:
    x, y = CAPTION_AT
    for n, (name, found) in enumerate(labels.items()):
        more = ["…"] if len(found) > MOST_LABELS else []
        text = f"By registration {name or 'given'}: {', '.join([*found[:MOST_LABELS], *more])}"
        at = np.asarray([[x, y + n * CAPTION_STEP]]) * view.ratio
        yield Mark(at, (250, 204, 21), view.ratio, spot=CAPTION, text=text)


def use_registrations(overlays: Overlays, others: list[Layer], registrations: Sequence[Registration]) -> None:
    """Let registrations bring series over each other, and the user's annotations onto other series.

    Parameters
    ----------
    overlays
        Of the viewer.
    others
        Layers below the user's work, to which that of registered annotations is added.
    registrations
        Maps between frames of reference.
    """
    overlays.registrations = registrations
    if registrations:
        others.append(RegisteredLayer(overlays.easel, overlays))
