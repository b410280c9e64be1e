"""A measurement report (PS3.16 TID 1500) of one annotated stack, built with highdicom beside a SEG of the same stack.

Each annotation is one measurement group (TID 1411; TID 1410 for pictures without a place in space) that refers to its
segment; each ruler is one with its points (TID 1501). The answers of the form follow as qualitative evaluations. The
signed answers and drawings stay authoritative.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pydicom import Dataset

from eci_annotate.deid.quiet import quiet
from eci_annotate.dicom.annotation_set import content_and_dataset
from eci_annotate.dicom.exact_block import one_line
from eci_annotate.dicom.seg.segmentation import Statement, highdicom_package, tracking_uid
from eci_annotate.dicom.seg.source_images import SourceImages
from eci_annotate.dicom.sr.answer_items import answer_items
from eci_annotate.dicom.sr.ruler_groups import ruler_groups
from eci_annotate.dicom.uids import SEG_STORAGE, uid_from
from eci_annotate.errors import BadSegmentation, EciError
from eci_annotate.imaging.annotation import Annotation
from eci_annotate.imaging.label_map import voxels_of
from eci_annotate.imaging.measurements import Unit, axis_lengths
from eci_annotate.version import __version__
from eci_annotate.workflow.usecase.form import Question

IMAGING_PROCEDURE = ("363679005", "SCT", "Imaging procedure")
EVALUATIONS = ("C0034375", "UMLS", "Qualitative Evaluations")
MAXIMUM = ("56851009", "SCT", "Maximum")
VOLUME, AREA = ("118565006", "SCT", "Volume"), ("42798000", "SCT", "Area")
LONG_AXIS, SHORT_AXIS = ("103339001", "SCT", "Long Axis"), ("103340004", "SCT", "Short Axis")
MM, MM2 = ("mm", "UCUM", "millimeter"), ("mm2", "UCUM", "square millimeter")
METHODS = {
    Unit.DETECTOR: ("at-detector", "99ECI", "At the detector, not corrected for magnification"),
    Unit.CALIBRATED: ("calibrated", "99ECI", "As calibrated by geometry or an object in the image"),
    Unit.REGION: ("us-region", "99ECI", "In the scanned region of ultrasound"),
    Unit.FILM: ("on-film", "99ECI", "On the scanned film, not corrected for magnification"),
    Unit.STATED: ("as-stated", "99ECI", "By the pixel spacing of the file, whose origin it does not state"),
}
MM3 = ("mm3", "UCUM", "cubic millimeter")


@dataclass(frozen=True)
class Evidence:
    """What a report refers to, and the form it repeats. Nothing is measured where pixels have no size.

    Attributes
    ----------
    images
        The annotated stack.
    segmentation, structure_set
        Its SEG, whose segments are the annotations in their order, and its RTSTRUCT.
    questions, answers
        The form and what was answered.
    rulers
        Those of the version that belong to this stack, as they were kept.
    """

    images: SourceImages
    segmentation: bytes
    structure_set: bytes
    questions: Sequence[Question] = ()
    answers: Mapping[str, Any] = field(default_factory=dict)
    rulers: Sequence[Mapping[str, Any]] = ()


def measurement_report_file(annotations: Sequence[Annotation], evidence: Evidence, statement: Statement) -> bytes:
    """Return the report file: Comprehensive 3D SR, root template 1500.

    Volumes are those of the annotations themselves. Axes (RECIST 1.1) and the largest area on one slice are measured on
    the voxels of the segment; an annotation without voxels has none.

    Raises
    ------
    BadSegmentation
        If the headers of the images do not allow a report.
    NotInstalled
        If highdicom is missing.

    References
    ----------
    PS3.16 TID 1500, 1410, 1411 and 1419; PS3.3 A.35.13.
    """
    hd = highdicom_package()
    try:
        with quiet():
            out = io.BytesIO()
            _dataset(hd, annotations, evidence, statement).save_as(out, enforce_file_format=True)
    except (EciError, MemoryError):
        raise
    except Exception as error:  # highdicom and pydicom raise many kinds for headers that they do not accept
        raise BadSegmentation(
            "The report cannot be encoded.", "Check the headers of the images it refers to."
        ) from error
    return out.getvalue()


def _dataset(hd: Any, annotations: Sequence[Annotation], evidence: Evidence, statement: Statement) -> Dataset:
    assert statement.when is not None, "the time of the signature"
    segmentation = content_and_dataset(evidence.segmentation)[1]
    structure_set = content_and_dataset(evidence.structure_set)[1]
    groups = [_group(hd, n, each, evidence, segmentation) for n, each in enumerate(annotations, 1)]
    groups += ruler_groups(hd, evidence.rulers, evidence.images, METHODS)
    report = hd.sr.MeasurementReport(_context(hd, statement), hd.sr.CodedConcept(*IMAGING_PROCEDURE), groups)
    if items := list(answer_items(hd, evidence.questions, evidence.answers)):
        container = hd.sr.ContainerContentItem(
            hd.sr.CodedConcept(*EVALUATIONS), False, relationship_type=hd.sr.RelationshipTypeValues.CONTAINS
        )
        container.ContentSequence = items
        report[0].ContentSequence.append(container)
    dataset: Dataset = hd.sr.Comprehensive3DSR(
        [segmentation, structure_set, *_images(evidence.images)],
        report,
        series_instance_uid=uid_from("tid1500-series", evidence.images.stack_uid, statement.task),
        series_number=9003,
        sop_instance_uid=uid_from("tid1500", str(segmentation.SOPInstanceUID)),
        instance_number=statement.version,
        manufacturer="eci_annotate",
        manufacturer_model_name="eci_annotate",
        software_versions=__version__,
        device_serial_number="0",
        is_complete=True,
        series_description=f"eci_annotate {one_line(statement.task)}"[:64],
    )
    _fix_time(dataset, statement)
    return dataset


def _context(hd: Any, statement: Statement) -> Any:
    person = hd.sr.PersonObserverIdentifyingAttributes(one_line(statement.signer) or "unknown")
    device = hd.sr.DeviceObserverIdentifyingAttributes(
        uid_from("observer", "eci_annotate", __version__), "eci_annotate", "eci_annotate", "eci_annotate"
    )
    codes = hd.sr.CodedConcept("121006", "DCM", "Person"), hd.sr.CodedConcept("121007", "DCM", "Device")
    return hd.sr.ObservationContext(*map(hd.sr.ObserverContext, codes, (person, device)))


def _group(hd: Any, number: int, annotation: Annotation, evidence: Evidence, segmentation: Dataset) -> Any:
    images, uid = evidence.images, str(segmentation.SOPInstanceUID)
    tracked = hd.sr.TrackingIdentifier(tracking_uid(annotation), one_line(annotation.label) or f"annotation {number}")
    measured = list(_measurements(hd, annotation, evidence)) or None
    if images.is_placed:
        source = hd.sr.SourceSeriesForSegmentation(images.series_uid)
        segment = hd.sr.ReferencedSegment(SEG_STORAGE, uid, number, source_series=source)
        return hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
            tracked, referenced_segment=segment, measurements=measured
        )
    first = images.instances[0]
    image = hd.sr.SourceImageForSegmentation(str(first.ReferencedSOPClassUID), str(first.ReferencedSOPInstanceUID))
    frame = hd.sr.ReferencedSegmentationFrame(SEG_STORAGE, uid, _frame_of(segmentation, number), number, image)
    del frame[0].ReferencedSOPSequence[0].ReferencedSegmentNumber  # not beside a frame number (PS3.3 C.18.4)
    return hd.sr.PlanarROIMeasurementsAndQualitativeEvaluations(
        tracked, referenced_segment=frame, measurements=measured
    )


def _frame_of(segmentation: Dataset, number: int) -> int:
    """Return the first frame of a segment, counted from 1; the first of the file if the segment has none."""
    name = "SegmentIdentificationSequence"
    for n, frame in enumerate(segmentation.PerFrameFunctionalGroupsSequence, 1):
        groups = frame if name in frame else segmentation.SharedFunctionalGroupsSequence[0]
        if int(groups[name].value[0].ReferencedSegmentNumber) == number:
            return n
    return 1


def _measurements(hd: Any, annotation: Annotation, evidence: Evidence) -> Iterator[Any]:
    grid, unit, code = evidence.images.grid, evidence.images.unit, hd.sr.CodedConcept
    if unit is Unit.PIXEL:
        return
    if unit.has_volume and np.isfinite(annotation.volume_mm3):
        yield hd.sr.Measurement(code(*VOLUME), float(annotation.volume_mm3), code(*MM3))
    voxels = voxels_of(annotation, grid, evidence.images.stack_uid)
    axes = axis_lengths(annotation, voxels, grid)
    if axes is None:
        return
    area = int(voxels.sum((1, 2)).max()) * grid.spacing_mm[1] * grid.spacing_mm[2]
    method = code(*METHODS[unit]) if unit in METHODS else None
    yield hd.sr.Measurement(code(*AREA), float(area), code(*MM2), derivation=code(*MAXIMUM), method=method)
    yield hd.sr.Measurement(code(*LONG_AXIS), axes[0], code(*MM), method=method)
    yield hd.sr.Measurement(code(*SHORT_AXIS), axes[1], code(*MM), method=method)


def _images(images: SourceImages) -> Iterator[Dataset]:
    """Yield the identity of each image file, which is all that a report takes from it."""
    for reference in images.instances:
        item = Dataset()
        item.update(images.header)
        item.SOPClassUID, item.SOPInstanceUID = reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID
        item.SeriesInstanceUID, item.Modality = images.series_uid, images.modality or "OT"
        yield item


def _fix_time(dataset: Dataset, statement: Statement) -> None:
    """Give the dataset the time of the signature in place of the moment of writing."""
    assert statement.when is not None
    date, time = statement.when.strftime("%Y%m%d"), statement.when.strftime("%H%M%S")
    dataset.InstanceCreationDate = dataset.ContentDate = date
    dataset.InstanceCreationTime = dataset.ContentTime = time
    for item in dataset.get("ContributingEquipmentSequence", ()):
        item.ContributionDateTime = date + time
