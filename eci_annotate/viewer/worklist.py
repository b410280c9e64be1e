"""The list of tasks: those held, then own drafts, then what needs correction, then the rest by how long they waited."""

from __future__ import annotations

import html
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import ipywidgets as w

from eci_annotate.repository.backend import SubjectQuery
from eci_annotate.repository.tables import offered, startable
from eci_annotate.viewer.panels.layout import close_all
from eci_annotate.workflow.subject.view import SubjectView, TaskView

if TYPE_CHECKING:
    from eci_annotate.repository.repository import Repository

PAGE = 25
NOTHING = (
    "No tasks are waiting for you. This list updates automatically. If you expect one, ask the owner of your project."
)
NO_MATCH = "No task matches the filter. Clear it to see all tasks."
ALL = "all projects"
LATE = datetime.max.replace(tzinfo=UTC)
Line = tuple[SubjectView, TaskView]
Open = Callable[[SubjectView, TaskView, bool], None]


def order_of(line: Line) -> tuple[int, datetime, str]:
    """Return the key by which tasks are listed."""
    seen, task = line
    rank = 0 if task.mine or task.elsewhere else 1 if task.begun else 2 if task.rejected else 3
    return rank, task.since or LATE, seen.subject


class Worklist:
    """Tasks that can be started and tasks held, one row each, with a button; a filter above them.

    Parameters
    ----------
    open_task
        Called with subject, task, and whether to take it over.

    Attributes
    ----------
    lines
        The tasks that are shown, in order.
    """

    def __init__(self, repository: Repository, open_task: Open) -> None:
        self._repository, self._open = repository, open_task
        self._shown = PAGE
        self._told: list[str] = []
        self.lines: list[Line] = []
        self.project = w.Dropdown(options=[ALL], layout=w.Layout(width="180px"), tooltip="Project")
        self.text = w.Text(placeholder="subject contains …", continuous_update=False, layout=w.Layout(width="180px"))
        self.site = w.Text(placeholder="site", continuous_update=False, layout=w.Layout(width="90px"))
        self.filter = w.HBox([self.project, self.text, self.site])
        self.filter.add_class("eci-filter")
        for field in (self.project, self.text, self.site):
            field.observe(lambda _: self.fill(), "value")
        self.body = w.VBox([])
        self.more = w.Button(description="Show more", layout=w.Layout(width="auto"))
        self.more.on_click(lambda _: self._more())
        self.widget = w.VBox([self.filter, self.body, self.more])
        self.widget.add_class("eci-worklist")

    @property
    def is_filtered(self) -> bool:
        """Whether some tasks may be hidden by the filter."""
        return bool(self.text.value.strip() or self.site.value.strip() or self.project.value != ALL)

    def fill(self) -> None:
        """Show the current list; unchanged rows stay as they are on the screen."""
        self._offer_projects()
        self.lines, more = self._read()
        self.more.layout.display = "" if more else "none"
        self.filter.layout.display = "" if more or self.is_filtered or len(self.lines) > 5 else "none"
        told = [told_of(*line) for line in self.lines]
        if told == self._told and self.body.children:
            return
        self._told, old = told, self.body.children
        nothing = w.HTML(f"<p>{NO_MATCH if self.is_filtered else NOTHING}</p>")
        self.body.children = [self._line(*line) for line in self.lines] or [nothing]
        for each in old:
            close_all(each)

    def _offer_projects(self) -> None:
        options = [ALL, *self._repository.backend.account.projects()]
        if list(self.project.options) != options:
            chosen = self.project.value
            self.project.options = options
            self.project.value = chosen if chosen in options else ALL
        self.project.layout.display = "" if len(options) > 2 else "none"

    def _read(self) -> tuple[list[Line], bool]:
        """Return as many tasks as are shown, in order, and whether there are more."""
        backend, most = self._repository.backend, self._shown
        asked = SubjectQuery(
            startable=True, size=most, contains=self.text.value.strip(), site=self.site.value.strip().upper()
        )
        chosen = backend.account.projects() if self.project.value == ALL else [self.project.value]
        subjects, more = startable(backend, chosen, asked)
        found = sorted(offered(subjects), key=order_of)
        return found[:most], more or len(found) > most

    def _more(self) -> None:
        self._shown += PAGE
        self.fill()

    def _line(self, seen: SubjectView, task: TaskView) -> w.HBox:
        words, icon = ("Take over here", "hand-paper-o") if task.elsewhere else ("Open", "arrow-right")
        button = w.Button(description=words, icon=icon, layout=w.Layout(width="160px", flex="0 0 auto"))
        button.button_style = "warning" if task.elsewhere else "primary"
        button.on_click(lambda _: self._open(seen, task, task.elsewhere))
        line = w.HBox([w.HTML(told_of(seen, task), layout=w.Layout(flex="1 1 auto")), button])
        line.add_class("eci-task")
        return line

    def focus(self) -> None:
        """Give the keyboard focus to the first task, so that Enter opens it."""
        first = next((line for line in self.body.children if len(getattr(line, "children", ())) > 1), None)
        if first is not None:
            first.children[1].focus()

    def enable(self, on: bool) -> None:
        """Enable or disable opening tasks; disabled while one is being opened."""
        for line in self.body.children:
            for button in getattr(line, "children", ())[1:]:
                button.disabled = not on


def told_of(seen: SubjectView, task: TaskView) -> str:
    """Return a row of the list as HTML."""
    head = f"<b>{html.escape(seen.subject)}</b> <span>{html.escape(task.title)}</span>"
    notes = [f"<span class='eci-project'>{html.escape(seen.project)}</span>", html.escape(seen.site)]
    if task.version:
        notes.append(f"version {task.version + 1}")
    if task.since is not None:
        notes.append(f"ready since {task.since.astimezone():%Y-%m-%d %H:%M}")
    if task.begun and not task.elsewhere:
        notes.append("<span class='eci-good'>your draft</span>")
    if task.rejected:
        who = f"{html.escape(task.rejected_by)}: " if task.rejected_by else ""
        notes.append(f"<span class='eci-problem'>needs correction: {who}{html.escape(task.rejected)}</span>")
    if task.until is not None:
        notes.append(f"<span class='eci-warned'>yours until {task.until.astimezone():%H:%M}</span>")
    if task.elsewhere:
        notes.append("open in another of your sessions, which becomes read-only when you take over")
    return f"<div>{head}</div><div class='eci-facts'>{' · '.join(each for each in notes if each)}</div>"
