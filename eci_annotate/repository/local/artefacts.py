"""What a signature signs is made here, from the draft that the store holds: structure sets, report, manifest.

UIDs follow from content, signer and time, so that no two attempts ever meet in one file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from eci_annotate.archive.protocol import Archive, Instance
from eci_annotate.dicom.images.series import pixel_digest
from eci_annotate.errors import NoImages
from eci_annotate.imaging.annotations import Annotation
from eci_annotate.repository.draft_entries import read_draft
from eci_annotate.repository.keys.subject_encryption import SubjectBlobs
from eci_annotate.repository.local.volume_cache import read_volume
from eci_annotate.store.protocols import Record
from eci_annotate.version import __version__
from eci_annotate.workflow.codec import canonical, digest
from eci_annotate.workflow.subject.events import VersionSigned
from eci_annotate.workflow.trust.seals import Manifest, SealedPart
from eci_annotate.workflow.usecase.form import check_answers
from eci_annotate.workflow.usecase.gate import check_gate
from eci_annotate.workflow.usecase.hanging import Header
from eci_annotate.workflow.usecase.pipeline import TaskDefinition
from eci_annotate.workflow.usecase.usecase import UseCase

DERIVED = ("RTSTRUCT", "SR", "SEG", "PR", "KO", "REG", "RTDOSE", "RTPLAN")
SOFTWARE = f"eci_annotate {__version__}"


@dataclass(frozen=True)
class Workshop:
    """Where things are taken from and put: archive, blobs, and the cache of decoded volumes."""

    archive: Archive
    blobs: SubjectBlobs
    cache: Path


@dataclass(frozen=True)
class Job:
    """One version to make: of which task, from which draft, by whom."""

    project: str
    subject: str
    task: TaskDefinition
    case: UseCase
    version: int
    fence: int
    entries: Sequence[Record]
    signer: str
    when: datetime
    meaning: str
    predecessor: VersionSigned | None


@dataclass(frozen=True)
class Drawn:
    """A draft that is complete: what will be signed, before anything is made of it."""

    answers: dict[str, Any]
    annotations: tuple[Annotation, ...]
    rows: tuple[dict[str, Any], ...]
    snapshot: bytes


def drawn(shop: Workshop, job: Job) -> Drawn:
    """What the draft holds, checked against form and gate; nothing is written.

    Raises
    ------
    BadAnswers
        The report is not complete; names the question.
    BadJournal
        The draft cannot be replayed.
    """
    from eci_annotate.tools import replay, save

    draft = read_draft(job.entries, shop.blobs.get)
    answers = check_answers(job.case.report, draft.answers) if job.task.form else {}
    easel = replay(lambda uid: read_volume(shop.archive, shop.cache, job.subject, uid), draft.snapshot, draft.lines)
    annotations = tuple(easel.annotations())
    rows = tuple(_row(each) for each in annotations)
    if job.task.gate:
        check_gate(job.task.gate, answers, rows, job.case.hang(_headers(shop, job.subject)))
    return Drawn(answers, annotations, rows, save(easel))


def annotated(shop: Workshop, job: Job) -> Manifest:
    """Make and keep everything of an annotation's version; refuses as `drawn` does."""
    done = drawn(shop, job)
    parts = [
        SealedPart("snapshot", "easel", shop.blobs.put(done.snapshot)),
        SealedPart("journal", "draft", shop.blobs.put(canonical(list(job.entries)))),
        SealedPart("annotations", "table", shop.blobs.put(canonical(list(done.rows)))),
        *_structure_sets(shop, job, done.annotations),
    ]
    if job.task.form:
        parts.append(SealedPart("report", job.task.form, shop.blobs.put(canonical(done.answers))))
        parts.append(_report(shop, job, done.answers, done.annotations))
    return Manifest(tuple(parts), SOFTWARE)


def _headers(shop: Workshop, subject: str) -> list[Header]:
    return [each.header for study in shop.archive.studies(subject) for each in study.series]


