"""The menu that keeps a series which the user put into a pane: for this study, or for studies like it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import ipywidgets as w

from eci_annotate.errors import EciError, Refused
from eci_annotate.viewer.stage.controller import Controller
from eci_annotate.viewer.stage.messages import status
from eci_annotate.viewer.stage.orders import Order, Send
from eci_annotate.workflow.usecase.hanging import Hanging

if TYPE_CHECKING:
    from eci_annotate.repository.layout.kept_series import KeptSeries

KEEP = "Keep …"
HERE, ALIKE, PROPOSE, DROP = "here", "alike", "propose", "drop"
ACTIONS = (
    ("Series in this pane: for this study", HERE),
    ("Series in this pane: for studies like this", ALIKE),
    ("Series in this pane: propose to the owner", PROPOSE),
    ("As the protocol says", DROP),
)
TIP = "Keep the series that you put into the active pane. Only your own view changes."
DONE = {
    HERE: "{series} is kept as {slot} for this study.",
    ALIKE: "{series} is kept as {slot} for studies like this.",
    PROPOSE: "{series} is kept as {slot} for studies like this, and proposed to the owner.",
}


class KeepMenu:
    """Keeps the series of the active pane in its slot, and drops what was kept.

    Parameters
    ----------
    controller
        The viewer.
    hanging
        The layout of the study.
    kept
        Where choices are kept.
    titles
        What to call each series, by its UID.
    carry_out
        Does work that gives orders, and draws them.
    """

    def __init__(
        self,
        controller: Controller,
        hanging: Hanging,
        kept: KeptSeries,
        titles: Mapping[str, str],
        carry_out: Callable[[Callable[[], list[Order]]], None],
    ) -> None:
        self.controller, self._kept, self._titles, self._carry_out = controller, kept, titles, carry_out
        self._slots = {cell.slot: cell.title for stage in hanging.stages for row in stage.rows for cell in row}
        self.widget = w.Dropdown(options=[(KEEP, ""), *ACTIONS], layout=w.Layout(width="90px"), tooltip=TIP)
        self.widget.observe(lambda change: self._choose(change["new"]), "value")

    def _choose(self, action: str) -> None:
        """Carry out an action; the menu shows no state."""
        if action:
            self._carry_out(lambda: self._orders(action))
            self.widget.value = ""

    def _orders(self, action: str) -> list[Order]:
        try:
            return [Send(status(self._act(action)))]
        except EciError as error:
            raise Refused(error.what, error.remedy) from error

    def _act(self, action: str) -> str:
        panes, pane = self.controller.panes, self.controller.active_pane
        cell = panes.layout.cell(pane) or panes.layout.cells[0]
        if not cell.slot:
            raise Refused(
                "This layout is not one of the hanging protocol.", "Choose a layout of the protocol, then the pane."
            )
        slot = self._slots.get(cell.slot, cell.slot)
        if action == DROP:
            self._kept.drop(cell.slot)
            return f"{slot}: the protocol chooses again when the task is opened next."
        series = panes.series(cell.name)
        if not series:
            raise Refused("This pane shows no images.", "Drag a series from the list into it first.")
        self._kept.keep(cell.slot, series, alike=action != HERE, proposed=action == PROPOSE)
        return DONE[action].format(series=self._titles.get(series, "The series"), slot=slot)
