"""After a withdrawal of consent: the subject's key, blobs, drafts, images and decoded volumes go; its events stay.

While another project still has the subject, what belongs to the withdrawing project alone goes: its signed files, and
the images that it alone took in. Each step may be done again: a withdrawal that was cut off is finished when the
repository is opened next.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import count

from eci_annotate.archive.protocol import Instance
from eci_annotate.errors import NotFound, Refused, Tampered
from eci_annotate.repository.keys.image_encryption import ImageCipher
from eci_annotate.repository.local.context import Context
from eci_annotate.repository.local.volumes.image_seals import ingests, list_of, listed
from eci_annotate.repository.manifest_parts import archived_uids, is_archived
from eci_annotate.store.cards import CardQuery
from eci_annotate.workflow.subject.state import Subject
from eci_annotate.workflow.usecase.pipeline import TaskKind

_PIECE = 5000
Place = tuple[str, str]  # UIDs of a series and of an instance
Archived = tuple[str, str, str]  # UIDs of the series drawn on, and the place of the signed file


def erase(context: Context, project: str, subject: str) -> None:
    """Destroy all content of a subject that was withdrawn from a project, except what other projects have of it."""
    others = _living(context, project, subject)
    if others:
        _discard(context, subject, _own_images(context, project, subject, others))  # while the key opens their list
        _discard(context, subject, _own_files(context, project, subject, others))
    context.vault.destroy(project, subject)
    context.blobs.drop(f"{project}/{subject}")
    context.drafts.drop(project, subject)
    context.proposals.forget(project, subject)
    if not others:
        _forget_volumes(context, subject)
        context.archive.remove(subject)


def _discard(context: Context, subject: str, instances: Sequence[Instance]) -> None:
    """Remove instances and all decoded volumes of the subject, which are decoded again when they are needed."""
    if instances:
        _forget_volumes(context, subject)
        for each in instances:
            context.archive.discard(each)
        context.archive.studies(subject)  # removes them from the index of headers too


def _own_images(context: Context, project: str, subject: str, others: Sequence[Subject]) -> list[Instance]:
    """Return the images that this project alone sealed; none if another one has not sealed what it rests on."""
    if not all(_is_ingested(each) for each in others):
        return []
    drawn_on = {images for other in others for images, _, _ in _signed_files(other)}
    try:
        kept = {place for other in others for place in _sealed(context, other)}
        own = _sealed(context, context.streams.subject(project, subject)[1]) - kept
    except (NotFound, Refused, Tampered):  # a list that is deleted, damaged, or of a newer release
        return []
    return _existing(context, subject, (place for place in own if place[0] not in drawn_on))


def _is_ingested(state: Subject) -> bool:
    return all(state.work[task.name].signed for task in state.pipeline if task.kind == TaskKind.INGEST)


def _sealed(context: Context, state: Subject) -> set[Place]:
    content = context.content(state.project, state.subject)
    parts = filter(None, map(list_of, ingests(state)))
    return {(uid, sop) for part in parts for uid, rows in listed(part, content).items() for sop in rows}


def _own_files(context: Context, project: str, subject: str, others: Sequence[Subject]) -> list[Instance]:
    """Return the archived files that signatures in this project made, also without an event, and in no other one."""
    kept = {(series, sop) for other in others for _, series, sop in _signed_files(other)}
    state = context.streams.subject(project, subject)[1]
    own = dict.fromkeys((series, sop) for _, series, sop in _signed_files(state))
    own |= dict.fromkeys(context.signature_files.places(project, subject))  # also of signatures that were cut off
    return _existing(context, subject, (place for place in own if place not in kept))


def _signed_files(state: Subject) -> Iterator[Archived]:
    parts = (part for work in state.work.values() for signed in work.signed for part in signed.manifest.parts)
    return (archived_uids(part) for part in parts if is_archived(part))


def _existing(context: Context, subject: str, places: Iterable[Place]) -> list[Instance]:
    found = []
    for series, sop in places:
        with suppress(NotFound):
            found.append(context.archive.instance(subject, series, sop))
    return found


def _forget_volumes(context: Context, subject: str) -> None:
    try:
        context.volumes.forget(subject)
    except Tampered:  # encrypted copies that came back without their key: their volumes went with it
        if ImageCipher(context.layout).is_live(subject):
            raise


def finish_withdrawals(context: Context) -> int:
    """Destroy what is left of subjects whose withdrawal was cut off; returns how many there were.

    A subject whose events are damaged is left as it is: `verify` says so.
    """
    done = 0
    for name in context.streams.projects():
        for project, subject in _withdrawn(context, name):
            with suppress(Tampered):
                if has_content(context, project, subject):
                    erase(context, project, subject)
                    done += 1
    return done


def _withdrawn(context: Context, project: str) -> Iterator[tuple[str, str]]:
    """Yield the project's withdrawn subjects; no stream is read, so that a damaged one does not matter."""
    for offset in count(0, _PIECE):
        names = context.streams.names(CardQuery(project, (("withdrawn",),), offset=offset, size=_PIECE))
        yield from ((project, name.split("/")[2]) for name in names)
        if len(names) < _PIECE:
            return


def has_content(context: Context, project: str, subject: str) -> bool:
    """Whether content of a withdrawn subject exists: its key, a file that it signed, an image that nobody else has."""
    if context.vault.is_live(project, subject) or not context.vault.is_gone(project, subject):
        return True
    if not _has_images(context, subject):
        return False
    others = _living(context, project, subject)
    return bool(_own_files(context, project, subject, others)) if others else True


def keeps_images(context: Context, project: str, subject: str) -> bool:
    """Whether images of a withdrawn subject stay because another project still has the subject."""
    return _has_images(context, subject) and bool(_living(context, project, subject))


def _has_images(context: Context, subject: str) -> bool:
    """Whether images of a subject exist, or a key that opens copies of them."""
    try:
        return ImageCipher(context.layout).is_live(subject) or bool(context.archive.studies(subject))
    except Tampered:
        return False  # encrypted files without their key are no content


def _living(context: Context, project: str, subject: str) -> list[Subject]:
    """Return the subject as it is in each other project that still has it."""
    elsewhere = [name for name in context.streams.projects_of(subject) if name != project]
    states = [context.streams.subject(name, subject)[1] for name in elsewhere]
    return [state for state in states if state.subject and not state.withdrawn]
