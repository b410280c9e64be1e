"""Turning an oblique pane: the command of the browser, answered by the new planes and the slice through the pivot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eci_annotate.errors import Refused
from eci_annotate.viewer.stage import browser_messages, messages
from eci_annotate.viewer.stage.browser_messages import BrowserCommand, Want
from eci_annotate.viewer.stage.orders import Order, Send
from eci_annotate.viewer.stage.sections.oblique_stack import OBLIQUE, Tilt

if TYPE_CHECKING:
    from eci_annotate.viewer.stage.controller import Controller


def turn_plane(controller: Controller, said: BrowserCommand) -> list[Order]:
    """Turn an oblique pane about a point.

    The slice is sent before the planes, so that the browser has something to show as soon as it knows them.

    Raises
    ------
    Refused
        If the pane is not oblique, or the message is not readable.
    """
    panes = controller.panes
    pane, right, down, through = _read(said.value)
    cell, series = panes.layout.cell(pane), panes.series(pane)
    if cell is None or cell.plane != OBLIQUE or not series:
        raise Refused("This pane is not oblique.", "Choose the plane “Oblique” above the images.")
    frame = controller.easel.table.sheet_of(series).grid.frame_of_reference_uid
    panes.layout = panes.layout.tilt(pane, Tilt.from_vectors(right, down, through, frame))
    stack = panes.stack(pane)
    if stack is None:
        return []
    controller.painter.forget(pane)
    at = np.asarray(through) - stack.origin_lps
    index = min(max(round(float(at @ stack.grid.step_lps[0]) / stack.grid.spacing_mm[0] ** 2), 0), stack.count - 1)
    first = panes.slice_order(Want(series, stack.name, index))
    return [*([first] if first else []), Send(messages.plane(pane, series, stack.to_wire()))]


def _read(value: Any) -> tuple[str, Any, Any, Any]:
    try:
        points = [browser_messages.point(value[name]) for name in ("right", "down", "through")]
        if None in points or min(float(np.linalg.norm(each)) for each in points[:2]) < 0.5:  # type: ignore[arg-type]
            raise ValueError("direction")
        return (str(value["pane"]), *points)  # type: ignore[return-value]
    except (KeyError, TypeError, ValueError) as error:
        raise Refused("The browser sent an unreadable message.", "Reload the page.") from error
