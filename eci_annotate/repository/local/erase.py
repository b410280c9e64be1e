"""After a withdrawal of consent: the subject's key, blobs, drafts, images and decoded volumes go; its events stay.

Each step may be done again: a withdrawal that was cut off is finished when the repository is opened next.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from eci_annotate.errors import Tampered
from eci_annotate.repository.keys.image_encryption import ImageCipher
from eci_annotate.repository.local.context import Context
from eci_annotate.store.cards import CardQuery

_PIECE = 5000


def erase(context: Context, project: str, subject: str) -> None:
    """Destroy all content of a subject that was withdrawn from a project."""
    context.vault.destroy(project, subject)
    context.blobs.drop(f"{project}/{subject}")
    context.drafts.drop(project, subject)
    context.proposals.forget(project, subject)
    elsewhere = [name for name in context.streams.projects() if name != project]
    if not any(_lives(context, name, subject) for name in elsewhere):
        _forget_volumes(context, subject)
        context.archive.remove(subject)


def _forget_volumes(context: Context, subject: str) -> None:
    try:
        context.volumes.forget(subject)
    except Tampered:  # encrypted copies that came back without their key: their volumes went with it
        if ImageCipher(context.layout).is_live(subject):
            raise


def finish_withdrawals(context: Context) -> int:
    """Destroy what is left of subjects whose withdrawal was cut off; returns how many there were."""
    cut = [
        each for name in context.streams.projects() for each in _withdrawn(context, name) if has_content(context, *each)
    ]
    for project, subject in cut:
        erase(context, project, subject)
    return len(cut)


def _withdrawn(context: Context, project: str) -> Iterator[tuple[str, str]]:
    """Yield the project's withdrawn subjects; no stream is read, so that a damaged one does not matter."""
    for offset in count(0, _PIECE):
        names = context.streams.names(CardQuery(project, (("withdrawn",),), offset=offset, size=_PIECE))
        yield from ((project, name.split("/")[2]) for name in names)
        if len(names) < _PIECE:
            return


def has_content(context: Context, project: str, subject: str) -> bool:
    """Whether the key of a withdrawn subject, a draft, or an image that no other project needs still exists."""
    if context.vault.is_live(project, subject) or not context.vault.is_gone(project, subject):
        return True
    elsewhere = [name for name in context.streams.projects_of(subject) if name != project]
    return _has_images(context, subject) and not any(_lives(context, name, subject) for name in elsewhere)


def _has_images(context: Context, subject: str) -> bool:
    """Whether images of a subject exist, or a key that opens copies of them."""
    try:
        return ImageCipher(context.layout).is_live(subject) or bool(context.archive.studies(subject))
    except Tampered:
        return False  # encrypted files without their key are no content


def _lives(context: Context, project: str, subject: str) -> bool:
    _, state = context.streams.subject(project, subject)
    return bool(state.subject) and not state.withdrawn
