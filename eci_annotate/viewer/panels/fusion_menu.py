"""The menu of fusion: which series is fused with the active pane. Opacity and colours are below the images."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import ipywidgets as w

from eci_annotate.viewer.stage.controller import Controller
from eci_annotate.viewer.stage.messages import look
from eci_annotate.viewer.stage.orders import Order, Send
from eci_annotate.workflow.usecase.protocol_stages import Fuse

FUSE = "Fuse …"
NONE, SWITCH = "none", "view-fuse"
LONGEST = 48


class FusionMenu:
    """Chooses what lies over the active pane; over all panes of a layout that shows one series.

    Parameters
    ----------
    controller
        The viewer.
    titles
        What to call each series that can be chosen, by its UID.
    carry_out
        Does work that gives orders, and draws them.
    """

    def __init__(
        self, controller: Controller, titles: Mapping[str, str], carry_out: Callable[[Callable[[], list[Order]]], None]
    ) -> None:
        self.controller, self._carry_out = controller, carry_out
        series = [(_short(title), uid) for uid, title in titles.items()]
        options = [(FUSE, ""), *series, ("On or off (J)", SWITCH), ("No fusion", NONE)]
        self.widget = w.Dropdown(
            options=options, layout=w.Layout(width="90px"), tooltip="Lay a series in colour over the active pane"
        )
        self.widget.observe(lambda change: self._choose(change["new"]), "value")

    def _choose(self, value: str) -> None:
        """Carry out an action; the menu shows no state."""
        if value:
            self._carry_out(lambda: self._orders(value))
            self.widget.value = ""

    def _orders(self, value: str) -> list[Order]:
        if value == SWITCH:
            return [Send({**look(view=SWITCH), "page": self.controller.page})]
        fuse = None if value == NONE else Fuse(value)
        panes = self.controller.panes
        return self.controller.arrange(panes.layout.lay(self.controller.active_pane, fuse))


def _short(title: str) -> str:
    return title if len(title) <= LONGEST else f"{title[: LONGEST - 1]}…"
