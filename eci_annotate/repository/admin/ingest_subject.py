"""A subject's pseudonym, and the signature over the images that were taken in of it."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from threading import Lock

from eci_annotate.archive.protocol import Archive, image_series_in
from eci_annotate.errors import Refused
from eci_annotate.repository.admin.site_numbers import reserved_ranges
from eci_annotate.repository.local.artefacts import image_series_of
from eci_annotate.repository.local.backend import LocalBackend
from eci_annotate.repository.local.context import Context
from eci_annotate.workflow.subject.commands import Describe, Enrol, Sign, Start
from eci_annotate.workflow.usecase.pipeline import TaskKind

_one_at_a_time = Lock()
_newest: dict[tuple[Path, str], int] = {}  # by repository and beginning of the pseudonym: the last one tried


def is_ingested(context: Context, project: str, subject: str) -> bool:
    """Whether every ingest is signed, and all images of the archive are sealed."""
    _, state = context.state(project, subject)
    if not all(state.work[task.name].signed for task in state.pipeline if task.kind == TaskKind.INGEST):
        return False
    sealed = context.volumes.sealed(subject)
    return set(image_series_of(context.archive, subject)) <= sealed.keys() and all(
        each.sop_uid in rows for uid, rows in sealed.items() for each in context.archive.instances(subject, uid)
    )


def has_images(archive: Archive, subject: str) -> bool:
    """Whether the archive holds images of a subject, not only derived objects."""
    return any(image_series_in(study) for study in archive.studies(subject))


def sign_ingest(backend: LocalBackend, project: str, subject: str, meaning: str = "Taken in as received") -> None:
    """Sign the ingest of a subject over all images that the archive holds of it."""
    for task in backend.account.use_case(project).pipeline:
        if task.kind == TaskKind.INGEST:
            _ingest(backend, project, subject, task.name, meaning)


def _ingest(backend: LocalBackend, project: str, subject: str, task: str, meaning: str) -> None:
    seen = backend.do(Start(project, subject, task, rerun=True))
    fence = seen.task(task).fence if seen else 0
    backend.do(Sign(project, subject, task, fence, meaning))


def enrol_next(backend: LocalBackend, project: str, site: str) -> str:
    """Enrol a subject under the next pseudonym of the site that no project and no image has; the events decide."""
    begin, reserved = begin_of(site), reserved_ranges(backend.context, site)
    with _one_at_a_time:
        for number in count(_next_number(backend.context, begin)):
            _newest[backend.context.layout.root, begin] = number
            subject = f"{begin}{number:04d}"
            if not any(number in each for each in reserved) and enrol_as(backend, project, site, subject):
                return subject
    raise AssertionError("count never ends")


def enrol_as(backend: LocalBackend, project: str, site: str, subject: str) -> bool:
    """Enrol a subject under a pseudonym; returns whether no project and no image had it."""
    if backend.context.archive.studies(subject):
        return False
    case = backend.account.use_case(project)
    try:
        backend.do(Enrol(project, subject, site, case.digest, case.pipeline))
    except Refused:
        streams = backend.context.streams
        if not streams.projects_of(subject) and not streams.has_alike(subject):
            raise
        return False  # another import took it a moment ago
    if backend.context.streams.projects_of(subject) == [project]:
        return True
    backend.do(Describe(project, subject, included=False, reason="another project took this pseudonym"))
    return False


def begin_of(site: str) -> str:
    """Return how the pseudonyms of a site begin."""
    return f"ECI_{site.upper()}_S"


def _next_number(context: Context, begin: str) -> int:
    """Return where to look for a free pseudonym; all subjects are listed once for each site in a process."""
    known = _newest.get((context.layout.root, begin))
    return (last_number(context, begin) if known is None else known) + 1


def last_number(context: Context, begin: str) -> int:
    """Return the highest number that a subject has whose pseudonym begins so."""
    numbers = (name.removeprefix(begin) for _, name in context.streams.subjects() if name.startswith(begin))
    return max((int(number) for number in numbers if number.isdigit()), default=0)
