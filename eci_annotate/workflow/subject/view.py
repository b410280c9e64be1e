"""`view(state, actor, now)` is the only form in which a subject is exposed: what the actor's roles allow them to see.

One table, `actor.MAY`, defines which role sees what; blinding removes from it, and nothing adds to it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from eci_annotate.errors import NotFound
from eci_annotate.workflow.actor import SIGNED_ONLY, Actor, Permission
from eci_annotate.workflow.subject.blinding import is_hidden, is_veiled, sees_layer, veiled
from eci_annotate.workflow.subject.decide_about_subject import check_there
from eci_annotate.workflow.subject.events import Attached, VersionSigned
from eci_annotate.workflow.subject.start_rules import is_for, why_not
from eci_annotate.workflow.subject.state import Subject, TaskStatus, Work, rejection, stage_of, standing, status
from eci_annotate.workflow.subject.verdict import Versions, VersionStatus, chosen, version_statuses
from eci_annotate.workflow.usecase.pipeline import DRAWN, TaskDefinition, TaskKind, readings_of
from eci_annotate.workflow.usecase.usecase import UseCase


@dataclass(frozen=True)
class TaskView:
    """One task, as one actor may see it.

    `mine`: this very session holds it; `elsewhere`: another session of the same user does.
    `may_start`: a `Start` would be granted now, or already has been.
    `fence` is 0 unless `mine`; `use_case` is then the digest with which it was started.
    `rejected` is the reason of the review or reopening that made it ready again; `marked` names the blob with the
    places that the review marked. `group` is set for a reading. `statuses` holds the status of each version in
    `signed`. `since`: when the task became ready, None before; `rejected_by`: who signed the review that rejected it.
    `begun`: the actor started it last and has not signed since, so that their draft continues.
    """

    name: str
    title: str
    kind: str
    status: TaskStatus
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
    signed: tuple[VersionSigned, ...]
    stage: str = ""
    assigned: str = ""
    marked: str = ""
    group: str = ""
    statuses: tuple[VersionStatus, ...] = ()
    since: datetime | None = None
    rejected_by: str = ""
    begun: bool = False

    def chosen(
        self, versions: Versions = Versions.NEWEST, *, accepted: bool = False, readings: bool = False
    ) -> list[tuple[VersionSigned, VersionStatus]]:
        """Return the versions that `verdict.chosen` selects from those the actor may see, with their status."""
        taken = {each.version: each for each in chosen(self.statuses, versions, accepted=accepted, readings=readings)}
        return [(each, taken[each.version]) for each in self.signed if each.version in taken]


@dataclass(frozen=True)
class SubjectView:
    """One subject, as one actor may see it.

    `cohort`, `stage` and `progress` (task and status, in order) are set for actors who see the whole pipeline;
    `layers` are the newest versions of its data layers, for actors who may see images.
    """

    project: str
    subject: str
    site: str
    use_case: str
    tasks: tuple[TaskView, ...]
    included: bool = True
    live: bool = True
    cohort: str = ""
    stage: str = ""
    progress: tuple[tuple[str, TaskStatus], ...] = ()
    layers: tuple[Attached, ...] = ()
    withdrawn: bool = False

    def task(self, name: str) -> TaskView:
        """Return the task of that name, if the actor may see it."""
        for each in self.tasks:
            if each.name == name:
                return each
        raise NotFound("Task not found, or you do not have access to it.", "Call worklist() for your tasks.")

    def version(self, task: str, number: int) -> VersionSigned:
        """Return a signed version that the actor may see."""
        for each in self.task(task).signed:
            if each.version == number:
                return each
        raise NotFound("Signed version not found, or you do not have access to it.", "Call annotations() for a list.")


def view(state: Subject, actor: Actor, now: datetime) -> SubjectView:
    """Return what `actor` may see of the subject; raises NotFound, as for a missing subject, if that is nothing."""
    check_there(state, actor)
    whole = actor.may(Permission.SEE_PIPELINE, state.project, state.site)
    found = [(task, _view_task(state, task, actor, now)) for task in state.pipeline]
    tasks = tuple(seen for task, seen in found if whole or _sees(state, task, seen, actor, now))
    if not whole and (state.withdrawn or (not tasks and _needs_tasks(state, actor))):
        raise NotFound("Subject not found, or you do not have access to it.", "Call worklist() for your tasks.")
    return SubjectView(
        project=state.project,
        subject=state.subject,
        site=state.site,
        use_case=state.use_case,
        tasks=tasks,
        included=state.included,
        live=state.live,
        cohort=state.cohort if whole else "",
        stage=stage_of(state) if whole else "",
        progress=tuple((task.name, status(state, task, now)) for task in state.pipeline) if whole else (),
        layers=_layers(state, actor),
        withdrawn=state.withdrawn,
    )


def view_case(case: UseCase, actor: Actor, project: str) -> UseCase:
    """Return the part of a definition that the actor may see.

    Actors who see the pipeline or signed work (whose seals name the definition) get all of it; others only the tasks
    that they may do.
    """
    if actor.may(Permission.SEE_PIPELINE, project) or actor.may(Permission.SEE_SIGNED, project):
        return case
    return case.only(lambda task: actor.has_role(project, task.roles))


def has_task(state: Subject, actor: Actor, now: datetime) -> bool:
    """Whether `view` would show a task that the actor may start now or holds, computed without building the view."""
    check_there(state, actor)
    whole = actor.may(Permission.SEE_PIPELINE, state.project, state.site)
    return any(_is_to_do(state, task, actor, now, whole) for task in state.pipeline if task.kind != TaskKind.INGEST)


def _is_to_do(state: Subject, task: TaskDefinition, actor: Actor, now: datetime, whole: bool) -> bool:
    lease = state.work[task.name].lease
    if lease is not None and lease.is_live(now):
        return lease.holder == actor.name
    if why_not(state, task, actor, now) is not None:
        return False
    return whole or not task.group or _sees(state, task, _view_task(state, task, actor, now), actor, now)


def _needs_tasks(state: Subject, actor: Actor) -> bool:
    return set(actor.roles_at(state.project, state.site)) <= SIGNED_ONLY


def _layers(state: Subject, actor: Actor) -> tuple[Attached, ...]:
    allowed = actor.may(Permission.SEE_IMAGES, state.project, state.site) and not state.withdrawn
    shown = [name for name in sorted(state.layers) if allowed and sees_layer(name, actor, state.project)]
    newest = [state.layers[name][-1] for name in shown]
    return tuple(replace(each, where="") for each in newest)


def _sees(state: Subject, task: TaskDefinition, seen: TaskView, actor: Actor, now: datetime) -> bool:
    """Whether an actor without sight of the pipeline sees the task: it is theirs, or they may start or read it."""
    if seen.signed or seen.mine or seen.elsewhere:
        return True
    if standing(state, task, now) == TaskStatus.BLOCKED or not is_for(state, task, actor):
        return False
    return not task.group or (seen.may_start and task == _first_free(state, task, actor, now))


def _first_free(state: Subject, task: TaskDefinition, actor: Actor, now: datetime) -> TaskDefinition | None:
    """Return the one reading to show to an actor if several readings wait for a reader."""
    readings = readings_of(state.pipeline, task.group)
    own = [each for each in readings if state.work[each.name].assigned == actor.name]
    unheld = (each for each in own or readings if status(state, each, now) != TaskStatus.OPEN)
    return next((each for each in unheld if why_not(state, each, actor, now) is None), None)


def _view_task(state: Subject, task: TaskDefinition, actor: Actor, now: datetime) -> TaskView:
    work = state.work[task.name]
    current = status(state, task, now)
    mine = current == TaskStatus.OPEN and work.lease is not None and work.lease.is_of(actor)
    held = work.lease if current == TaskStatus.OPEN else None
    rejected = rejection(state, task.name)
    asked = work.asked if work.signed and work.reopened == work.version else ""
    hides = is_veiled(state, task, actor)
    signed = _named(state, task, actor, _visible(state, task, work, actor, mine), hides)
    shown = {each.version for each in signed}
    return TaskView(
        name=task.name,
        title=task.title,
        kind=task.kind,
        status=current,
        version=work.version,
        holder=held.holder if held and not (hides and held.holder != actor.name) else "",
        until=held.until if held else None,
        mine=mine,
        elsewhere=held is not None and held.holder == actor.name and not mine,
        may_start=(mine or current != TaskStatus.OPEN) and why_not(state, task, actor, now) is None,
        fence=work.fence if mine else 0,
        basis=dict(work.basis) if mine else {},
        use_case=work.use_case if mine else state.use_case,
        rejected=rejected.reason if rejected else asked,
        signed=signed,
        stage=task.stage or task.kind,
        assigned="" if hides and work.assigned != actor.name else work.assigned,
        marked=next((part.digest for part in rejected.manifest.of("places")), "") if rejected else "",
        group=task.group,
        statuses=tuple(each for each in version_statuses(state, task) if each.version in shown) if shown else (),
        since=_ready_since(state, task, rejected) if current != TaskStatus.BLOCKED else None,
        rejected_by=rejected.by if rejected else "",
        begun=work.begun_by == actor.name,
    )


def _ready_since(state: Subject, task: TaskDefinition, rejected: VersionSigned | None) -> datetime | None:
    """Return when the last signature came that the task waited for."""
    before = [each.name for name in task.after for each in readings_of(state.pipeline, name)]
    signed = [state.work[name].signed[-1].at for name in before if state.work[name].signed]
    return max([*signed, *([rejected.at] if rejected else [])], default=None)


def _named(
    state: Subject, task: TaskDefinition, actor: Actor, signed: tuple[VersionSigned, ...], hides: bool
) -> tuple[VersionSigned, ...]:
    """Return the versions to expose: without their origin, and without the reader for blinded readings."""
    return tuple(
        veiled(state, task, each) if hides and each.by != actor.name else replace(each, where="") for each in signed
    )


def _visible(state: Subject, task: TaskDefinition, work: Work, actor: Actor, mine: bool) -> tuple[VersionSigned, ...]:
    if is_hidden(state, task, actor):
        return ()
    newest = work.version if mine else 0
    if actor.may(Permission.SEE_SIGNED, state.project, state.site):
        developer = _needs_tasks(state, actor)
        return work.signed if not developer or task.kind in DRAWN else ()
    own = actor.may(Permission.SEE_OWN_SIGNED, state.project, state.site)
    return tuple(each for each in work.signed if (own and each.by == actor.name) or each.version == newest)


def readable(seen: SubjectView) -> frozenset[str]:
    """Return the digests of all blobs that this view allows the actor to read."""
    if seen.withdrawn:
        return frozenset()
    parts = (part.digest for task in seen.tasks for signed in task.signed for part in signed.manifest.parts)
    cases = (signed.use_case for task in seen.tasks for signed in task.signed)
    layers = (layer.digest for layer in seen.layers)
    marked = (task.marked for task in seen.tasks if task.marked)
    return frozenset({*parts, *cases, *layers, *marked})
