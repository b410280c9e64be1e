"""The RTSTRUCT dataset (PS3.3 A.19, C.8.8.5, C.8.8.6, C.8.8.8): one per annotated series and version.

Explicit VR Little Endian, or implicit where a contour is too long for it; decimal strings of at most 16 bytes;
UIDs derived from content. A private block stores what DICOM cannot represent (exact boxes, full labels).
"""

from __future__ import annotations

import hashlib
import io
import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydicom import DataElement, Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from eci_annotate.dicom.exact_block import one_line, write_exact
from eci_annotate.dicom.image_references import ReferencedImages, one_stack_of, shared_header
from eci_annotate.dicom.images.files import Opener
from eci_annotate.dicom.rtstruct.contour_items import CONTOUR_SEQUENCE, encoded, image_item, is_short
from eci_annotate.dicom.rtstruct.outlines import Outline, Outliner, decimals_for
from eci_annotate.dicom.stack_groups import require_frame
from eci_annotate.dicom.uids import RTSTRUCT_STORAGE, uid_from
from eci_annotate.errors import BadStructureSet
from eci_annotate.imaging.annotation import Holes
from eci_annotate.imaging.annotations import Annotation, AnnotationKind, Box, Contours, Mask
from eci_annotate.imaging.geometry import Grid
from eci_annotate.imaging.measurements import limits_of_unit
from eci_annotate.version import __version__

STUDY_MANAGEMENT = "1.2.840.10008.3.1.2.3.1"  # Detached Study Management, as C.8.8.5 wants it
_TAG = struct.pack("<HH", *divmod(CONTOUR_SEQUENCE, 0x10000))
_AS_BYTES, _AS_ITEMS = _TAG + b"OB\0\0", _TAG + b"SQ\0\0"  # neither stands anywhere else: no text holds such bytes
GENERATION = {
    AnnotationKind.BOX: "MANUAL",
    AnnotationKind.CONTOURS: "MANUAL",
    AnnotationKind.MASK: "SEMIAUTOMATIC",
}


@dataclass(frozen=True)
class Signing:
    """Signer, time and meaning of a version of a task."""

    version: int = 1
    task: str = "annotate"
    signer: str = ""
    when: datetime | None = None
    meaning: str = ""
    predecessor: bytes | None = None
    pseudonym: str = ""


def structure_set(
    annotations: Sequence[Annotation],
    images: Sequence[Path | Opener],
    *,
    version: int = 1,
    task: str = "annotate",
    signer: str = "",
    when: datetime | None = None,
    meaning: str = "",
    predecessor: bytes | None = None,
    pseudonym: str = "",
    holes: Holes | str = Holes.KEYHOLE,
) -> bytes:
    """Return the RTSTRUCT file of one annotated series.

    Parameters
    ----------
    annotations
        Boxes, contours and masks of this series, in patient millimetres.
    images
        Files of the annotated series; the object becomes part of their study.
    version, task, signer, when, meaning
        Content of the signature; without a signer the object is unapproved.
    predecessor
        File of the previous version, to which this one refers.
    pseudonym
        Takes the place of the patient's name and ID; without it the images' values are copied.
    holes
        `keyhole` (all readers agree), `xor_nested`, or `closedplanar_xor` (PS3.3 2024, few readers).

    Raises
    ------
    FrameMismatch
        If an annotation is in another frame of reference.
    """
    signing = Signing(version, task, signer, when, meaning, predecessor, pseudonym)
    uids = {annotation.series_uid for annotation in annotations}
    referenced = one_stack_of(images, uids.pop() if len(uids) == 1 else "")
    return encode(structure_set_dataset(annotations, referenced, signing, holes))


def structure_set_dataset(
    annotations: Sequence[Annotation], images: ReferencedImages, signing: Signing, holes: Holes | str = Holes.KEYHOLE
) -> Dataset:
    """Return the RTSTRUCT dataset; see `structure_set`."""
    require_frame(annotations, images.grid.frame_of_reference_uid)
    outliner = Outliner(images.grid, images.origins_lps, decimals_for(images.grid), Holes.of(holes))
    dataset = shared_header(images.first, signing.pseudonym)
    _series_level(dataset, images, signing)
    dataset.ReferencedFrameOfReferenceSequence = [_referenced_frame(images)]
    drawn = [(a, list(outliner.of(a))) for a in annotations]
    dataset.StructureSetROISequence = [_roi(n, a, images) for n, a in enumerate(annotations, 1)]
    explicit = all(is_short(found) for _, found in drawn)
    frames = [image_item(frame, explicit) for frame in images.frames] if any(found for _, found in drawn) else []
    dataset.ROIContourSequence = [_roi_contour(n, *each, frames, explicit) for n, each in enumerate(drawn, 1)]
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian if explicit else ImplicitVRLittleEndian
    dataset.RTROIObservationsSequence = [_observation(n, a, signing) for n, a in enumerate(annotations, 1)]
    _identify(dataset, images, signing, drawn)
    return dataset


