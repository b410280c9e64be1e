"""Images that release 0.1 sealed by their pixels only are sealed again, with headers and files.

Each subject gets the next version of its ingest, signed by whoever runs this; what differs from its seal is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from eci_annotate.errors import EciError
from eci_annotate.repository.admin.ingest_subject import sign_ingest
from eci_annotate.repository.backend import every_subject
from eci_annotate.repository.local.backend import LocalBackend
from eci_annotate.repository.local.volumes.image_seals import ingests
from eci_annotate.workflow.trust.seals import PartKind

MEANING = "Images sealed again, with their headers and files"


@dataclass(frozen=True)
class ResealedImages:
    """Subjects whose images were sealed now, those sealed before, and for the others why they were not."""

    sealed: list[str] = field(default_factory=list)
    before: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


def seal_images(
    backend: LocalBackend, project: str, progress: Callable[[str, int, int], None] | None = None
) -> ResealedImages:
    """Seal the images of a project's subjects with headers and files, where that was not done at import.

    Parameters
    ----------
    backend
        The repository, for a member who may add subjects.
    project
        The project.
    progress
        Called with (what, done, of).
    """
    done = ResealedImages()
    subjects = [seen.subject for seen in every_subject(backend, project) if not seen.withdrawn]
    for number, subject in enumerate(subjects, 1):
        _seal(backend, project, subject, done)
        if progress:
            progress("Sealing images", number, len(subjects))
    return done


def _seal(backend: LocalBackend, project: str, subject: str, done: ResealedImages) -> None:
    known = ingests(backend.context.state(project, subject)[1])
    if known and known[-1].manifest.only(PartKind.INSTANCES):
        done.before.append(subject)
        return
    try:
        sign_ingest(backend, project, subject, MEANING)
    except EciError as error:
        done.refused[subject] = error.what
    else:
        done.sealed.append(subject)
