"""Turns changes of the easel into orders: per pane the rectangle that changed, and vectors where there are any."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from eci_annotate.imaging.annotations import Box, Colour, Contours
from eci_annotate.tools.easel import Easel
from eci_annotate.tools.history import Change
from eci_annotate.tools.protocol import Paint
from eci_annotate.viewer import messages
from eci_annotate.viewer.compose import compose, margin_px
from eci_annotate.viewer.marks import acquired, marks_of
from eci_annotate.viewer.orders import Fit, Ink, Lines, Order, Send
from eci_annotate.viewer.solids import EMPTY, Solids, is_empty, union
from eci_annotate.viewer.views import Stack, View, Where, stacks_of

Painted = list[tuple[NDArray[np.uint16], Colour]]


class Painter:
    """Draws one series of an easel into the panes' views.

    Attributes
    ----------
    views
        By pane, what the browser shows now; only these are drawn.
    """

    def __init__(self, easel: Easel, editable: bool = True) -> None:
        self.easel = easel
        self.editable = editable
        self.stacks: dict[str, Stack] = stacks_of(easel.grid)
        self.views: dict[str, View] = {}
        self.solids = Solids(easel)
        self._lined: set[str] = set()

    def turn(self) -> None:
        """Follow the easel to another series; the browser will say where its views stand."""
        self.stacks = stacks_of(self.easel.grid)
        self.views = {}
        self._lined = set()

    def look(self, views: Iterable[View]) -> list[Order]:
        """Draw views anew, those that moved."""
        orders: list[Order] = []
        for view in views:
            before = self.views.get(view.pane)
            index = min(max(view.index, 0), self.stacks[view.pane].count - 1)
            self.views[view.pane] = view = replace(view, index=index)
            if before is None or (before.width, before.height) != (view.width, view.height):
                orders.append(Fit(view))
            if before is None or replace(before, seq=view.seq) != view:
                orders += self.redraw(view)
        return orders

    def changed(self, changes: Sequence[Change]) -> list[Order]:
        """Draw what changed, in all panes."""
        whole = False
        boxes: dict[str, Where] = {}
        for change in changes:
            thing = self.easel.objects.get(change.uid)
            if isinstance(thing, Paint):
                self.solids.extents.grow(change.uid, change.where)
            whole = whole or (change.where is None and not isinstance(thing, Box))
            if change.where is not None and change.uid not in self.easel.hidden:
                boxes[change.uid] = union(boxes.get(change.uid, EMPTY), change.where)
        if whole:
            return [order for view in self.views.values() for order in self.redraw(view)]
        orders = [self._patch(v, w) for v in self.views.values() for w in boxes.values()]
        return [o for o in orders if o] + [o for v in self.views.values() for o in self.lines(v)]

    def redraw(self, view: View) -> list[Order]:
        """Draw one view wholly."""
        extent = EMPTY
        for uid, thing in self.easel.objects.items():
            if self._is_shown(uid):
                extent = union(extent, self._extent(uid, thing))
        ink = None if is_empty(extent) else self._patch(view, extent)
        wiped = replace(ink, wipe=True) if ink else Ink(view.pane, 0, 0, None, wipe=True)
        self._lined.add(view.pane)
        return [wiped, *self.lines(view)]

    def _extent(self, uid: str, thing: object) -> Where:
        match thing:
            case Paint():
                return self.solids.extents.of(uid)
            case Contours():
                return self.solids.of_contours(uid, thing).where
        return EMPTY

    def _patch(self, view: View, where: Where) -> Ink | None:
        stack = self.stacks[view.pane]
        rect = view.rect_of(stack, where, margin_px(view) + 1)
        if rect is None:
            return None
        return Ink(view.pane, rect.x, rect.y, compose(stack, view, rect, self._painted(stack, view)))

    def _painted(self, stack: Stack, view: View) -> Painted:
        """Slices to lay over each other; the active annotation comes last."""
        found: Painted = []
        for uid, thing in sorted(self.easel.objects.items(), key=lambda each: each[0] == self.easel.active):
            plane = self._plane(uid, thing, stack, view.index) if self._is_shown(uid) else None
            if plane is not None:
                found.append((plane, thing.colour))
        return found

    def _plane(self, uid: str, thing: object, stack: Stack, index: int) -> NDArray[np.uint16] | None:
        match thing:
            case Paint():
                span = self.solids.extents.of(uid)[stack.axis]
                return stack.slice_of(self.easel.field(uid), index) if span.start <= index < span.stop else None
            case Contours() if not acquired(stack):
                return self.solids.of_contours(uid, thing).plane(stack, index)
        return None

    def _is_shown(self, uid: str) -> bool:
        return uid not in self.easel.hidden and self.easel.objects[uid].series_uid == self.easel.series_uid

    def lines(self, view: View) -> list[Order]:
        """Draw the vector layer, if there is or was something on it."""
        marks = marks_of(self.easel, self.stacks[view.pane], view, self.editable)
        if not marks and view.pane not in self._lined:
            return []
        self._lined = self._lined | {view.pane} if marks else self._lined - {view.pane}
        return [Lines(view.pane, marks)]

    def echoes(self, uids: Iterable[str]) -> list[Order]:
        """Tell the browser how annotations look now."""
        return [self._echo(uid) for uid in uids]

    def _echo(self, uid: str) -> Order:
        thing = self.easel.objects.get(uid)
        if thing is None or thing.series_uid != self.easel.series_uid:
            return Send(messages.forget(uid))
        visible = uid not in self.easel.hidden
        if isinstance(thing, Box):
            return Send(messages.echo(uid, thing.colour, visible, corners=thing.corners_lps.tolist()))
        solid = self.solids.of(uid)
        if solid is None or is_empty(solid.where):
            return Send(messages.forget(uid))
        corner = [s.start for s in solid.where]
        message = messages.echo(uid, thing.colour, visible, corner=corner, size=list(solid.voxels.shape))
        return Send(message, (np.packbits(solid.voxels).tobytes(),))
