"""Contents are reached through their subject alone: who may put and attach them, and what of them one may read."""

from __future__ import annotations

import re
from collections.abc import Iterable

from eci_annotate.archive import protocol as archived
from eci_annotate.dicom.object_origin import origin_of
from eci_annotate.errors import LeaseLost, NotFound, Refused, Tampered
from eci_annotate.repository import draft_entries
from eci_annotate.repository.local.context import Context
from eci_annotate.repository.manifest_parts import archived_uids, is_archived
from eci_annotate.store.protocols import Record
from eci_annotate.workflow.actor import Actor, Permission
from eci_annotate.workflow.codec import digest as digest_of
from eci_annotate.workflow.project import check_name
from eci_annotate.workflow.subject.commands import Attach, ChangeUseCase, Enrol
from eci_annotate.workflow.subject.events import VersionSigned
from eci_annotate.workflow.subject.state import Subject
from eci_annotate.workflow.subject.view import SubjectView, readable
from eci_annotate.workflow.trust.seals import PartKind, SealedPart

_MEDIA_TYPE = re.compile(r'[\w.+-]+/[\w.+-]+( *; *[\w.-]+=([^\s;"]+|"[^"]*"))*', re.ASCII)


def check_put(seen: SubjectView, actor: Actor, attached: bool) -> None:
    """LeaseLost unless the actor holds one of the tasks, or (for what is to be attached) may attach data."""
    attaches = attached and actor.may(Permission.ATTACH, seen.project, seen.site)
    if not attaches and not any(task.mine for task in seen.tasks):
        raise LeaseLost("You hold no lease of this subject.", "Start one first.")


def check_attached(context: Context, command: Attach, seen: SubjectView, actor: Actor) -> None:
    """What is attached must be there, as it is described, and not be what a signed version holds for its readers."""
    if not actor.may(Permission.ATTACH, command.project, seen.site):
        return  # the workflow refuses it
    blobs = context.content(command.project, command.subject)
    content = blobs.get(command.digest)
    blobs.put(content)  # it is young again, so that it is not removed before the event refers to it
    works = context.state(command.project, command.subject)[1].work.values()
    if any(part.digest == command.digest for w in works for s in w.signed for part in s.manifest.parts):
        raise Refused("This content belongs to a signed version.", "Attach other content.")
    if len(content) != command.size or not _MEDIA_TYPE.fullmatch(command.media_type):
        raise Refused("The content has another size, or its media type is none.", "Attach it as it is.")


def check_pseudonym(context: Context, command: Enrol | ChangeUseCase, actor: Actor) -> None:
    """Refuse the pseudonym of another project's subject, unless the actor takes in images of it there.

    Images are stored by pseudonym: whoever enrols it sees them, and can withdraw it.
    """
    check_name(command.subject)
    if not isinstance(command, Enrol) or not actor.may(Permission.INGEST, command.project, command.site):
        return  # the workflow refuses it
    for project in context.streams.projects_of(command.subject):
        state = context.state(project, command.subject)[1]
        there = all(actor.may(each, project, state.site) for each in (Permission.INGEST, Permission.SEE_IMAGES))
        if project != command.project and (not there or state.withdrawn or state.site != command.site):
            raise Refused("This pseudonym is used in another project.", "Choose another pseudonym.")


def content_of(context: Context, seen: SubjectView, digest: str, drafts: Iterable[Record]) -> bytes:
    """A blob or archived file that the view names, or one of the actor's own `drafts`; NotFound for any other."""
    parts = [p for t in seen.tasks for s in t.signed for p in s.manifest.parts if p.digest == digest]
    if parts and is_archived(parts[0]):
        return _archived(context, seen.subject, parts[0])
    if digest not in readable(seen) and digest not in draft_entries.snapshots(drafts):
        raise NotFound("Content not found, or you do not have access to it.", "Check the digest.")
    if parts and parts[0].role == PartKind.INSTANCES:
        context.volumes.check_all(seen.subject)  # an export says what its images are: they must be those
    cases = {signed.use_case for task in seen.tasks for signed in task.signed}
    if digest in cases:
        return context.blobs.get(digest)
    return context.content(seen.project, seen.subject).get(digest)


def is_signed_here(state: Subject, series_uid: str, content: bytes) -> bool:
    """Whether a signature on this subject made an archived file, also one that was cut off before its event."""
    if series_uid in archived_series(signed for work in state.work.values() for signed in work.signed):
        return True
    return origin_of(content).signed_task in {task.name for task in state.pipeline}


def archived_series(signed: Iterable[VersionSigned]) -> set[str]:
    """Return the series in the archive that signatures made."""
    return {archived_uids(part)[1] for each in signed for part in each.manifest.parts if is_archived(part)}


def _archived(context: Context, subject: str, part: SealedPart) -> bytes:
    _, series, sop = archived_uids(part)
    content = archived.content_of(context.archive, subject, series, sop)
    if digest_of(content) != part.digest:
        raise Tampered("An archived file was changed.", "Restore it from a backup.")
    return content