def _series_level(dataset: Dataset, images: ReferencedImages, signing: Signing) -> None:
    dataset.SOPClassUID = RTSTRUCT_STORAGE
    dataset.Modality = "RTSTRUCT"
    dataset.SeriesInstanceUID = uid_from("rtstruct-series", images.stack_uid, signing.task)
    dataset.SeriesNumber = 9001
    dataset.SeriesDescription = f"eci_annotate {signing.task}"[:64]
    dataset.InstanceNumber = signing.version
    dataset.OperatorsName = signing.signer
    dataset.Manufacturer = "eci_annotate"
    dataset.ManufacturerModelName = "eci_annotate"
    dataset.SoftwareVersions = __version__
    dataset.FrameOfReferenceUID = images.grid.frame_of_reference_uid
    dataset.PositionReferenceIndicator = str(images.first.get("PositionReferenceIndicator", "") or "")
    date, time = _stamp(signing.when)
    dataset.StructureSetLabel = f"v{signing.version:04d}"
    dataset.StructureSetName = signing.task[:64]
    dataset.StructureSetDate, dataset.StructureSetTime = date, time
    dataset.ApprovalStatus = "APPROVED" if signing.signer else "UNAPPROVED"
    if signing.signer:
        dataset.ReviewDate, dataset.ReviewTime, dataset.ReviewerName = date, time, signing.signer
    if signing.meaning:
        dataset.StructureSetDescription = signing.meaning[:1024]
    if signing.predecessor is not None:
        dataset.PredecessorStructureSetSequence = [_predecessor(dataset, signing.predecessor)]


def _stamp(when: datetime | None) -> tuple[str, str]:
    return ("", "") if when is None else (when.strftime("%Y%m%d"), when.strftime("%H%M%S"))


def _predecessor(dataset: Dataset, content: bytes) -> Dataset:
    before = dcmread(io.BytesIO(content), stop_before_pixels=True)
    write_exact(dataset, {"predecessor_sha256": hashlib.sha256(content).hexdigest()})
    item = Dataset()
    item.ReferencedSOPClassUID = before.SOPClassUID
    item.ReferencedSOPInstanceUID = before.SOPInstanceUID
    return item


def _referenced_frame(images: ReferencedImages) -> Dataset:
    series = Dataset()
    series.SeriesInstanceUID = images.series_uid
    series.ContourImageSequence = images.references()
    study = Dataset()
    study.ReferencedSOPClassUID = STUDY_MANAGEMENT
    study.ReferencedSOPInstanceUID = images.first.StudyInstanceUID
    study.RTReferencedSeriesSequence = [series]
    frame = Dataset()
    frame.FrameOfReferenceUID = images.grid.frame_of_reference_uid
    frame.RTReferencedStudySequence = [study]
    return frame


def _exact(annotation: Annotation) -> dict[str, Any]:
    """Return the content of the private block, from which an annotation is restored exactly."""
    body: dict[str, Any] = {"kind": annotation.kind, "uid": annotation.uid, "label": annotation.label}
    match annotation:
        case Box():
            body |= {
                "centre_lps": annotation.centre_lps,
                "size_mm": annotation.size_mm,
                "axes_lps": annotation.axes_lps,
            }
        case Contours():
            body |= {"spacing_mm": annotation.spacing_mm}
    return body


def _description(annotation: Annotation) -> str:
    match annotation:
        case Box(is_flat=True):
            return "BOX2D"
        case Box():
            return "BOX3D"
        case Mask():
            return "MASK"
    return "CONTOURS"


