"""What a signature keeps is made here from a proposal: blobs, derived DICOM objects, and the manifest that names them.

UIDs follow from content, signer and time, so that no two attempts ever meet in one file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from eci_annotate.archive.protocol import Archive, Study, content_of, image_series_in
from eci_annotate.decoder.file_reader import FileReader, has_pixels_of
from eci_annotate.dicom.annotation_objects import DERIVED, Material
from eci_annotate.dicom.header_digest import HEADER
from eci_annotate.dicom.images.files import Opener
from eci_annotate.errors import NoImages, NotFound, Tampered
from eci_annotate.imaging.annotation import Annotation
from eci_annotate.imaging.measurements import has_volume
from eci_annotate.imaging.volume import grid_of
from eci_annotate.repository.analysis.active_time import PAUSE_S, active_time
from eci_annotate.repository.keys.dicom_signatures import SignatureAdder
from eci_annotate.repository.local.proposal import Job, Proposal, Workshop
from eci_annotate.repository.local.volumes.image_seals import SealedImages, written
from eci_annotate.repository.local.volumes.volume_cache import files_of_instances
from eci_annotate.repository.manifest_parts import archived_name, archived_uids
from eci_annotate.version import __version__
from eci_annotate.workflow.codec import canonical, digest
from eci_annotate.workflow.subject.events import VersionSigned
from eci_annotate.workflow.trust.seals import Manifest, PartKind, SealedPart

_RESTORE = "Restore the images from a backup."
SOFTWARE = f"eci_annotate {__version__}"


def annotated(shop: Workshop, proposal: Proposal, adds: SignatureAdder) -> Manifest:
    """Make and keep everything of an annotation's version; Tampered if the images below it are not the sealed ones."""
    job, content = proposal.job, proposal.content
    for uid in dict.fromkeys(each.series_uid for each in content.annotations):
        shop.volumes.check(job.subject, uid)
    parts = [
        SealedPart(PartKind.SNAPSHOT, "easel", shop.blobs.put(content.snapshot)),
        SealedPart(PartKind.JOURNAL, "draft", shop.blobs.put(canonical(list(job.entries)))),
        SealedPart(PartKind.ANNOTATIONS, "table", shop.blobs.put(canonical(list(content.rows)))),
    ]
    if job.task.form:
        parts.append(SealedPart(PartKind.REPORT, job.task.form, shop.blobs.put(canonical(content.answers))))
    if spent := active_time(job.entries):
        parts.append(SealedPart(PartKind.ACTIVE_TIME, "spent", shop.blobs.put(canonical(spent.to_json(PAUSE_S)))))
    if content.measurements:
        kept = shop.blobs.put(canonical(content.measurements))
        parts.append(SealedPart(PartKind.MEASUREMENTS, "measured", kept))
    if content.checks:
        parts.append(SealedPart(PartKind.CHECKS, "stated", shop.blobs.put(canonical(content.checks))))
    return Manifest((*parts, *_derived(shop, proposal, adds), *job.images), SOFTWARE)


def _derived(shop: Workshop, proposal: Proposal, adds: SignatureAdder) -> Iterator[SealedPart]:
    """Make and sign the DICOM objects, read them again, and keep both the objects and the receipt."""
    material, subject = _material(shop, proposal), proposal.job.subject
    rows: list[dict[str, Any]] = []
    for role, kind in DERIVED.items():
        for series, unsigned in kind.make(material):
            content = adds(unsigned)
            if kind.compare is not None:
                mine = [each for each in material.annotations if each.series_uid == series]
                volume = shop.volumes.read(subject, series)
                rows += kind.compare(mine, content, grid_of(volume), has_volume(volume))
            shop.signature_files.note(proposal.job.project, subject, content)
            (kept,) = shop.archive.store(subject, [content], replace=True)
            yield SealedPart(role, archived_name(series, kept.series_uid, kept.sop_uid), digest(content))
    if rows:
        receipt = {"readers": {"eci_annotate": __version__, "plastimatch": "not run"}, "annotations": rows}
        yield SealedPart(PartKind.FIDELITY, "receipt", shop.blobs.put(canonical(receipt)))


