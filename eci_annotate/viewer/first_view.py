"""Where a page opens that shows what was drawn."""

from __future__ import annotations

from eci_annotate.viewer.stage import messages
from eci_annotate.viewer.stage.controller import Controller
from eci_annotate.viewer.stage.ink.layer import look_at
from eci_annotate.viewer.stage.orders import Order, Send


def first_view(controller: Controller) -> list[Order]:
    """Return the order that turns the panes to the first annotation; none if no pane shows its series."""
    return _at(controller, list(controller.easel.table.objects))


def last_view(controller: Controller) -> list[Order]:
    """Return the order that turns the panes to where the work was left; none at the first opening.

    That is the place looked at last, if a page of this session was reloaded, else the selected annotation, else the
    one drawn last.
    """
    series = controller.panes.series(controller.active_pane)
    if controller.focus and series:
        return [Send(messages.look(focus=controller.focus, series=series))]
    table = controller.easel.table
    return _at(controller, [table.active or "", *reversed([*table.objects])])


def _at(controller: Controller, uids: list[str]) -> list[Order]:
    objects, shown = controller.easel.table.objects, controller.panes.shown
    first = next((uid for uid in uids if uid in objects and objects[uid].series_uid in shown), "")
    return look_at(controller.painter.own, first)
