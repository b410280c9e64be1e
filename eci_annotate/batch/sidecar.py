"""The JSON beside an image: the names of BIDS where it has them, from de-identified headers only."""

from __future__ import annotations

import json
from math import isfinite
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


ENCODED = "InPlanePhaseEncodingDirection"
AXES = {"ROW": "i", "COL": "j", "COLUMN": "j"}  # rows are not flipped: i runs along a row, j along a column
SHARED, PER_FRAME = "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"
OF_FRAMES = {  # by name in the sidecar, where multi-frame files have it (PS3.3 section C.7.6.16)
    "SliceThickness": "SliceThickness", "FlipAngle": "FlipAngle", "DiffusionBValue": "DiffusionBValue", "KVP": "KVP",
    "XRayTubeCurrent": "XRayTubeCurrentInmA", "RepetitionTime": "RepetitionTime", "EchoTime": "EffectiveEchoTime",
    "InversionTime": "InversionTimes", ENCODED: ENCODED,
}  # fmt: skip
FACT_KEYWORDS = frozenset(KEPT.values()) | frozenset(SECONDS.values()) | {ENCODED, SHARED, PER_FRAME}


def facts_of_header(dataset: Any) -> dict[str, Any]:
    """Return what a sidecar says about a de-identified file; BIDS has times in seconds, DICOM in milliseconds."""
    names = KEPT | SECONDS | {ENCODED: ENCODED}
    return _facts({name: _value(dataset, keyword) for name, keyword in names.items()})


def facts_of_frames(dataset: Any) -> list[dict[str, Any]]:
    """Return what the functional groups of a de-identified multi-frame file say about each frame; empty without."""
    shared = _of_groups(_value(dataset, SHARED))
    return [_facts(shared | _of_groups([group])) for group in _value(dataset, PER_FRAME) or ()]


def _of_groups(groups: Any) -> dict[str, Any]:
    """Return values from the macros of the first functional group, by name in the sidecar."""
    found: dict[str, Any] = {}
    for element in next(iter(groups or ()), ()):
        if element.VR == "SQ" and element.value and not element.tag.is_private:
            values = ((name, _value(element.value[0], keyword)) for name, keyword in OF_FRAMES.items())
            found |= {name: value for name, value in values if value is not None}
    return found


def _facts(values: dict[str, Any]) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for name, value in values.items():
        if value is None or not _is_finite(told := plain(value)):
            continue
        if name == ENCODED:
            if axis := AXES.get(str(told)):
                facts["PhaseEncodingAxis"] = axis
        elif name not in SECONDS:
            facts[name] = told
        elif isinstance(told, float):
            facts[name] = round(told / 1000, 9)
    return facts


def _is_finite(value: str | float | list[Any]) -> bool:
    """Whether JSON can hold a value."""
    if isinstance(value, list):
        return all(map(_is_finite, value))
    return isinstance(value, str) or isfinite(value)


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
