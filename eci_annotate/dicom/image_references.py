"""The images an annotation object refers to: their headers in slice order, grid, and attributes to copy."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydicom import Dataset

from eci_annotate.dicom.images.files import Source, files_of, read
from eci_annotate.dicom.images.slice_stack import position_of, require_one_series, require_plane, stack_of
from eci_annotate.errors import NoImages
from eci_annotate.imaging.geometry import Floats, Grid

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
    """Headers of one series in slice order."""

    slices: tuple[Dataset, ...]
    grid: Grid

    @property
    def first(self) -> Dataset:
        """Header of the first slice."""
        return self.slices[0]

    @property
    def series_uid(self) -> str:
        """Series Instance UID."""
        return str(self.first.SeriesInstanceUID)

    @property
    def origins_lps(self) -> Floats:
        """ImagePositionPatient by slice, shape (n, 3)."""
        return np.array([position_of(d) for d in self.slices])

    def reference_to(self, slice_k: int) -> Dataset:
        """Return an item of ContourImageSequence for the slice (the nearest one if outside)."""
        image = self.slices[min(max(slice_k, 0), len(self.slices) - 1)]
        item = Dataset()
        item.ReferencedSOPClassUID = image.SOPClassUID
        item.ReferencedSOPInstanceUID = image.SOPInstanceUID
        return item


def _headers(source: Source) -> list[Dataset]:
    found = [read(path, pixels=False, number=n) for n, path in enumerate(files_of(source))]
    return [d for d in found if "Rows" in d and str(d.get("Modality")) != "SEG"]


def images_of(source: Source) -> dict[str, ReferencedImages]:
    """Read the headers of images, grouped by series.

    Raises
    ------
    BadImages
        If there are no images, or a series does not form a volume.
    """
    headers = _headers(source)
    if not headers:
        raise NoImages("There are no images to refer to.", "Give the folder of the annotated series.")
    by_series: dict[str, list[Dataset]] = {}
    for dataset in headers:
        by_series.setdefault(str(dataset.get("SeriesInstanceUID", "")), []).append(dataset)
    return {uid: _images(part) for uid, part in by_series.items()}


def _images(headers: list[Dataset]) -> ReferencedImages:
    for dataset in headers:
        require_plane(dataset)
    require_one_series(headers)
    stack = stack_of(headers)
    return ReferencedImages(stack.slices, stack.grid)


def one_series(source: Source) -> ReferencedImages:
    """Read the headers of exactly one series."""
    headers = _headers(source)
    if not headers:
        raise NoImages("There are no images to refer to.", "Give the files of the annotated series.")
    return _images(headers)


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
