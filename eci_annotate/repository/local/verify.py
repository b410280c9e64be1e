"""Recomputes what was signed: event chain, seals and their order, signatures, blobs, archived files, pixels.

Each check is one row; a row that fails names what differs, never what it should have contained.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

from eci_annotate.archive.protocol import content_of
from eci_annotate.errors import UNREADABLE, EciError, Refused, Tampered
from eci_annotate.repository.backend import Check
from eci_annotate.repository.keys.dicom_signatures import check_signed_whole
from eci_annotate.repository.local import artefacts
from eci_annotate.repository.local.context import Context
from eci_annotate.repository.local.erase import has_content, keeps_images
from eci_annotate.repository.local.event_streams import project_stream, subject_stream
from eci_annotate.repository.local.volumes.image_seals import check_files, check_list, ingests, listed
from eci_annotate.repository.manifest_parts import Keeping, archived_uids, digital_signature_of, keeping_of
from eci_annotate.workflow.codec import digest, parse
from eci_annotate.workflow.project import Project
from eci_annotate.workflow.subject.events import VersionSigned
from eci_annotate.workflow.subject.lease import to_minute
from eci_annotate.workflow.subject.state import Subject
from eci_annotate.workflow.subject.versions import seal_of
from eci_annotate.workflow.subject.view import SubjectView
from eci_annotate.workflow.trust.seals import START, PartKind, SealedPart
from eci_annotate.workflow.usecase.pipeline import TaskKind

Act = Callable[[], object]
OLDER = "headers not sealed"  # the row of a version that was signed before headers were sealed; it passes
_SEALS: dict[str, str] = {PartKind.REVIEWED: "reviewed version", PartKind.INGEST: "ingest"}
_LISTS: dict[str, str] = {PartKind.IMAGES: "images list", PartKind.INSTANCES: "files list"}


def check_subject(context: Context, seen: SubjectView, anchors: tuple[str, ...] = ()) -> list[Check]:
    """All checks of the versions that a view shows; `anchors` (PEM) are trusted in place of the project's own."""
    return list(_checks(context, seen, anchors))


def _checks(context: Context, seen: SubjectView, anchors: tuple[str, ...]) -> Iterator[Check]:
    for stream in (project_stream(seen.project), subject_stream(seen.project, seen.subject)):
        yield _check(seen.subject, "", 0, "event chain", lambda name=stream: context.streams.check(name))  # type: ignore[misc]
    own = subject_stream(seen.project, seen.subject)
    yield _check(seen.subject, "", 0, "card", lambda: context.streams.check_card(own))
    try:
        _, state = context.streams.subject(seen.project, seen.subject)
        _, project = context.streams.project(seen.project)
    except EciError as error:
        yield Check(seen.subject, "", 0, "events", False, error.what)
        return
    for name, act in _layers(context, state, seen):
        yield _check(seen.subject, "", 0, name, act)
    if state.withdrawn:
        yield _check(seen.subject, "", 0, "withdrawal", lambda: _check_withdrawn(context, state))
    elif ingests(state):
        yield _check(seen.subject, "", 0, "image lists", lambda: _check_lists(context, state))
    for signed in _versions(state, seen):
        for name, act in _acts(context, project, state, signed, anchors):
            yield _check(seen.subject, signed.task, signed.version, name, act)
        if (detail := _older(state, signed)) and not state.withdrawn:
            yield Check(seen.subject, signed.task, signed.version, OLDER, True, detail)


def _layers(context: Context, state: Subject, seen: SubjectView) -> Iterator[tuple[str, Act]]:
    content = context.content(state.project, state.subject)
    for layer in seen.layers:
        for each in state.layers[layer.layer]:
            yield f"layer {each.layer}", lambda digest=each.digest: content.get(digest)  # type: ignore[misc]


def _versions(state: Subject, seen: SubjectView) -> list[VersionSigned]:
    """The ingests, since every version rests on their pixels, and what the view shows."""
    ingests = [task.name for task in state.pipeline if task.kind == TaskKind.INGEST]
    shown = [each for task in seen.tasks if task.name not in ingests for each in task.signed]
    rest = [state.work[each.task].signed[each.version - 1] for each in shown]  # also those shown without a name
    return [signed for name in ingests for signed in state.work[name].signed] + rest


def _check(subject: str, task: str, version: int, name: str, act: Act) -> Check:
    try:
        told = act()
    except EciError as error:
        return Check(subject, task, version, name, False, error.what)
    except UNREADABLE:
        return Check(subject, task, version, name, False, "What is recorded of it is damaged.")
    return Check(subject, task, version, name, True, told if isinstance(told, str) else "")


