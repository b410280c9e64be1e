"""What people are told when a subject moves on: a task is ready, was rejected, signed. Pure: states in, notices out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from eci_annotate.workflow.subject.events import Event, Reopened, Signed
from eci_annotate.workflow.subject.state import READY, SIGNED, Subject, evolve, fold, standing
from eci_annotate.workflow.usecase.pipeline import INGEST, REJECT, task_named

READY_NOW, REJECTED, SIGNED_NOW = "ready", "rejected", "signed"


@dataclass(frozen=True)
class Notice:
    """One thing to tell: what, about which task of which subject, and to whom (empty: to nobody in particular)."""

    what: str
    project: str
    subject: str
    task: str
    title: str
    to: str
    reason: str = ""

    @property
    def text(self) -> str:
        """The notice as a sentence; it holds a pseudonym, and nothing of a patient."""
        where = f"{self.title!r} of {self.subject} in {self.project}"
        match self.what:
            case "ready":
                return f"{where} is ready for you."
            case "rejected":
                return f"{where} was rejected: {self.reason}"
        return f"{where} was signed."


def notices(events: Sequence[Event], since: int, now: datetime) -> Iterator[Notice]:
    """What the events from index `since` on give occasion to tell."""
    state = fold(events[:since])
    for event in events[since:]:
        after = evolve(event, state)
        yield from _told(event, state, after, now)
        state = after


def _told(event: Event, before: Subject, after: Subject, now: datetime) -> Iterator[Notice]:
    if isinstance(event, Signed):
        task = task_named(after.pipeline, event.task)
        if task.kind != INGEST:
            yield Notice(SIGNED_NOW, after.project, after.subject, task.name, task.title, event.by)
        if event.verdict == REJECT and after.work[task.of].signed:
            yield _rejected(after, task.of, event.reason)
    if isinstance(event, Reopened):
        yield _rejected(after, event.task, event.reason)
    for task in after.pipeline:
        ready = standing(after, task, now) == READY
        was = before.work.get(task.name) is not None and standing(before, task, now) in (READY, SIGNED)
        if ready and not was and task.kind != INGEST:
            to = after.work[task.name].assigned
            yield Notice(READY_NOW, after.project, after.subject, task.name, task.title, to)


def _rejected(state: Subject, task: str, reason: str) -> Notice:
    """To who signed the version that is to be mended."""
    by = state.work[task].signed[-1].by
    return Notice(REJECTED, state.project, state.subject, task, task_named(state.pipeline, task).title, by, reason)
