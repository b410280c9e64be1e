"""The version of an earlier task beside the work: its annotations as outlines on their own series, and its lesions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import ipywidgets as w

from eci_annotate.imaging.measurements import unit_of
from eci_annotate.tools.measure import ruler_in_words
from eci_annotate.tools.protocol import Ruler
from eci_annotate.viewer.comparison.comparison_panel import chip
from eci_annotate.viewer.comparison.counterpart import reveal
from eci_annotate.viewer.comparison.sides import Side
from eci_annotate.viewer.panels.annotation_list import size_of
from eci_annotate.viewer.panels.study_checks import Go
from eci_annotate.viewer.stage.controller import Controller
from eci_annotate.viewer.stage.orders import Order


class EarlierVersion:
    """Panel of one earlier version; its outlines are shown until they are switched off.

    Parameters
    ----------
    side
        The version.
    controller
        Of the stage on which its outlines are drawn.
    go, draw
        Show a series at a point; carry out orders.
    """

    def __init__(self, side: Side, controller: Controller, go: Go, draw: Callable[[Sequence[Order]], None]) -> None:
        self._side, self._controller, self._go, self._draw = side, controller, go, draw
        controller.painter.others.append(side.layer)
        self.eye = w.ToggleButton(value=True, icon="eye", layout=w.Layout(width="42px"))
        self.eye.tooltip = f"Outlines of {side.title} over the images"
        self.eye.observe(lambda change: self._reveal(change["new"]), "value")
        head = w.HBox([w.HTML(chip(side), layout=w.Layout(flex="1 1 auto")), self.eye])
        self.lesions = [self._lesion(uid) for uid in side.easel.table.objects]
        self.widget = w.VBox([head, *self.lesions])
        self.widget.add_class("eci-earlier")

    def _lesion(self, uid: str) -> w.Button:
        thing = self._side.easel.table.objects[uid]
        table = self._side.easel.table
        unit = unit_of(table.sheet_of(thing.series_uid).volume)
        is_ruler = isinstance(thing, Ruler)
        size = ruler_in_words(table, uid) if is_ruler else size_of(thing, table.volume_mm3(uid), unit)
        button = w.Button(description=f"{thing.label}: {size}", icon="crosshairs", layout=w.Layout(width="auto"))
        button.tooltip = f"Show {thing.label} where it was drawn"
        middle = self._side.layer.solids.middle_of
        button.on_click(lambda _: self._go(thing.series_uid, middle(uid)))
        return button

    def _reveal(self, shown: bool) -> None:
        self.eye.icon = "eye" if shown else "eye-slash"
        self._draw(reveal(self._controller, self._side, shown))
