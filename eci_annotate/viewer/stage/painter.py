"""Turns changes of the easel into orders: per pane the rectangle that changed, and any vectors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from eci_annotate.imaging.annotations import Box
from eci_annotate.imaging.blocks import NOTHING, Block, is_empty, union
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.tools.editing.history import Change
from eci_annotate.tools.protocol import Paint, is_series_field
from eci_annotate.viewer.stage.layer import Layer, Painted
from eci_annotate.viewer.stage.orders import Fit, Ink, Lines, Order
from eci_annotate.viewer.stage.pane_geometry import PlaneStack, View, stacks_of
from eci_annotate.viewer.stage.places import Place, place_marks
from eci_annotate.viewer.stage.rasterise import compose, margin_px


class Painter:
    """Draws one series of an easel into the panes' views.

    Attributes
    ----------
    views
        By pane, what the browser shows now; only these are drawn.
    own, others
        The easel's own layer, and comparison layers below it.
    places
        Places marked by a review.
    """

    def __init__(self, easel: Easel, editable: bool = True) -> None:
        self.easel = easel
        self.editable = editable
        self.stacks: dict[str, PlaneStack] = stacks_of(easel.grid)
        self.views: dict[str, View] = {}
        self.own = Layer(easel)
        self.others: list[Layer] = []
        self.places: tuple[Place, ...] = ()
        self._lined: set[str] = set()

    def turn(self) -> None:
        """Follow the easel to another series; the browser then sends its views."""
        self.stacks = stacks_of(self.easel.grid)
        self.views = {}
        self._lined = set()

    def look(self, views: Iterable[View], anew: bool = False) -> list[Order]:
        """Draw views that moved; `anew`: draw all, and send all annotations again."""
        orders: list[Order] = []
        if anew:
            self.views, orders = {}, [*self.echoes_of_others(), *self.echoes(self.easel.objects)]
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
        """Draw changes in all panes."""
        whole = False
        boxes: dict[str, Block] = {}
        for change in changes:
            thing = self.easel.objects.get(change.uid)
            if isinstance(thing, Paint) or is_series_field(change.uid):
                self.own.solids.extents.grow(change.uid, change.where)
            if is_series_field(change.uid) and not change.uid.endswith(f"/{self.easel.series_uid}"):
                continue
            whole = whole or (change.where is None and not isinstance(thing, Box))
            whole = whole or (thing is not None and thing.series_uid != self.easel.series_uid)
            if change.where is not None and change.uid not in self.easel.hidden:
                boxes[change.uid] = union(boxes.get(change.uid, NOTHING), change.where)
        if whole:
            return self.again()
        orders = [self._patch(v, w) for v in self.views.values() for w in boxes.values()]
        return [o for o in orders if o] + self.all_lines()

    def again(self) -> list[Order]:
        """Redraw all views completely."""
        return [order for view in self.views.values() for order in self.redraw(view)]

    def redraw(self, view: View) -> list[Order]:
        """Redraw one view completely."""
        extent = NOTHING
        for layer in self._layers:
            extent = union(extent, layer.extent(self.easel.series_uid))
        ink = None if is_empty(extent) else self._patch(view, extent)
        wiped = replace(ink, wipe=True) if ink else Ink(view.pane, 0, 0, None, wipe=True)
        self._lined.add(view.pane)
        return [wiped, *self.lines(view)]

    @property
    def _layers(self) -> list[Layer]:
        return [*self.others, self.own]

    def _patch(self, view: View, where: Block) -> Ink | None:
        stack = self.stacks[view.pane]
        rect = view.rect_of(stack, where, margin_px(view) + 1)
        if rect is None:
            return None
        below: Painted = [each for layer in self.others for each in self._painted(layer, view)]
        planes = [*below, *self._painted(self.own, view)]
        return Ink(view.pane, rect.x, rect.y, compose(stack, view, rect, planes, bare=len(below)))

    def _painted(self, layer: Layer, view: View) -> Painted:
        return layer.painted(self.easel.series_uid, self.stacks[view.pane], view.index)

    def all_lines(self) -> list[Order]:
        """Draw the vector layers of all views."""
        return [order for view in self.views.values() for order in self.lines(view)]

    def lines(self, view: View) -> list[Order]:
        """Draw the vector layer, if it has or had any content."""
        stack, series = self.stacks[view.pane], self.easel.series_uid
        marks = tuple(m for layer in self._layers for m in layer.marks(series, stack, view, self.editable))
        marks += place_marks(self.places, stack, view)
        if not marks and view.pane not in self._lined:
            return []
        self._lined = self._lined | {view.pane} if marks else self._lined - {view.pane}
        return [Lines(view.pane, marks)]

    def echoes(self, uids: Iterable[str]) -> list[Order]:
        """Send the browser the current appearance of the user's own annotations."""
        return [self.own.echo(uid, self.easel.series_uid) for uid in uids if not is_series_field(uid)]

    def echoes_of_others(self) -> list[Order]:
        """Send the browser the current appearance of all annotations of others."""
        return [each.echo(uid, self.easel.series_uid) for each in self.others for uid in each.easel.objects]
