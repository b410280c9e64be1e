"""Signed annotations in the formats of other software: DICOM SEG, NIfTI, .seg.nrrd; converted on export, not sealed."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from eci_annotate.errors import BadRequest, NotFound
from eci_annotate.imaging.label_map import Overlap, label_map
from eci_annotate.imaging.nifti import label_table, nifti_file
from eci_annotate.imaging.nrrd import seg_nrrd_file
from eci_annotate.imaging.volume import grid_of, instance_uids_of
from eci_annotate.repository.manifest_parts import archived_uids
from eci_annotate.store.atomic_files import write_atomic

if TYPE_CHECKING:
    import xarray as xr

    from eci_annotate.imaging.annotation import Annotation
    from eci_annotate.repository.signed import Signed

Files = Iterator[tuple[str, bytes]]


class ExportFormat(StrEnum):
    """How annotations are exported: as they were signed, or converted."""

    RTSTRUCT = "rtstruct"
    SEG = "seg"
    NIFTI = "nifti"
    NRRD = "nrrd"


def format_named(name: str) -> ExportFormat:
    """Return the format with a name; BadRequest if there is none."""
    try:
        return ExportFormat(name)
    except ValueError as error:
        raise BadRequest("The export format is unknown.", f"Choose one of: {', '.join(ExportFormat)}.") from error


def export_converted(signed: Signed, folder: Path, kind: ExportFormat, overlap: Overlap) -> list[Path]:
    """Write the annotations of a version, one file per annotated stack; nothing if one of them is refused.

    Raises
    ------
    BadSegmentation
        If annotations overlap in a NIfTI label map and no priority was asked for.
    NotInstalled
        If a SEG is asked for, and the extra `export` is missing.
    """
    stacks: dict[str, list[Annotation]] = {}
    for annotation in signed.annotations():
        stacks.setdefault(annotation.series_uid, []).append(annotation)
    stem = f"{signed.subject}_{signed.task}_v{signed.version:04d}_{kind}"
    made = [
        (folder / f"{stem}_{n}{suffix}", content)
        for n, (uid, mine) in enumerate(stacks.items(), 1)
        for suffix, content in _files(signed, uid, mine, kind, overlap)
    ]
    for path, content in made:
        write_atomic(path, content)
    return [path for path, _ in made]


def _files(signed: Signed, uid: str, mine: list[Annotation], kind: ExportFormat, overlap: Overlap) -> Files:
    volume = signed.volume(uid)
    grid = grid_of(volume)
    match kind:
        case ExportFormat.NIFTI:
            yield ".nii.gz", nifti_file(label_map(mine, grid, overlap, series_uid=uid), grid)
            yield ".json", label_table(mine, overlap, uid, grid.frame_of_reference_uid)
        case ExportFormat.NRRD:
            yield ".seg.nrrd", seg_nrrd_file(mine, grid, series_uid=uid)
        case _:
            yield ".dcm", _segmentation(signed, uid, mine, volume)


def _segmentation(signed: Signed, uid: str, mine: list[Annotation], volume: xr.DataArray) -> bytes:
    """Return the SEG of one stack; patient, study and references come from the signed structure set."""
    from eci_annotate.dicom.seg.segmentation import Statement, segmentation_file
    from eci_annotate.dicom.seg.source_images import images_of_structure_set

    parts = zip(signed.event.manifest.of("rtstruct"), signed.content("rtstruct"), strict=True)
    structure_sets = {archived_uids(part)[0]: content for part, content in parts}
    if uid not in structure_sets:
        raise NotFound("The version has no structure set for these images.", "Export it as NIfTI or NRRD.")
    placed, uids = "spacing_from" not in volume.attrs, instance_uids_of(volume)
    images = images_of_structure_set(structure_sets[uid], uid, grid_of(volume), uids, is_placed=placed)
    statement = Statement(when=signed.at, version=signed.version, task=signed.task, signer=signed.reader)
    return segmentation_file(mine, images, statement)
