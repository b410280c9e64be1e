"""A subject is the fold of its events; a task's status follows from them and the clock, stored nowhere.

blocked -> ready -> open -> signed; a rejecting review, or a reopening, makes a signed task ready again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import reduce

from eci_annotate.errors import Tampered
from eci_annotate.workflow.subject.events import (
    Assigned,
    Attached,
    Described,
    Enrolled,
    Event,
    Released,
    Reopened,
    Signed,
    Started,
    UseCaseChanged,
    Withdrawn,
)
from eci_annotate.workflow.subject.lease import Lease
from eci_annotate.workflow.usecase.pipeline import (
    ACCEPT,
    ADJUDICATE,
    REJECT,
    REVIEW,
    TaskDefinition,
    readings_of,
    reviews_of,
)

BLOCKED, READY, OPEN, SIGNED = "blocked", "ready", "open", "signed"


@dataclass(frozen=True)
class Work:
    """One task of one subject: its lease, its highest fence, its versions; what the open version rests on.

    `assigned` names who is to do it; `reopened` is the version for which a next one was asked.
    """

    lease: Lease | None = None
    fence: int = 0
    signed: tuple[Signed, ...] = ()
    basis: Mapping[str, int] = field(default_factory=dict)
    use_case: str = ""
    assigned: str = ""
    reopened: int = 0
    asked: str = ""

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
    included: bool = True
    live: bool = True
    cohort: str = ""
    layers: Mapping[str, tuple[Attached, ...]] = field(default_factory=dict)
    withdrawn: bool = False


def evolve(event: Event, state: Subject) -> Subject:
    """The state after the event."""
    match event:
        case Enrolled():
            work = {task.name: Work() for task in event.pipeline}
            return Subject(event.project, event.subject, event.site, event.use_case, event.pipeline, work)
        case Started():
            return _started(event, state)
        case Released():
            return _with_work(state, event.task, replace(state.work[event.task], lease=None))
        case Signed():
            past = state.work[event.task]
            return _with_work(state, event.task, replace(past, lease=None, signed=(*past.signed, event)))
        case Assigned():
            return _with_work(state, event.task, replace(state.work[event.task], assigned=event.member))
        case Reopened():
            past = state.work[event.task]
            return _with_work(state, event.task, replace(past, reopened=event.version, asked=event.reason))
        case Described():
            return replace(state, included=event.included, live=event.live, cohort=event.cohort)
        case Attached():
            return replace(state, layers={**state.layers, event.layer: (*state.layers.get(event.layer, ()), event)})
        case UseCaseChanged():
            work = {task.name: state.work.get(task.name, Work()) for task in event.pipeline}
            return replace(state, use_case=event.use_case, pipeline=event.pipeline, work={**state.work, **work})
        case Withdrawn():
            freed = {name: replace(work, lease=None) for name, work in state.work.items()}
            return replace(state, withdrawn=True, included=False, work=freed)
    raise Tampered("A subject's stream holds an event of another kind.", "Restore it from a backup.")


def _started(event: Started, state: Subject) -> Subject:
    lease = Lease(event.by, event.session, event.fence, event.until)
    past = state.work[event.task]
    new = replace(past, lease=lease, fence=event.fence, basis=event.basis, use_case=event.use_case)
    return _with_work(state, event.task, new)


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
    lease = state.work[task.name].lease
    return OPEN if lease is not None and lease.is_live(now) else standing(state, task, now)


def standing(state: Subject, task: TaskDefinition, now: datetime) -> str:
    """The status apart from leases: ``blocked``, ``ready`` or ``signed``."""
    work = state.work[task.name]
    if not state.included and not work.signed:
        return BLOCKED
    if waits_for(state, task) or waits_until(state, task, now):
        return BLOCKED
    if task.kind == REVIEW:
        return _review_status(state, task)
    if not work.signed or _is_due_again(state, task, work):
        return READY
    return SIGNED


def _is_due_again(state: Subject, task: TaskDefinition, work: Work) -> bool:
    newer = any(version and state.work[name].version > version for name, version in work.signed[-1].basis.items())
    outdated = task.kind == ADJUDICATE and newer
    return outdated or work.reopened == work.version or rejection(state, task.name) is not None


def _review_status(state: Subject, task: TaskDefinition) -> str:
    work = state.work[task.name]
    if not work.signed or work.signed[-1].basis.get(task.of, 0) < state.work[task.of].version:
        return READY
    return SIGNED if work.signed[-1].verdict == ACCEPT else BLOCKED


def waits_for(state: Subject, task: TaskDefinition) -> tuple[str, ...]:
    """Which tasks must be signed (reviews: accepted) before this one is ready."""
    names = dict.fromkeys([*task.after, *filter(None, [task.repeats])])
    return tuple(name for name in names if not is_done(state, name))


def waits_until(state: Subject, task: TaskDefinition, now: datetime) -> datetime | None:
    """For a repeated reading: when it is ready, if that is still to come."""
    if not (task.repeats and state.work[task.repeats].signed):
        return None
    end = state.work[task.repeats].signed[-1].at + timedelta(days=task.wait_days)
    return end if now < end else None


def is_done(state: Subject, name: str) -> bool:
    """Whether the task is signed (a review: accepted), or the group has its readings."""
    readings = readings_of(state.pipeline, name)
    done = [each for each in readings if _is_signed(state.work[each.name])]
    return bool(readings) and len(done) >= min(readings[0].readers, len(readings))


def _is_signed(work: Work) -> bool:
    return bool(work.signed) and work.signed[-1].verdict != REJECT


def rejection(state: Subject, name: str) -> Signed | None:
    """The review that rejected the newest version of the task, or None."""
    for review in reviews_of(state.pipeline, name):
        for signed in reversed(state.work[review.name].signed):
            if signed.basis.get(name) == state.work[name].version and signed.verdict == REJECT:
                return signed
    return None


def basis_now(state: Subject, task: TaskDefinition) -> dict[str, int]:
    """The newest versions of the tasks that this one comes after or is about."""
    names = {*task.after, *filter(None, [task.of, task.repeats])}
    tasks = sorted({each.name for name in names for each in readings_of(state.pipeline, name)})
    return {name: state.work[name].version for name in tasks}


def readers_of(state: Subject, name: str) -> frozenset[str]:
    """Who signed a reading of the task or group."""
    works = (state.work[each.name] for each in readings_of(state.pipeline, name))
    return frozenset(signed.by for work in works for signed in work.signed)


def stage_of(state: Subject) -> str:
    """The stage of the first task that is not done, or ``done``."""
    if state.withdrawn:
        return "withdrawn"
    waiting = (task for task in state.pipeline if not is_done(state, task.of_group))
    first = next(waiting, None)
    return "done" if first is None else first.stage or first.kind
