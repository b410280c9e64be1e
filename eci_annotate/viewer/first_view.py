"""Where a page opens that shows what was drawn: at the middle of the first annotation whose series is on a pane."""

from __future__ import annotations

from eci_annotate.viewer.stage.controller import Controller
from eci_annotate.viewer.stage.orders import Order


def first_view(controller: Controller) -> list[Order]:
    """Return the order that turns the panes to the first annotation; none if no pane shows its series."""
    objects, shown = controller.easel.table.objects, controller.panes.shown
    return next((controller.look_at(uid) for uid, thing in objects.items() if thing.series_uid in shown), [])
