"""Turns changes of the easel into orders: per pane the rectangle that changed, and any vectors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from eci_annotate.imaging.annotations import Box
from eci_annotate.imaging.blocks import NOTHING, Block, is_empty, union
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.tools.editing.history import Change
from eci_annotate.tools.protocol import Paint
from eci_annotate.viewer.stage.ink.layer import Layer, Painted
from eci_annotate.viewer.stage.ink.rasterise import compose, margin_px
from eci_annotate.viewer.stage.orders import Fit, Ink, Lines, Order
from eci_annotate.viewer.stage.pane_geometry import PlaneStack, View
from eci_annotate.viewer.stage.panes import Panes
from eci_annotate.viewer.stage.places import Place, place_marks


class Painter:
    """Draws an easel into the panes' views.

    Parameters
    ----------
    easel
        Source of the annotations.
    editable
        Whether to draw handles.
    panes
        The layout; None: three planes of the easel's series.

    Attributes
    ----------
    views
        By pane, what the browser shows now; only these are drawn.
    own, others
        The easel's own layer, and comparison layers below it.
    places
        Places marked by a review.
    """

    def __init__(self, easel: Easel, editable: bool = True, panes: Panes | None = None) -> None:
        self.easel = easel
        self.editable = editable
        self.panes = panes or Panes(easel)
        self.views: dict[str, View] = {}
        self.own = Layer(easel)
        self.others: list[Layer] = []
        self.places: tuple[Place, ...] = ()
        self._lined: set[str] = set()

    def turn(self) -> None:
        """Follow a change of what the panes show; the browser then sends its views."""
        self.views = {}
        self._lined = set()

    def look(self, views: Iterable[View], anew: bool = False) -> list[Order]:
        """Draw views that moved; `anew`: draw all, and send all annotations again."""
        orders: list[Order] = []
        if anew:
            self.views, orders = {}, [*self.echoes_of_others(), *self.echoes(self.easel.objects)]
        for view in views:
            stack = self.panes.stack(view.pane)
            if stack is not None:
                orders += self._moved(stack, view)
        return orders

    def _moved(self, stack: PlaneStack, view: View) -> list[Order]:
        before = self.views.get(view.pane)
        self.views[view.pane] = view = replace(view, index=min(max(view.index, 0), stack.count - 1))
        resized = before is None or (before.width, before.height) != (view.width, view.height)
        same = before is not None and replace(before, seq=view.seq) == view
        return [*([Fit(view)] if resized else []), *([] if same else self.redraw(view))]

    def changed(self, changes: Sequence[Change]) -> list[Order]:
        """Draw changes in all panes."""
        for change in changes:
            if isinstance(self.easel.objects.get(change.uid), Paint):
                self.own.solids.extents.grow(change.uid, change.where)
        patches = {uid: self._blocks(changes, uid) for uid in self._series_in_view()}
        return [order for view in self.views.values() for order in self._follow(view, patches)]

    def _series_in_view(self) -> set[str]:
        return {self.panes.series(name) for name in self.views}

    def _follow(self, view: View, patches: dict[str, list[Block] | None]) -> list[Order]:
        blocks = patches[self.panes.series(view.pane)]
        if blocks is None:
            return self.redraw(view)
        inks = (self._patch(view, where) for where in blocks)
        return [*(ink for ink in inks if ink), *self.lines(view)]

    def _blocks(self, changes: Sequence[Change], series_uid: str) -> list[Block] | None:
        """Return, by annotation, the voxels of a series that changed; None if they may be anywhere."""
        found: dict[str, Block] = {}
        for change in changes:
            thing = self.easel.objects.get(change.uid)
            if thing is not None and not self.easel.is_on(thing, series_uid):
                continue
            if change.where is None and isinstance(thing, Box):
                continue
            if change.where is None or not isinstance(thing, Paint):
                return None
            if change.uid not in self.easel.hidden:
                where = self.own.solids.block_on(thing, change.where, series_uid)
                found[change.uid] = union(found.get(change.uid, NOTHING), where)
        return list(found.values())

    def again(self) -> list[Order]:
        """Redraw all views completely."""
        return [order for view in self.views.values() for order in self.redraw(view)]

    def redraw(self, view: View) -> list[Order]:
        """Redraw one view completely."""
        extent = NOTHING
        for layer in self._layers:
            extent = union(extent, layer.extent(self.panes.series(view.pane)))
        ink = None if is_empty(extent) else self._patch(view, extent)
        wiped = replace(ink, wipe=True) if ink else Ink(view.pane, 0, 0, None, wipe=True)
        self._lined.add(view.pane)
        return [wiped, *self.lines(view)]

    @property
    def _layers(self) -> list[Layer]:
        return [*self.others, self.own]

    def _patch(self, view: View, where: Block) -> Ink | None:
        stack = self.panes.stack(view.pane)
        rect = None if stack is None else view.rect_of(stack, where, margin_px(view) + 1)
        if stack is None or rect is None:
            return None
        below: Painted = [each for layer in self.others for each in self._painted(layer, view, stack)]
        planes = [*below, *self._painted(self.own, view, stack)]
        return Ink(view.pane, rect.x, rect.y, compose(stack, view, rect, planes, bare=len(below)))

    def _painted(self, layer: Layer, view: View, stack: PlaneStack) -> Painted:
        return layer.painted(self.panes.series(view.pane), stack, view.index)

    def all_lines(self) -> list[Order]:
        """Draw the vector layers of all views."""
        return [order for view in self.views.values() for order in self.lines(view)]

    def lines(self, view: View) -> list[Order]:
        """Draw the vector layer, if it has or had any content."""
        stack, series = self.panes.stack(view.pane), self.panes.series(view.pane)
        if stack is None:
            return []
        marks = tuple(m for layer in self._layers for m in layer.marks(series, stack, view, self.editable))
        marks += place_marks(self.places, stack, view)
        if not marks and view.pane not in self._lined:
            return []
        self._lined = self._lined | {view.pane} if marks else self._lined - {view.pane}
        return [Lines(view.pane, marks)]

    def echoes(self, uids: Iterable[str]) -> list[Order]:
        """Send the browser the current appearance of the user's own annotations."""
        groups = self.panes.groups()
        return [self.own.echo(uid, group) for uid in uids for group in groups]

    def echoes_of_others(self) -> list[Order]:
        """Send the browser the current appearance of all annotations of others."""
        groups = self.panes.groups()
        return [each.echo(uid, group) for each in self.others for uid in each.easel.objects for group in groups]
