"""The images an annotation object refers to: their headers in slice order, grid, and attributes to copy."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydicom import Dataset

from eci_annotate.dicom.images.dicom_frames import Frame
from eci_annotate.dicom.images.files import Source
from eci_annotate.dicom.images.image_files import frames_of_files, image_files
from eci_annotate.dicom.images.requirements import has_place, require_volumes
from eci_annotate.dicom.images.stacks import (
    Stack,
    kind_attrs,
    one_stack,
    require_one_series,
    require_pictures,
    stack_with,
    stacks_of,
)
from eci_annotate.imaging.geometry import Floats, Grid
from eci_annotate.imaging.measurements import Unit, unit_in

# attributes of the Patient, General Study and Clinical Trial modules (PS3.3), shared by every object of a study
SHARED = (
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "PatientSex",
    "PatientIdentityRemoved",
    "DeidentificationMethod",
    "DeidentificationMethodCodeSequence",
    "LongitudinalTemporalInformationModified",
    "StudyInstanceUID",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
    "StudyID",
    "AccessionNumber",
    "StudyDescription",
    "ClinicalTrialSponsorName",
    "ClinicalTrialProtocolID",
    "ClinicalTrialSubjectID",
)
IDENTIFYING = (
    "IssuerOfPatientID",
    "PatientBirthDate",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
    "StudyID",
    "AccessionNumber",
    "StudyDescription",
    "ClinicalTrialSponsorName",
    "ClinicalTrialProtocolID",
    "ClinicalTrialSubjectID",
)


@dataclass(frozen=True)
class ReferencedImages:
    """Frames of one stack in slice order.

    Attributes
    ----------
    frames, grid
        From the first slice to the last, and where they are.
    stack_uid
        The Series Instance UID, or that of one stack of a series with several.
    unit
        What lengths are stated in.
    """

    frames: tuple[Frame, ...]
    grid: Grid
    stack_uid: str
    unit: Unit = Unit.PATIENT

    @property
    def first(self) -> Dataset:
        """Header of the first slice's file."""
        return self.frames[0].dataset

    @property
    def series_uid(self) -> str:
        """Series Instance UID."""
        return self.frames[0].series_uid

    @property
    def origins_lps(self) -> Floats:
        """ImagePositionPatient by slice, shape (n, 3)."""
        if not has_place(self.frames[0]):
            return self.grid.reference_from_image([[k, 0, 0] for k in range(len(self.frames))])
        return np.array([frame.position_lps for frame in self.frames])

    def reference_to(self, slice_k: int) -> Dataset:
        """Return an item of ContourImageSequence for the slice (the nearest one if outside)."""
        return reference_to(self.frames[min(max(slice_k, 0), len(self.frames) - 1)])

    def references(self) -> list[Dataset]:
        """Return one item for each file, in slice order."""
        files = {frame.sop_uid: frame for frame in self.frames}
        return [file_reference(frame) for frame in files.values()]


def file_reference(frame: Frame) -> Dataset:
    """Return a reference to the file of a frame (PS3.3 table 10-11)."""
    item = Dataset()
    item.ReferencedSOPClassUID = frame.dataset.SOPClassUID
    item.ReferencedSOPInstanceUID = frame.dataset.SOPInstanceUID
    return item


def reference_to(frame: Frame) -> Dataset:
    """Return a reference to a frame (PS3.3 table 10-3)."""
    item = file_reference(frame)
    if frame.number:
        item.ReferencedFrameNumber = frame.number
    return item


def images_of(source: Source) -> dict[str, ReferencedImages]:
    """Read the headers of images, grouped by series; by stack where a series has several.

    Raises
    ------
    BadImages
        If there are no images, or a series does not form volumes.
    """
    by_series: dict[str, list[Frame]] = {}
    for frame in frames_of_files(image_files(source)):
        by_series.setdefault(frame.series_uid, []).append(frame)
    return {stack.uid: _images(stack) for frames in by_series.values() for stack in _stacks(frames)}


def _stacks(frames: list[Frame]) -> list[Stack]:
    require_pictures(frames)
    return stacks_of(frames)


def _images(stack: Stack) -> ReferencedImages:
    return ReferencedImages(stack.frames, stack.grid, stack.uid, unit_in(kind_attrs(stack)))


def one_stack_of(source: Source, stack_uid: str = "") -> ReferencedImages:
    """Read the headers of exactly one series, and take one stack of it.

    Parameters
    ----------
    source
        Files of the series.
    stack_uid
        Which stack; without it, or with the UID of the series, the only one.

    Raises
    ------
    BadImages
        If there are several stacks, or none with this UID.
    """
    frames = frames_of_files(image_files(source))
    require_one_series(frames)
    found = _stacks(frames)
    if len(found) == 1:
        return _images(found[0])
    if stack_uid and stack_uid != frames[0].series_uid:
        return _images(stack_with(found, stack_uid))
    require_volumes(frames)
    return _images(one_stack(frames))


def first_stack_of(source: Source) -> ReferencedImages:
    """Read the headers of one series and take its first stack, for reports about the whole series."""
    return _images(_stacks(frames_of_files(image_files(source)))[0])


LONGEST = {"SH": 16, "CS": 16, "LO": 64, "PN": 64}
PATTERNS = {"DA": re.compile(r"\d{8}"), "TM": re.compile(r"\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?")}


def _fitting(vr: str, value: Any) -> Any:
    """Make a value of an image fit its VR: cut long values, empty malformed dates and times."""
    text = str(value or "")
    if vr in LONGEST:
        return text[: LONGEST[vr]].strip()
    if vr in PATTERNS:
        return text if PATTERNS[vr].fullmatch(text) else ""
    return value


def shared_header(image: Dataset, pseudonym: str = "") -> Dataset:
    """Return the elements that an object of the same study shares with an image.

    Type 2 elements that the image lacks are written empty. With a pseudonym it takes the place of name and ID, and
    other elements that could identify the patient are written empty, whatever the image says.
    """
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    for keyword in SHARED:
        if keyword in image:
            setattr(dataset, keyword, _fitting(image[keyword].VR, image[keyword].value))
    required = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime")
    for keyword in (*required, "ReferringPhysicianName", "StudyID", "AccessionNumber"):
        if keyword not in dataset:
            setattr(dataset, keyword, "")
    if pseudonym:
        _hide_identity(dataset, pseudonym)
    return dataset


def _hide_identity(dataset: Dataset, pseudonym: str) -> None:
    for keyword in IDENTIFYING:
        if keyword in dataset:
            setattr(dataset, keyword, "")
    dataset.PatientName = dataset.PatientID = pseudonym
    dataset.PatientIdentityRemoved = "YES"
    if "DeidentificationMethodCodeSequence" not in dataset:
        dataset.DeidentificationMethod = "Pseudonym; other identifying elements empty"
