"""Which images of an import the archive holds already, and whose they are, as far as the importer may see."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from eci_annotate.dicom.images.headers import Found
from eci_annotate.errors import NotFound
from eci_annotate.repository.local.backend import LocalBackend
from eci_annotate.workflow.subject.view import view


@dataclass(frozen=True)
class Kept:
    """An image that is in the archive, or is about to be: whose it is, and what reads it."""

    subject: str
    study_uid: str
    read: Callable[[], bytes] = field(repr=False)


def known_images(backend: LocalBackend, project: str, found: Sequence[Found]) -> dict[str, Kept]:
    """Which of the found images the project's subjects hold, as far as the importer may see them."""
    archive, seen = backend.context.archive, dict[str, bool]()
    known: dict[str, Kept] = {}
    for each in archive.find({each.sop_uid for each in found}):
        if each.subject not in seen:
            seen[each.subject] = is_seen(backend, project, each.subject)
        if seen[each.subject]:
            known[each.sop_uid] = Kept(each.subject, each.study_uid, partial(archive.read, each))
    return known


def is_seen(backend: LocalBackend, project: str, subject: str) -> bool:
    """Whether a subject belongs to the project, and the importer may see it."""
    try:
        view(backend.context.state(project, subject)[1], backend.account.actor, backend.context.clock())
    except NotFound:  # nobody asked for this one: no refusal is to be noted
        return False
    return True


def subject_of(group: Sequence[Found], known: Mapping[str, Kept]) -> str:
    """The subject that a patient is already; an image's UID alone is no proof, since faulty senders repeat them."""
    there = ((each, known[each.sop_uid]) for each in group if each.sop_uid in known)
    return next((kept.subject for each, kept in there if kept.subject and kept.study_uid == each.study_uid), "")
