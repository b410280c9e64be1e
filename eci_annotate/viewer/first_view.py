"""Where a page opens that shows what was drawn: at the middle of the first annotation that its first pane can show."""

from __future__ import annotations

from eci_annotate.viewer.stage.controller import Controller
from eci_annotate.viewer.stage.messages import look
from eci_annotate.viewer.stage.orders import Order, Send


def first_view(controller: Controller) -> list[Order]:
    """Return the order that turns the panes to the first annotation; none if no pane of its frame is shown."""
    table, shown = controller.easel.table, controller.panes.shown
    frame = table.sheet_of(shown[0]).grid.frame_of_reference_uid if shown else ""
    for uid, thing in table.objects.items():
        if thing.series_uid == (shown or [""])[0] or (frame and thing.frame_uid == frame):
            middle = controller.painter.own.solids.middle_of(uid)
            return [Send(look(focus=middle))] if middle else []
    return []
