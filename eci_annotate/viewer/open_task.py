"""An open task: its workbench, or first the choice of a series if none fits the hanging protocol."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import ipywidgets as w

from eci_annotate.errors import EciError, NoSeriesFits
from eci_annotate.imaging.registration.registration import Registration
from eci_annotate.viewer.panels.data_browser import BrowserPanel, registration_lines
from eci_annotate.viewer.panels.layout import close_all
from eci_annotate.viewer.panels.objects_panel import ObjectRow, object_rows
from eci_annotate.viewer.plain_error import plain
from eci_annotate.viewer.prefetch import prepare
from eci_annotate.viewer.stage.ink.registration_layer import use_registrations
from eci_annotate.viewer.workbench import Workbench

if TYPE_CHECKING:
    from eci_annotate.repository.task import Signed, Task


class OpenTask:
    """A task on the screen.

    Parameters
    ----------
    task
        The task, under its lease.
    height
        CSS height of the panes.
    on_signed
        Called with the signed version.
    reason
        Reason for the next version, as given when it was started.
    registrations
        Maps between frames of reference, besides those of the study.

    Attributes
    ----------
    widget
        Widget to display.
    bench
        The workbench; None while a series is to be chosen.
    """

    def __init__(
        self,
        task: Task,
        height: str,
        on_signed: Callable[[Signed], None] = lambda signed: None,
        reason: str = "",
        registrations: Sequence[Registration] = (),
    ) -> None:
        self.task, self._more = task, (height, on_signed)
        self._reason, self._registrations = reason, registrations
        self.bench: Workbench | None = None
        self.objects: list[ObjectRow] = []
        self.choice: SeriesChoice | None = None
        self.widget = w.VBox([])
        try:
            self._open("")
        except NoSeriesFits as error:
            self.choice = SeriesChoice(task, error, self._chosen)
            self.widget.children = [self.choice.widget]

    def _open(self, chosen: str) -> None:
        self.bench = Workbench(self.task, *self._more, chosen, self._reason)
        found, problems = self.task.read_registrations()
        controller = self.bench.controller
        known = [*self._registrations, *found]
        use_registrations(controller.panes.overlays, controller.painter.others, known)
        self.bench.browser.add(registration_lines(found, problems))
        self.objects = object_rows(self.task, controller, self.bench.do, self.bench.stage.carry_out)
        self.bench.browser.add([each.widget for each in self.objects])
        self.widget.children = [self.bench.widget]

    def _chosen(self, series_uid: str) -> None:
        assert self.choice is not None
        try:
            self._open(series_uid)
        except EciError as error:
            self.choice.refuse(series_uid, error)
        else:
            close_all(self.choice.widget)

    def leave(self) -> None:
        """Save everything, release the task and close all widgets; raises Refused if something could not be saved."""
        if self.bench is not None:
            self.bench.leave()
        else:
            self.task.release()
        close_all(self.widget)


class SeriesChoice:
    """All series of a subject with the reason why each was left out, and a button for each.

    Parameters
    ----------
    task
        The task.
    error
        What happened.
    choose
        Called with the Series Instance UID.
    """

    def __init__(self, task: Task, error: NoSeriesFits, choose: Callable[[str], None]) -> None:
        self.browser = BrowserPanel(task.studies(), task.hanging(), choose)
        self.said = w.HTML()
        can = bool(self.browser.cards)
        what_next = (
            "Click a series below to work on it, or go back and tell your project owner which images are missing."
            if can
            else "It has no images. Go back and tell your project owner."
        )
        told = w.HTML(f"<h3 role='alert'>{html.escape(error.what)}</h3><p>{what_next}</p>")
        self.widget = w.VBox([told, self.said, self.browser.widget])
        self.widget.add_class("eci-app")
        self.widget.add_class("eci-choice")
        prepare(None, self.browser, task.volume)

    def refuse(self, series_uid: str, error: EciError) -> None:
        """Show why a series cannot be worked on."""
        self.said.value = f"<div class='eci-problem' role='alert'>{html.escape(plain(error))}</div>"
        self.browser.cards[series_uid].refuse(f"Cannot be shown: {error.what}")
