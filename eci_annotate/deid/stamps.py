"""What a de-identified object says of its de-identification, and its file meta information."""

from __future__ import annotations

from functools import lru_cache

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from eci_annotate.deid.policy import BASIC, CLEAN_PIXELS, CODES, Dates, Policy

IMPLEMENTATION_UID = "2.25.262297906426153943486497403529063079257"
IMPLEMENTATION_NAME = "ECI_ANNOTATE"
TEMPORAL = {Dates.REMOVE: "REMOVED", Dates.SHIFT: "MODIFIED", Dates.KEEP: "UNMODIFIED"}


def stamp(dataset: Dataset, policy: Policy, blanked: bool) -> None:
    """State in a dataset how it was de-identified (PS3.15 E.1.1, PS3.3 C.7.1.1 and C.12.1).

    Parameters
    ----------
    blanked
        A verified rule blanked the burned-in text.
    """
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = f"PS3.15 Basic Profile, eci_annotate, site {policy.site}"[:64]
    codes = [BASIC, *([CLEAN_PIXELS] if blanked else []), *(CODES[option] for option in policy.options())]
    dataset.DeidentificationMethodCodeSequence = Sequence([_code(*code) for code in codes])
    dataset.LongitudinalTemporalInformationModified = TEMPORAL[policy.dates]
    if blanked:
        dataset.BurnedInAnnotation = "NO"


def _code(value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", meaning[:64]
    return item


@lru_cache(maxsize=1)
def _header() -> tuple[bytes, UID]:
    return b"\0\1", UID(IMPLEMENTATION_UID)


def file_meta(source: Dataset, made: Dataset) -> FileMetaDataset:
    """Return new file meta information: classes, UIDs and this implementation, nothing of the source's senders."""
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion, meta.ImplementationClassUID = _header()
    meta.ImplementationVersionName = IMPLEMENTATION_NAME
    meta.MediaStorageSOPClassUID = made.get("SOPClassUID", "")
    meta.MediaStorageSOPInstanceUID = made.get("SOPInstanceUID", "")
    meta.TransferSyntaxUID = _syntax(source)
    return meta


def _syntax(source: Dataset) -> UID:
    written = getattr(source, "file_meta", {}).get("TransferSyntaxUID")
    return written or (ImplicitVRLittleEndian if source.original_encoding[0] else ExplicitVRLittleEndian)
