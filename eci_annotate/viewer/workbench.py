"""The workbench of one task: panels around the stage, continuous saving, and the state of the lease."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import ipywidgets as w

from eci_annotate.errors import EciError, LeaseLost, Refused
from eci_annotate.imaging.geometry import Vector
from eci_annotate.tools.editing.entries import Entry, Select
from eci_annotate.tools.registry import offered
from eci_annotate.viewer.comparison.counterpart import Counterpart
from eci_annotate.viewer.comparison.sides import sides_of
from eci_annotate.viewer.first_view import first_view, last_view
from eci_annotate.viewer.panels.annotation_list import AnnotationList
from eci_annotate.viewer.panels.data_browser import BrowserPanel, full_titles, series_titles, study_words
from eci_annotate.viewer.panels.layout import close_all, framed, missing_part, title_of
from eci_annotate.viewer.panels.layout_menu import menu_for, windows_of
from eci_annotate.viewer.panels.sign_panel import ADJUDICATION_MEANING, SignPanel, signed_words
from eci_annotate.viewer.panels.stack_names import stacks_by_series
from eci_annotate.viewer.panels.task_places import Marking
from eci_annotate.viewer.panels.toolbar import Toolbar
from eci_annotate.viewer.plain_error import plain
from eci_annotate.viewer.prefetch import prepare
from eci_annotate.viewer.session.autosave import Autosave, lease_words
from eci_annotate.viewer.session.event_loop import every
from eci_annotate.viewer.session.lease_watch import LeaseWatch
from eci_annotate.viewer.session.resume import begin, restored
from eci_annotate.viewer.session.title_state import TitleState
from eci_annotate.viewer.stage.action_rules import require_finished
from eci_annotate.viewer.stage.controller import Controller
from eci_annotate.viewer.stage.controller_listener import Listener
from eci_annotate.viewer.stage.messages import look, status
from eci_annotate.viewer.stage.orders import Order, Send
from eci_annotate.viewer.stage.stage import Stage
from eci_annotate.viewer.suggestions.suggestions import suggestions_for
from eci_annotate.viewer.task_form import TaskReport
from eci_annotate.workflow.usecase.pipeline import TaskKind

if TYPE_CHECKING:
    from eci_annotate.archive.protocol import Study
    from eci_annotate.repository.task import Signed, Task
    from eci_annotate.workflow.usecase.hanging import Hanging

TICK_S = 5.0
NOT_DRAWN = "A review shows a signed version, which cannot be edited."
LEFT = "You left this task; your work is kept as a draft."
SIGNED = "This task is signed and can no longer be changed."


def models_and_tools(task: Task) -> tuple[list[str], tuple[str, ...]]:
    """Return the model servers that may be asked in a task, and the tools that it offers."""
    models = [] if task.definition.kind == TaskKind.REVIEW else task.assistants()
    return models, offered(task.definition.tools, bool(models))


def describe_series(controller: Controller, studies: Sequence[Study], hanging: Hanging) -> None:
    """Tell a viewer what each series is called, with which window it opens, and which stacks and study it has."""
    controller.plan.titles = full_titles(studies, hanging)
    controller.panes.windows, controller.panes.stacks = windows_of(hanging), stacks_by_series(studies)
    controller.panes.studies = study_words(studies)


class Workbench(Listener):
    """The complete user interface of one task; it shows what controller and autosave report.

    Parameters
    ----------
    on_signed
        Called with the signed version.
    chosen
        Series to show if none fits the hanging protocol.
    reason
        Reason for the next version, as given when it was started.

    Attributes
    ----------
    widget
        Widget to display in a notebook.
    """

    def __init__(
        self,
        task: Task,
        height: str = "72vh",
        on_signed: Callable[[Signed], None] = lambda signed: None,
        chosen: str = "",
        reason: str = "",
    ) -> None:
        self.task, self.review = task, task.definition.kind == TaskKind.REVIEW
        self.studies = task.studies()
        self.hanging = task.hanging(self.studies)
        self.work = restored(task)
        opening = begin(self.work, task, self.hanging, chosen)
        self.autosave, self.warned = Autosave(task, self.work.easel, self), False
        self.watch = LeaseWatch(task, self.autosave.lose)
        self._on_signed = on_signed
        self.controller = Controller(self.work.easel, self, NOT_DRAWN if self.review else "")
        self.models, self.controller.plan.offered = models_and_tools(task)
        describe_series(self.controller, self.studies, self.hanging)
        self.sides = sides_of(task, self.work.easel)
        self._panels(height)
        self.signing.reason.value = reason
        self.marking = Marking(task, self.work.places, self.autosave.answer, self.controller, self._draw)
        self.state = TitleState()
        self.widget = self._laid_out()
        for entry in opening:
            self.autosave.note(entry)
        self.changed()
        every(TICK_S, self._tick)
        self._prepare()

    def _prepare(self) -> None:
        prepare(None if self.review else self.controller.easel, self.browser, self.task.volume)

    def _panels(self, height: str) -> None:
        given = (self.task, self.sides, self.controller, self.do, self._turn_to, self._draw)
        self.compared = Counterpart(*given) if self.sides else None
        seen = (self.controller, self.studies, self.hanging, self._carry_out, bool(self.sides))
        self.menu = menu_for(*seen, self.task.kept_series)
        self.stage = Stage(self.controller, height=height, link=self.compared.link if self.compared else "")
        preset = lambda name: self._draw([Send(look(preset=name))])  # noqa: E731
        self.toolbar = Toolbar(self.controller, self.do, preset, self.controller.plan.offered)
        asked = (self.decide, self._draw, self.do, self.models, self.task.propose)
        self.suggestions = suggestions_for(self.controller, self.toolbar.row, *asked)
        self.point_at, self.seen = self.suggestions.point_at, self.suggestions.seen  # type: ignore[method-assign]
        self.step_layout = self.menu.step  # type: ignore[method-assign]
        add = lambda label, colour: self._carry_out(lambda: self.controller.add(label, colour))  # noqa: E731
        self.annotations = AnnotationList(self.controller, self.do, add, series_titles(self.studies, self.hanging))
        self.browser = BrowserPanel(self.studies, self.hanging, self._turn_to)
        work = (self.task, self.hanging, self.work, self.sides, self.controller, self._answered)
        self.report = TaskReport(*work, self.do, self._go, self._draw)
        self.stage.observe(lambda change: self.report.language.suggest(change["new"]), "language")
        told = (self.task.asks_secret, self._signed, self.report.remark_on_signing, self.task.version > 1)
        self.signing = SignPanel(self._sign, self.review, *told)
        if self.task.definition.kind == TaskKind.ADJUDICATE:
            self.signing.meaning.value = ADJUDICATION_MEANING
        self.page_opened = lambda: (first_view if self.review else last_view)(self.controller)  # type: ignore[method-assign]
        if self.review:
            self.annotations.close()
            self.signing.show_remark()

    def _draw(self, orders: Sequence[Order]) -> None:
        self.stage.carry_out(orders)

    def _laid_out(self) -> w.VBox:
        manual, head = self.report.manual, (title_of(self.task), self.state.widget)
        menus, before = [self.menu.widget, manual.button], [*missing_part(self.work.missing), *self.marking.shown]
        work = [self.annotations.widget, *self.report.shown, self.signing.widget]
        middle = [self.stage] if self.review else [self.toolbar.widget, self.suggestions.display.widget, self.stage]
        side = [*before, self.browser.widget, *work]
        if self.compared:
            self.compared.compare()
            middle = self.compared.beside(self.stage, middle[:-1], self.present)
            side = [self.compared.panel.widget, *before, *work, self.browser.widget]
        return framed(*head, side, middle, menus, [manual.page])

    def do(self, entry: Entry) -> None:
        """Apply an entry from a button, and draw."""
        thing = self.controller.easel.table.objects.get(entry.uid or "") if isinstance(entry, Select) else None
        if thing is not None and thing.series_uid != self.controller.easel.table.series_uid:
            self._turn_to(thing.series_uid)
        self._carry_out(lambda: self.controller.do(entry))

    def decide(self, what: str) -> None:
        """Accept or discard what a tool suggests."""
        self._carry_out(lambda: self.suggestions.decide(what))

    def _turn_to(self, series_uid: str) -> None:
        self._carry_out(lambda: self.controller.turn_to(series_uid))
        self._prepare()

    def _go(self, series_uid: str, point_lps: Vector | None) -> None:
        self._turn_to(series_uid)
        if point_lps is not None:
            self._draw([Send(look(focus=point_lps, series=series_uid))])

    def _carry_out(self, work: Callable[[], list[Order]]) -> None:
        try:
            self.stage.carry_out(work())
        except EciError as error:
            self._say(plain(error), "warning")
            self.changed()

    def _say(self, text: str, level: str = "note") -> None:
        self.stage.carry_out([Send(status(text, level))])

    def applied(self, entry: Entry) -> None:
        """Save an entry."""
        self.autosave.note(entry)

    def place_marked(self, point_lps: Vector | None) -> None:
        """Add it to the places of this review."""
        self.marking.panel.add(point_lps)

    def changed(self) -> None:
        """Show the state of the easel in all panels."""
        easel = self.controller.easel
        self.toolbar.refresh()
        self.annotations.refresh()
        self.report.match(self.annotations.drawn)
        if self.compared:
            self.compared.panel.mark(frozenset(easel.table.objects))
            self.compared.follow(easel.table.series_uid)
        self.browser.mark(easel.table.series_uid, easel.table.volume)
        self.suggestions.follow()
        self.saved()

    def present(self) -> None:
        """Renew the lease."""
        self.autosave.touch()
        self.saved()

    def _tick(self) -> bool:
        """Show how long the task is still leased; return False to stop the timer."""
        if self.autosave.lost:
            return False
        if datetime.now(UTC) >= self.task.until:
            self._close("Your time on this task has ended; your work is kept as a draft. Start the task again.")
            return False
        self.saved()
        self.watch.ask(bool(self.controller.pages.present))
        return True

    def saved(self) -> None:
        """Show how long the task is still leased, and the state of saving."""
        if self.autosave.lost:
            return
        text, warning = lease_words(self.task.until, datetime.now(UTC))
        if bool(warning) != self.warned:
            self.warned = bool(warning)
            self._say(warning or f"The task is {text} again.", "warning" if warning else "note")
        self.state.show(text, self.autosave.words, self.warned)

    def saving_failed(self, error: EciError) -> None:
        """Show the error; end the work if nothing can be saved any more."""
        if not self.autosave.lost:
            since = f"Not saved since {self.autosave.safe_at.astimezone():%H:%M:%S}"
            self._say(f"{since}: {plain(error)} Keep working; saving is retried while this notebook runs.", "error")
            self.saved()
            return
        self._close(plain(error) + (" Later changes are not included." if self.autosave.unsaved else ""))

    def _close(self, why: str) -> None:
        """Make the workbench read-only."""
        self.autosave.close(why)
        self.stage.carry_out(self.controller.close(why))
        panels: list[Any] = [self.toolbar, self.annotations, self.signing, self.marking.panel, self.suggestions]
        for each in filter(None, (*panels, self.report, self.compared and self.compared.panel)):
            each.close()
        self.state.end(why)

    def _answered(self, answers: dict[str, Any], checks: dict[str, Any]) -> None:
        self.autosave.answer(answers, checks)
        self.signing.clear_problem()

    def _sign(self, meaning: str, verdict: str, reason: str, secret: str) -> Any:
        """Save everything and sign; the form must be complete."""
        if self.report.problem and not self.review:
            raise Refused(f"The report is not complete: {self.report.problem}")
        if not self.review:
            self.report.save()
        self._carry_out(self.controller.finish)
        require_finished(self.controller.easel, self.suggestions.current is not None)
        self.autosave.snapshot()
        if self.autosave.lost or self.autosave.unsaved:
            raise Refused(self.autosave.lost or "Your last work is not saved yet.", "Try again in a moment.")
        said: dict[str, Any] = {"verdict": verdict, "reason": reason, "secret": secret, "places": self.marking.to_sign}
        begun = self.task.begin_signing(meaning, **said)
        return begun if hasattr(begun, "poll") else self._signed(begun)

    def _signed(self, signed: Any) -> Any:
        self._close(SIGNED)
        said = signed_words(signed)
        self.state.sign(said)
        self._say(f"{said}. {SIGNED}")
        self._on_signed(signed)
        return signed

    def leave(self) -> None:
        """Save everything, release the task and close all widgets; raises Refused if something could not be saved."""
        if not self.autosave.lost:
            self._carry_out(self.controller.finish)
            self.autosave.snapshot()
            if self.autosave.unsaved and not self.autosave.lost:
                raise Refused("Your last work is not saved yet.", "Try again in a moment.")
            with suppress(LeaseLost):
                self.task.release()
        self.suggestions.close()
        self.autosave.close(LEFT)
        close_all(self.widget)
