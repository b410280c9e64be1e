"""`view(state, actor, now)` is the only form in which a subject leaves: what the roles let him see.

Which role sees what stands in one table, `actor.MAY`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from eci_annotate.errors import NotFound
from eci_annotate.workflow.actor import Actor
from eci_annotate.workflow.events import Signed
from eci_annotate.workflow.pipeline import TaskDefinition
from eci_annotate.workflow.state import OPEN, Subject, Work, rejection, status
from eci_annotate.workflow.subject import why_not


@dataclass(frozen=True)
class TaskView:
    """One task, as one actor may see it.

    `mine`: this very session holds it; `elsewhere`: another session of the same person does.
    `may_start`: a `Start` would be granted now, or is already.
    `fence` is 0 unless it is mine; `use_case` is then the digest that it was started with.
    `rejected` is the reason of the review that made it ready again.
    """

    name: str
    title: str
    kind: str
    status: str
    version: int
    holder: str
    until: datetime | None
    mine: bool
    elsewhere: bool
    may_start: bool
    fence: int
    basis: dict[str, int]
    use_case: str
    rejected: str
    signed: tuple[Signed, ...]


@dataclass(frozen=True)
class SubjectView:
    """One subject, as one actor may see it."""

    project: str
    subject: str
    site: str
    use_case: str
    tasks: tuple[TaskView, ...]

    def task(self, name: str) -> TaskView:
        """The task of that name, if the actor may see it."""
        for each in self.tasks:
            if each.name == name:
                return each
        raise NotFound("There is no such task for you.", "See worklist() for what you may do.")

    def version(self, task: str, number: int) -> Signed:
        """A signed version that the actor may see."""
        for each in self.task(task).signed:
            if each.version == number:
                return each
        raise NotFound("There is no such signed version for you.", "See annotations() for those there are.")


def view(state: Subject, actor: Actor, now: datetime) -> SubjectView:
    """What `actor` may see of the subject; NotFound, as if there were none, when that is nothing."""
    if not state.subject or not actor.roles.get(state.project):
        raise NotFound("There is no such subject for you.", "See worklist() for what you may do.")
    shown = (task for task in state.pipeline if _sees(state, task, actor))
    tasks = tuple(_view_task(state, task, actor, now) for task in shown)
    return SubjectView(state.project, state.subject, state.site, state.use_case, tasks)


def _sees(state: Subject, task: TaskDefinition, actor: Actor) -> bool:
    whole = actor.may("see pipeline", state.project) or actor.may("see signed", state.project)
    return whole or actor.has_role(state.project, task.roles)


def _view_task(state: Subject, task: TaskDefinition, actor: Actor, now: datetime) -> TaskView:
    work = state.work[task.name]
    standing = status(state, task, now)
    mine = standing == OPEN and work.lease is not None and work.lease.is_of(actor)
    held = work.lease if standing == OPEN else None
    rejected = rejection(state, task.name)
    return TaskView(
        name=task.name,
        title=task.title,
        kind=task.kind,
        status=standing,
        version=work.version,
        holder=held.holder if held else "",
        until=held.until if held else None,
        mine=mine,
        elsewhere=held is not None and held.holder == actor.name and not mine,
        may_start=(mine or standing != OPEN) and why_not(state, task, actor, now) is None,
        fence=work.fence if mine else 0,
        basis=dict(work.basis) if mine else {},
        use_case=work.use_case if mine else state.use_case,
        rejected=rejected.reason if rejected else "",
        signed=_visible(state, work, actor, mine),
    )


def _visible(state: Subject, work: Work, actor: Actor, mine: bool) -> tuple[Signed, ...]:
    if actor.may("see signed", state.project):
        return work.signed
    own = actor.may("see own signed", state.project)
    newest = work.version if mine else 0
    return tuple(each for each in work.signed if (own and each.by == actor.name) or each.version == newest)


def readable(seen: SubjectView) -> frozenset[str]:
    """The digests of all blobs that this view lets the actor read."""
    parts = (part.digest for task in seen.tasks for signed in task.signed for part in signed.manifest.parts)
    cases = (signed.use_case for task in seen.tasks for signed in task.signed)
    return frozenset({seen.use_case, *parts, *cases})
