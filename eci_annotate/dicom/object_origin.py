"""Where a structure set, segmentation or registration comes from, as its header states it; no value of the patient."""

from __future__ import annotations

import re
from dataclasses import dataclass

from eci_annotate.dicom.annotation_set import text_of
from eci_annotate.dicom.images.files import read
from eci_annotate.errors import EciError

_TAGS = (
    "Manufacturer", "ManufacturerModelName", "SoftwareVersions", "SOPInstanceUID", "ApprovalStatus", "StructureSetName",
)  # fmt: skip
_UNUSUAL = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST = 40


@dataclass(frozen=True)
class ObjectOrigin:
    """Origin of an object.

    Attributes
    ----------
    maker
        Program or manufacturer; empty if the file names none.
    source
        Program with its version, then the object's UID, as an adoption names them.
    signed_task
        The task whose signature made it; empty for what was made elsewhere.
    """

    maker: str = ""
    source: str = "unknown/object"
    signed_task: str = ""


def origin_of(content: bytes) -> ObjectOrigin:
    """Read the origin of an object; an empty one if the file cannot be read."""
    try:
        dataset = read(lambda: content, pixels=False, tags=_TAGS)
    except EciError:
        return ObjectOrigin()
    maker, model, version, uid, approval, name = (text_of(dataset, tag) for tag in _TAGS)
    ours = (maker, approval) == ("eci_annotate", "APPROVED")
    program = "-".join(filter(None, (_short(model or maker), _short(version)))) or "unknown"
    shown = (maker or model).strip()[:_LONGEST]
    return ObjectOrigin(shown, f"{program}/{_short(uid, 64) or 'object'}", name if ours else "")


def _short(text: str, most: int = _LONGEST) -> str:
    return _UNUSUAL.sub("-", text).strip("-")[:most]
