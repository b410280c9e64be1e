"""Do the derived tasks that are ready: copy, and sign with the service's key. A task that fails holds up no other."""

from __future__ import annotations

import logging
from dataclasses import replace

from eci_annotate.errors import EciError
from eci_annotate.imaging.registration.registration import Registration
from eci_annotate.repository.backend import SubjectQuery, every_subject
from eci_annotate.repository.derivation.copy_annotations import copied_drawing, in_words
from eci_annotate.repository.derivation.service_member import served_projects, service_identity
from eci_annotate.repository.external.adopt_annotations import adopt
from eci_annotate.repository.external.study_registrations import registrations_of_layer
from eci_annotate.repository.local.backend import LocalBackend
from eci_annotate.repository.local.context import Context
from eci_annotate.repository.repository import Repository
from eci_annotate.repository.task import Task
from eci_annotate.tools.editing.entries import Delete
from eci_annotate.workflow.subject.state import TaskStatus
from eci_annotate.workflow.usecase.pipeline import TaskKind

log = logging.getLogger("eci_annotate.hub")


def derive_all(context: Context) -> int:
    """Do every derived task that is ready; returns how many were signed."""
    mine = served_projects(context)
    if not mine:
        return 0
    backend = LocalBackend(context, service_identity(context.layout))
    repo, asked = Repository(backend, backend.images), SubjectQuery(startable=True)
    waiting = [
        (name, seen.subject, task.name)
        for name in mine
        for seen in every_subject(backend, name, asked)
        for task in seen.tasks
        if task.kind == TaskKind.DERIVE and task.status != TaskStatus.SIGNED and (task.may_start or task.mine)
    ]
    return sum(_tried(repo, *where) for where in waiting)


def _tried(repo: Repository, project: str, subject: str, task: str) -> bool:
    try:
        derive(repo, project, subject, task)
    except Exception as error:  # the next step tries again; what was signed before it counts
        log.error("a derived task was not done", extra={"kind": type(error).__name__})
        return False
    return True


def derive(repo: Repository, project: str, subject: str, name: str) -> None:
    """Do one derived task of a subject."""
    task = repo.start(subject, name, project=project, take_over=True)
    rule, of = task.definition.copies, task.definition.of
    assert rule is not None, "the pipeline was checked"
    source = repo.signed(subject, of, task.basis[of], project=project)
    layers = repo.backend.subject(project, subject).layers
    layer = next((each for each in layers if each.layer == rule.registration), None)
    known: list[Registration] = []
    remarks: tuple[str, ...] = ()
    if layer is not None:
        try:
            known = list(registrations_of_layer(repo.backend, project, subject, layer))
        except EciError as error:
            remarks = (f"The registration cannot be used: {error.what}",)
    copied = copied_drawing(task, source, rule, known)
    copied = replace(copied, remarks=(*remarks, *copied.remarks))
    _clear(task)
    if copied.annotations:
        adopt(task, copied.annotations, f"{of}/{source.version}")
    task.sign(in_words(source, copied, layer.digest if layer else ""))


def _clear(task: Task) -> None:
    """Delete what the draft holds: the copy of an earlier version, or of an attempt that was interrupted."""
    from eci_annotate.tools import replay, to_line

    draft = task.draft()
    if held := list(replay(task.volume, draft.snapshot, draft.lines).table.objects):
        task.save([to_line(Delete(uid)) for uid in held])
