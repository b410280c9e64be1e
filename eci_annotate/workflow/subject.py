"""The heart: `decide(command, state, actor, now) -> events`. Who asks is an argument, not in the command.

Every refusal is made here or in `lease`; a store, a hub and a notebook add none of their own.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from eci_annotate.errors import NotFound, Refused
from eci_annotate.workflow.actor import Actor
from eci_annotate.workflow.codec import to_json
from eci_annotate.workflow.commands import Command, Enrol, Release, Renew, Seal, Sign, Start
from eci_annotate.workflow.events import Enrolled, Event, Released, Signed, Started
from eci_annotate.workflow.lease import LEASE, Lease, check_held, check_start, to_minute
from eci_annotate.workflow.pipeline import ACCEPT, REJECT, REVIEW, TaskDefinition, task_named
from eci_annotate.workflow.sealing import START, seal
from eci_annotate.workflow.signing import check_signature, fingerprint
from eci_annotate.workflow.state import BLOCKED, SIGNED, Subject, Work, basis_now, status, waits_for


def decide(command: Command, state: Subject, actor: Actor, now: datetime) -> tuple[Event, ...]:
    """The events that a command makes of a state.

    Raises
    ------
    Refused
        The workflow does not allow it now, or not to this actor; says the remedy.
    LeaseLost
        The actor does not hold the task with that fence any more.
    NotFound
        There is no such subject or task for this actor.
    """
    match command:
        case Enrol():
            return _enrol(command, state, actor, now)
        case Start():
            return _start(command, state, actor, now)
        case Renew() | Sign():
            permit(command, state, actor, now)
            return ()
        case Release():
            permit(command, state, actor, now)
            return (Released(**_who(actor, now), task=command.task, fence=command.fence),)
        case Seal():
            return (_seal(command, state, actor, now),)
    raise Refused("This command is not for a subject.", "Use a command of the subject.")


def permit(command: Renew | Release | Sign | Seal, state: Subject, actor: Actor, now: datetime) -> Lease:
    """The lease under which the command may be done now; refuses without having changed anything."""
    task = _task(command, state, actor)
    held = check_held(task.name, state.work[task.name].lease, command.fence, actor, now)
    if isinstance(command, Sign | Seal):
        _check_statement(command, task)
    return held


def _who(actor: Actor, now: datetime) -> dict[str, Any]:
    return {"by": actor.name, "assurance": actor.assurance, "at": now}


def _task(command: Start | Renew | Release | Sign | Seal, state: Subject, actor: Actor) -> TaskDefinition:
    if not state.subject or not actor.roles.get(command.project):
        raise NotFound("There is no such subject for you.", "See worklist() for what you may do.")
    return task_named(state.pipeline, command.task)


def _enrol(command: Enrol, state: Subject, actor: Actor, now: datetime) -> tuple[Event, ...]:
    if not actor.may("ingest", command.project):
        raise Refused(f"You may not bring subjects into {command.project!r}.", "Ask its owner.")
    if state.subject:
        raise Refused(f"{command.subject} is in {command.project!r} already.", "Choose another pseudonym.")
    content: dict[str, Any] = {"project": command.project, "subject": command.subject, "site": command.site}
    rest: dict[str, Any] = {"use_case": command.use_case, "pipeline": command.pipeline}
    return (Enrolled(**_who(actor, now), **content, **rest),)


def _start(command: Start, state: Subject, actor: Actor, now: datetime) -> tuple[Event, ...]:
    task = _task(command, state, actor)
    work = state.work[task.name]
    if refusal := why_not(state, task, actor, now, rerun=command.rerun):
        raise refusal
    may_take_over = actor.may("take over", command.project)
    check_start(task.name, work.lease, actor, now, command.take_over, may_take_over)
    live = work.lease is not None and work.lease.is_live(now)
    if live and work.lease is not None and work.lease.is_of(actor):
        return ()
    taken_from = work.lease.holder if live and work.lease is not None else ""
    return (_started(state, task, work, actor, now, taken_from),)


def _started(state: Subject, task: TaskDefinition, work: Work, actor: Actor, now: datetime, taken_from: str) -> Started:
    return Started(
        by=actor.name,
        assurance=actor.assurance,
        at=now,
        task=task.name,
        version=work.version + 1,
        session=actor.session,
        fence=work.fence + 1,
        until=now + LEASE,
        use_case=state.use_case,
        basis=basis_now(state, task),
        taken_from=taken_from,
    )


def why_not(
    state: Subject, task: TaskDefinition, actor: Actor, now: datetime, *, rerun: bool = False
) -> Refused | None:
    """Why this actor may not start the task, apart from somebody else's lease; None when he may."""
    if not actor.has_role(state.project, task.roles):
        roles = " or ".join(task.roles)
        return Refused(f"You may not start {task.name!r}.", f"It needs the role {roles}; ask the owner.")
    standing = status(state, task, now)
    if standing == BLOCKED:
        return _blocked(state, task)
    if standing == SIGNED and not rerun:
        last = state.work[task.name].signed[-1]
        what = f"{task.name!r} is signed: version {last.version}, {to_minute(last.at)}."
        return Refused(what, "Start it with rerun=True to make the next version.")
    return _not_independent(state, task, actor)


