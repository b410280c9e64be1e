"""A subject is the fold of its events; a task's status is derived from them and the clock, and never stored.

blocked -> ready -> open -> signed; a rejecting review, or a reopening, makes a signed task ready again.
A verdict applies to one version and to no other; all code uses `Subject.done` to decide.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property, reduce

from eci_annotate.errors import Tampered
from eci_annotate.workflow.subject.events import (
    Assigned,
    Attached,
    Described,
    Enrolled,
    Event,
    Released,
    Reopened,
    Started,
    UseCaseChanged,
    VersionSigned,
    Withdrawn,
)
from eci_annotate.workflow.subject.lease import Lease
from eci_annotate.workflow.usecase.pipeline import Decision, TaskDefinition, TaskKind, readings_of, reviews_of


class TaskStatus(StrEnum):
    """Whether a task waits for others, may be started, is being done, or needs no work."""

    BLOCKED = "blocked"
    READY = "ready"
    OPEN = "open"
    SIGNED = "signed"


@dataclass(frozen=True)
class Work:
    """One task of one subject: its lease, its highest fence, its versions; the basis of the open version.

    `assigned` names the member who should do it; `reopened` is the version after which a next one was requested.
    `begun_by` started it last since the newest version: theirs is the draft.
    """

    lease: Lease | None = None
    fence: int = 0
    signed: tuple[VersionSigned, ...] = ()
    basis: Mapping[str, int] = field(default_factory=dict)
    use_case: str = ""
    assigned: str = ""
    reopened: int = 0
    asked: str = ""
    begun_by: str = ""

    @property
    def version(self) -> int:
        """The newest signed version, 0 if there is none."""
        return len(self.signed)


@dataclass(frozen=True)
class Subject:
    """One subject of one project, derived from its events."""

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

    @cached_property
    def done(self) -> frozenset[str]:
        """The tasks and groups that are done; a pipeline lists prerequisites before the tasks that need them."""
        done: set[str] = set()
        count = Counter[str]()
        for task in self.pipeline:
            if not _counts(self, task) or not done.issuperset(_needs(task)):
                continue
            done.add(task.name)
            count[task.group] += 1
            if task.group and count[task.group] >= _wanted(self, task.group):
                done.add(task.group)
        return frozenset(done)


def evolve(event: Event, state: Subject) -> Subject:
    """Return the state after the event."""
    match event:
        case Enrolled():
            work = {task.name: Work() for task in event.pipeline}
            return Subject(event.project, event.subject, event.site, event.use_case, event.pipeline, work)
        case Started():
            return _started(event, state)
        case Released():
            return _with_work(state, event.task, replace(state.work[event.task], lease=None))
        case VersionSigned():
            past = state.work[event.task]
            return _with_work(state, event.task, replace(past, lease=None, signed=(*past.signed, event), begun_by=""))
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
    new = replace(past, lease=lease, fence=event.fence, basis=event.basis, use_case=event.use_case, begun_by=event.by)
    return _with_work(state, event.task, new)


def fold(events: Iterable[Event]) -> Subject:
    """Return the state after all of a subject's events."""
    return reduce(lambda state, event: evolve(event, state), events, Subject())


def with_renewal(state: Subject, task: str, fence: int, until: datetime) -> Subject:
    """Return the state with the lease extended, if the task's lease still has that fence.

    Parameters
    ----------
    state
        The subject.
    task
        Name of the task.
    fence
        Fence of the lease to extend.
    until
        New end (UTC); an earlier one changes nothing.
    """
    work = state.work.get(task)
    if work is None or work.lease is None or work.lease.fence != fence or until <= work.lease.until:
        return state
    return _with_work(state, task, replace(work, lease=replace(work.lease, until=until)))


def _with_work(state: Subject, task: str, work: Work) -> Subject:
    return replace(state, work={**state.work, task: work})


def status(state: Subject, task: TaskDefinition, now: datetime) -> TaskStatus:
    """``blocked``, ``ready``, ``open`` or ``signed``."""
    lease = state.work[task.name].lease
    return TaskStatus.OPEN if lease is not None and lease.is_live(now) else standing(state, task, now)