def _row(annotation: Annotation) -> dict[str, Any]:
    return {
        "uid": annotation.uid,
        "kind": type(annotation).__name__.lower(),
        "label": annotation.label,
        "colour": list(annotation.colour),
        "series": annotation.series_uid,
        "frame": annotation.frame_uid,
        "volume_mm3": float(annotation.volume_mm3),
    }


def _structure_sets(shop: Workshop, job: Job, annotations: Sequence[Annotation]) -> list[SealedPart]:
    series = dict.fromkeys(each.series_uid for each in annotations)
    return [_structure_set(shop, job, uid, [a for a in annotations if a.series_uid == uid]) for uid in series]


def _structure_set(shop: Workshop, job: Job, image_series: str, annotations: Sequence[Annotation]) -> SealedPart:
    from eci_annotate.dicom.rtstruct.dataset import structure_set

    content = structure_set(
        annotations,
        _paths(shop, job.subject, image_series),
        version=job.version,
        task=job.task.name,
        signer=job.signer,
        when=job.when,
        meaning=job.meaning,
        predecessor=_predecessor(shop, job, image_series),
    )
    return _keep(shop, job.subject, "rtstruct", image_series, content)


def _predecessor(shop: Workshop, job: Job, image_series: str) -> bytes | None:
    for part in job.predecessor.manifest.of("rtstruct") if job.predecessor else ():
        images, series, sop = part.name.split("/")
        if images == image_series:
            return shop.archive.content(job.subject, series, sop)
    return None


def _report(shop: Workshop, job: Job, answers: dict[str, Any], annotations: Sequence[Annotation]) -> SealedPart:
    from eci_annotate.dicom.sr.report import report_object

    series = annotations[0].series_uid if annotations else image_series_of(shop.archive, job.subject)[0]
    content = report_object(
        answers,
        job.case.report.get("title", job.case.title),
        _paths(shop, job.subject, series),
        version=job.version,
        task=job.task.name,
        signer=job.signer,
        when=job.when,
    )
    return _keep(shop, job.subject, "sr", series, content)


def _keep(shop: Workshop, subject: str, role: str, images: str, content: bytes) -> SealedPart:
    (kept,) = shop.archive.store(subject, [content], replace=True)
    return SealedPart(role, f"{images}/{kept.series_uid}/{kept.sop_uid}", digest(content))


def _paths(shop: Workshop, subject: str, series_uid: str) -> list[Path]:
    return [each.path for each in shop.archive.instances(subject, series_uid)]


def image_series_of(archive: Archive, subject: str) -> list[str]:
    """UIDs of the subject's series that hold images, in the order of the archive."""
    series = (each for study in archive.studies(subject) for each in study.series)
    uids = [each.series_uid for each in series if each.modality not in DERIVED]
    if not uids:
        raise NoImages("The subject has no images.", "Import its DICOM files first.")
    return uids


def ingested(shop: Workshop, subject: str) -> Manifest:
    """The manifest of an ingest: a blob with the pixel digest of each image instance."""
    images = pixel_digests(shop.archive, subject)
    return Manifest((SealedPart("images", "pixels", shop.blobs.put(canonical(images))),), SOFTWARE)


def pixel_digests(archive: Archive, subject: str) -> dict[str, dict[str, str]]:
    """By series and SOP instance UID: the digest of the decoded pixels, computed now."""
    uids = image_series_of(archive, subject)
    return {uid: {each.sop_uid: _pixels(each) for each in archive.instances(subject, uid)} for uid in uids}


def _pixels(instance: Instance) -> str:
    return pixel_digest(instance.path)


def reviewed(
    shop: Workshop, version: VersionSigned, places: Sequence[tuple[float, float, float, str]] = ()
) -> Manifest:
    """The manifest of a review: the seal of what was reviewed, and the places that were marked in it."""
    parts = [SealedPart("reviewed", f"{version.task}/{version.version}", version.seal)]
    if places:
        rows = [{"point_lps": [float(x), float(y), float(z)], "remark": remark} for x, y, z, remark in places]
        parts.append(SealedPart("places", "marked", shop.blobs.put(canonical(rows))))
    return Manifest(tuple(parts), SOFTWARE)