def _blocked(state: Subject, task: TaskDefinition) -> Refused:
    if missing := waits_for(state, task):
        names = " and ".join(repr(name) for name in missing)
        return Refused(f"{task.name!r} is not ready.", f"Sign {names} first.")
    what = f"{task.name!r} rejected version {state.work[task.of].version} of {task.of!r}."
    return Refused(what, f"It is ready again when {task.of!r} has its next version.")


def _not_independent(state: Subject, task: TaskDefinition, actor: Actor) -> Refused | None:
    if not (task.kind == REVIEW and task.independent and state.work[task.of].signed):
        return None
    reviewed = state.work[task.of].signed[-1]
    if reviewed.by != actor.name:
        return None
    return Refused(f"You signed version {reviewed.version} of {task.of!r} yourself.", "Somebody else reviews it.")


def _check_statement(command: Sign | Seal, task: TaskDefinition) -> None:
    if not command.meaning.strip():
        raise Refused("A signature needs a meaning.", "Say what you confirm, e.g. meaning='I drew this'.")
    if task.kind != REVIEW:
        if command.verdict:
            raise Refused(f"{task.name!r} is no review.", "Leave the verdict out.")
        return
    if command.verdict not in (ACCEPT, REJECT):
        raise Refused("A review needs a verdict.", "Sign with verdict='accept' or verdict='reject'.")
    if command.verdict == REJECT and not command.reason.strip():
        raise Refused("A rejection needs a reason.", "Sign with reason='...', so that it can be mended.")


def _seal(command: Seal, state: Subject, actor: Actor, now: datetime) -> Signed:
    permit(command, state, actor, now)
    event = unsealed(command, state, actor, now)
    sealed = seal_of(state, event)
    check_signature(command.key, sealed, command.signature)
    return _with_seal(event, sealed, command.signature)


def unsealed(command: Seal, state: Subject, actor: Actor, now: datetime) -> Signed:
    """The event that `command` will make, without seal and signature: what `seal_of` is taken over."""
    work = state.work[command.task]
    return Signed(
        by=actor.name,
        assurance=actor.assurance,
        at=now,
        task=command.task,
        version=work.version + 1,
        fence=command.fence,
        meaning=command.meaning,
        verdict=command.verdict,
        reason=command.reason,
        basis=dict(work.basis),
        use_case=work.use_case,
        manifest=command.manifest,
        predecessor=work.signed[-1].seal if work.signed else START,
        seal="",
        signature="",
        key=fingerprint(command.key),
    )


def seal_of(state: Subject, event: Signed) -> str:
    """The seal over everything that the version consists of, and whose it is."""
    content = to_json(_with_seal(event, "", ""))
    whose = {"project": state.project, "subject": state.subject, "site": state.site}
    return seal({"version": content, **whose})


def _with_seal(event: Signed, sealed: str, signature: str) -> Signed:
    return replace(event, seal=sealed, signature=signature)
