"""The comparison in a workbench: sides as outlines and side by side, their differences, and adopting."""

from __future__ import annotations

import html
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import ipywidgets as w
import xarray as xr

from eci_annotate.errors import EciError
from eci_annotate.imaging.annotations import new_uid
from eci_annotate.repository.analysis.annotation_pairs import studies_by_series
from eci_annotate.repository.analysis.delta import Delta
from eci_annotate.tools import adoption
from eci_annotate.tools.editing.entries import Adopt
from eci_annotate.viewer.comparison.comparison_panel import ReadingsPanel, chip
from eci_annotate.viewer.comparison.form_delta import form_table
from eci_annotate.viewer.comparison.lesions import LesionDifference, lesions
from eci_annotate.viewer.comparison.ruler_differences import RulerDifference
from eci_annotate.viewer.comparison.side_stages import AXIAL, Strip
from eci_annotate.viewer.comparison.sides import Side
from eci_annotate.viewer.session.event_loop import LOOP
from eci_annotate.viewer.stage.controller import Controller
from eci_annotate.viewer.stage.messages import look
from eci_annotate.viewer.stage.orders import Order, Send
from eci_annotate.viewer.stage.stage import Stage

if TYPE_CHECKING:
    from eci_annotate.repository.task import Task

STRIP = "30vh"


def reveal(controller: Controller, side: Side, shown: bool) -> list[Order]:
    """Show or hide a side's outlines over the user's work."""
    side.layer.shown = shown
    orders = controller.painter.again()
    return [*orders, *controller.drawn(orders), *controller.painter.echoes_of_others()]


class Counterpart:
    """The comparison in a workbench.

    Parameters
    ----------
    do, turn_to, carry_out
        Apply entries, show another series, carry out orders.
    """

    def __init__(
        self,
        task: Task,
        sides: Sequence[Side],
        controller: Controller,
        do: Callable[[Adopt], None],
        turn_to: Callable[[str], None],
        carry_out: Callable[[Sequence[Order]], None],
    ) -> None:
        self._task, self.sides, self.controller = task, sides, controller
        self._do, self._turn_to, self._carry_out = do, turn_to, carry_out
        self.others = [side for side in sides if side.easel is not controller.easel]
        self.adjudicates = len(self.others) == len(sides)
        for side in self.others:
            side.layer.shown = not self.adjudicates  # initially side by side, otherwise as outlines
        controller.painter.others = [side.layer for side in self.others]
        self.link = new_uid()
        take = self._take if self.adjudicates else None
        self.panel = ReadingsPanel(_title(task), sides, self.others, self._reveal, self._look, take)
        if not self.adjudicates:
            self.panel.widget.children += (w.HTML(form_table(self._delta(), sides)),)
        self.strip: Strip | None = None

    def _volume(self, series_uid: str) -> xr.DataArray:
        return self.controller.easel.table.sheet_of(series_uid).volume

    def _delta(self) -> Delta:
        return Delta(self.sides[0], self.sides[-1], self._volume)

    def beside(self, stage: Stage, tools: Sequence[Any], seen: Callable[[], None]) -> list[Any]:
        """Return a button, the stages of the other sides, which it hides, and the user's tools and stage.

        One other side stands at the left of the user's stage, as large as that; several stand in a row above it.
        """
        mine = next((chip(side, True) for side in self.sides if side.easel is self.controller.easel), "Your work")
        self._own, self._name = (stage, stage.height), w.HTML(f"<b>{mine}</b>")
        series, alone = self.controller.easel.table.series_uid, len(self.others) == 1
        height, pane = (stage.height, "") if alone else (STRIP, AXIAL)
        windows = self.controller.panes.windows
        self.strip = Strip(self.others, series, height, self.link, seen, windows, pane)
        for each in self.strip.stages:
            each.controller.panes.studies = self.controller.panes.studies
        shown = w.ToggleButton(value=self.adjudicates, description="Side by side", icon="columns")
        shown.tooltip = "Show what is compared beside each other, linked with your own work"
        shown.observe(lambda change: self._unfold(change["new"]), "value")
        self._unfold(self.adjudicates)
        if not alone:
            return [shown, self.strip.widget, *tools, stage]
        half = w.Layout(flex="1 1 0", min_width="0")
        self.strip.widget.layout.flex, self.strip.widget.layout.width = half.flex, "auto"
        row = w.HBox([self.strip.widget, w.VBox([self._name, stage], layout=half)])
        row.add_class("eci-beside")
        return [shown, *tools, row]

    def _unfold(self, shown: bool) -> None:
        if self.strip is not None:
            stage, height = self._own
            for each in (self.strip.widget, self._name):
                each.layout.display = "flex" if shown else "none"
            above = shown and len(self.others) > 1
            stage.height = f"max(420px, calc({height} - {STRIP}))" if above else height

    def compare(self) -> None:
        """Compute the differences in the background, and list them when they are known."""
        post, study_of = LOOP.poster(), studies_by_series(self._task.studies())

        def work() -> None:
            found = lesions(self.sides, self._volume, study_of)
            post(lambda: self.panel.show(found, self.controller.plan.titles))

        threading.Thread(target=work, daemon=True).start()

    def follow(self, series_uid: str) -> None:
        """Follow the user's own work to another series."""
        if self.strip is not None:
            self.strip.turn_to(series_uid)

    def _reveal(self, side: Side, shown: bool) -> None:
        self._carry_out(reveal(self.controller, side, shown))

    def _look(self, lesion: LesionDifference | RulerDifference) -> None:
        if lesion.series_uid != self.controller.easel.table.series_uid:
            self._turn_to(lesion.series_uid)
        self._carry_out([Send(look(focus=list(lesion.focus_lps)))])

    def _take(self, side: Side, uids: Sequence[str]) -> None:
        series = side.easel.table.objects[uids[0]].series_uid
        if len(uids) == 1 and series != self.controller.easel.table.series_uid:
            self._turn_to(series)
        for uid in uids:
            self._do(adoption(side.easel.table, uid, side.source))


def _title(task: Task) -> str:
    try:
        before = task.reviewed_before()
    except EciError:
        before = None
    if before is None:
        return "Readings"
    why = before[1].reason or before[1].verdict
    return f"Changed since version {before[0].version}: {html.escape(why)}"
