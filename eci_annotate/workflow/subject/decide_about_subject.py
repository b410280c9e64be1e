"""Commands about a whole subject: enrolment, inclusion and cohort, data layers, definition, withdrawal."""

from __future__ import annotations

from datetime import datetime

from eci_annotate.errors import NotFound, Refused
from eci_annotate.workflow.actor import Actor, Permission
from eci_annotate.workflow.project import check_name
from eci_annotate.workflow.subject.blinding import CONTROL_LAYER
from eci_annotate.workflow.subject.commands import Attach, ChangeUseCase, Describe, Enrol, Withdraw
from eci_annotate.workflow.subject.events import Attached, Described, Enrolled, Event, UseCaseChanged, Withdrawn, who
from eci_annotate.workflow.subject.state import Subject, TaskStatus, status

Describing = Enrol | Describe | Attach | ChangeUseCase | Withdraw


def decide_describing(command: Describing, state: Subject, actor: Actor, now: datetime) -> tuple[Event, ...]:
    """Return the events of a command about a subject.

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
    if isinstance(command, Enrol):
        return (_enrol(command, state, actor, now),)
    check_there(state, actor)
    match command:
        case Describe():
            return _describe(command, state, actor, now)
        case Attach():
            return (_attach(command, state, actor, now),)
        case ChangeUseCase():
            return _change(command, state, actor, now)
        case Withdraw():
            return _withdraw(command, state, actor, now)


def check_there(state: Subject, actor: Actor) -> None:
    """Raise NotFound, as for a missing subject, unless the actor has a role for this subject's site."""
    if not state.subject or not actor.roles_at(state.project, state.site):
        raise NotFound("Subject not found, or you do not have access to it.", "Call worklist() for your tasks.")


def allow(what: Permission, state: Subject, actor: Actor, then: str) -> None:
    """Refuse unless the actor's roles allow it here.

    Parameters
    ----------
    what
        What has to be allowed.
    state
        The subject.
    actor
        The acting user.
    then
        End of the sentence "You may not ...".
    """
    if not actor.may(what, state.project, state.site):
        raise Refused(f"You may not {then}.", "Ask the project's owner.")


def check_present(state: Subject) -> None:
    """Refuse a subject whose consent was withdrawn."""
    if state.withdrawn:
        raise Refused("Consent was withdrawn for this subject.", "Choose another subject.")


def _enrol(command: Enrol, state: Subject, actor: Actor, now: datetime) -> Event:
    if not actor.may(Permission.INGEST, command.project, command.site):
        raise Refused(f"You may not add subjects to {command.project!r}.", "Ask its owner.")
    check_name(command.subject)
    check_name(command.site)
    if state.subject:
        raise Refused(f"{command.subject} is in {command.project!r} already.", "Choose another pseudonym.")
    return Enrolled(
        **who(actor, now),
        project=command.project,
        subject=command.subject,
        site=command.site,
        use_case=command.use_case,
        pipeline=command.pipeline,
    )


def _describe(command: Describe, state: Subject, actor: Actor, now: datetime) -> tuple[Event, ...]:
    allow(Permission.DESCRIBE, state, actor, "include, exclude or sort subjects")
    check_present(state)
    included = state.included if command.included is None else command.included
    live = state.live if command.live is None else command.live
    cohort = state.cohort if command.cohort is None else command.cohort
    if cohort:
        check_name(cohort)
    if (included, live, cohort) == (state.included, state.live, state.cohort):
        return ()
    if state.included and not included and not command.reason.strip():
        raise Refused("An exclusion needs a reason.", "Say why: reason='...'.")
    return (Described(**who(actor, now), included=included, live=live, cohort=cohort, reason=command.reason),)


def _attach(command: Attach, state: Subject, actor: Actor, now: datetime) -> Event:
    needed = Permission.ADMINISTER if command.layer == CONTROL_LAYER else Permission.ATTACH
    allow(needed, state, actor, "attach this data")
    check_present(state)
    check_name(command.layer)
    return Attached(
        **who(actor, now),
        layer=command.layer,
        version=len(state.layers.get(command.layer, ())) + 1,
        media_type=command.media_type,
        digest=command.digest,
        size=command.size,
    )


def _change(command: ChangeUseCase, state: Subject, actor: Actor, now: datetime) -> tuple[Event, ...]:
    allow(Permission.ADMINISTER, state, actor, "move subjects to another definition")
    check_present(state)
    if not command.reason.strip():
        raise Refused("A move to another definition needs a reason.", "Say why: reason='...'.")
    if command.use_case == state.use_case:
        return ()
    kept = {task.name for task in command.pipeline}
    running = [
        task.name for task in state.pipeline if status(state, task, now) == TaskStatus.OPEN and task.name not in kept
    ]
    if running:
        raise Refused(f"{running[0]!r} is open, and not in the new definition.", "End its lease first.")
    event = UseCaseChanged(
        **who(actor, now), use_case=command.use_case, pipeline=command.pipeline, reason=command.reason
    )
    return (event,)


def _withdraw(command: Withdraw, state: Subject, actor: Actor, now: datetime) -> tuple[Event, ...]:
    allow(Permission.WITHDRAW, state, actor, "carry out a withdrawal of consent")
    if not command.reason.strip():
        raise Refused("A withdrawal needs a reason.", "Give its basis, e.g. the date of the letter; no names.")
    return () if state.withdrawn else (Withdrawn(**who(actor, now), reason=command.reason),)