def _acts(
    context: Context, project: Project, state: Subject, signed: VersionSigned, anchors: tuple[str, ...]
) -> Iterator[tuple[str, Act]]:
    yield "seal", lambda: _check_seal(state, signed)
    yield "seal chain", lambda: _check_predecessor(state, signed)
    yield "signature", lambda: project.check_signed(signed, anchors)
    yield "use case", lambda: context.blobs.get(signed.use_case)
    for part in () if state.withdrawn else signed.manifest.parts:
        yield from _part_acts(context, state, part, own=signed.manifest.only(PartKind.IMAGES) is not None)


def _part_acts(context: Context, state: Subject, part: SealedPart, own: bool) -> Iterator[tuple[str, Act]]:
    """The checks of one part; `own` for a version that lists the images itself, which others only name."""
    try:
        keeping = keeping_of(part.role)
    except Refused:
        yield part.role, lambda: keeping_of(part.role)
        return
    match keeping:
        case Keeping.ARCHIVE:
            content = cache(lambda: _archived(context, state.subject, part))  # read once for both
            yield part.role.upper(), lambda: _check_digest(part, content())
            yield digital_signature_of(part), lambda: check_signed_whole(content())
        case Keeping.SEAL:
            yield _SEALS[part.role], lambda: _check_named(state, part)
        case Keeping.BLOB | Keeping.DOCUMENT:
            blobs = context.content(state.project, state.subject)
            yield _LISTS.get(part.role, part.role), lambda: blobs.get(part.digest)
            if part.role == PartKind.IMAGES:
                yield "pixels", lambda: _check_pixels(context, state, part)
            if part.role == PartKind.INSTANCES and own:
                yield "image files", lambda: _check_files(context, state, part)


def _check_seal(state: Subject, signed: VersionSigned) -> None:
    if seal_of(state, signed) != signed.seal:
        raise Tampered("The content of the version does not match its seal.")


def _check_predecessor(state: Subject, signed: VersionSigned) -> None:
    versions = state.work[signed.task].signed
    before = versions[signed.version - 2].seal if signed.version > 1 else START
    if versions[signed.version - 1] != signed or signed.predecessor != before:
        raise Tampered("The version does not follow the one before it.")


def _archived(context: Context, subject: str, part: SealedPart) -> bytes:
    _, series, sop = archived_uids(part)
    return content_of(context.archive, subject, series, sop)


def _check_digest(part: SealedPart, content: bytes) -> None:
    if digest(content) != part.digest:
        raise Tampered(f"The archived file {archived_uids(part)[2]} was changed.")


def _check_named(state: Subject, part: SealedPart) -> None:
    task, version = part.name.split("/")
    if state.work[task].signed[int(version) - 1].seal != part.digest:
        raise Tampered(f"The version names another seal of {task!r}.")


def _older(state: Subject, signed: VersionSigned) -> str:
    """What a version lacks that was signed before headers were sealed; empty for all others."""
    parts = {part.role for part in signed.manifest.parts}
    if PartKind.INSTANCES in parts or not parts & {PartKind.IMAGES, PartKind.SNAPSHOT}:
        return ""
    since = next((each.at for each in ingests(state) if each.manifest.only(PartKind.INSTANCES)), None)
    if since is None:
        return "Of its images only the pixels are sealed."
    return f"It is older than the seal of its images' headers, {to_minute(since)} UTC."


def _check_withdrawn(context: Context, state: Subject) -> str:
    if has_content(context, state.project, state.subject):
        raise Tampered("Consent was withdrawn, but content of the subject still exists.")
    if keeps_images(context, state.project, state.subject):
        return "Another project still has this subject; its images stay until it is withdrawn there too."
    return ""


def _check_lists(context: Context, state: Subject) -> None:
    """Each series that was sealed holds what was sealed, and nothing else; and each series was sealed."""
    sealed = context.volumes.sealed(state.subject)
    for uid in {*artefacts.image_series_of(context.archive, state.subject), *sealed}:
        check_list(context.archive.instances(state.subject, uid), sealed.get(uid, {}))


def _check_files(context: Context, state: Subject, part: SealedPart) -> str:
    images = listed(part, context.content(state.project, state.subject))
    again = 0
    for uid, rows in images.items():
        instances = context.archive.instances(state.subject, uid)
        check_list(instances, rows, more=True)
        again += check_files(context.archive, instances, rows, context.reader)
    return f"{again} files were re-encoded; their content is the same." if again else ""


def _check_pixels(context: Context, state: Subject, part: SealedPart) -> None:
    sealed = parse(context.content(state.project, state.subject).get(part.digest), "The list of images")
    for series, instances in sealed.items():
        for sop, pixels in instances.items():
            if not artefacts.has_pixels(context.archive, (state.subject, series, sop), pixels, context.reader):
                raise Tampered(f"The pixels of instance {sop} were changed, or it is missing.")
