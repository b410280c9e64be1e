"""What an ingest seals of each image file, and whether the archive still holds exactly that.

A file may be re-encoded without loss: its header and its pixels count. What was sealed must be there, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from eci_annotate.archive.protocol import Archive, Instance
from eci_annotate.decoder.file_reader import FileReader, PixelRule, has_pixels_of
from eci_annotate.dicom.header_digest import HEADER
from eci_annotate.errors import Refused, Tampered, undamaged
from eci_annotate.repository.keys.subject_encryption import SubjectBlobs
from eci_annotate.repository.local.event_streams import Streams
from eci_annotate.workflow.codec import canonical, digest, from_json, parse, to_json
from eci_annotate.workflow.subject.events import VersionSigned
from eci_annotate.workflow.subject.state import Subject
from eci_annotate.workflow.trust.seals import PartKind, SealedPart
from eci_annotate.workflow.usecase.pipeline import TaskKind

_RESTORE = "Restore the images from a backup."


@dataclass(frozen=True)
class InstanceSeal:
    """One image file as it was received: SHA-256 of the file, and the digests of its header and of its pixels.

    `file` and `header` are empty for images that release 0.1 sealed.
    """

    pixels: str
    file: str = ""
    header: str = ""


SealedImages = Mapping[str, Mapping[str, InstanceSeal]]  # by series, by SOP instance UID
Content = Callable[[str, str], SubjectBlobs]


def written(images: SealedImages) -> bytes:
    """Return the list of sealed images as it is stored."""
    return canonical({"headers": HEADER, "series": to_json(images)})


def listed(part: SealedPart, blobs: SubjectBlobs) -> SealedImages:
    """Return the images that a part of an ingest's manifest lists.

    Raises
    ------
    Refused
        The headers were sealed by a rule that this release does not know.
    """
    content = blobs.get(part.digest)
    if part.role == PartKind.INSTANCES:
        return read_list(content)
    with undamaged("The list of images is damaged."):
        stored = parse(content, "The list of images")
        return {uid: {sop: InstanceSeal(pixels) for sop, pixels in rows.items()} for uid, rows in stored.items()}


def read_list(content: bytes) -> SealedImages:
    """Return the images of a stored list; raises Refused for an unknown rule, Tampered for a damaged list."""
    with undamaged("The list of images is damaged."):
        stored = parse(content, "The list of images")
        if stored["headers"] != HEADER:
            raise Refused(f"The images were sealed by the rule {stored['headers']!r}.", "Update eci_annotate.")
        series = stored["series"].items()
        return {uid: {sop: from_json(InstanceSeal, each) for sop, each in rows.items()} for uid, rows in series}


def ingests(state: Subject) -> list[VersionSigned]:
    """Return the versions of the subject's ingest, oldest first."""
    names = [task.name for task in state.pipeline if task.kind == TaskKind.INGEST]
    return sorted((each for name in names for each in state.work[name].signed), key=lambda each: each.at)


def list_of(version: VersionSigned) -> SealedPart | None:
    """Return the part that lists the images of an ingest: with their headers if it has it, else their pixels."""
    return version.manifest.only(PartKind.INSTANCES) or version.manifest.only(PartKind.IMAGES)


def basis_parts(state: Subject) -> tuple[SealedPart, ...]:
    """Return the parts by which a version names the images that it rests on."""
    if not (found := ingests(state)):
        return ()
    last = found[-1]
    named = SealedPart(PartKind.INGEST, f"{last.task}/{last.version}", last.seal)
    return (named, *last.manifest.of(PartKind.INSTANCES))


class ImageSeals:
    """The sealed images of subjects, from the events of all projects that hold them.

    Parameters
    ----------
    streams
        The repository's events.
    content
        Gives the blobs of a subject (project, subject).
    """

    def __init__(self, streams: Streams, content: Content) -> None:
        self._streams, self._content = streams, content

    def of(self, subject: str) -> dict[str, dict[str, InstanceSeal]]:
        """Return the subject's sealed images; empty if no ingest was signed."""
        images: dict[str, dict[str, InstanceSeal]] = {}
        for version, blobs in sorted(self._versions(subject), key=lambda pair: pair[0].at):
            part = list_of(version)
            for uid, rows in listed(part, blobs).items() if part else ():
                images.setdefault(uid, {}).update(rows)
        return images

    def _versions(self, subject: str) -> list[tuple[VersionSigned, SubjectBlobs]]:
        projects = self._streams.projects_of(subject)
        states = [self._streams.subject(project, subject)[1] for project in projects]
        live = [state for state in states if state.subject and not state.withdrawn]
        return [(each, self._content(state.project, subject)) for state in live for each in ingests(state)]


def check_list(instances: Sequence[Instance], sealed: Mapping[str, InstanceSeal], *, more: bool = False) -> None:
    """Raise Tampered unless the instances of a series are those that were sealed; `more` allows new ones."""
    present = {each.sop_uid for each in instances}
    if missing := sealed.keys() - present:
        raise Tampered(f"{len(missing)} images of a sealed series are missing.", _RESTORE)
    if not more and (extra := present - sealed.keys()):
        raise Tampered(f"{len(extra)} images were added to a sealed series.", "Remove them, or import them.")


def check_files(
    archive: Archive, instances: Sequence[Instance], sealed: Mapping[str, InstanceSeal], reader: FileReader
) -> int:
    """Compare the files of sealed instances with their seals, where these cover files.

    Returns
    -------
    int
        How many files were re-encoded without a change of header or pixels.

    Raises
    ------
    Tampered
        Names the first instance whose header or pixels differ.
    """
    compared = [each for each in instances if each.sop_uid in sealed and sealed[each.sop_uid].file]
    return sum(check_content(archive.read(each), each.sop_uid, sealed[each.sop_uid], reader) for each in compared)


def check_content(content: bytes, sop_uid: str, seal: InstanceSeal, reader: FileReader) -> bool:
    """Return whether a file was re-encoded since it was sealed; raises Tampered if its header or pixels differ."""
    if digest(content) == seal.file:
        return False
    if reader.digests(lambda: content, PixelRule.NONE).header != seal.header:
        raise Tampered(f"The header of instance {sop_uid} was changed.", _RESTORE)
    if not has_pixels_of(reader, lambda: content, seal.pixels):
        raise Tampered(f"The pixels of instance {sop_uid} were changed.", _RESTORE)
    return True
