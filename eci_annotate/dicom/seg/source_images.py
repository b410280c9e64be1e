"""What a segmentation takes from the images it refers to: patient and study, references by slice, and the grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydicom import Dataset

from eci_annotate.dicom.annotation_set import content_and_dataset, items_of
from eci_annotate.dicom.image_references import ReferencedImages, reference_to, shared_header
from eci_annotate.dicom.images.projections import projection_attrs
from eci_annotate.errors import BadSegmentation, BadStructureSet
from eci_annotate.imaging.geometry import Grid
from eci_annotate.imaging.measurements import Unit

SEXES = ("M", "F", "O", "")


@dataclass(frozen=True)
class SourceImages:
    """The slices of one stack.

    Attributes
    ----------
    header
        Elements of patient and study.
    references
        One reference (PS3.3 table 10-3) for each slice; None where the slice is not known.
    instances
        One reference for each file.
    series_uid, stack_uid, modality
        As of the images.
    grid
        Where the voxels are, in patient millimetres (LPS); of a picture without a place in space its own plane.
    unit
        What lengths are stated in.
    """

    header: Dataset
    references: Sequence[Dataset | None]
    instances: Sequence[Dataset]
    series_uid: str
    stack_uid: str
    modality: str
    grid: Grid
    unit: Unit = Unit.PATIENT

    @property
    def is_placed(self) -> bool:
        """Whether the images have a place in space."""
        return self.unit.is_placed


def _plain(header: Dataset) -> Dataset:
    """Empty values that no segmentation may hold."""
    if str(header.PatientSex or "") not in SEXES:
        header.PatientSex = ""
    return header


def source_images(images: ReferencedImages) -> SourceImages:
    """Return what a segmentation takes from image files."""
    header = _plain(shared_header(images.first))
    if sides := projection_attrs(images.frames[0]).get("sides"):
        header.PatientOrientation = list(sides)
    return SourceImages(
        header,
        [reference_to(frame) for frame in images.frames],
        images.references(),
        images.series_uid,
        images.stack_uid,
        images.frames[0].modality,
        images.grid,
        images.unit,
    )


def images_of_structure_set(
    content: bytes, stack_uid: str, grid: Grid, instance_uids: Sequence[str], *, unit: Unit = Unit.PATIENT
) -> SourceImages:
    """Return what a segmentation takes from an RTSTRUCT of eci_annotate in place of the image files.

    Parameters
    ----------
    content
        The RTSTRUCT of the annotated stack.
    stack_uid, grid
        Of the annotated stack.
    instance_uids
        SOP Instance UIDs of the images by slice.
    unit
        What lengths on the images are stated in.
    """
    _, dataset = content_and_dataset(content)
    (frame, *_) = _items(dataset, "ReferencedFrameOfReferenceSequence")
    (study, *_) = _items(frame, "RTReferencedStudySequence")
    (series, *_) = _items(study, "RTReferencedSeriesSequence")
    instances = _items(series, "ContourImageSequence")
    by_uid = {str(item.ReferencedSOPInstanceUID): item for item in instances}
    single = len(set(instance_uids)) == len(instance_uids) == grid.shape[0]
    references: list[Any] = [by_uid.get(uid) if single else None for uid in instance_uids] or [None] * grid.shape[0]
    if not single or len(references) == 1:  # frames of a multi-frame file
        references = [drawn or known for drawn, known in zip(_drawn_slices(dataset, grid), references, strict=True)]
    header, uid = _plain(shared_header(dataset)), str(series.SeriesInstanceUID)
    return SourceImages(header, references, instances, uid, stack_uid, "", grid, unit)


def _items(item: Dataset, keyword: str) -> Sequence[Dataset]:
    found = items_of(item, keyword, BadStructureSet, "Export the version again.")
    if not found:
        raise BadSegmentation("The structure set names no images.", "Export it as RTSTRUCT.")
    return found


def _drawn_slices(dataset: Dataset, grid: Grid) -> list[Dataset | None]:
    """Return the frame of a multi-frame file that each drawn slice refers to."""
    found: list[Dataset | None] = [None] * grid.shape[0]
    for roi in dataset.get("ROIContourSequence") or ():
        for contour in roi.get("ContourSequence") or ():
            k = int(grid.voxel_from_reference([float(v) for v in contour.ContourData[:3]])[0])
            if 0 <= k < len(found) and contour.get("ContourImageSequence"):
                found[k] = contour.ContourImageSequence[0]
    return found
