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

from eci_annotate.deid.quarantine import names_nobody
from eci_annotate.dicom.images.element_values import one_integer, value_of
from eci_annotate.dicom.images.files import Opener, read
from eci_annotate.errors import DamagedFile, NotDicom
from eci_annotate.workflow.series.series_facts import facts_of

SALT = secrets.token_bytes(16)

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
    "PresentationIntentType",
)
# raised with the elements above, the facts and the way series are split: lists that were kept before are made again
HEADERS_FORMAT = b"8"
VALUES_FORMAT = b"5"  # raised when other values are read from the same files: kept volumes are decoded again
_FACT_TAGS = (
    "PatientOrientation",
    "ViewCodeSequence",
    "FrameLaterality",
    "EstimatedRadiographicMagnificationFactor",
)
_IDENTITY_TAGS = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
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


def study_date_of(dates: Iterable[str | None]) -> str:
    """Return the date of a study: the earliest that its images state; empty if none does."""
    return min(filter(None, dates), default="")


@dataclass(frozen=True)
class Found:
    """One DICOM instance.

    Attributes
    ----------
    path
        Location of the file; never displayed, because folder and file names may contain a patient's name.
    patient_key, issuer_key, person
        Patient ID, its issuer, and (name, birth date, sex), each comparable within this process and empty where the
        file has none; salted, they reveal nothing about the patient.
    names_nobody
        Whether the patient ID stands for no person in particular, such as UNKNOWN or 0000.
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
    issuer_key: str = field(default="", repr=False)
    person: tuple[str, ...] = field(default=("", "", ""), repr=False)
    names_nobody: bool = False


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
    """Return the elements used by hanging protocols; what cannot be read is left out."""
    found: dict[str, str | float | list[Any]] = {}
    for tag in HANGING_TAGS:
        try:
            value = value_of(dataset, tag)
        except DamagedFile:
            continue
        if value is not None:
            found[tag] = plain(value)
    return found | facts_of(lambda tag: _quietly(dataset, tag))


def _quietly(dataset: Dataset, keyword: str) -> Any:
    try:
        return value_of(dataset, keyword)
    except DamagedFile:
        return None


def _salted(value: str, salt: bytes) -> str:
    return hashlib.blake2b(value.encode(), key=salt, digest_size=16).hexdigest() if value else ""


def _text(dataset: Dataset, keyword: str) -> str:
    value = value_of(dataset, keyword)
    return "" if value is None else str(value)


def _name(dataset: Dataset) -> str:
    """Return the patient's name without differences of case, spaces and empty parts."""
    return " ".join(_text(dataset, "PatientName").replace("^", " ").replace("=", " ").upper().split())


def _found(path: Path, dataset: Dataset, salt: bytes) -> Found:
    person = (_name(dataset), _text(dataset, "PatientBirthDate").strip(), _text(dataset, "PatientSex").strip().upper())
    return Found(
        path,
        _text(dataset, "StudyInstanceUID"),
        _text(dataset, "SeriesInstanceUID"),
        _text(dataset, "SOPInstanceUID"),
        _text(dataset, "SOPClassUID"),
        _text(dataset, "Modality"),
        _number(_text(dataset, "SeriesNumber")),
        _text(dataset, "SeriesDescription"),
        _text(dataset, "StudyDescription"),
        _text(dataset, "StudyDate"),
        _number(_text(dataset, "InstanceNumber")),
        _size(dataset, "Rows"),
        _size(dataset, "Columns"),
        _salted(_text(dataset, "PatientID").strip(), salt),
        _text(dataset, "PatientIdentityRemoved").upper() == "YES",
        header_of(dataset),
        _salted(_text(dataset, "IssuerOfPatientID").strip(), salt),
        tuple(_salted(each, salt) for each in person),
        names_nobody(_text(dataset, "PatientID").strip()),
    )


def _size(dataset: Dataset, keyword: str) -> int:
    value = value_of(dataset, keyword)
    return 0 if value is None else one_integer(value, keyword)


def scan(
    paths: Iterable[Path | Opener], progress: Callable[[int], None] | None = None, *, salt: bytes = SALT
) -> list[Found]:
    """Read the headers of DICOM files.

    Parameters
    ----------
    paths
        Files, or what gives the content of one; each must be DICOM.
    progress
        Called with the number of files read so far.
    salt
        Makes the digests of patients comparable; by default within this process.

    Raises
    ------
    NotDicom, DamagedFile
        For the first file that cannot be read.
    """
    found = []
    for number, path in enumerate(paths):
        dataset = read(path, pixels=False, number=number, tags=(*HANGING_TAGS, *_FACT_TAGS, *_IDENTITY_TAGS))
        if "SOPInstanceUID" not in dataset:
            raise NotDicom(f"File {number + 1} is no DICOM instance.", "Give DICOM files only.")
        found.append(_found(path if isinstance(path, Path) else Path(), dataset, salt))
        if progress is not None:
            progress(number + 1)
    return found
