"""Do the derived tasks that are ready: copy, and sign with the service's key. A task that fails holds up no other."""

from __future__ import annotations

import logging

from eci_annotate.errors import NotFound
from eci_annotate.repository.admin.import_scan import Progress
from eci_annotate.repository.backend import SubjectQuery, every_subject
from eci_annotate.repository.derivation.copy_annotations import copied_drawing, in_words
from eci_annotate.repository.derivation.service_member import served_projects, service_identity
from eci_annotate.repository.external.adopt_annotations import adopt
from eci_annotate.repository.local.backend import LocalBackend
from eci_annotate.repository.local.context import Rooms
from eci_annotate.repository.repository import Repository
from eci_annotate.workflow.codec import digest
from eci_annotate.workflow.subject.state import TaskStatus
from eci_annotate.workflow.usecase.pipeline import TaskKind

log = logging.getLogger("eci_annotate.hub")


def derive_all(rooms: Rooms, project: str | None = None, tell: Progress = lambda *_: None) -> int:
    """Do every derived task that is ready, in one project or in all; returns how many were signed."""
    mine = [name for name in served_projects(rooms) if project in (None, name)]
    if not mine:
        return 0
    backend = LocalBackend(rooms, service_identity(rooms.layout))
    repo, asked = Repository(backend, backend.images), SubjectQuery(startable=True)
    waiting = [
        (name, seen.subject, task.name)
        for name in mine
        for seen in every_subject(backend, name, asked)
        for task in seen.tasks
        if task.kind == TaskKind.DERIVE and task.status != TaskStatus.SIGNED and (task.may_start or task.mine)
    ]
    done = 0
    for number, where in enumerate(waiting, 1):
        done += _tried(repo, *where)
        tell("Copying drawings", number, len(waiting))
    return done


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
    layer = None
    if rule.registration:
        try:
            layer = repo.layer(subject, rule.registration, project=project)
        except NotFound:
            layer = None
    copied = copied_drawing(task, source, rule, layer)
    if copied.annotations and not task.draft().lines:
        adopt(task, copied.annotations, f"{of}/{source.version}")
    task.sign(in_words(source, rule, copied.remarks, digest(layer) if layer else ""))
