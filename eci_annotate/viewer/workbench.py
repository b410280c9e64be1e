"""The workbench of one task: panels around the stage, work kept as it is done, and the lease in sight."""

from __future__ import annotations

import html
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import ipywidgets as w

from eci_annotate.errors import EciError, NotFound, Refused
from eci_annotate.imaging.annotations import Colour
from eci_annotate.tools import replay
from eci_annotate.tools.easel import LIFT, Easel
from eci_annotate.tools.entries import Entry, Redo, Select, Show, Undo
from eci_annotate.viewer.annotation_list import AnnotationList
from eci_annotate.viewer.beside import prepare
from eci_annotate.viewer.browser_panel import BrowserPanel
from eci_annotate.viewer.controller import Controller
from eci_annotate.viewer.form_panel import FormPanel
from eci_annotate.viewer.keeper import Keeper, standing
from eci_annotate.viewer.messages import look, status
from eci_annotate.viewer.orders import Order, Send
from eci_annotate.viewer.sign_panel import SignPanel
from eci_annotate.viewer.stage import Stage
from eci_annotate.viewer.ticking import every
from eci_annotate.viewer.toolbar import Toolbar
from eci_annotate.workflow.lease import to_minute

if TYPE_CHECKING:
    from eci_annotate.repository.handles import Task

TICK_S = 5.0
REVIEW = "A review shows what was signed; nothing is drawn in it."
SIGNED = "This task is signed; what it holds can not change any more."


