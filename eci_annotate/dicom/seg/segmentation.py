"""The SEG dataset, built with highdicom on the grid of the annotated stack, in the study of its images.

UIDs are derived from content and time, so that the same segmentation has the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from eci_annotate.deid.quiet import quiet
from eci_annotate.dicom.exact_block import one_line, write_exact
from eci_annotate.dicom.seg.cielab import lab_from_rgb
from eci_annotate.dicom.seg.source_images import SourceImages
from eci_annotate.dicom.uids import uid_from
from eci_annotate.errors import BadSegmentation, EciError, NotInstalled
from eci_annotate.imaging.annotation import Annotation, AnnotationKind
from eci_annotate.imaging.label_map import Overlap, label_map, tell_empty, voxels_of
from eci_annotate.version import __version__

TISSUE = ("85756007", "SCT", "Tissue")  # what a label means is not known; also the default of dcmqi and 3D Slicer
# of placeholders: one that needs a frame of reference, and one that needs none
CT_IMAGE_STORAGE, SECONDARY_CAPTURE_STORAGE = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.7"
DERIVATION, IDENTIFICATION = "DerivationImageSequence", "SegmentIdentificationSequence"
MANUAL_PROCESSING = ("123109", "DCM", "Manual Processing")


class SegmentationKind(StrEnum):
    """How voxels are stored: one bit for each segment, or one label."""

    BINARY = "binary"
    LABELMAP = "labelmap"


@dataclass(frozen=True)
class Statement:
    """Version and time of a segmentation, and the rule for overlaps."""

    kind: SegmentationKind = SegmentationKind.BINARY
    overlap: Overlap = Overlap.REFUSE
    when: datetime | None = None
    version: int = 1
    task: str = "annotate"
    signer: str = ""


def highdicom_package() -> Any:
    """Return the package highdicom; NotInstalled says how to get it."""
    try:
        import highdicom
    except ImportError as error:
        remedy = "Install it: pip install 'eci-annotate[export]'"
        raise NotInstalled("Writing DICOM SEG needs highdicom, which is not installed.", remedy) from error
    return highdicom


def segmentation_file(annotations: Sequence[Annotation], images: SourceImages, statement: Statement) -> bytes:
    """Return the SEG file of one annotated stack.

    Raises
    ------
    BadSegmentation
        If a label map would hide an overlap, or the headers of the images do not allow a segmentation.
    NotInstalled
        If highdicom is missing.
    """
    hd = highdicom_package()
    planes, pixels = _pixels(annotations, images, statement)
    try:
        with quiet():
            dataset = _dataset(hd, annotations, images, statement, planes, pixels)
            out = io.BytesIO()
            dataset.save_as(out, enforce_file_format=True)
    except (EciError, MemoryError):
        raise
    except Exception as error:  # highdicom and pydicom raise many kinds for headers that they do not accept
        raise BadSegmentation(
            "The segmentation cannot be encoded.", "Check the headers of the images it refers to."
        ) from error
    return out.getvalue()


def _pixels(
    annotations: Sequence[Annotation], images: SourceImages, statement: Statement
) -> tuple[list[int], NDArray[Any]]:
    """Return the slices that are not empty (at least one), and the pixels: (k, j, i, segment), or labels (k, j, i)."""
    grid, uid = images.grid, images.stack_uid
    if statement.kind is SegmentationKind.LABELMAP:
        labels = label_map(annotations, grid, statement.overlap, series_uid=uid)
        planes = np.flatnonzero(labels.any(axis=(1, 2))).tolist() or [0]
        return planes, labels[planes]
    every = []
    for annotation in annotations:
        voxels = voxels_of(annotation, grid, uid)
        tell_empty(annotation, voxels)
        first = np.flatnonzero(voxels.any(axis=(1, 2)))
        every.append((first, voxels[first]))
    planes = sorted({int(k) for at, _ in every for k in at}) or [0]
    pixels = np.zeros((len(every), len(planes), *grid.shape[1:]), np.uint8)
    for n, (at, voxels) in enumerate(every):
        pixels[n, np.searchsorted(planes, at)] = voxels
    return planes, np.moveaxis(pixels, 0, -1)  # each segment stays in one piece of memory


def _dataset(
    hd: Any,
    annotations: Sequence[Annotation],
    images: SourceImages,
    statement: Statement,
    planes: list[int],
    pixels: NDArray[Any],
) -> Dataset:
    when = statement.when or datetime.now(UTC)
    sources = [_placeholder(images, k) for k in planes]
    grid = images.grid
    dataset: Dataset = hd.seg.Segmentation(
        sources,
        pixels,
        segmentation_type=statement.kind.upper(),
        segment_descriptions=[_description(hd, n, a, images) for n, a in enumerate(annotations, 1)],
        series_instance_uid=uid_from("seg-series", images.stack_uid, statement.task, statement.kind),
        series_number=9002,
        sop_instance_uid=_instance_uid(annotations, images, statement, when, pixels),
        instance_number=statement.version,
        manufacturer="eci_annotate",
        manufacturer_model_name="eci_annotate",
        software_versions=__version__,
        device_serial_number="0",
        content_label="ECI_ANNOTATE",
        content_description=f"eci_annotate {one_line(statement.task)}"[:64],
        content_creator_name=statement.signer or None,
        series_description=f"eci_annotate {one_line(statement.task)}"[:64],
        content_date=when.date(),
        content_time=when.time().replace(microsecond=0),
    )
    if images.is_placed:
        measures = hd.PixelMeasuresSequence(grid.spacing_mm[1:], grid.slice_mm, grid.slice_mm)
        if not images.unit.has_volume:
            del measures[0].SliceThickness, measures[0].SpacingBetweenSlices  # the images do not state them
        dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence = measures  # with the distance of the slices
    else:
        dataset.PatientOrientation = images.header.get("PatientOrientation") or ""
    if dataset.BitsAllocated == 1 and dataset.Rows * dataset.Columns < 8:
        _pack_again(dataset, planes, pixels)
    _refer(dataset, images, planes)
    _fix_time(dataset, when)
    return dataset


def _pack_again(dataset: Dataset, planes: Sequence[int], pixels: NDArray[Any]) -> None:
    """Pack frames without a gap (PS3.5 8.1.1); highdicom gives frames of fewer than 8 pixels a byte each."""
    plane_of = {f"2.25.{k + 1}": n for n, k in enumerate(planes)}
    frames = []
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        (image,) = frame[DERIVATION].value[0].SourceImageSequence
        groups = frame if IDENTIFICATION in frame else dataset.SharedFunctionalGroupsSequence[0]
        number = int(groups[IDENTIFICATION].value[0].ReferencedSegmentNumber)
        frames.append(pixels[plane_of[str(image.ReferencedSOPInstanceUID)], ..., number - 1].ravel())
    packed = np.packbits(np.concatenate(frames), bitorder="little").tobytes()
    dataset.PixelData = packed + b"\0" * (len(packed) % 2)


def _placeholder(images: SourceImages, k: int) -> Dataset:
    """Return a single-frame source image for highdicom, from which it takes the place of a plane."""
    grid, item = images.grid, Dataset()
    item.update(images.header)
    item.SOPClassUID = CT_IMAGE_STORAGE if images.is_placed else SECONDARY_CAPTURE_STORAGE
    item.SOPInstanceUID = f"2.25.{k + 1}"
    item.SeriesInstanceUID, item.Modality = images.series_uid, images.modality or "OT"
    item.Rows, item.Columns = grid.shape[1:]
    if not images.is_placed:
        return item
    item.PixelSpacing, item.SliceThickness = list(grid.spacing_mm[1:]), grid.slice_mm
    item.ImageOrientationPatient = [*grid.directions[2], *grid.directions[1]]
    item.ImagePositionPatient = [round(float(v), 6) for v in grid.reference_from_image([k, 0, 0])]
    item.FrameOfReferenceUID = grid.frame_of_reference_uid
    item.PositionReferenceIndicator = ""
    return item


def _description(hd: Any, number: int, annotation: Annotation, images: SourceImages) -> Any:
    code = hd.sr.CodedConcept
    by_hand = annotation.kind != AnnotationKind.MASK
    family = None if by_hand else hd.AlgorithmIdentificationSequence("eci_annotate", code(*MANUAL_PROCESSING), "1")
    item = hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=one_line(annotation.label) or f"annotation {number}",
        segmented_property_category=code(*TISSUE),
        segmented_property_type=code(*TISSUE),
        algorithm_type="MANUAL" if by_hand else "SEMIAUTOMATIC",
        algorithm_identification=family,
        tracking_uid=tracking_uid(annotation),
        tracking_id=annotation.uid,
        display_color=hd.color.CIELabColor(*lab_from_rgb(annotation.colour)),
    )
    stack = {"stack_uid": images.stack_uid} if images.stack_uid != images.series_uid else {}
    plane = (
        {}
        if images.is_placed
        else {"plane_mm": images.grid.spacing_mm[1:], "plane_uid": images.grid.frame_of_reference_uid}
    )
    write_exact(item, {"uid": annotation.uid, "label": annotation.label} | stack | plane)
    return item


def tracking_uid(annotation: Annotation) -> str:
    """Return the annotation's uid if DICOM accepts it, else one that is derived from it."""
    uid = annotation.uid
    parts = uid.split(".")
    good = len(uid) <= 64 and all(p.isascii() and p.isdigit() and (p == "0" or p[0] != "0") for p in parts)
    return uid if good and len(parts) > 1 else uid_from("tracking", uid)


