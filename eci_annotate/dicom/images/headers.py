"""Contents of a set of files, from headers alone: enough to group, list and hang them, without patient values."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydicom import Dataset
from pydicom.multival import MultiValue

from eci_annotate.dicom.images.files import Opener, read
from eci_annotate.errors import NotDicom

_SALT = secrets.token_bytes(16)

HANGING_TAGS = (
    "Modality",
    "ImageType",
    "SeriesNumber",
    "SeriesDescription",
    "BodyPartExamined",
    "ContrastBolusAgent",
    "ContrastBolusRoute",
    "ImageOrientationPatient",
    "ImagePositionPatient",
    "PixelSpacing",
    "SliceThickness",
    "SpacingBetweenSlices",
    "ScanningSequence",
    "SequenceVariant",
    "SequenceName",
    "ScanOptions",
    "MRAcquisitionType",
    "RepetitionTime",
    "EchoTime",
    "InversionTime",
    "FlipAngle",
    "DiffusionBValue",
    "TemporalPositionIdentifier",
    "AcquisitionTime",
    "ConvolutionKernel",
    "ImageLaterality",
    "Laterality",
    "ViewPosition",
    "FrameOfReferenceUID",
    "NumberOfFrames",
    "WindowCenter",
    "WindowWidth",
)
_IDENTITY_TAGS = (
    "PatientID",
    "IssuerOfPatientID",
    "PatientIdentityRemoved",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "SOPInstanceUID",
    "SOPClassUID",
    "StudyDescription",
    "StudyDate",
    "InstanceNumber",
    "Rows",
    "Columns",
)


@dataclass(frozen=True)
class Found:
    """One DICOM instance.

    Attributes
    ----------
    path
        Location of the file; never displayed, because folder and file names may contain a patient's name.
    patient_key
        Groups instances of one patient within this process; salted, reveals nothing about the patient.
    identity_removed
        Whether the file declares that its identity was removed (0012,0062).
    header
        Elements used by hanging protocols, by DICOM keyword.
    """

    path: Path = field(repr=False)
    study_uid: str
    series_uid: str
    sop_uid: str
    sop_class_uid: str
    modality: str
    series_number: int | None
    series_description: str = field(repr=False)
    study_description: str = field(repr=False)
    study_date: str = field(repr=False)
    instance_number: int | None
    rows: int
    columns: int
    patient_key: str = field(repr=False)
    identity_removed: bool
    header: dict[str, str | float | list[Any]] = field(repr=False)


def plain(value: Any) -> str | float | list[Any]:
    """Return a value as text, number or list of such."""
    if isinstance(value, (MultiValue, list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, (int, float)) or hasattr(value, "real"):
        return float(value)
    return str(value)


def _number(value: Any) -> int | None:
    try:
        return None if value in (None, "") else int(value)
    except (TypeError, ValueError):
        return None


def header_of(dataset: Dataset) -> dict[str, str | float | list[Any]]:
    """Return the elements used by hanging protocols."""
    present = ((tag, dataset.get(tag)) for tag in HANGING_TAGS)
    return {tag: plain(value) for tag, value in present if value not in (None, "")}


def _found(path: Path, dataset: Dataset) -> Found:
    patient = f"{dataset.get('PatientID', '')}\0{dataset.get('IssuerOfPatientID', '')}".encode()
    return Found(
        path,
        str(dataset.get("StudyInstanceUID", "")),
        str(dataset.get("SeriesInstanceUID", "")),
        str(dataset.get("SOPInstanceUID", "")),
        str(dataset.get("SOPClassUID", "")),
        str(dataset.get("Modality", "")),
        _number(dataset.get("SeriesNumber")),
        str(dataset.get("SeriesDescription", "")),
        str(dataset.get("StudyDescription", "")),
        str(dataset.get("StudyDate", "")),
        _number(dataset.get("InstanceNumber")),
        int(dataset.get("Rows", 0) or 0),
        int(dataset.get("Columns", 0) or 0),
        hashlib.blake2b(patient, key=_SALT, digest_size=16).hexdigest(),
        str(dataset.get("PatientIdentityRemoved", "")).upper() == "YES",
        header_of(dataset),
    )


def scan(paths: Iterable[Path | Opener], progress: Callable[[int], None] | None = None) -> list[Found]:
    """Read the headers of DICOM files.

    Parameters
    ----------
    paths
        Files, or what gives the content of one; each must be DICOM.
    progress
        Called with the number of files read so far.

    Raises
    ------
    NotDicom, DamagedFile
        For the first file that cannot be read.
    """
    found = []
    for number, path in enumerate(paths):
        dataset = read(path, pixels=False, number=number, tags=(*HANGING_TAGS, *_IDENTITY_TAGS))
        if "SOPInstanceUID" not in dataset:
            raise NotDicom(f"File {number + 1} is no DICOM instance.", "Give DICOM files only.")
        found.append(_found(path if isinstance(path, Path) else Path(), dataset))
        if progress is not None:
            progress(number + 1)
    return found