def _roi(number: int, annotation: Annotation, images: ReferencedImages) -> Dataset:
    item = Dataset()
    item.ROINumber = number
    item.ReferencedFrameOfReferenceUID = images.grid.frame_of_reference_uid
    item.ROIName = one_line(annotation.label)
    item.ROIGenerationAlgorithm = GENERATION[annotation.kind]
    item.ROIGenerationDescription = _description(annotation)
    if limits := limits_of_unit(images.unit):
        item.ROIDescription = limits.strip(" ;")
    volume_cm3 = annotation.volume_mm3 / 1000
    if images.unit.has_volume and volume_cm3 == volume_cm3:  # nan: a plane of unknown thickness
        item.ROIVolume = f"{volume_cm3:.6f}".rstrip("0").rstrip(".")[:16]
    if annotation.kind == AnnotationKind.MASK and not images.grid.is_sheared:
        item.SourcePixelPlanesCharacteristicsSequence = [_source_planes(images)]
    stack = {"stack_uid": images.stack_uid} if images.stack_uid != images.series_uid else {}
    write_exact(item, _exact(annotation) | stack | _leaning(annotation, images.grid))
    return item


def _leaning(annotation: Annotation, grid: Grid) -> dict[str, Any]:
    """Return the grid of a mask on sheared slices, which SourcePixelPlanesCharacteristicsSequence cannot hold."""
    if annotation.kind != AnnotationKind.MASK or not grid.is_sheared:
        return {}
    places = {"origin_lps": grid.origin_lps, "directions": grid.directions}
    return {"grid": {**places, "spacing_mm": grid.spacing_mm, "shape": grid.shape}}


def _ds(value: float) -> str:
    return f"{value:.10f}"[:16].rstrip("0").rstrip(".")


def _source_planes(images: ReferencedImages) -> Dataset:
    """Return the grid of a mask, so that it can be rasterised again without the images."""
    grid, item = images.grid, Dataset()
    item.PixelSpacing = [_ds(grid.spacing_mm[1]), _ds(grid.spacing_mm[2])]
    item.SpacingBetweenSlices = _ds(grid.spacing_mm[0])
    item.ImageOrientationPatient = [_ds(v) for v in (*grid.directions[2], *grid.directions[1])]
    item.ImagePositionPatient = [_ds(v) for v in grid.origin_lps]
    item.NumberOfFrames, item.Rows, item.Columns = grid.shape
    return item


def _roi_contour(
    number: int, annotation: Annotation, found: list[Outline], frames: list[bytes], explicit: bool
) -> Dataset:
    item = Dataset()
    item.ROIDisplayColor = list(annotation.colour)
    item.ReferencedROINumber = number
    if found:
        # bytes pass through unparsed: the file is the same as with items, only faster; `encode` corrects the VR
        item.add(DataElement(CONTOUR_SEQUENCE, "OB", encoded(found, frames, explicit)))
    return item


def _observation(number: int, annotation: Annotation, signing: Signing) -> Dataset:
    item = Dataset()
    item.ObservationNumber = number
    item.ReferencedROINumber = number
    item.RTROIInterpretedType = ""
    item.ROIInterpreter = signing.signer
    return item


def _identify(
    dataset: Dataset, images: ReferencedImages, signing: Signing, drawn: list[tuple[Annotation, list[Outline]]]
) -> None:
    """Derive the instance UID from the complete content."""
    content = hashlib.sha256()
    for annotation, found in drawn:
        content.update(json.dumps([_exact(annotation), annotation.colour]).encode())
        for outline in found:
            content.update(outline.data)
    when = "" if signing.when is None else signing.when.isoformat()
    said = (signing.task, str(signing.version), signing.signer, when, signing.meaning)
    before = hashlib.sha256(signing.predecessor or b"").hexdigest()
    dataset.SOPInstanceUID = uid_from("rtstruct", images.series_uid, *said, before, content.hexdigest())


def encode(dataset: Dataset) -> bytes:
    """Return a dataset as a DICOM file, in the transfer syntax that it names; else Explicit VR Little Endian."""
    meta = getattr(dataset, "file_meta", None) or FileMetaDataset()
    meta.TransferSyntaxUID = meta.get("TransferSyntaxUID", ExplicitVRLittleEndian)
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.ImplementationClassUID = uid_from("eci_annotate", __version__)
    meta.ImplementationVersionName = f"ECI_{__version__}"[:16]
    dataset.file_meta = meta
    out = io.BytesIO()
    try:
        dataset.save_as(out, enforce_file_format=True)
    except Exception as error:
        raise BadStructureSet(
            "The structure set cannot be encoded.", "Check the headers of the images it refers to."
        ) from error
    return out.getvalue().replace(_AS_BYTES, _AS_ITEMS)
