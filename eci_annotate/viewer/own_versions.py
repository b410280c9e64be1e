"""The user's own signed work: every version can be looked at, and the newest one corrected by a next version."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ipywidgets as w

from eci_annotate.repository.backend import SubjectQuery, changed_since, every_subject
from eci_annotate.viewer.panels.layout import close_all
from eci_annotate.workflow.subject.events import VersionSigned
from eci_annotate.workflow.subject.verdict import Verdict
from eci_annotate.workflow.subject.view import SubjectView, TaskView
from eci_annotate.workflow.usecase.pipeline import DRAWN

if TYPE_CHECKING:
    from eci_annotate.repository.repository import Repository

PAGE = 25
View = Callable[[SubjectView, TaskView, int], None]
Rerun = Callable[[SubjectView, TaskView, str], None]
Line = tuple[SubjectView, TaskView, VersionSigned]
VERDICTS = {
    Verdict.ACCEPTED: "accepted",
    Verdict.PENDING: "waits for its review",
    Verdict.REJECTED: "rejected",
    Verdict.NONE: "",
}


class OwnVersions:
    """Versions that the user signed, newest first.

    Parameters
    ----------
    repository
        Where they are.
    view
        Called with subject, task and version to show.
    rerun
        Called with subject, task and the reason for the next version.
    """

    def __init__(self, repository: Repository, view: View, rerun: Rerun) -> None:
        self._repository, self._view, self._rerun = repository, view, rerun
        self._told: list[str] = []
        self._read: list[Line] = []
        self._position = 0  # of the feed, before the lines were read
        self.open = w.ToggleButton(icon="archive", description="Signed work", layout=w.Layout(align_self="flex-start"))
        self.open.tooltip = "Show what you signed"
        self.open.observe(lambda change: self.fill(), "value")
        self.body = w.VBox([])
        self.widget = w.VBox([self.open, self.body])
        self.widget.add_class("eci-worklist")

    def fill(self) -> None:
        """Show the current list if it is open; unchanged rows stay as they are."""
        lines = self._current() if self.open.value else []
        told = [_told(*line) for line in lines]
        if told == self._told and (told or not self.open.value):
            return
        self._told, old = told, self.body.children
        rows: list[Any] = [SignedRow(line, self._view, self._rerun).widget for line in lines]
        empty = [w.HTML("<p>You have not signed anything yet.</p>")] if self.open.value else []
        self.body.children = rows or empty
        for each in old:
            close_all(each)

    def _current(self) -> list[Line]:
        """Return the lines; they are read again if anything has happened since: this is asked every few seconds."""
        position, _ = changed_since(self._repository.backend, self._position)
        if position > self._position:
            self._read, self._position = self._lines(), position
        return self._read

    def _lines(self) -> list[Line]:
        backend = self._repository.backend
        asked, me = SubjectQuery(signed=True), backend.account.actor.name
        found = [
            (seen, task, signed)
            for name in backend.account.projects()
            for seen in every_subject(backend, name, asked)
            for task in seen.tasks
            for signed in task.signed
            if task.kind in DRAWN and signed.by == me
        ]
        return sorted(found, key=lambda line: line[2].at, reverse=True)[:PAGE]


class SignedRow:
    """One version, with buttons to look at it and to start the next one, for a reason."""

    def __init__(self, line: Line, view: View, rerun: Rerun) -> None:
        seen, task, signed = line
        self.see = w.Button(description="View", icon="eye", layout=w.Layout(width="110px"))
        self.see.on_click(lambda _: view(seen, task, signed.version))
        self.again = w.Button(description="New version …", icon="pencil", layout=w.Layout(width="150px"))
        self.again.tooltip = "Correct this version: it stays, and the next one starts from it"
        self.again.on_click(lambda _: self._ask(True))
        self.reason = w.Text(placeholder="reason for the new version", layout=w.Layout(width="300px"))
        self.start = w.Button(description=f"Start version {task.version + 1}", button_style="primary")
        self.back = w.Button(description="Not now")
        self.back.on_click(lambda _: self._ask(False))
        self.start.on_click(lambda _: self._go(lambda reason: rerun(seen, task, reason)))
        self.problem = w.HTML()
        self.ask = w.HBox([self.reason, self.back, self.start, self.problem], layout=w.Layout(display="none"))
        buttons = [self.see, self.again] if signed.version == task.version else [self.see]
        head = w.HBox([w.HTML(_told(*line), layout=w.Layout(flex="1 1 auto")), *buttons])
        head.add_class("eci-task")
        self.widget = w.VBox([head, self.ask])

    def _ask(self, asked: bool) -> None:
        self.ask.layout.display = "flex" if asked else "none"
        self.again.disabled = asked

    def _go(self, start: Callable[[str], None]) -> None:
        if not self.reason.value.strip():
            self.problem.value = "<span class='eci-problem' role='alert'>Type the reason first.</span>"
            return
        start(self.reason.value.strip())


def _told(seen: SubjectView, task: TaskView, signed: VersionSigned) -> str:
    """Return a row as HTML."""
    status = next((each for each in task.statuses if each.version == signed.version), None)
    verdict = VERDICTS.get(status.verdict, "") if status else ""
    notes = [
        f"<span class='eci-project'>{html.escape(seen.project)}</span>",
        f"signed {signed.at.astimezone():%Y-%m-%d %H:%M %Z}",
        *([verdict] if verdict else []),
        *([f"replaced by version {task.version}"] if signed.version < task.version else []),
        *([f"reason: {html.escape(signed.reason)}"] if signed.reason else []),
    ]
    head = f"<b>{html.escape(seen.subject)}</b> <span>{html.escape(task.title)}, version {signed.version}</span>"
    return f"<div>{head}</div><div class='eci-facts'>{' · '.join(notes)}</div>"
