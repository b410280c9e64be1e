"""The JSON beside an image: the names of BIDS where it has them, from de-identified headers only."""

from __future__ import annotations

import json
from typing import Any

from eci_annotate.dicom.images.element_values import value_of
from eci_annotate.dicom.images.headers import plain
from eci_annotate.errors import DamagedFile
from eci_annotate.version import __version__

KEPT = {
    "Modality": "Modality", "Manufacturer": "Manufacturer", "ManufacturersModelName": "ManufacturerModelName",
    "SoftwareVersions": "SoftwareVersions", "BodyPart": "BodyPartExamined", "ImageType": "ImageType",
    "SeriesNumber": "SeriesNumber", "SeriesDescription": "SeriesDescription", "ProtocolName": "ProtocolName",
    "MagneticFieldStrength": "MagneticFieldStrength", "ScanningSequence": "ScanningSequence",
    "SequenceVariant": "SequenceVariant", "ScanOptions": "ScanOptions", "MRAcquisitionType": "MRAcquisitionType",
    "FlipAngle": "FlipAngle", "SliceThickness": "SliceThickness", "KVP": "KVP",
    "XRayTubeCurrent": "XRayTubeCurrent", "ConvolutionKernel": "ConvolutionKernel",
    "ContrastBolusAgent": "ContrastBolusAgent", "PatientPosition": "PatientPosition",
    "DiffusionBValue": "DiffusionBValue", "SeriesInstanceUID": "SeriesInstanceUID",
    "StudyInstanceUID": "StudyInstanceUID", "FrameOfReferenceUID": "FrameOfReferenceUID",
}  # fmt: skip
SECONDS = {"RepetitionTime": "RepetitionTime", "EchoTime": "EchoTime", "InversionTime": "InversionTime"}


FACT_KEYWORDS = frozenset(KEPT.values()) | frozenset(SECONDS.values())


def facts_of_header(dataset: Any) -> dict[str, Any]:
    """Return what a sidecar says about a de-identified file; BIDS has times in seconds, DICOM in milliseconds."""
    facts = {name: plain(value) for name, keyword in KEPT.items() if (value := _value(dataset, keyword)) is not None}
    for name, keyword in SECONDS.items():
        value = _value(dataset, keyword)
        if value is not None and isinstance(number := plain(value), float):
            facts[name] = round(number / 1000, 9)
    return facts


def text_in(dataset: Any, keyword: str) -> str:
    """Return an element as text; empty if it is absent or cannot be read."""
    value = _value(dataset, keyword)
    return "" if value is None else str(value).strip()


def _value(dataset: Any, keyword: str) -> Any:
    try:
        return value_of(dataset, keyword)
    except DamagedFile:
        return None


def sidecar_file(facts: dict[str, Any], attrs: dict[str, Any], stack: str, sop_uids: list[str]) -> bytes:
    """Return the content of a sidecar.

    Parameters
    ----------
    facts
        Of `facts_of_header`.
    attrs
        Attributes of the volume: units and padding.
    stack
        What sets the image apart in its series; empty for the only one.
    sop_uids
        Of the slices, in the order of the image's third axis.
    """
    content = dict(facts)
    if units := attrs.get("units"):
        content["Units"] = str(units)
    if padding := attrs.get("padding"):
        content["PaddingRange"] = [float(end) for end in padding]
    if stack:
        content["Stack"] = stack
    content |= {"SOPInstanceUIDs": sop_uids, "ConversionSoftware": "eci_annotate"}
    content["ConversionSoftwareVersion"] = __version__
    return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False).encode() + b"\n"
