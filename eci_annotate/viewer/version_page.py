"""A signed version on the screen: images, annotations and answers, read-only and without a lease."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ipywidgets as w

from eci_annotate.archive.protocol import hanging_headers
from eci_annotate.errors import EciError, NoSeriesFits
from eci_annotate.tools import replay
from eci_annotate.tools.editing.entries import Entry, Select
from eci_annotate.viewer.panels.annotation_list import AnnotationList
from eci_annotate.viewer.panels.data_browser import BrowserPanel, series_titles, study_words
from eci_annotate.viewer.panels.form_panel import FormPanel
from eci_annotate.viewer.panels.layout import close_all, framed
from eci_annotate.viewer.panels.layout_menu import windows_of
from eci_annotate.viewer.panels.stack_names import stacks_by_series
from eci_annotate.viewer.panels.study_checks import stated
from eci_annotate.viewer.plain_error import plain
from eci_annotate.viewer.prefetch import prepare
from eci_annotate.viewer.stage.controller import Controller
from eci_annotate.viewer.stage.controller_listener import Listener
from eci_annotate.viewer.stage.messages import status
from eci_annotate.viewer.stage.orders import Order, Send
from eci_annotate.viewer.stage.stage import Stage

if TYPE_CHECKING:
    from eci_annotate.archive.protocol import Study
    from eci_annotate.repository.signed import Signed


class VersionPage(Listener):
    """A signed version.

    Parameters
    ----------
    signed
        The version.
    studies
        The subject's studies.
    height
        CSS height of the panes.

    Attributes
    ----------
    widget
        Widget to display.

    Raises
    ------
    NoSeriesFits
        If nothing was drawn and no series fits the hanging protocol.
    """

    def __init__(self, signed: Signed, studies: list[Study], height: str) -> None:
        content = signed.content("snapshot")
        easel = replay(signed.volume, content[0] if content else None, ())
        hanging = signed.use_case.hang(hanging_headers(studies))
        if not easel.table.series_uid:
            if hanging.first is None:
                raise NoSeriesFits(f"Nothing was drawn on {signed.subject}.", "Only its answers were signed.")
            easel.show(hanging.first)
        self.controller = Controller(easel, self, f"Version {signed.version} is signed and cannot be changed.")
        panes = self.controller.panes
        panes.windows, panes.stacks, panes.studies = (
            windows_of(hanging),
            stacks_by_series(studies),
            study_words(studies),
        )
        self.stage = Stage(self.controller, height=height)
        titles = series_titles(studies, hanging)
        self.annotations = AnnotationList(self.controller, self._do, lambda label, colour: None, titles)
        self.annotations.close()
        self.browser = BrowserPanel(studies, hanging, self._turn_to)
        side = [*self._side(signed), *stated(signed.checks, hanging)]
        self.widget = framed(_title(signed), w.HTML(_facts(signed)), side, [self.stage])
        self.browser.mark(easel.table.series_uid, easel.table.volume)
        prepare(None, self.browser, signed.volume)

    def _side(self, signed: Signed) -> list[Any]:
        side = [self.browser.widget, self.annotations.widget]
        if signed.report:
            case = signed.use_case
            form = FormPanel(case.report, case.questions, signed.report, lambda _: None)
            form.close()
            side.append(form.widget)
        return side

    def changed(self) -> None:
        """Show the state of the easel in all panels."""
        self.annotations.refresh()
        self.browser.mark(self.controller.easel.table.series_uid)

    def _do(self, entry: Entry) -> None:
        thing = self.controller.easel.table.objects.get(entry.uid or "") if isinstance(entry, Select) else None
        if thing is not None and thing.series_uid != self.controller.easel.table.series_uid:
            self._turn_to(thing.series_uid)
        self._carry_out(lambda: self.controller.do(entry))

    def _turn_to(self, series_uid: str) -> None:
        self._carry_out(lambda: self.controller.turn_to(series_uid))

    def _carry_out(self, work: Callable[[], list[Order]]) -> None:
        try:
            self.stage.carry_out(work())
        except EciError as error:
            self.stage.carry_out([Send(status(plain(error), "warning"))])

    def leave(self) -> None:
        """Close all widgets."""
        close_all(self.widget)


def _title(signed: Signed) -> str:
    return f"<b>{html.escape(signed.subject)}</b> · version {signed.version}, signed (read-only)"


def _facts(signed: Signed) -> str:
    facts = [f"signed {signed.at.astimezone():%Y-%m-%d %H:%M %Z}", f"“{html.escape(signed.meaning)}”"]
    if signed.reason:
        facts.append(f"reason: {html.escape(signed.reason)}")
    return " · ".join(facts)
