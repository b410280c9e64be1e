"""A trial run of a pipeline: one subject passes through it in memory, each task done by an eligible member."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from eci_annotate.errors import BadUseCase
from eci_annotate.workflow.actor import ALL_SITES, Actor, Role
from eci_annotate.workflow.subject.commands import Enrol, Seal, Start
from eci_annotate.workflow.subject.decide import decide
from eci_annotate.workflow.subject.start_rules import why_not
from eci_annotate.workflow.subject.state import Subject, evolve, is_done, status, waits_until
from eci_annotate.workflow.subject.versions import seal_of, unsealed
from eci_annotate.workflow.trust.rsa_keys import PrivateKey
from eci_annotate.workflow.trust.seals import Manifest
from eci_annotate.workflow.usecase.pipeline import Decision, TaskDefinition, TaskKind
from eci_annotate.workflow.usecase.usecase import UseCase

P, S = "trial", "ECI_TRIAL_S0001"
_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class TrialStep:
    """A task that was signed: by whom, in which role, and its status afterwards."""

    task: str
    by: str
    role: str
    status: str


def walk(case: UseCase) -> Iterator[TrialStep]:
    """Do all tasks; raises BadUseCase for the first task that nobody can ever start."""
    key, now = PrivateKey.generate(2048), _BEGIN
    state = Subject()
    owner = _member(Role.OWNER, "trial", 0)
    for event in decide(Enrol(P, S, "TRIAL", case.digest, case.pipeline), state, owner, now):
        state = evolve(event, state)
    left = list(case.pipeline)
    while left:
        now = max([now, *(until for task in left if (until := waits_until(state, task, now)))]) + timedelta(minutes=1)
        task, who = _next(state, left, now)
        state = _done(state, task, who, key, now)
        left = [each for each in left if each.name != task.name]
        yield TrialStep(task.name, who.name, who.roles[P][0], status(state, task, now))
        if task.group and is_done(state, task.group):
            left = [each for each in left if each.group != task.group]


def _member(role: str, site: str, number: int) -> Actor:
    return Actor(f"{role}-{number}" if number else role, site, {P: (role,)}, sites={P: (ALL_SITES,)})


def _next(state: Subject, left: list[TaskDefinition], now: datetime) -> tuple[TaskDefinition, Actor]:
    reasons = []
    for task in left:
        for who in _candidates(state, task):
            refusal = why_not(state, task, who, now)
            if refusal is None:
                return task, who
            reasons.append(f"{task.name!r}: {refusal.what}")
    raise BadUseCase(f"No task can proceed. {reasons[-1] if reasons else ''}", "Correct 'after', 'roles' or 'of'.")


def _candidates(state: Subject, task: TaskDefinition) -> Iterator[Actor]:
    for role in task.roles:
        for site in task.sites or ("TRIAL",):
            for number in range(1, len(state.pipeline) + 2):
                yield _member(role, site, number)


def _done(state: Subject, task: TaskDefinition, who: Actor, key: PrivateKey, now: datetime) -> Subject:
    if task.assigned:
        work = replace(state.work[task.name], assigned=who.name)
        state = replace(state, work={**state.work, task.name: work})
    for event in decide(Start(P, S, task.name), state, who, now):
        state = evolve(event, state)
    verdict = Decision.ACCEPT if task.kind == TaskKind.REVIEW else ""
    fence = state.work[task.name].fence
    order = Seal(P, S, task.name, fence, "a trial", verdict, "", Manifest((), "trial"), "", key.public)
    signature = key.sign(seal_of(state, unsealed(order, state, who, now)))
    for event in decide(replace(order, signature=signature), state, who, now):
        state = evolve(event, state)
    return state
