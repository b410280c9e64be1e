"""The task app: the list of tasks, one task at a time, and the way back. Nothing else is visible.

A refusal is shown where it happened, with its remedy; the list follows changes made by others.
"""

from __future__ import annotations

import atexit
import html
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import ipywidgets as w

from eci_annotate.errors import EciError, NotFound
from eci_annotate.repository.tables import offered
from eci_annotate.viewer.account_bar import account_bar
from eci_annotate.viewer.first_focus import FirstFocus
from eci_annotate.viewer.open_task import OpenTask
from eci_annotate.viewer.own_versions import OwnVersions
from eci_annotate.viewer.panels.sign_panel import what_was_signed
from eci_annotate.viewer.plain_error import plain_remedy
from eci_annotate.viewer.session.event_loop import FOCUS_S, LOOP, every
from eci_annotate.viewer.stage.esm_bundle import HERE
from eci_annotate.viewer.version_page import VersionPage
from eci_annotate.viewer.worklist import Worklist
from eci_annotate.workflow.subject.view import SubjectView, TaskView

if TYPE_CHECKING:
    from eci_annotate.repository.repository import Repository
    from eci_annotate.repository.task import Signed

LOOK_S = 10.0


class TaskApp:
    """The list, or one task.

    Attributes
    ----------
    widget
        Widget to display in a notebook or Voilà.
    shown
        The open task or the signed version that is shown; None while the list is.
    """

    def __init__(self, repository: Repository, height: str, subject: str = "") -> None:
        self.repository, self.height = repository, height
        self.shown: OpenTask | VersionPage | None = None
        style = w.HTML(f"<style>{Path(HERE / 'style.css').read_text(encoding='utf-8')}</style>")
        style.layout.display = "none"
        self.list = Worklist(repository, self._open)
        self.signed = OwnVersions(repository, self._view, self._rerun)
        self.bar, self.body = w.HBox([]), w.VBox([])
        self.bar.add_class("eci-work-bar")
        self.said = w.HTML()
        self.back = w.Button(icon="arrow-left", description="Back to the list", layout=w.Layout(width="auto"))
        self.back.tooltip = "Release the task; your work is kept as a draft"
        self.next = w.Button(icon="arrow-right", description="Next task", button_style="success")
        self.back.on_click(lambda _: self._leave())
        self.next.tooltip = "Open the next task of your list"
        self.next.on_click(lambda _: self.open_next())
        self.account = account_bar(repository.backend)
        self.widget = w.VBox([style, w.HBox([self.bar, self.account]), self.body, FirstFocus()])
        self.widget.children[1].add_class("eci-work-top")
        self.widget.add_class("eci-work")
        self.show_list()
        if subject:
            self.open_subject(subject)
        every(LOOK_S, self._look)
        atexit.register(self._quit)  # a closed page ends its kernel under Voilà: its task is given back

    def open_subject(self, subject: str) -> None:
        """Open the task of a subject that is held or can be started; else its newest signed version."""
        views = [*_views_of(self.repository, subject)]
        tasks = sorted(offered(views), key=lambda line: not (line[1].mine or line[1].elsewhere))
        signed = [(seen, task) for seen in views for task in seen.tasks if task.signed]
        if tasks and not tasks[0][1].elsewhere:
            self._open(*tasks[0], False)
        elif signed and not tasks:
            seen, task = max(signed, key=lambda line: line[1].signed[-1].at)
            self._view(seen, task, task.signed[-1].version)
        elif not tasks:
            self._refuse(NotFound(f"Nothing of subject {subject} can be opened.", "Choose a task in the list."))

    def open_next(self) -> None:
        """Leave what is shown, and open the first task of the list; the list itself if it is empty."""
        self._leave()
        if self.shown is None:
            first = next(iter(self.list.lines), None)  # as it was read a moment ago, for the list
            if first is not None and not first[1].elsewhere:
                self._open(*first, False)

    def show_list(self) -> None:
        """Show the current list."""
        self.said.value = ""
        self._refill()  # before it becomes visible, so that a task just signed is not offered for a moment
        self.bar.children = [w.HTML("<h2>Your tasks</h2>"), self.said]
        self.body.children = [self.list.widget, self.signed.widget]
        LOOP.after(FOCUS_S, self.list.focus)

    def _refill(self) -> None:
        try:
            self.list.fill()
            self.signed.fill()
        except EciError as error:
            self._refuse(error)

    def _look(self) -> bool:
        """Refresh the list while it is visible; return False, to stop, once the page is closed."""
        if self.widget.comm is None:
            return False
        if self.shown is None:
            self._refill()
        return True

    def _refuse(self, error: EciError) -> None:
        what = f"<b>{html.escape(error.what)}</b> {html.escape(plain_remedy(error))}"
        self.said.value = f"<div class='eci-problem' role='alert'>{what}</div>"

    # -- one task --------------------------------------------------------------------
    def _open(self, seen: SubjectView, task: TaskView, take_over: bool) -> None:
        self._show(seen, lambda: self._started(seen, task, "", take_over=take_over))

    def _rerun(self, seen: SubjectView, task: TaskView, reason: str) -> None:
        self._show(seen, lambda: self._started(seen, task, reason, rerun=True))

    def _view(self, seen: SubjectView, task: TaskView, version: int) -> None:
        self._show(seen, lambda: self._version_page(seen, task, version))

    def _started(self, seen: SubjectView, task: TaskView, reason: str, **how: bool) -> OpenTask:
        held = self.repository.start(seen.subject, task.name, project=seen.project, **how)
        try:
            return OpenTask(held, self.height, self._was_signed, reason)
        except EciError:
            held.release()
            raise

    def _version_page(self, seen: SubjectView, task: TaskView, version: int) -> VersionPage:
        signed = self.repository.signed(seen.subject, task.name, version, project=seen.project)
        return VersionPage(signed, self.repository.images.studies(seen.project, seen.subject), self.height)

    def _show(self, seen: SubjectView, make: Callable[[], OpenTask | VersionPage]) -> None:
        self.said.value = f"Opening {html.escape(seen.subject)} …"
        self.list.enable(False)
        try:
            self.shown = make()
        except EciError as error:
            self._refill()
            self._refuse(error)
            return
        finally:
            self.list.enable(True)
        self.said.value = ""
        self.bar.children = [self.back, self.said]
        self.body.children = [self.shown.widget]

    def _was_signed(self, signed: Signed) -> None:
        what = f"{what_was_signed(signed)} of {signed.subject}."
        self.said.value = f"<span class='eci-good'>✓ <b>{html.escape(what)}</b></span>"
        self.bar.children = [self.next, self.said]
        LOOP.after(FOCUS_S, self.next.focus)

    def _quit(self) -> None:
        """Save and give back what is open, as far as that is still possible."""
        with suppress(Exception):
            if self.shown is not None:
                self.shown.leave()

    def _leave(self) -> None:
        try:
            if self.shown is not None:
                self.shown.leave()
        except EciError as error:
            self._refuse(error)
            return
        self.shown = None
        self.show_list()


def _views_of(repository: Repository, subject: str) -> Iterator[SubjectView]:
    """Yield the subject of each project in which the user may see it."""
    for project in repository.backend.account.projects():
        with suppress(NotFound):
            yield repository.backend.subject(project, subject)
