"""Rules for starting a task, and reasons for refusal: role and site, readiness, independence, blinding, assignment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from eci_annotate.errors import Refused
from eci_annotate.workflow.actor import Actor
from eci_annotate.workflow.subject.lease import to_minute
from eci_annotate.workflow.subject.state import (
    Subject,
    TaskStatus,
    readers_of,
    rejection,
    standing,
    verdict_on,
    waits_for,
    waits_until,
)
from eci_annotate.workflow.usecase.pipeline import Decision, TaskDefinition, TaskKind, readings_of

Rule = Callable[[Subject, TaskDefinition, Actor, datetime], Refused | None]


def why_not(
    state: Subject, task: TaskDefinition, actor: Actor, now: datetime, *, rerun: bool = False
) -> Refused | None:
    """Return why this actor may not start the task, ignoring leases of others; None if they may.

    Parameters
    ----------
    state
        The subject.
    task
        The task to start.
    actor
        The acting user.
    now
        Current time (UTC).
    rerun
        Whether the next version of a signed task is wanted.
    """
    for rule in (_not_there, _not_for_role, _not_for_site, _not_assigned, _not_included, _not_ready):
        if refusal := rule(state, task, actor, now):
            return refusal
    if standing(state, task, now) == TaskStatus.SIGNED and not rerun:
        return _signed_already(state, task)
    return _not_independent(state, task, actor) or _not_another_reader(state, task, actor)


def is_for(state: Subject, task: TaskDefinition, actor: Actor) -> bool:
    """Whether the task suits the actor: role, site and assignment."""
    return could_be_for(state, task, actor) and not _not_assigned(state, task, actor, datetime.min)


def could_be_for(state: Subject, task: TaskDefinition, actor: Actor) -> bool:
    """Whether the task could be assigned to the actor, regardless of its current assignment: role and site."""
    rules: tuple[Rule, ...] = (_not_for_role, _not_for_site)
    return not any(rule(state, task, actor, datetime.min) for rule in rules)


def _not_there(state: Subject, task: TaskDefinition, actor: Actor, now: datetime) -> Refused | None:
    if not state.withdrawn:
        return None
    return Refused("Consent was withdrawn for this subject.", "Choose another subject.")


def _not_for_role(state: Subject, task: TaskDefinition, actor: Actor, now: datetime) -> Refused | None:
    if actor.has_role(state.project, task.roles, state.site):
        return None
    roles = " or ".join(task.roles)
    elsewhere = " at this subject's site" if actor.has_role(state.project, task.roles) else ""
    return Refused(f"You may not start {task.name!r}.", f"It needs the role {roles}{elsewhere}; ask the owner.")


def _not_for_site(state: Subject, task: TaskDefinition, actor: Actor, now: datetime) -> Refused | None:
    if not task.sites or actor.site in task.sites:
        return None
    return Refused(f"{task.name!r} is for members of {' or '.join(task.sites)}.", "Choose another task.")


def _not_assigned(state: Subject, task: TaskDefinition, actor: Actor, now: datetime) -> Refused | None:
    assigned = state.work[task.name].assigned
    if assigned == actor.name or not (assigned or task.assigned):
        return None
    return Refused(f"{task.name!r} is not assigned to you.", "Choose another task, or ask for it to be assigned.")


def _not_included(state: Subject, task: TaskDefinition, actor: Actor, now: datetime) -> Refused | None:
    if state.included:
        return None
    return Refused(f"{state.subject} is excluded.", "Ask the data manager to include it again.")


def _not_ready(state: Subject, task: TaskDefinition, actor: Actor, now: datetime) -> Refused | None:
    if standing(state, task, now) != TaskStatus.BLOCKED:
        return None
    if task.kind == TaskKind.REVIEW and _has_rejected(state, task):
        what = f"{task.name!r} rejected version {state.work[task.of].version} of {task.of!r}."
        return Refused(what, f"It is ready again when {task.of!r} has its next version.")
    if missing := waits_for(state, task):
        names = " and ".join(repr(name) for name in missing)
        return Refused(f"{task.name!r} is not ready.", f"Sign {names} first.")
    until = waits_until(state, task, now)
    assert until is not None, "an excluded subject was refused before"
    return Refused(f"{task.name!r} is not ready.", f"It can be started from {to_minute(until)}.")


def _has_rejected(state: Subject, review: TaskDefinition) -> bool:
    given = verdict_on(state, review, state.work[review.of].version)
    return given is not None and given.verdict == Decision.REJECT


def _signed_already(state: Subject, task: TaskDefinition) -> Refused:
    last = state.work[task.name].signed[-1]
    what = f"{task.name!r} is signed: version {last.version}, {to_minute(last.at)}."
    return Refused(what, "Start it with rerun=True to make the next version.")


def _not_independent(state: Subject, task: TaskDefinition, actor: Actor) -> Refused | None:
    if not task.independent or task.kind not in (TaskKind.REVIEW, TaskKind.ADJUDICATE):
        return None
    if task.kind == TaskKind.ADJUDICATE and actor.name in readers_of(state, task.of):
        return Refused(f"You signed a reading of {task.of!r} yourself.", "Another member must adjudicate it.")
    if task.kind == TaskKind.REVIEW and state.work[task.of].signed:
        reviewed = state.work[task.of].signed[-1]
        if reviewed.by == actor.name:
            what = f"You signed version {reviewed.version} of {task.of!r} yourself."
            return Refused(what, "Another member must review it.")
    return None


def _not_another_reader(state: Subject, task: TaskDefinition, actor: Actor) -> Refused | None:
    """Require distinct readers within a group, and the same reader for a repeated reading or a re-run."""
    work = state.work[task.name]
    if task.repeats and actor.name != state.work[task.repeats].signed[-1].by:
        return Refused(f"{task.name!r} repeats another member's reading.", "Choose another task.")
    if not task.group:
        return None
    if work.signed and work.signed[-1].by != actor.name and not rejection(state, task.name):
        return Refused(f"{task.name!r} belongs to another reader.", "Choose another task.")
    others = [each for each in readings_of(state.pipeline, task.group) if each.name != task.name]
    for other in others:
        theirs = state.work[other.name]
        if theirs.signed and theirs.signed[-1].by == actor.name:
            return Refused(f"You read {task.group!r} already.", "Another member must do the other reading.")
        if theirs.lease is not None and theirs.lease.holder == actor.name and not work.signed:
            return Refused(f"You have begun {other.name!r}.", f"Continue {other.name!r}, or release it.")
    return None
