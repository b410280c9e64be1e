"""Signed versions in the formats of other software: DICOM SEG and SR, NIfTI, .seg.nrrd, and answers as CSV.

They are converted on export, and not sealed.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eci_annotate.errors import BadRequest, NotFound
from eci_annotate.imaging.label_map import Overlap, label_map
from eci_annotate.imaging.measurements import unit_of
from eci_annotate.imaging.nifti import label_table, nifti_file
from eci_annotate.imaging.nrrd import seg_nrrd_file
from eci_annotate.imaging.volume import grid_of, instance_uids_of
from eci_annotate.repository.manifest_parts import archived_uids
from eci_annotate.store.atomic_files import write_atomic
from eci_annotate.workflow.cell_text import csv_cell

if TYPE_CHECKING:
    import xarray as xr

    from eci_annotate.dicom.seg.segmentation import Statement
    from eci_annotate.dicom.seg.source_images import SourceImages
    from eci_annotate.imaging.annotation import Annotation
    from eci_annotate.repository.signed import Signed

Files = Iterator[tuple[str, bytes]]


class ExportFormat(StrEnum):
    """How annotations are exported: as they were signed, or converted."""

    RTSTRUCT = "rtstruct"
    SEG = "seg"
    NIFTI = "nifti"
    NRRD = "nrrd"
    TID1500 = "tid1500"
    CSV = "csv"


def format_named(name: str) -> ExportFormat:
    """Return the format with a name; BadRequest if there is none. The measurement report is also called ``sr``."""
    try:
        return ExportFormat.TID1500 if name == "sr" else ExportFormat(name)
    except ValueError as error:
        raise BadRequest("The export format is unknown.", f"Choose one of: {', '.join(ExportFormat)}.") from error


def export_converted(signed: Signed, folder: Path, kind: ExportFormat, overlap: Overlap) -> list[Path]:
    """Write the annotations of a version, one file per annotated stack, or its answers; nothing if one is refused.

    Raises
    ------
    BadSegmentation
        If annotations overlap in a NIfTI label map and no priority was asked for.
    NotInstalled
        If a SEG or a report is asked for, and the extra `export` is missing.
    """
    if kind is ExportFormat.CSV:
        return _answers(signed, folder)
    stacks: dict[str, list[Annotation]] = {}
    for annotation in signed.annotations():
        stacks.setdefault(annotation.series_uid, []).append(annotation)
    _tell_rulers(signed, kind, stacks)
    stem = f"{signed.subject}_{signed.task}_v{signed.version:04d}_{kind}"
    made = [
        (folder / f"{stem}_{n}{suffix}", content)
        for n, (uid, mine) in enumerate(stacks.items(), 1)
        for suffix, content in _files(signed, uid, mine, kind, overlap)
    ]
    for path, content in made:
        write_atomic(path, content)
    return [path for path, _ in made]


def _tell_rulers(signed: Signed, kind: ExportFormat, stacks: Iterable[str]) -> None:
    """Warn by name of rulers that no file will hold: only reports hold them, and those on a stack they are about."""
    stated = [each for uid in stacks for each in _stated(signed, uid)] if kind is ExportFormat.TID1500 else []
    left = [each for each in signed.measurements["rulers"] if each not in stated]
    if left:
        which = f"{signed.subject}, {signed.task}, version {signed.version}"
        names = ", ".join(str(each["label"] or each["kind"]) for each in left)
        warnings.warn(f"{kind} files do not hold these rulers of {which}: {names}.", stacklevel=3)


def _stated(signed: Signed, uid: str) -> list[dict[str, Any]]:
    """Return the rulers in the report of one stack; of pixels that are not square none is."""
    rulers = rulers_of(signed, uid)
    return [] if rulers and signed.volume(uid).attrs.get("is_stretched") else rulers


def _answers(signed: Signed, folder: Path) -> list[Path]:
    from eci_annotate.repository.analysis.answer_table import table_of

    table = table_of([signed])
    if table.empty:
        return []
    path = folder / f"{signed.subject}_{signed.task}_v{signed.version:04d}_answers.csv"
    write_atomic(path, table.map(csv_cell).to_csv(index=False).encode())
    return [path]


def export_kinetics(signed: Signed, folder: Path) -> list[Path]:
    """Write the kinetic curves of a version as CSV; nothing where the use case asks for none or the study has none."""
    if signed.use_case.kinetics is None:
        return []
    annotations = signed.annotations()
    try:
        table = signed.dynamic_study().table(annotations) if annotations else None
    except NotFound:
        return []
    if table is None or table.empty:
        return []
    path = folder / f"{signed.subject}_{signed.task}_v{signed.version:04d}_kinetics.csv"
    write_atomic(path, table.to_csv(index=False).encode())
    return [path]


def _files(signed: Signed, uid: str, mine: list[Annotation], kind: ExportFormat, overlap: Overlap) -> Files:
    volume = signed.volume(uid)
    grid, unit = grid_of(volume), unit_of(volume)
    match kind:
        case ExportFormat.NIFTI:
            labels = label_map(mine, grid, overlap, series_uid=uid)
            yield ".nii.gz", nifti_file(labels, grid, unit)
            yield ".json", label_table(mine, labels, overlap, uid, grid.frame_of_reference_uid, unit)
        case ExportFormat.NRRD:
            yield ".seg.nrrd", seg_nrrd_file(mine, grid, series_uid=uid, unit=unit)
        case ExportFormat.TID1500:
            yield from _report(signed, uid, mine, volume)
        case _:
            yield ".dcm", _segmentation(signed, mine, _signed_images(signed, uid, volume)[0])


def rulers_of(signed: Signed, uid: str) -> list[dict[str, Any]]:
    """Return the rulers of a version that the report of one annotated stack states.

    These are those that were drawn on it. The first annotated stack of a frame of reference also states those on
    stacks of that frame without annotations.
    """
    every = signed.measurements["rulers"]
    drawn = list(dict.fromkeys(each.series_uid for each in signed.annotations())) if every else []
    strays = any(ruler["series"] not in drawn for ruler in every)
    homes = {_frame_of(signed, stack): stack for stack in reversed(drawn)} if strays else {}
    homes.pop("", None)
    return [r for r in every if (r["series"] if r["series"] in drawn else homes.get(r["frame"])) == uid]


def _frame_of(signed: Signed, uid: str) -> str:
    volume = signed.volume(uid)
    return grid_of(volume).frame_of_reference_uid if unit_of(volume).is_placed else ""


def _signed_images(signed: Signed, uid: str, volume: xr.DataArray) -> tuple[SourceImages, bytes]:
    """Return what is known of the images of one stack from its signed structure set, and that structure set."""
    from eci_annotate.dicom.seg.source_images import images_of_structure_set

    parts = zip(signed.event.manifest.of("rtstruct"), signed.content("rtstruct"), strict=True)
    structure_sets = {archived_uids(part)[0]: content for part, content in parts}
    if uid not in structure_sets:
        raise NotFound("The version has no structure set for these images.", "Export it as NIfTI or NRRD.")
    where = uid, grid_of(volume), instance_uids_of(volume)
    images = images_of_structure_set(structure_sets[uid], *where, unit=unit_of(volume))
    return images, structure_sets[uid]


def _segmentation(signed: Signed, mine: list[Annotation], images: SourceImages) -> bytes:
    """Return the SEG of one stack; patient, study and references come from the signed structure set."""
    from eci_annotate.dicom.seg.segmentation import segmentation_file

    return segmentation_file(mine, images, _statement(signed))


def _statement(signed: Signed) -> Statement:
    from eci_annotate.dicom.seg.segmentation import Statement

    return Statement(when=signed.at, version=signed.version, task=signed.task, signer=signed.reader)


def _report(signed: Signed, uid: str, mine: list[Annotation], volume: xr.DataArray) -> Files:
    """Yield the SEG of one stack, and the measurement report that refers to it."""
    from eci_annotate.dicom.sr.measurement_report import Evidence, measurement_report_file
    from eci_annotate.workflow.usecase.form import questions

    images, structure_set = _signed_images(signed, uid, volume)
    segmentation = _segmentation(signed, mine, images)
    asked = questions(signed.use_case.report)
    evidence = Evidence(images, segmentation, structure_set, asked, signed.report, _stated(signed, uid))
    yield ".dcm", measurement_report_file(mine, evidence, _statement(signed))
    yield "_seg.dcm", segmentation
