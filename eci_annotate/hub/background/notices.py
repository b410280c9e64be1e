"""Notices about changes of a subject: a task is ready, was rejected, or signed. Pure: states in, notices out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from eci_annotate.repository.service.values import SyncDirection, SyncState
from eci_annotate.workflow.subject.events import Event, Reopened, VersionSigned
from eci_annotate.workflow.subject.state import Subject, TaskStatus, evolve, fold, rejection, standing
from eci_annotate.workflow.usecase.pipeline import Decision, TaskKind, task_named

READY_NOW, REJECTED, SIGNED_NOW, SYNC_FAILED = "ready", "rejected", "signed", "sync"


@dataclass(frozen=True)
class Notice:
    """One notice: its kind, the task and subject, and the recipient (empty: nobody in particular)."""

    what: str
    project: str
    subject: str
    task: str
    title: str
    to: str
    reason: str = ""

    @property
    def text(self) -> str:
        """Return the notice as a sentence; it contains a pseudonym, and no patient data."""
        if self.what == SYNC_FAILED:
            return f"{self.title} in {self.project} failed and is tried again: {self.reason}"
        where = f"{self.title!r} of {self.subject} in {self.project}"
        match self.what:
            case "ready":
                return f"{where} is ready for you."
            case "code":
                return f"A one-time code for your signature in {self.project} was given by {self.reason}."
            case "rejected":
                return f"{where} was rejected: {self.reason}"
        return f"{where} was signed."


def sync_notices(states: Sequence[SyncState]) -> Iterator[Notice]:
    """Yield a notice to the owner for each target or rule that has begun to fail."""
    for each in states:
        if each.is_new:
            title = f"{'Sending to' if each.direction is SyncDirection.SEND else 'Pull rule'} {each.name!r}"
            yield Notice(SYNC_FAILED, each.project, "", each.name, title, each.by, each.problem)


def notices(events: Sequence[Event], since: int, now: datetime) -> Iterator[Notice]:
    """Yield the notices for the events from index `since` on."""
    state = fold(events[:since])
    for event in events[since:]:
        after = evolve(event, state)
        yield from _told(event, state, after, now)
        state = after


def _told(event: Event, before: Subject, after: Subject, now: datetime) -> Iterator[Notice]:
    if isinstance(event, VersionSigned):
        task = task_named(after.pipeline, event.task)
        if task.kind != TaskKind.INGEST:
            yield Notice(SIGNED_NOW, after.project, after.subject, task.name, task.title, event.by)
    again, reason = _asked_again(event, after)
    if again:
        yield _rejected(after, again, reason)
    for task in after.pipeline:
        was = before.work.get(task.name) is not None and standing(before, task, now) == TaskStatus.READY
        if standing(after, task, now) != TaskStatus.READY or was or task.kind == TaskKind.INGEST or task.name == again:
            continue
        to = after.work[task.name].assigned
        yield Notice(READY_NOW, after.project, after.subject, task.name, task.title, to)


def _asked_again(event: Event, after: Subject) -> tuple[str, str]:
    """Return the task whose newest version the event rejected or reopened, and why; empty if it did neither."""
    if isinstance(event, Reopened):
        return event.task, event.reason
    if isinstance(event, VersionSigned) and event.verdict == Decision.REJECT:
        of = task_named(after.pipeline, event.task).of
        return (of, event.reason) if rejection(after, of) == event else ("", "")
    return "", ""


def _rejected(state: Subject, task: str, reason: str) -> Notice:
    """Return the notice to the signer of the version that needs correction."""
    by = state.work[task].signed[-1].by
    return Notice(REJECTED, state.project, state.subject, task, task_named(state.pipeline, task).title, by, reason)
