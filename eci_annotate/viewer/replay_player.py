"""A signed drawing made again, stroke by stroke: for teaching and review."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import ipywidgets as w

from eci_annotate.archive.protocol import hanging_headers
from eci_annotate.errors import NoSeriesFits
from eci_annotate.repository.analysis.active_time import PAUSE_S
from eci_annotate.tools import replay
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.tools.editing.history import Change
from eci_annotate.tools.editing.journal_steps import JournalStep, journal_steps
from eci_annotate.tools.editing.snapshot import apply_again
from eci_annotate.viewer.panels.layout_menu import windows_of
from eci_annotate.viewer.stage.controller import Controller
from eci_annotate.viewer.stage.messages import look
from eci_annotate.viewer.stage.orders import Send
from eci_annotate.viewer.stage.stage import Stage

if TYPE_CHECKING:
    from eci_annotate.repository.signed import Signed

STEP_MS = 800
SPEEDS = {"½ ×": 0.5, "1 ×": 1.0, "2 ×": 2.0, "4 ×": 4.0}


class ReplayPlayer:
    """Play, step and speed over the journal of a version.

    Parameters
    ----------
    signed
        The version.
    height
        CSS height of the panes.

    Attributes
    ----------
    widget
        Widget to display.
    steps
        Steps of the journal.
    at
        How many of them the panes show.

    Raises
    ------
    Refused
        If nothing was drawn, steps are missing, or its reader is hidden from you.
    """

    def __init__(self, signed: Signed, height: str = "72vh") -> None:
        self._signed = signed
        self._start, lines = signed.journal()
        self.steps: list[JournalStep] = journal_steps(lines)
        self.at, self._spent = 0, signed.active_time()
        easel, hanging = self._begun(), signed.use_case.hang(hanging_headers(signed.studies()))
        first = easel.table.series_uid or next((row["series"] for row in signed.rows()), "") or hanging.first
        if not first:
            raise NoSeriesFits("No series fits the hanging protocol.", "Nothing was drawn on this subject.")
        easel.show(first)
        self.controller = Controller(easel, why_not="A replay cannot be changed.")
        self.controller.panes.windows = windows_of(hanging)
        self.stage = Stage(self.controller, height=height)
        self.words = w.HTML()
        self.slider = w.IntSlider(0, 0, len(self.steps), readout=False, layout=w.Layout(flex="1 1 auto"))
        self.play = w.Play(0, 0, len(self.steps), interval=STEP_MS)
        self.speed = w.Dropdown(options=SPEEDS, value=1.0, layout=w.Layout(width="72px"), tooltip="Speed")
        self.widget = w.VBox([self._bar(), self.stage])
        self.widget.add_class("eci-app")
        self._say()

    def _bar(self) -> w.HBox:
        w.jslink((self.play, "value"), (self.slider, "value"))
        self.slider.observe(lambda change: self.go(change["new"]), "value")
        self.speed.observe(self._hurry, "value")
        words = w.Box([self.words], layout=w.Layout(width="320px"))
        bar = w.HBox([self.play, self.slider, self.speed, words], layout=w.Layout(align_items="center"))
        bar.add_class("eci-replay")
        return bar

    def _hurry(self, change: Any) -> None:
        self.play.interval = round(STEP_MS / change["new"])

    def _begun(self) -> Easel:
        return replay(self._signed.volume, self._start, ())

    def go(self, number: int) -> None:
        """Show the drawing after this many steps."""
        easel, before = self.controller.easel, self.controller.easel.table.series_uid
        changes: list[Change] = []
        if number < self.at:
            changes += [Change(uid, None) for uid in easel.table.objects]
            fresh = self._begun()
            fresh.table.share(easel.table)
            if not fresh.table.series_uid:
                fresh.show(before)
            easel.become(fresh)
            changes += [Change(uid, None) for uid in easel.table.objects]
            self.at = 0
        for step in self.steps[self.at : number]:
            changes += [change for entry in step.entries for change in apply_again(easel, entry)]
        if number == len(self.steps):
            changes += easel.finish()  # as a replay ends
        self.at = number
        self._draw(changes, before != easel.table.series_uid)
        self._say()

    def _draw(self, changes: list[Change], turned: bool) -> None:
        orders = self.controller.show() if turned else self.controller.redraw(changes)
        where = self.steps[self.at - 1].at if self.at else None
        self.stage.carry_out([*orders, *([Send(look(focus=where))] if where else [])])

    def _say(self) -> None:
        name = self.steps[self.at - 1].name if self.at else "Beginning"
        rule = f"Pauses of more than {PAUSE_S:.0f} s do not count."
        spent = f"<br><span class='eci-facts' title='{rule}'>{self._spent.words}</span>" if self._spent else ""
        self.words.value = f"{self.at} of {len(self.steps)}: {html.escape(name)}{spent}"
