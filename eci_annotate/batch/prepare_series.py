"""Prepare one series: de-identify, split into stacks, convert each volume; a pure function of files and options.

It runs in a process of its own, here or on a cluster. All files are written before the record that names them.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from eci_annotate.batch.bids_names import dicom_folder, image_name, session_of, short
from eci_annotate.batch.cohort_scan import SeriesJob
from eci_annotate.batch.prepare_options import PrepareOptions
from eci_annotate.batch.series_header import Keep, SeriesHeader, series_header
from eci_annotate.batch.series_outputs import part_folder, remove_outputs
from eci_annotate.batch.series_record import SeriesRecord
from eci_annotate.batch.sidecar import sidecar_file
from eci_annotate.dicom.images.series import volume_of_stack
from eci_annotate.dicom.images.series_stacks import stacks_of_files
from eci_annotate.dicom.images.stacks import Stack, StackKind
from eci_annotate.errors import BadPolicy, BadSiteKey, EciError, StoreUnavailable
from eci_annotate.imaging.measurements import unit_of
from eci_annotate.imaging.nifti import image_file
from eci_annotate.imaging.replace_file import replace_file
from eci_annotate.imaging.volume import grid_of, values_kji

NO_IMAGE = "The series holds no images."
ONLY_DICOM = "It holds no images, and is kept as DICOM."
FAST = 1  # level of gzip: level 6 takes far longer, for files that are 2 % smaller on real series
NO_VOLUME = {
    StackKind.SLICE: "one slice without thickness, which has no volume",
    StackKind.PROJECTION: "a projection, which has no place in space",
}


def prepare_series(job: SeriesJob, options: PrepareOptions, digest: str) -> SeriesRecord:
    """Prepare one series and store its record; whatever is wrong with it costs only itself.

    Parameters
    ----------
    job
        The series.
    options
        Where to, and how.
    digest
        Of the options.
    """
    record = SeriesRecord(job.series, job.subject, job.fingerprint, digest, why=job.problem, patient=job.patient)
    try:
        remove_outputs(job.series, job.subject, options.target)
        if not job.problem:
            record = _prepared(job, options, record)
    except EciError as error:
        record = replace(record, why=error.what, lasting=not _may_pass(error))
    except Exception as error:  # its text may hold values or names of files
        record = replace(record, why=f"Internal error ({type(error).__name__}).", lasting=False)
    if record.lasting:
        record.write(options.target)
    return record


def _may_pass(error: EciError) -> bool:
    """Whether another run may go well: a file, the secret or the policy cannot be read here and now."""
    cause = error.__cause__
    refused_by_system = isinstance(cause, OSError) and cause.errno is not None  # Pillow's errors have no number
    return refused_by_system or isinstance(error, BadSiteKey | BadPolicy | StoreUnavailable)


def _prepared(job: SeriesJob, options: PrepareOptions, record: SeriesRecord) -> SeriesRecord:
    with _dicom_part(part_folder(options.target, job.series), options.keep_dicom) as keep:
        header = series_header(job.files, options, keep)
        first = header.first
        session = session_of(first["StudyInstanceUID"])
        record = replace(
            record,
            session=session,
            modality=first["Modality"],
            acquired=_moment(first["StudyDate"], first["StudyTime"]),
            sex=first["PatientSex"],
            age=first["PatientAge"],
        )
        series = (first["SeriesInstanceUID"], _whole(first["SeriesNumber"]))
        if keep:
            record = replace(record, dicom=dicom_folder(job.subject, session, series), dicom_files=len(header.files))
            _rename(part_folder(options.target, job.series), options.target / record.dicom)
    copies = (f"{header.copies} copies of files were left out.",) if header.copies else ()
    try:
        images, notes = _write_images(header, options.target, record, series)
    except EciError as error:
        if _may_pass(error):
            raise
        return replace(record, why=error.what, notes=copies)
    if not images and not notes and record.dicom_files:
        return replace(record, notes=(*copies, ONLY_DICOM))
    why = "" if images else (" ".join(notes) or NO_IMAGE)
    return replace(record, images=images, notes=(*copies, *(notes if images else ())), why=why)


@contextmanager
def _dicom_part(part: Path, wanted: bool) -> Iterator[Keep | None]:
    """Give a function that stores a DICOM file of an unfinished series; what is left of it is removed."""

    def keep(uid: str, content: bytes) -> None:
        part.mkdir(parents=True, exist_ok=True)
        (part / f"{short(uid)}.dcm").write_bytes(content)

    try:
        yield keep if wanted else None
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _rename(part: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    part.replace(folder)


def _write_images(
    header: SeriesHeader, target: Path, record: SeriesRecord, series: tuple[str, int]
) -> tuple[dict[str, int], tuple[str, ...]]:
    """Write an image and a sidecar for each volume; return their sizes, and remarks about other stacks."""
    pixels = {number: (lambda content=content: content) for number, content in header.blanked.items()}
    stacks = stacks_of_files(header.files, pixels)
    sizes: dict[str, int] = {}
    notes: list[str] = []
    for number, stack in enumerate(stacks, 1):
        title = f"Stack {number} of {len(stacks)}{f' ({stack.title})' if stack.title else ''}"
        if stack.kind in NO_VOLUME:
            notes.append(f"{title} is {NO_VOLUME[stack.kind]}.")
            continue
        name = image_name(record.subject, record.session, series, (number, len(stacks)), record.modality)
        try:
            written = _write_image(stack, header, target / name)
        except EciError as error:
            if _may_pass(error):
                raise
            notes.append(f"{title}: {error.what}")
            continue
        sizes |= {f"{name}{suffix}": size for suffix, size in written.items()}
    return sizes, tuple(notes)


def _write_image(stack: Stack, header: SeriesHeader, path: Path) -> dict[str, int]:
    volume = volume_of_stack(stack)
    uids = [header.sop_uids[frame.sop_uid.strip()] for frame in stack.frames]
    facts = header.facts_of(stack.frames[0].sop_uid.strip(), stack.frames[0].number)
    contents = {
        ".nii.gz": image_file(values_kji(volume), grid_of(volume), FAST, unit=unit_of(volume)),
        ".json": sidecar_file(facts, volume.attrs, stack.title, uids),
    }
    for suffix, content in contents.items():
        replace_file(path.with_name(path.name + suffix), content)
    return {suffix: len(content) for suffix, content in contents.items()}


def _moment(date: str, time: str) -> str:
    """Return ISO 8601 for DICOM's date and time; empty without a date."""
    clock = time.partition(".")[0]
    clock += "00" if len(clock) == 4 else ""
    for text, form in ((f"{date}{clock}", "%Y%m%d%H%M%S"), (date, "%Y%m%d")):
        try:
            if len(text) not in (8, 14) or not text.isdigit():
                continue  # strptime takes fewer digits, and guesses
            return datetime.strptime(text, form).isoformat()
        except ValueError:
            continue
    return ""


def _whole(text: str) -> int:
    return int(text) if text.isdigit() and len(text) < 6 else 0
