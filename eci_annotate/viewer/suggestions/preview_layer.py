"""A suggestion as a layer of the picture: outlines in the colours of the annotations it would change."""

from __future__ import annotations

import numpy as np

from eci_annotate.imaging.blocks import bounding_box
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.tools.protocol import FULL, Paint
from eci_annotate.tools.suggestion import Suggestion
from eci_annotate.viewer.stage.controller import Controller
from eci_annotate.viewer.stage.ink.layer import Layer
from eci_annotate.viewer.stage.orders import Order

NAME = "suggestion"


def easel_of(suggestion: Suggestion, own: Easel) -> Easel:
    """Return an easel that holds nothing but a suggestion, on the series of another easel."""
    easel = Easel(lambda uid: own.table.sheet_of(uid).volume)
    easel.table.share(own.table)
    easel.show(suggestion.series_uid)
    shape = easel.table.grid.shape
    for part in suggestion.parts:
        thing = own.table.objects.get(part.uid) or suggestion.adds
        if thing is not None:
            field = np.zeros(shape, np.uint16)
            field[part.where] = part.voxels * np.uint16(FULL)
            easel.table.history.place(Paint(**{**thing.header, "uid": part.uid}), field)
    for thing in suggestion.objects:
        easel.table.history.place(thing)
    return easel


class Preview:
    """Shows one suggestion at a time below the user's own work.

    Parameters
    ----------
    controller
        Controller of the viewer.
    """

    def __init__(self, controller: Controller) -> None:
        self.controller = controller
        self._layer: Layer | None = None

    def show(self, suggestion: Suggestion | None) -> list[Order]:
        """Return the orders that show a suggestion in place of the one before; None: nothing."""
        before, painter = self._layer, self.controller.painter
        if before is None and suggestion is None:
            return []
        kept: list[Layer] = [layer for layer in painter.others if layer is not before]
        self._layer = self._layer_of(suggestion) if suggestion else None
        painter.others = [*kept, self._layer] if self._layer else kept
        orders = painter.again()
        return [*orders, *self.controller.drawn(orders), *self._echoes(before)]

    def _layer_of(self, suggestion: Suggestion) -> Layer:
        layer = Layer(easel_of(suggestion, self.controller.easel), NAME)
        for part in suggestion.parts:
            inner = bounding_box(part.voxels)
            k, j, i = (slice(o.start + n.start, o.start + n.stop) for o, n in zip(part.where, inner, strict=True))
            layer.solids.extents.know(part.uid, (k, j, i))
        return layer

    def _echoes(self, before: Layer | None) -> list[Order]:
        """Return what tells the browser of the suggestion, and to forget the one before."""
        now, groups = self._layer, self.controller.panes.groups()
        shown = list(now.easel.table.objects) if now else []
        gone = [uid for uid in before.easel.table.objects if uid not in shown] if before else []
        forgotten = [before.forgotten(uid, group) for uid in gone for group in groups] if before else []
        return [*forgotten, *([now.echo(uid, group) for uid in shown for group in groups] if now else [])]
