"""Where a page opens that shows what was drawn: at the middle of the first annotation whose series is on a pane."""

from __future__ import annotations

from eci_annotate.viewer.stage.controller import Controller
from eci_annotate.viewer.stage.ink.layer import look_at
from eci_annotate.viewer.stage.orders import Order


def first_view(controller: Controller) -> list[Order]:
    """Return the order that turns the panes to the first annotation; none if no pane shows its series."""
    objects, shown = controller.easel.table.objects, controller.panes.shown
    first = next((uid for uid, thing in objects.items() if thing.series_uid in shown), "")
    return look_at(controller.painter.own, first)