def _material(shop: Workshop, proposal: Proposal) -> Material:
    job, content = proposal.job, proposal.content
    return Material(
        annotations=content.annotations,
        answers=content.answers if job.task.form else None,
        form_title=job.case.report.get("title", job.case.title),
        report_series=lambda: _report_series(shop, job.subject, content.annotations),
        files=lambda series: _files(shop, job.subject, series),
        predecessor=lambda role, series: _predecessor(shop, job, role, series),
        version=job.version,
        task=job.task.name,
        signer=job.signer,
        when=job.when,
        meaning=job.meaning,
        pseudonym=job.subject,
        questions=job.case.questions,
    )


def _report_series(shop: Workshop, subject: str, annotations: Sequence[Annotation]) -> str:
    studies = shop.volumes.stacks.studies(subject) if annotations else shop.archive.studies(subject)
    return report_series(studies, [each.series_uid for each in annotations])


def report_series(studies: Sequence[Study], drawn: Sequence[str]) -> str:
    """The series that a report belongs to: the first one drawn on, else the first with images, of the newest study."""
    dates = {each.series_uid: study.date for study in studies for each in image_series_in(study)}
    known = [uid for uid in drawn if uid in dates] or list(dates)
    if not known:
        raise NoImages("The subject has no images.", "Import its DICOM files first.")
    return max(known, key=lambda uid: dates[uid])  # of equal dates the first


def _predecessor(shop: Workshop, job: Job, role: str, image_series: str) -> bytes | None:
    for part in job.predecessor.manifest.of(role) if job.predecessor else ():
        images, series, sop = archived_uids(part)
        if images == image_series:
            return content_of(shop.archive, job.subject, series, sop)
    return None


def _files(shop: Workshop, subject: str, series_uid: str) -> list[Path | Opener]:
    return files_of_instances(shop.archive, shop.volumes.instances(subject, series_uid))


def image_series_of(archive: Archive, subject: str) -> list[str]:
    """UIDs of the subject's series that hold images, in the order of the archive."""
    uids = [each.series_uid for study in archive.studies(subject) for each in image_series_in(study)]
    if not uids:
        raise NoImages("The subject has no images.", "Import its DICOM files first.")
    return uids


def ingested(shop: Workshop, subject: str) -> Manifest:
    """The manifest of an ingest: lists of the pixel, header and file digests of each image; their volumes are kept.

    Raises
    ------
    Tampered
        An image that was sealed before is missing or differs: it is not sealed again.
    """
    images = {uid: shop.volumes.decode(subject, uid) for uid in image_series_of(shop.archive, subject)}
    _check_again(shop, subject, images)
    pixels = {uid: {sop: each.pixels for sop, each in rows.items()} for uid, rows in images.items()}
    parts = (
        SealedPart(PartKind.IMAGES, "pixels", shop.blobs.put(canonical(pixels))),
        SealedPart(PartKind.INSTANCES, HEADER, shop.blobs.put(written(images))),
    )
    return Manifest(parts, SOFTWARE)


def _check_again(shop: Workshop, subject: str, images: SealedImages) -> None:
    for uid, rows in shop.volumes.sealed(subject).items():
        for sop, before in rows.items():
            now = images.get(uid, {}).get(sop)
            same = now is not None and (
                now.pixels == before.pixels
                or has_pixels(shop.archive, (subject, uid, sop), before.pixels, shop.volumes.reader)
            )
            if now is None or not same or (before.header and now.header != before.header):
                raise Tampered(f"Instance {sop} is missing, or was changed since it was sealed.", _RESTORE)


def has_pixels(archive: Archive, where: tuple[str, str, str], sealed: str, reader: FileReader) -> bool:
    """Whether an instance (subject, series, SOP instance) exists and has the pixels that were sealed."""
    try:
        instance = archive.instance(*where)
    except NotFound:
        return False
    return has_pixels_of(reader, partial(archive.read, instance), sealed)


def reviewed(
    shop: Workshop, version: VersionSigned, places: Sequence[tuple[float, float, float, str]] = ()
) -> Manifest:
    """The manifest of a review: the seal of what was reviewed, and the places that were marked in it."""
    parts = [SealedPart(PartKind.REVIEWED, f"{version.task}/{version.version}", version.seal)]
    if places:
        rows = [{"point_lps": [float(x), float(y), float(z)], "remark": remark} for x, y, z, remark in places]
        parts.append(SealedPart(PartKind.PLACES, "marked", shop.blobs.put(canonical(rows))))
    return Manifest(tuple(parts), SOFTWARE)