def _instance_uid(
    annotations: Sequence[Annotation],
    images: SourceImages,
    statement: Statement,
    when: datetime,
    pixels: NDArray[Any],
) -> str:
    content = hashlib.sha256(json.dumps([(a.uid, a.label, a.colour, a.kind) for a in annotations]).encode())
    content.update(str(pixels.shape).encode() + np.packbits(pixels.astype(bool)).tobytes())
    content.update(pixels.tobytes() if statement.kind is SegmentationKind.LABELMAP else b"")
    said = (statement.kind, statement.task, str(statement.version), statement.signer, when.isoformat())
    return uid_from("seg", images.stack_uid, *said, content.hexdigest())


def _refer(dataset: Dataset, images: SourceImages, planes: Sequence[int]) -> None:
    """Replace the placeholders by references to the images themselves."""
    series = Dataset()
    series.SeriesInstanceUID, series.ReferencedInstanceSequence = images.series_uid, list(images.instances)
    dataset.ReferencedSeriesSequence = [series]
    dataset.SourceImageSequence = list(images.instances)
    references = {f"2.25.{k + 1}": images.references[k] for k in planes}
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        derivations = [_derivation(item, references) for item in frame.pop(DERIVATION).value]
        if kept := [item for item in derivations if item is not None]:
            frame.DerivationImageSequence = kept


def _derivation(placeholder: Dataset, references: dict[str, Dataset | None]) -> Dataset | None:
    """Return an item that refers to the image itself; highdicom's items are shared by frames, and stay as they are."""
    (image,) = placeholder.SourceImageSequence
    reference = references[str(image.ReferencedSOPInstanceUID)]
    if reference is None:
        return None
    item, source = Dataset(), Dataset()
    source.update(image)
    source.update(reference)
    item.update(placeholder)
    item.SourceImageSequence = [source]
    return item


def _fix_time(dataset: Dataset, when: datetime) -> None:
    """Give the dataset the stated time and UIDs that follow from it, in place of the moment of writing."""
    dataset.InstanceCreationDate, dataset.InstanceCreationTime = when.strftime("%Y%m%d"), when.strftime("%H%M%S")
    for item in dataset.get("ContributingEquipmentSequence", ()):
        item.ContributionDateTime = when.strftime("%Y%m%d%H%M%S")
    organization = uid_from("seg-dimensions", str(dataset.SOPInstanceUID))
    for item in (*dataset.DimensionOrganizationSequence, *dataset.DimensionIndexSequence):
        item.DimensionOrganizationUID = organization
