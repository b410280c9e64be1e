"""A subject is the fold of its events; a task's status follows from them and the clock, stored nowhere.

blocked -> ready -> open -> signed; a rejecting review makes the reviewed task ready again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import reduce

from eci_annotate.errors import Tampered
from eci_annotate.workflow.events import Enrolled, Event, Released, Signed, Started
from eci_annotate.workflow.lease import Lease
from eci_annotate.workflow.pipeline import ACCEPT, REJECT, REVIEW, TaskDefinition, reviews_of

BLOCKED, READY, OPEN, SIGNED = "blocked", "ready", "open", "signed"


@dataclass(frozen=True)
class Work:
    """One task of one subject: its lease, its highest fence, its versions; what the open version rests on."""

    lease: Lease | None = None
    fence: int = 0
    signed: tuple[Signed, ...] = ()
    basis: Mapping[str, int] = field(default_factory=dict)
    use_case: str = ""

    @property
    def version(self) -> int:
        """The newest signed version, 0 when there is none."""
        return len(self.signed)


@dataclass(frozen=True)
class Subject:
    """One subject of one project, as its events tell."""

    project: str = ""
    subject: str = ""
    site: str = ""
    use_case: str = ""
    pipeline: tuple[TaskDefinition, ...] = ()
    work: Mapping[str, Work] = field(default_factory=dict)


def evolve(event: Event, state: Subject) -> Subject:
    """The state after the event."""
    match event:
        case Enrolled():
            work = {task.name: Work() for task in event.pipeline}
            return Subject(event.project, event.subject, event.site, event.use_case, event.pipeline, work)
        case Started():
            lease = Lease(event.by, event.session, event.fence, event.until)
            past = state.work[event.task]
            new = Work(lease, event.fence, past.signed, event.basis, event.use_case)
            return _with_work(state, event.task, new)
        case Released():
            return _with_work(state, event.task, replace(state.work[event.task], lease=None))
        case Signed():
            past = state.work[event.task]
            return _with_work(state, event.task, replace(past, lease=None, signed=(*past.signed, event)))
    raise Tampered("A subject's stream holds an event of another kind.", "Restore it from a backup.")


def fold(events: Iterable[Event]) -> Subject:
    """The state after all of a subject's events."""
    return reduce(lambda state, event: evolve(event, state), events, Subject())


def with_renewal(state: Subject, task: str, fence: int, until: datetime) -> Subject:
    """The state with the lease's end moved, if the task's lease still has that fence."""
    work = state.work.get(task)
    if work is None or work.lease is None or work.lease.fence != fence or until <= work.lease.until:
        return state
    return _with_work(state, task, replace(work, lease=replace(work.lease, until=until)))


def _with_work(state: Subject, task: str, work: Work) -> Subject:
    return replace(state, work={**state.work, task: work})


def status(state: Subject, task: TaskDefinition, now: datetime) -> str:
    """``blocked``, ``ready``, ``open`` or ``signed``."""
    work = state.work[task.name]
    if work.lease is not None and work.lease.is_live(now):
        return OPEN
    if waits_for(state, task):
        return BLOCKED
    if task.kind == REVIEW:
        return _review_status(state, task)
    return READY if not work.signed or rejection(state, task.name) else SIGNED


def _review_status(state: Subject, task: TaskDefinition) -> str:
    work = state.work[task.name]
    if not work.signed or work.signed[-1].basis.get(task.of, 0) < state.work[task.of].version:
        return READY
    return SIGNED if work.signed[-1].verdict == ACCEPT else BLOCKED


def waits_for(state: Subject, task: TaskDefinition) -> tuple[str, ...]:
    """Which tasks must be signed (reviews: accepted) before this one is ready."""
    return tuple(name for name in task.after if not _is_done(state, name))


def _is_done(state: Subject, name: str) -> bool:
    signed = state.work[name].signed
    return bool(signed) and signed[-1].verdict != REJECT


def rejection(state: Subject, name: str) -> Signed | None:
    """The review that rejected the newest version of the task, or None."""
    for review in reviews_of(state.pipeline, name):
        for signed in reversed(state.work[review.name].signed):
            if signed.basis.get(name) == state.work[name].version and signed.verdict == REJECT:
                return signed
    return None


def basis_now(state: Subject, task: TaskDefinition) -> dict[str, int]:
    """The newest versions of the tasks that this one comes after or is about."""
    names = {*task.after, *filter(None, [task.of])}
    return {name: state.work[name].version for name in sorted(names)}
