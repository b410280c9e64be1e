"""Why an object is set aside: no rule can tell whether what remains names the patient."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag, Tag
from pydicom.uid import UID

from eci_annotate.deid.elements import text_of
from eci_annotate.deid.object_types import object_of
from eci_annotate.deid.policy import Policy, Treatment, Unknown

_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_ENCAPSULATED = "1.2.840.10008.5.1.4.1.1.104"
_PIXELS = (0x7FE00010, 0x7FE00008, 0x7FE00009)
_UNDEFINED_LENGTH = 0xFFFFFFFF
_ENCAPSULATED_DOCUMENT = 0x00420011
_ASCII = ("CS", "UI", "DA", "TM", "AS")
_OWN_CREATOR = "ECI_ANNOTATE"
_OWN_MAKER = "eci_annotate"
_NOBODY = re.compile(r"UNKNOWN( PATIENT)?|ANON(YM(OUS|I[SZ]ED)?)?|NONE|N/?A|NULL|NO ?ID|[0X\W_]+")
_STRUCTURE_SET_ROIS = "StructureSetROISequence"


class Cause(StrEnum):
    """Why an object was set aside."""

    BURNED_IN = "states that its pixels may identify the patient (0028,0301)"
    FACE = "states that its pixels show a recognizable face (0028,0302)"
    MODALITY = "is of a modality whose pixels often show names (0008,0060)"
    CAPTURE = "is a secondary capture"
    SCREEN = "is a picture of a screen (0008,0008)"
    DOCUMENT = "is an encapsulated document"
    UNKNOWN = "is of an unknown SOP class (0008,0016)"
    OWN_ANNOTATIONS = "holds annotations of eci_annotate, whose labels need the option Clean Descriptors"
    NO_PATIENT_ID = "has no patient ID (0010,0020), and no subject was given"
    PIXELS = "has pixels that cannot be blanked"
    INCOMPLETE = "is incomplete"
    UNREADABLE = "cannot be read"
    TEXT = "may show text: a program found a word in its pixels, or could not look"
    WORDS = "has the patient's name or number in an element that cannot be changed, such as a code or binary data"
    NOBODY = "has a patient ID that stands for nobody, such as UNKNOWN (0010,0020)"
    DUPLICATE = "has the UID of another file with other content"


NEVER_ACCEPTED = frozenset(
    {Cause.NO_PATIENT_ID, Cause.PIXELS, Cause.INCOMPLETE, Cause.UNREADABLE, Cause.DUPLICATE, Cause.OWN_ANNOTATIONS}
)
"""Causes that no person's decision removes: the object itself, or the policy, must change."""


def causes(dataset: Dataset, policy: Policy, blanked: bool) -> tuple[Cause, ...]:
    """Return why an object must be set aside; none if it need not.

    Parameters
    ----------
    blanked
        A verified rule blanks the device's burned-in text.
    """
    found = [*_of_kind(dataset, policy)]
    found += [Cause.INCOMPLETE] if _is_incomplete(dataset) else []
    found += [] if blanked else [*_of_pixels(dataset, policy)]
    if said(dataset, "RecognizableVisualFeatures").upper() == "YES":
        found.append(Cause.FACE)
    return tuple(found)


def _of_kind(dataset: Dataset, policy: Policy) -> Iterator[Cause]:
    sop_class = said(dataset, "SOPClassUID")
    document = _within(sop_class, _ENCAPSULATED) or _ENCAPSULATED_DOCUMENT in dataset
    if document:
        yield Cause.DOCUMENT
    elif _is_unknown(sop_class, policy):
        yield Cause.UNKNOWN
    if not is_known_syntax(dataset):
        yield Cause.UNREADABLE
    if policy.descriptors is not Treatment.CLEAN and _is_own(dataset):
        yield Cause.OWN_ANNOTATIONS


def is_known_syntax(dataset: Dataset) -> bool:
    """Whether a transfer syntax is one of DICOM's: others cannot be read, and may hold numbers.

    It may be absent where pixels are not compressed.
    """
    meta = getattr(dataset, "file_meta", None) or Dataset()
    syntax = said(meta, "TransferSyntaxUID")
    if syntax:
        return UID(syntax).is_transfer_syntax
    pixels = dataset.get_item(_PIXELS[0]) if _PIXELS[0] in dataset else None
    return not isinstance(pixels, RawDataElement) or pixels.length != _UNDEFINED_LENGTH


def _is_unknown(sop_class: str, policy: Policy) -> bool:
    kind = object_of(sop_class)
    return kind == "basic-directory" or (not kind and policy.unknown_objects is Unknown.QUARANTINE)


def _is_incomplete(dataset: Dataset) -> bool:
    """Whether a file was cut off: its last element is too short, or an image has no pixels."""
    is_image = "Rows" in dataset or "ImageStorage" in UID(said(dataset, "SOPClassUID")).keyword
    if is_image and not any(tag in dataset for tag in _PIXELS):
        return True
    last = dataset.get_item(max(dataset.keys())) if len(dataset) else None
    if not isinstance(last, RawDataElement) or last.length == _UNDEFINED_LENGTH:
        return False
    return len(last.value or b"") < last.length


def _of_pixels(dataset: Dataset, policy: Policy) -> Iterator[Cause]:
    burned = said(dataset, "BurnedInAnnotation").upper()
    if burned not in ("", "NO"):
        yield Cause.BURNED_IN
    if _plain(said(dataset, "Modality")) in map(_plain, policy.risky_modalities):
        yield Cause.MODALITY
    if _within(said(dataset, "SOPClassUID"), _CAPTURE):
        yield Cause.CAPTURE
    image_type = _plain(said(dataset, "ImageType"))
    if any(_plain(risky) in image_type for risky in policy.risky_image_types):
        yield Cause.SCREEN


def _plain(code: str) -> str:
    """A code string as devices and policies spell it: in any case, with blanks or underscores."""
    return code.upper().replace("_", " ").strip()


def names_nobody(patient_id: str) -> bool:
    """Whether a patient ID stands for no person in particular: several people have it."""
    return _NOBODY.fullmatch(patient_id.strip(" \0").upper()) is not None


def said(dataset: Dataset, keyword: str) -> str:
    """Return what an element of the dataset says, as text; empty without it.

    Where text is ASCII by its representation, a raw element stays raw: to parse and write it again takes longer.
    """
    tag = _tag_of(keyword)
    if tag not in dataset:
        return ""
    element = dataset.get_item(tag)
    is_plain = isinstance(element, RawDataElement) and element.VR in _ASCII and element.value is not None
    return text_of(element if is_plain else dataset[tag]).strip()


@lru_cache(maxsize=256)
def _tag_of(keyword: str) -> BaseTag:
    return Tag(keyword)


def _within(uid: str, root: str) -> bool:
    return uid == root or uid.startswith(f"{root}.")


def _is_own(dataset: Dataset) -> bool:
    """Whether eci_annotate made this object (by its private creator, or as its maker)."""
    if said(dataset, "Manufacturer") == _OWN_MAKER and said(dataset, "Modality") in ("RTSTRUCT", "SR", "SEG"):
        return True
    items = dataset[_STRUCTURE_SET_ROIS].value if _STRUCTURE_SET_ROIS in dataset else []
    return any(_has_creator(each) for each in [dataset, *items])


def _has_creator(item: Dataset) -> bool:
    creators = (tag for tag in item.keys() if tag.group & 1 and tag.elem < 0x100)  # noqa: SIM118
    return any(text_of(item.get_item(tag)).startswith(_OWN_CREATOR) for tag in creators)
