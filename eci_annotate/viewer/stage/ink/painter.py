"""Turns changes of the easel into orders: per pane the rectangle that changed, and any vectors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from eci_annotate.imaging.annotations import Box, Contours
from eci_annotate.imaging.blocks import NOTHING, Block, is_empty, union
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.tools.editing.history import Change
from eci_annotate.tools.protocol import Paint, is_series_field
from eci_annotate.viewer.stage.ink.layer import Layer, Painted
from eci_annotate.viewer.stage.ink.pane_turn import turned
from eci_annotate.viewer.stage.ink.rasterise import compose, margin_px
from eci_annotate.viewer.stage.ink.registration_layer import RegisteredLayer
from eci_annotate.viewer.stage.ink.solids import block_on
from eci_annotate.viewer.stage.orders import Fit, Ink, Lines, Order
from eci_annotate.viewer.stage.pane_geometry import PlaneStack, View
from eci_annotate.viewer.stage.panes import Panes
from eci_annotate.viewer.stage.places import Place, place_marks

Key = tuple[str, str]


def key_of(view: View) -> Key:
    """Return page and pane of a view."""
    return view.page, view.pane


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
        By page and pane, what a browser shows now; only these are drawn.
    own, others
        The easel's own layer, and comparison layers below it.
    places
        Places marked by a review.
    """

    def __init__(self, easel: Easel, editable: bool = True, panes: Panes | None = None) -> None:
        self.easel = easel
        self.editable = editable
        self.panes = panes or Panes(easel)
        self.views: dict[Key, View] = {}
        self.own = Layer(easel)
        self.others: list[Layer] = []
        self.places: tuple[Place, ...] = ()
        self._lined: set[Key] = set()

    def turn(self, page: str | None = None) -> None:
        """Forget the views of a page, or (None) of all, which then send them again."""
        self.views = {key: view for key, view in self.views.items() if page not in (None, key[0])}
        self._lined = {key for key in self._lined if key in self.views}

    def forget(self, pane: str) -> None:
        """Forget the views of a pane, whose planes have changed."""
        self.views = {key: view for key, view in self.views.items() if key[1] != pane}

    def look(self, views: Iterable[View], redraw: bool = False) -> list[Order]:
        """Draw views that moved; `redraw`: draw all views of their pages, and send all annotations again."""
        views, orders = list(views), list[Order]()
        if redraw:
            for page in {view.page for view in views}:
                self.turn(page)
            orders = [*self.echoes_of_others(), *self.echoes(self.easel.table.objects)]
        for view in views:
            stack = self._stack(view)
            if stack is not None:
                orders += self._moved(stack, view)
        return orders

    def _moved(self, stack: PlaneStack, view: View) -> list[Order]:
        before = self.views.get(key_of(view))
        self.views[key_of(view)] = view = replace(view, index=min(max(view.index, 0), stack.count - 1))
        resized = before is None or (before.width, before.height) != (view.width, view.height)
        same = before is not None and replace(before, seq=view.seq) == view
        return [*([Fit(view)] if resized else []), *([] if same else self.redraw(view))]

    def changed(self, changes: Sequence[Change]) -> list[Order]:
        """Draw changes in all panes."""
        for change in changes:
            if is_series_field(change.uid) or isinstance(self.easel.table.objects.get(change.uid), Paint):
                self.own.solids.extents.grow(change.uid, change.where)
        patches = {uid: self._blocks(changes, uid) for uid in self._series_in_view()}
        return [order for view in self.views.values() for order in self._follow(view, patches)]

    def _stack(self, view: View) -> PlaneStack | None:
        """Return the planes of a pane as this view shows them; None if it shows none."""
        stack = self.panes.stack(view.pane)
        return None if stack is None else turned(stack, view.turn)

    def _series_in_view(self) -> set[str]:
        return {self.panes.series(pane) for _, pane in self.views}

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
            thing = self.easel.table.objects.get(change.uid)
            if is_series_field(change.uid) and not change.uid.endswith(f"/{series_uid}"):
                continue
            if is_series_field(change.uid) and change.where is not None:
                found[change.uid] = union(found.get(change.uid, NOTHING), change.where)
                continue
            if thing is not None and not self.easel.table.is_on(thing, series_uid):
                continue
            if change.where is None and isinstance(thing, Box):
                continue
            if change.where is None or not isinstance(thing, Paint):
                return None
            if change.uid not in self.easel.table.hidden:
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
        wiped = replace(ink, wipe=True) if ink else Ink(view.pane, 0, 0, None, True, view.page)
        self._lined.add(key_of(view))
        return [wiped, *self.lines(view)]

    @property
    def _layers(self) -> list[Layer]:
        return [*self.others, self.own]

    def _patch(self, view: View, where: Block) -> Ink | None:
        stack = self._stack(view)
        if stack is not None and stack.oblique:
            where = block_on(where, self.easel.table.sheet_of(self.panes.series(view.pane)).grid, stack.grid)
        rect = None if stack is None else view.rect_of(stack, where, margin_px(view) + 1)
        if stack is None or rect is None:
            return None
        below: Painted = [each for layer in self.others for each in self._painted(layer, view, stack)]
        planes = [*below, *self._painted(self.own, view, stack)]
        return Ink(view.pane, rect.x, rect.y, compose(stack, view, rect, planes, bare=len(below)), page=view.page)

    def _painted(self, layer: Layer, view: View, stack: PlaneStack) -> Painted:
        return layer.painted(self.panes.series(view.pane), stack, view.index)

    def reordered(self) -> list[Order]:
        """Draw what another selection changes: handles, and which of several painted annotations is on top."""
        painted = sum(isinstance(thing, (Contours, Paint)) for thing in self.easel.table.objects.values())
        return self.again() if painted > 1 else self.all_lines()

    def all_lines(self) -> list[Order]:
        """Draw the vector layers of all views."""
        return [order for view in self.views.values() for order in self.lines(view)]

    def lines(self, view: View) -> list[Order]:
        """Draw the vector layer, if it has or had any content."""
        stack, series = self._stack(view), self.panes.series(view.pane)
        if stack is None:
            return []
        editable = self.editable and not stack.oblique
        marks = tuple(m for layer in self._layers for m in layer.marks(series, stack, view, editable))
        marks += place_marks(self.places, stack, view)
        key = key_of(view)
        if not marks and key not in self._lined:
            return []
        self._lined = self._lined | {key} if marks else self._lined - {key}
        return [Lines(view.pane, marks, view.page)]

    def follow_up(self, uids: Iterable[str]) -> list[Order]:
        """Draw annotations that changed where a registration puts them, after the stroke."""
        layers = [each for each in self.others if isinstance(each, RegisteredLayer)]
        changed = [uid for uid in uids if not is_series_field(uid)]
        views = (v for v in self.views.values() if self._is_touched(layers, changed, self.panes.series(v.pane)))
        return [order for view in views for order in self.redraw(view)]

    def _is_touched(self, layers: Sequence[RegisteredLayer], uids: Sequence[str], series_uid: str) -> bool:
        return bool(series_uid) and any(each.touches(uid, series_uid) for each in layers for uid in uids)

    def echoes(self, uids: Iterable[str]) -> list[Order]:
        """Send the browser the current appearance of the user's own annotations."""
        groups, own = self.panes.groups(), [self.own, *(each for each in self.others if each.easel is self.easel)]
        return [each.echo(uid, group) for uid in uids if not is_series_field(uid) for each in own for group in groups]

    def echoes_of_others(self) -> list[Order]:
        """Send the browser the current appearance of all annotations of others."""
        groups = self.panes.groups()
        return [
            each.echo(uid, group)
            for each in self.others
            if each.easel is not self.easel
            for uid in each.easel.table.objects
            for group in groups
        ]
