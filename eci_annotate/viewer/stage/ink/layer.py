"""One easel as a layer of a picture: the user's own work, or another's for comparison, outlined in one colour."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from eci_annotate.imaging.annotations import Box, Colour, Contours
from eci_annotate.imaging.blocks import NOTHING, Block, is_empty, union
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.tools.protocol import Object, Paint
from eci_annotate.viewer.stage import messages
from eci_annotate.viewer.stage.ink.mask_bits import coded
from eci_annotate.viewer.stage.ink.series_fields import extent_of_fields, planes_of_fields
from eci_annotate.viewer.stage.ink.solids import Solids, section_of_contours
from eci_annotate.viewer.stage.ink.vector_marks import THIN_PX, has_rings_on, marks_of
from eci_annotate.viewer.stage.orders import Mark, Order, Send
from eci_annotate.viewer.stage.pane_geometry import PlaneStack, View

Painted = list[tuple[NDArray[np.uint16], Colour]]


class Layer:
    """The visible part of an easel on a series.

    Parameters
    ----------
    easel
        Source of the annotations.
    name, colour
        For a comparison layer: a name that no annotation has, and the colour of everything in it; empty for the own
        work.
    outlined
        Whether contours keep their colours and are thin, without a filling.
    """

    def __init__(self, easel: Easel, name: str = "", colour: Colour | None = None, outlined: bool = False) -> None:
        self.outlined = outlined
        self.easel, self.name, self.colour = easel, name, colour
        self.solids = Solids(easel)
        self.shown = True

    def _shown(self, series_uid: str) -> Iterator[tuple[str, Object]]:
        """Yield what is visible; the active annotation comes last."""
        for uid, thing in sorted(self.easel.table.objects.items(), key=lambda each: each[0] == self.easel.table.active):
            if self.shown and uid not in self.easel.table.hidden and self.easel.table.is_on(thing, series_uid):
                yield uid, thing

    def extent(self, series_uid: str) -> Block:
        """Return the block that contains everything painted."""
        found = NOTHING
        for uid, thing in self._shown(series_uid):
            found = union(found, self._extent(uid, thing, series_uid))
        return found if self.name else union(found, extent_of_fields(self.easel, self.solids.extents, series_uid))

    def _extent(self, uid: str, thing: Object, series_uid: str) -> Block:
        if isinstance(thing, Paint):
            return self.solids.block_on(thing, self.solids.extents.of(uid), series_uid)
        solid = self.solids.on(uid, series_uid)
        return solid.where if solid else NOTHING

    def painted(self, series_uid: str, stack: PlaneStack, index: int) -> Painted:
        """Return slices to draw over each other."""
        found: Painted = []
        for uid, thing in self._shown(series_uid):
            plane = self._plane(uid, thing, series_uid, stack, index)
            if plane is not None:
                found.append((plane, self.colour or thing.colour))
        if not self.name:
            found += planes_of_fields(self.easel, self.solids, series_uid, stack, index)
        return found

    def _plane(
        self, uid: str, thing: Object, series_uid: str, stack: PlaneStack, index: int
    ) -> NDArray[np.uint16] | None:
        if isinstance(thing, Contours) and stack.oblique:
            return section_of_contours(thing, stack, index)
        if isinstance(thing, Paint) and not stack.oblique and self.solids.has_same_voxels(thing, series_uid):
            span = self.solids.extents.of(uid)[stack.axis]
            return stack.slice_of(self.easel.table.field(uid), index) if span.start <= index < span.stop else None
        if isinstance(thing, Paint):
            return self.solids.cut(uid, thing, stack, index)
        if isinstance(thing, Contours) and has_rings_on(self.easel, thing, stack):
            return None
        solid = None if stack.oblique else self.solids.on(uid, series_uid)
        return solid.plane(stack, index) if solid else None

    def marks(self, series_uid: str, stack: PlaneStack, view: View, editable: bool) -> tuple[Mark, ...]:
        """Return lines and handles.

        Parameters
        ----------
        series_uid
            Series shown.
        stack
            Planes of the pane.
        view
            What the pane shows.
        editable
            Whether to include handles of the user's own work.
        """
        if not self.shown:
            return ()
        found = marks_of(self.easel, stack, view, editable and not self.name, series_uid)
        if self.outlined:
            return tuple(replace(mark, width_px=THIN_PX * view.ratio, fill=0.0) for mark in found)
        if self.colour is None:
            return found
        thin = THIN_PX * view.ratio if self.name else None
        return tuple(self._own_look(mark, self.colour, thin) for mark in found)

    def _own_look(self, mark: Mark, colour: Colour, thin: float | None) -> Mark:
        recoloured = replace(mark, colour=colour)
        return recoloured if thin is None else replace(recoloured, width_px=thin, fill=0.0)

    def echo(self, uid: str, series: Sequence[str]) -> Order:
        """Return the current appearance of an annotation on series with the same voxels, for the browser."""
        thing = self.easel.table.objects.get(uid)
        if thing is None or not self.easel.table.is_on(thing, series[0]):
            return self.forgotten(uid, series)
        head = (
            self._known(uid),
            series,
            self.colour or thing.colour,
            self.shown and uid not in self.easel.table.hidden,
        )
        bare = bool(self.name)
        if isinstance(thing, Box):
            return Send(messages.echo(*head, corners=thing.corners_lps.tolist(), bare=bare))
        solid = self.solids.on(uid, series[0])
        if solid is None or is_empty(solid.where):
            return self.forgotten(uid, series)
        corner = [s.start for s in solid.where]
        coding, content = coded(solid.voxels)
        message = messages.echo(*head, corner=corner, size=list(solid.voxels.shape), coding=coding, bare=bare)
        return Send(message, (content,))

    def forgotten(self, uid: str, series: Sequence[str]) -> Order:
        """Return the message that makes the browser forget an annotation on series."""
        return Send(messages.forget(self._known(uid), series))

    def _known(self, uid: str) -> str:
        return f"{self.name}:{uid}" if self.name else uid


def look_at(layer: Layer, uid: str) -> list[Order]:
    """Return the order that turns the panes to the middle of an annotation; none if it has no shape."""
    focus, thing = layer.solids.middle_of(uid), layer.easel.table.objects.get(uid)
    return [Send(messages.look(focus=focus, series=thing.series_uid))] if focus and thing else []
