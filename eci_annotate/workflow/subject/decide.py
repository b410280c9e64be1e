"""The core: `decide(command, state, actor, now) -> events`. The actor is an argument, not part of the command.

Every refusal is made here or in the modules used here (`start_rules`, `decide_about_subject`, `lease`); a store, a
hub and a notebook add none of their own.
"""

from __future__ import annotations

from datetime import datetime
from math import isfinite

from eci_annotate.errors import Refused
from eci_annotate.workflow.actor import Actor, Permission
from eci_annotate.workflow.subject.commands import (
    Assign,
    Attach,
    ChangeUseCase,
    Command,
    Describe,
    EndLease,
    Enrol,
    ReleaseTask,
    Renew,
    Reopen,
    Seal,
    Sign,
    Start,
    Withdraw,
)
from eci_annotate.workflow.subject.decide_about_subject import allow, check_present, check_there, decide_describing
from eci_annotate.workflow.subject.events import Assigned, Event, Released, Reopened, Started, who
from eci_annotate.workflow.subject.lease import LEASE, Lease, check_held, check_start
from eci_annotate.workflow.subject.start_rules import is_for, why_not
from eci_annotate.workflow.subject.state import Subject, Work, basis_now
from eci_annotate.workflow.subject.versions import sealed
from eci_annotate.workflow.usecase.pipeline import Decision, TaskDefinition, TaskKind, task_named


def decide(command: Command, state: Subject, actor: Actor, now: datetime) -> tuple[Event, ...]:
    """Return the events that a command produces in a state.

    Parameters
    ----------
    command
        The request.
    state
        The subject, folded from its events.
    actor
        The user on whose behalf the command runs.
    now
        Current time (UTC).

    Raises
    ------
    Refused
        If the workflow does not allow it now, or not for this actor; includes the remedy.
    LeaseLost
        If the actor no longer holds the task with that fence.
    NotFound
        If the subject or task does not exist for this actor.
    """
    match command:
        case Enrol() | Describe() | Attach() | ChangeUseCase() | Withdraw():
            return decide_describing(command, state, actor, now)
        case Start():
            return _start(command, state, actor, now)
        case Renew() | Sign():
            permit(command, state, actor, now)
            return ()
        case ReleaseTask():
            permit(command, state, actor, now)
            return (Released(**who(actor, now), task=command.task, fence=command.fence),)
        case Seal():
            permit(command, state, actor, now)
            return (sealed(command, state, actor, now),)
        case EndLease():
            return _end_lease(command, state, actor, now)
        case Assign():
            return _assign(command, state, actor, now)
        case Reopen():
            return _reopen(command, state, actor, now)
    raise Refused("This command is not for a subject.", "Use a command of the subject.")


def permit(command: Renew | ReleaseTask | Sign | Seal, state: Subject, actor: Actor, now: datetime) -> Lease:
    """Return the lease under which the command is allowed now; refuses without having changed anything.

    Parameters
    ----------
    command
        The request.
    state
        The subject, folded from its events.
    actor
        The user on whose behalf the command runs.
    now
        Current time (UTC).
    """
    task = _task(command, state, actor)
    held = check_held(task.name, state.work[task.name].lease, command.fence, actor, now)
    if isinstance(command, Sign | Seal):
        _check_statement(command, task)
        if not is_for(state, task, actor):
            raise Refused(f"You may no longer sign {task.name!r}.", "Your role has changed; ask the owner.")
    return held


AboutTask = Start | Renew | ReleaseTask | Sign | Seal | EndLease | Assign | Reopen


def _task(command: AboutTask, state: Subject, actor: Actor) -> TaskDefinition:
    check_there(state, actor)
    return task_named(state.pipeline, command.task)


def _start(command: Start, state: Subject, actor: Actor, now: datetime) -> tuple[Event, ...]:
    task = _task(command, state, actor)
    work = state.work[task.name]
    live = work.lease is not None and work.lease.is_live(now)
    if refusal := why_not(state, task, actor, now, rerun=command.rerun or live):
        raise refusal
    may_take_over = actor.may(Permission.TAKE_OVER, command.project, state.site)
    check_start(task.name, work.lease, actor, now, command.take_over, may_take_over)
    if live and work.lease is not None and work.lease.is_of(actor):
        return ()
    taken_from = work.lease.holder if live and work.lease is not None else ""
    return (_started(state, task, work, actor, now, taken_from),)


def _started(state: Subject, task: TaskDefinition, work: Work, actor: Actor, now: datetime, taken_from: str) -> Started:
    return Started(
        **who(actor, now),
        task=task.name,
        version=work.version + 1,
        session=actor.session,
        fence=work.fence + 1,
        until=now + LEASE,
        use_case=state.use_case,
        basis=basis_now(state, task),
        taken_from=taken_from,
    )


def _end_lease(command: EndLease, state: Subject, actor: Actor, now: datetime) -> tuple[Event, ...]:
    task = _task(command, state, actor)
    allow(Permission.TAKE_OVER, state, actor, "end somebody's lease")
    lease = state.work[task.name].lease
    if lease is None or not lease.is_live(now):
        return ()
    return (Released(**who(actor, now), task=task.name, fence=lease.fence, taken_from=lease.holder),)


def _assign(command: Assign, state: Subject, actor: Actor, now: datetime) -> tuple[Event, ...]:
    task = _task(command, state, actor)
    allow(Permission.ASSIGN, state, actor, "assign tasks")
    check_present(state)
    if state.work[task.name].assigned == command.member:
        return ()
    return (Assigned(**who(actor, now), task=task.name, member=command.member),)


def _reopen(command: Reopen, state: Subject, actor: Actor, now: datetime) -> tuple[Event, ...]:
    task = _task(command, state, actor)
    allow(Permission.REOPEN, state, actor, "reopen a signed task")
    check_present(state)
    work = state.work[task.name]
    if not work.signed:
        raise Refused(f"{task.name!r} is not signed yet.", "Only what is signed can be reopened.")
    if not command.reason.strip():
        raise Refused("Reopening needs a reason.", "Say what needs correction: reason='...'.")
    if work.reopened == work.version:
        return ()
    return (Reopened(**who(actor, now), task=task.name, version=work.version, reason=command.reason),)


def _check_statement(command: Sign | Seal, task: TaskDefinition) -> None:
    if not command.meaning.strip():
        raise Refused("A signature needs a meaning.", "Say what you confirm, e.g. meaning='I drew this'.")
    if isinstance(command, Sign) and not all(_is_place(each) for each in command.places):
        raise Refused("A marked place must be a point with a remark.", "Give (x, y, z, remark), in patient mm.")
    if task.kind != TaskKind.REVIEW:
        if command.verdict:
            raise Refused(f"{task.name!r} is not a review.", "Leave out the verdict.")
        return
    if command.verdict not in (Decision.ACCEPT, Decision.REJECT):
        raise Refused("A review needs a verdict.", "Sign with verdict='accept' or verdict='reject'.")
    if command.verdict == Decision.REJECT and not command.reason.strip():
        raise Refused("A rejection needs a reason.", "Sign with reason='...', so that it can be corrected.")


def _is_place(place: object) -> bool:
    if not isinstance(place, tuple) or len(place) != 4:
        return False
    numbers, remark = place[:3], place[3]
    return isinstance(remark, str) and all(isinstance(n, int | float) and isfinite(n) for n in numbers)
