"""Commands of the browser's keys and buttons, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from eci_annotate.errors import Refused
from eci_annotate.tools.editing.entries import Alter, ChooseTool, Delete, Redo, SetOption, Undo
from eci_annotate.tools.registry import TOOLS
from eci_annotate.viewer.stage import browser_messages
from eci_annotate.viewer.stage.browser_messages import BrowserCommand
from eci_annotate.viewer.stage.orders import Order
from eci_annotate.viewer.stage.sections.turn_plane import turn_plane

if TYPE_CHECKING:
    from eci_annotate.viewer.stage.controller import Controller

LEAST_MM, MOST_MM = 0.5, 80.0


def _mark(c: Controller, said: BrowserCommand) -> list[Order]:
    try:
        at = browser_messages.point(said.value)
    except (TypeError, ValueError):
        at = None
    c.listener.place_marked(at)
    return []


def _brush(radius_mm: float) -> float:
    return round(min(max(radius_mm, LEAST_MM), MOST_MM), 2)


def _resize(c: Controller, factor: float) -> list[Order]:
    if TOOLS[c.easel.tool].info.prompts:
        c.listener.decide("grow" if factor > 1 else "shrink")
        return []
    return c.do(SetOption("radius_mm", _brush(c.easel.options.radius_mm * factor)))


def _flow(c: Controller, factor: float) -> list[Order]:
    return c.do(SetOption("flow", round(min(max(c.easel.options.flow * factor, 0.02), 1.0), 3)))


def _sense(c: Controller, by: int) -> list[Order]:
    return c.do(SetOption("sensitivity", min(max(c.easel.options.sensitivity + by, 1), 8)))


def _hover(c: Controller, said: BrowserCommand) -> list[Order]:
    try:
        c.listener.point_at(browser_messages.point(said.value))
    except (TypeError, ValueError):
        c.listener.point_at(None)
    return []


def _decide(c: Controller, said: BrowserCommand) -> list[Order]:
    c.listener.decide(str(said.value))
    return []


def _seen(c: Controller, said: BrowserCommand) -> list[Order]:
    if isinstance(said.value, int):
        c.listener.seen(said.value)
    return []


def _layout(c: Controller, said: BrowserCommand) -> list[Order]:
    c.listener.step_layout(1 if said.value == 1 else -1)
    return []


def _put(c: Controller, said: BrowserCommand) -> list[Order]:
    """Show a series in a pane; in all panes of a layout that shows one series."""
    match said.value:
        case {"pane": str(pane), "series": str(series)}:
            return c.put(pane, series) if c.panes.layout.is_fixed else c.turn_to(series)
    raise Refused("The browser named no series.", "Reload the page.")


SHORTCUTS: Mapping[str, Callable[[Controller, BrowserCommand], list[Order]]] = {
    "tool": lambda c, said: c.do(ChooseTool(str(said.value))),
    "new": lambda c, said: c.add(),
    "toggle-erase": lambda c, said: c.do(SetOption("erase", not c.easel.options.erase)),
    "brush": lambda c, said: _resize(c, float(said.value)),
    "flow": lambda c, said: _flow(c, float(said.value)),
    "sensitivity": lambda c, said: _sense(c, int(said.value)),
    "toggle-zone": lambda c, said: c.do(SetOption("zone", not c.easel.options.zone)),
    "dimension": lambda c, said: c.do(SetOption("dimension", 2 if said.value == 2 else 3)),
    "undo": lambda c, said: c.do(Undo()),
    "redo": lambda c, said: c.do(Redo()),
    "toggle-hidden": lambda c, said: c.of_active(lambda uid: Alter(uid, visible=uid in c.easel.table.hidden)),
    "delete": lambda c, said: c.of_active(Delete),
    "mark": _mark,
    "tilt": turn_plane,
    "layout": _layout,
    "put": _put,
    "decide": _decide,
    "hover": _hover,
    "seen": _seen,
}


def carry_out(controller: Controller, command: BrowserCommand) -> list[Order]:
    """Carry out a command of the browser.

    Raises
    ------
    Refused
        If there is no such command.
    """
    if command.name not in SHORTCUTS:
        raise Refused(f"Unknown command {command.name!r}.", "Reload the page.")
    return SHORTCUTS[command.name](controller, command)