class Workbench:
    """Everything on the screen for one task.

    Attributes
    ----------
    widget
        What a notebook shows.
    """

    def __init__(self, task: Task, height: str = "72vh") -> None:
        self.task = task
        self.review = task.definition.kind == "review"
        self.hanging = task.hanging()
        easel, answers = self._restored()
        self.keeper, self.warned = Keeper(task, easel), False
        self.keeper.trouble = self._trouble
        if self.resumed:
            self.keeper.note(LIFT)  # what comes now must not take back a stroke that broke off
        self.controller = Controller(easel, self.keeper.note, REVIEW if self.review else "")
        self._open(easel)
        self._panels(answers, height)
        self.controller.changed, self.controller.seen = self._changed, self._seen
        self.state = w.HTML()
        self.keeper.kept = self._tell
        self.widget = self._laid_out()
        self._changed()
        every(TICK_S, self._tick)
        self._prepare()

    # -- opening -------------------------------------------------------------------
    def _restored(self) -> tuple[Easel, dict[str, Any]]:
        """The easel where the work was left, and the answers."""
        self.resumed = False
        signed = self.task.reviewing() if self.review else None
        if signed is not None:
            content = signed.content("snapshot")
            return replay(self.task.volume, content[0] if content else None, ()), signed.report
        draft = self.task.draft()
        self.resumed = bool(draft.lines)
        return replay(self.task.volume, draft.snapshot, draft.lines), draft.answers

    def _open(self, easel: Easel) -> None:
        """Turn to the series that the work was on, else to the one that hangs first."""
        if easel.series_uid:
            return
        first = self.hanging.first
        if first is None:
            raise NotFound("No series fits the hanging protocol.", "Look at task.hanging() for the reasons.")
        easel.show(first)
        if not self.review:
            self.keeper.note(Show(first))
            tools = self.task.definition.tools
            if tools and easel.tool not in tools:
                easel.tool = tools[0]

    def _prepare(self) -> None:
        prepare(None if self.review else self.controller.easel, self.browser, self.task.volume)

    def _panels(self, answers: dict[str, Any], height: str) -> None:
        definition = self.task.definition
        self.stage = Stage(self.controller, height=height)
        self.toolbar = Toolbar(self.controller, self.do, self._preset, definition.tools)
        self.annotations = AnnotationList(self.controller, self.do, self._add)
        if self.review:
            self.annotations.close()
        self.browser = BrowserPanel(self.task.studies(), self.hanging, self._turn_to)
        self.form = self._form(answers)
        self.signing = SignPanel(self._sign, self.review, self.task.asks_secret, self._signed)

    def _form(self, answers: dict[str, Any]) -> FormPanel | None:
        """The task's own form; a review shows the one that was signed."""
        case = self.task.use_case
        if self.review and answers:
            form = FormPanel(case.report, case.questions, answers, lambda _: None)
            form.close()
            return form
        if not self.task.questions:
            return None
        return FormPanel(case.report, self.task.questions, answers, self.keeper.answer)

    def _laid_out(self) -> w.VBox:
        form = [self.form.widget] if self.form else []
        panels = [self.browser.widget, self.annotations.widget, *form, self.signing.widget]
        left = w.VBox(panels, layout=w.Layout(width="330px", min_width="330px"))
        left.add_class("eci-side")
        tools = [] if self.review else [self.toolbar.widget]
        right = w.VBox([*tools, self.stage], layout=w.Layout(flex="1 1 auto", min_width="0"))
        what = f"{html.escape(self.task.definition.title)}, version {self.task.version}"
        title = f"<b>{html.escape(self.task.subject)}</b> · {what}"
        bar = w.HBox([w.HTML(title), self.state], layout=w.Layout(justify_content="space-between"))
        bar.add_class("eci-title")
        whole = w.VBox([bar, w.HBox([left, right], layout=w.Layout(width="100%", align_items="stretch"))])
        whole.add_class("eci-app")
        return whole

    # -- working ---------------------------------------------------------------------
    def do(self, entry: Entry) -> None:
        """Apply an entry that came from a button, and draw."""
        if isinstance(entry, (Undo, Redo)):
            self.annotations.recount()
        thing = self.controller.easel.objects.get(entry.uid or "") if isinstance(entry, Select) else None
        if thing is not None and thing.series_uid != self.controller.easel.series_uid:
            self._turn_to(thing.series_uid)
        self._carry_out(lambda: self.controller.do(entry))

    def _add(self, label: str, colour: Colour) -> None:
        self._carry_out(lambda: self.controller.add(label, colour))

    def _turn_to(self, series_uid: str) -> None:
        self._carry_out(lambda: self.controller.turn_to(series_uid))
        self._prepare()

    def _carry_out(self, work: Callable[[], list[Order]]) -> None:
        try:
            self.stage.carry_out(work())
        except EciError as error:
            self._say(str(error), "warning")
            self._changed()

    def _say(self, text: str, level: str = "note") -> None:
        self.stage.carry_out([Send(status(text, level))])

    def _preset(self, name: str) -> None:
        self.stage.carry_out([Send(look(preset=name))])

    def _changed(self) -> None:
        """Show in all panels what the easel says; called between strokes only."""
        easel = self.controller.easel
        self.toolbar.refresh()
        self.annotations.refresh()
        if self.form:
            self.form.group.offer([thing.label for thing in easel.objects.values()])
        self.browser.mark(easel.series_uid, easel.volume)
        self._tell()

    # -- the lease ---------------------------------------------------------------------
    def _seen(self) -> None:
        self.keeper.touch()
        self._tell()

    def _tick(self) -> bool:
        """Tell how long the task is still yours; False ends the ticking."""
        if self.keeper.lost:
            return False
        if datetime.now(UTC) >= self.task.until:
            self._close("Your time on this task has ended; your work is kept as a draft. Start the task again.")
            return False
        self._tell()
        return True

    def _tell(self) -> None:
        if self.keeper.lost:
            return
        text, urgent = standing(self.task.until, datetime.now(UTC))
        if urgent != self.warned:
            self.warned = urgent
            self._say(text if urgent else f"The task is {text} again.", "warning" if urgent else "note")
        at = self.keeper.saved_at
        saved = "" if self.review else f" · {f'saved {at.astimezone():%H:%M:%S}' if at else 'saving …'}"
        said = f"<span class='eci-warned'>{text}</span>{saved}" if urgent else text + saved
        if self.state.value != said:
            self.state.value = said

    def _trouble(self, error: EciError) -> None:
        if not self.keeper.lost:
            self._say(f"Not saved yet: {error} It is tried again while this notebook runs.", "error")
            return
        late = " What you did after that is not in it." if self.keeper.unsaved else ""
        self._close(f"{error}{late}")

    def _close(self, why: str) -> None:
        """From now on this is for reading."""
        self.keeper.lost = self.keeper.lost or why
        self.stage.carry_out(self.controller.close(why))
        for close in (self.toolbar.close, self.annotations.close, self.signing.close):
            close()
        if self.form:
            self.form.close()
        self.state.value = f"<span class='eci-problem'>{html.escape(why)}</span>"

    # -- signing -------------------------------------------------------------------------
    def _sign(self, meaning: str, verdict: str, reason: str, secret: str) -> Any:
        """Save all, and sign; the form must be complete."""
        if self.form and self.form.problem and not self.review:
            raise Refused(f"The report is not complete: {self.form.problem}")
        if self.form and not self.review:
            self.keeper.answer(self.form.group.answer)
        self.keeper.snapshot()
        if self.keeper.lost or self.keeper.unsaved:
            raise Refused(self.keeper.lost or "Your last work is not saved yet.", "Try again when it is.")
        begun = self.task.begin_signing(meaning, verdict=verdict, reason=reason, secret=secret)
        return begun if hasattr(begun, "poll") else self._signed(begun)

    def _signed(self, signed: Any) -> Any:
        self._close(SIGNED)
        who = f"version {signed.version} by {signed.reader}"
        said = f"Signed: {who}, {to_minute(signed.at)} UTC, seal {signed.seal[:16]}"
        self.state.value = f"<b style='color: #15803d'>✓ {html.escape(said)}</b>"
        self._say(f"{said}. {SIGNED}")
        return signed
