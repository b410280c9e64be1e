"""What a DICOM file claims about its patient's identity, and why it may not be taken in without a decision."""

from __future__ import annotations

from enum import StrEnum
from io import BytesIO
from pathlib import Path

from eci_annotate.deid.quiet import quiet
from eci_annotate.dicom.images.files import read
from eci_annotate.dicom.images.image_files import is_image
from eci_annotate.errors import BadImages

_TAGS = ("PatientIdentityRemoved", "BurnedInAnnotation", "SOPClassUID")
_CAPTURES = "1.2.840.10008.5.1.4.1.1.7"  # Secondary Capture, and its multi-frame kinds below it


class IdentityRisk(StrEnum):
    """Why a file may identify its patient."""

    NOT_REMOVED = "does not state that the patient identity was removed (0012,0062)"
    BURNED_IN = "states that its pixels may identify the patient (0028,0301)"
    CAPTURE = "is a screen capture that does not state what its pixels show (0028,0301)"


def identity_risk(path: Path) -> IdentityRisk | None:
    """Return why a file may identify its patient; None if it claims that it does not.

    References
    ----------
    PS3.3 C.7.1.1 (Patient Identity Removed), C.7.6.1 (Burned In Annotation); PS3.15 E.1.
    """
    try:
        return claimed_risk(read(path, pixels=False, tags=_TAGS))
    except BadImages:
        return IdentityRisk.NOT_REMOVED


def claimed_risk(dataset: object) -> IdentityRisk | None:
    """As `identity_risk`, of a file that was read."""
    if _said(dataset, "PatientIdentityRemoved") != "YES":
        return IdentityRisk.NOT_REMOVED
    burned = _said(dataset, "BurnedInAnnotation")
    if burned not in ("", "NO"):
        return IdentityRisk.BURNED_IN
    capture = _said(dataset, "SOPClassUID")
    if not burned and (capture == _CAPTURES or capture.startswith(f"{_CAPTURES}.")):
        return IdentityRisk.CAPTURE
    return None


def _said(dataset: object, keyword: str) -> str:
    return str(getattr(dataset, keyword, "") or "").strip().upper()


_OTHER_IDS = (
    "IssuerOfPatientID", "IssuerOfPatientIDQualifiersSequence", "OtherPatientIDs", "OtherPatientIDsSequence",
    "OtherPatientNames", "PatientBirthName", "PatientBirthTime",
)  # fmt: skip


def under_pseudonym(content: bytes, pseudonym: str) -> bytes:
    """Return an image with the patient of the objects that refer to it: archives list a study under one patient.

    Only elements of the Patient module change: the pseudonym is name and ID, the birth date is empty, other names and
    IDs are gone.

    Parameters
    ----------
    content
        The file.
    pseudonym
        Number of the subject.

    Raises
    ------
    BadImages
        It cannot be read, or not be written again.
    """
    dataset, written = read(lambda: content), BytesIO()
    is_image(dataset, "A file")  # refuses one that was cut off
    for keyword in _OTHER_IDS:
        if keyword in dataset:
            delattr(dataset, keyword)
    dataset.PatientName = dataset.PatientID = pseudonym
    dataset.PatientBirthDate = ""
    try:
        with quiet():
            dataset.save_as(written)
    except Exception as error:  # its text may hold values of the file
        raise BadImages("An image cannot be written again.", "Run: eci-annotate verify") from error
    return written.getvalue()