def standing(state: Subject, task: TaskDefinition, now: datetime) -> TaskStatus:
    """Return the status ignoring leases: ``blocked``, ``ready`` or ``signed``; ``signed`` if `is_done` holds."""
    if is_done(state, task.name):
        return TaskStatus.SIGNED
    if not state.included and not state.work[task.name].signed:
        return TaskStatus.BLOCKED
    return TaskStatus.BLOCKED if waits_for(state, task) or waits_until(state, task, now) else TaskStatus.READY


def waits_for(state: Subject, task: TaskDefinition) -> tuple[str, ...]:
    """Return the tasks that must be done before this one is ready."""
    return tuple(name for name in _needs(task) if not is_done(state, name))


def waits_until(state: Subject, task: TaskDefinition, now: datetime) -> datetime | None:
    """Return when a repeated reading becomes ready, if that is in the future."""
    if not (task.repeats and state.work[task.repeats].signed):
        return None
    end = state.work[task.repeats].signed[-1].at + timedelta(days=task.wait_days)
    return end if now < end else None


def is_done(state: Subject, name: str) -> bool:
    """Whether a task or group currently needs no work.

    A task is done if everything it needs is done and its newest version counts: it was neither reopened nor rejected,
    and it is about the newest version of its target; a review must also have accepted that version. A group is done if
    enough of its readings are.
    """
    return name in state.done


def is_signed(state: Subject, name: str) -> bool:
    """Whether the task, or enough readings of the group, were ever signed; unlike `is_done` this never reverts."""
    signed = [each for each in readings_of(state.pipeline, name) if state.work[each.name].signed]
    return bool(signed) and len(signed) >= _wanted(state, name)


def _wanted(state: Subject, name: str) -> int:
    readings = readings_of(state.pipeline, name)
    return min(readings[0].readers, len(readings))


def _needs(task: TaskDefinition) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*task.after, *filter(None, [task.of, task.repeats])]))


def _counts(state: Subject, task: TaskDefinition) -> bool:
    """Whether the newest version of the task is valid in itself, whatever happened to the tasks before it."""
    work = state.work[task.name]
    if not work.signed or work.reopened == work.version or rejection(state, task.name):
        return False
    if task.kind == TaskKind.REVIEW:
        given = verdict_on(state, task, state.work[task.of].version)
        return given is not None and given.verdict == Decision.ACCEPT
    return task.kind not in (TaskKind.ADJUDICATE, TaskKind.DERIVE) or not is_outdated(state, task)


def is_outdated(state: Subject, task: TaskDefinition) -> bool:
    """Whether a version on which the task's newest one is based has a later one; additional readings do not matter."""
    basis = state.work[task.name].signed[-1].basis
    return any(version and state.work[name].version > version for name, version in basis.items())


def verdict_on(state: Subject, review: TaskDefinition, version: int) -> VersionSigned | None:
    """Return the newest verdict of a review on a version; None if there is none, or it was reopened."""
    work = state.work[review.name]
    given = [each for each in work.signed if each.basis.get(review.of) == version]
    return given[-1] if given and given[-1].version != work.reopened else None


def rejection(state: Subject, name: str) -> VersionSigned | None:
    """Return the review that rejected the newest version of the task, or None."""
    given = (verdict_on(state, each, state.work[name].version) for each in reviews_of(state.pipeline, name))
    return next((each for each in given if each is not None and each.verdict == Decision.REJECT), None)


def basis_now(state: Subject, task: TaskDefinition) -> dict[str, int]:
    """Return the newest versions of the tasks that this one follows or is about."""
    names = {*task.after, *filter(None, [task.of, task.repeats])}
    tasks = sorted({each.name for name in names for each in readings_of(state.pipeline, name)})
    return {name: state.work[name].version for name in tasks}


def readers_of(state: Subject, name: str) -> frozenset[str]:
    """Return who signed a reading of the task or group."""
    works = (state.work[each.name] for each in readings_of(state.pipeline, name))
    return frozenset(signed.by for work in works for signed in work.signed)


def stage_of(state: Subject) -> str:
    """Return the stage of the first task that is not done, or ``done``."""
    if state.withdrawn:
        return "withdrawn"
    waiting = (task for task in state.pipeline if not is_done(state, task.of_group))
    first = next(waiting, None)
    return "done" if first is None else first.stage or first.kind
