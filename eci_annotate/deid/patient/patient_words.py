"""Compare elements outside the table with what identifies the patient: replace, empty, or say that neither is safe."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydicom.charset import python_encoding
from pydicom.dataset import Dataset
from pydicom.uid import UID_dictionary

from eci_annotate.deid.descriptors import REMOVED, vocabulary
from eci_annotate.deid.elements import Element, empty, text_of, with_text
from eci_annotate.deid.patient.recurrence import Recurrence
from eci_annotate.deid.quarantine import said

_BINARY = frozenset(
    {"AT", "FD", "FL", "OB", "OD", "OF", "OL", "OV", "OW", "SL", "SS", "SV", "UL", "UN", "US", "UV"}
)  # fmt: skip
_NUMERIC = re.compile(r"[0-9+\-.eE\\ \0]*")
_WORDS = re.compile(r"[A-Z0-9]+")
# without these an object cannot be read as what it is: group 0028, and
_NEEDED = frozenset(
    {
        0x00080005, 0x00080008, 0x00080060, 0x00080068, 0x00089007, 0x00089206, 0x00089207, 0x00185100,
        0x00200060, 0x00200062, 0x0040A010, 0x0040A040, 0x0040A050, 0x00620001, 0x00620008, 0x30060042, 0x300600A4,
    }
)  # fmt: skip
_TERMS = frozenset(_WORDS.findall("""
    ORIGINAL DERIVED PRIMARY SECONDARY AXIAL LOCALIZER VOLUME MONOCHROME MONOCHROME1 MONOCHROME2 RGB PALETTE COLOR
    FULL PARTIAL RCT ICT MIXED NONE UNKNOWN SAMPLED LEFT RIGHT BINARY FRACTIONAL PROBABILITY OCCUPANCY LINEAR EXACT
    SIGMOID IDENTITY POINT CONTAINER CONTAINS TEXT CODE NUM IMAGE COMPOSITE SCOORD SCOORD3D UIDREF PNAME DATE TIME
    DATETIME HAS CONCEPT MOD OBS CONTEXT ACQ PROPERTIES INFERRED FROM SELECTED SEPARATE CONTINUOUS CLOSED PLANAR
    OPEN NONPLANAR CLOSEDPLANAR XOR PRESENTATION PROCESSING FOR STATIC DYNAMIC GATED WHOLE BODY RECON TOMO NORM
"""))  # fmt: skip
_JPEG, _JPEG_2000 = b"\xff\xd8", b"\xff\x4f"
_LAST_OF_HEAD = (0xDA, 0x90)  # start of scan, start of tile


def compared(element: Element, vr: str, words: Recurrence) -> Element | None:
    """Return an element without the patient's data, itself if it has none; None if it can be neither kept nor changed.

    Parameters
    ----------
    vr
        Its representation.
    words
        What identifies the patient.
    """
    if vr in _BINARY:
        content = element.value
        return None if isinstance(content, bytes) and words.is_in_bytes(content) else element
    text = text_of(element)
    if vr in ("DS", "IS"):
        return _number(element, vr, text, words)
    if vr == "UI":
        return element if not any(_names(uid, words) for uid in text.split("\\")) else None
    if not words.is_in(text):
        return element
    if vr != "CS":
        return with_text(element, "about:blank" if vr == "UR" else REMOVED, vr)
    return _code(element, text, words)


def _number(element: Element, vr: str, text: str, words: Recurrence) -> Element | None:
    if not _NUMERIC.fullmatch(text):
        return empty(element, vr) if words.is_in(text) else element
    if not words.has_number(text):
        return element
    return empty(element, vr) if vr == "IS" else None


def _names(uid: str, words: Recurrence) -> bool:
    uid = uid.strip(" \0")
    if uid in UID_dictionary:
        return False
    return any(words.has_number(part) for part in uid.split(".")) or (
        bool(uid.strip("0123456789.")) and words.is_in(uid)
    )


def _code(element: Element, text: str, words: Recurrence) -> Element | None:
    """A code string: a term of the standard stays where readers need it, other words there set the object aside."""
    tag, parts = int(element.tag), text.split("\\")
    if tag >> 16 != 0x0028 and tag not in _NEEDED:
        return with_text(element, "\\".join(REMOVED if words.is_in(part) else part.strip() for part in parts), "CS")
    found = [part.strip() for part in parts if words.is_in(part)]
    return element if all(_is_term(part) for part in found) else None


def _is_term(part: str) -> bool:
    known = vocabulary()
    return part in python_encoding or all(word in _TERMS or word.lower() in known for word in _WORDS.findall(part))


def in_pixels(dataset: Dataset, words: Recurrence) -> bool:
    """Whether the patient's data are in comments of compressed frames, or behind uncompressed pixels."""
    element = dataset.get_item("PixelData") if "PixelData" in dataset else None
    content = element.value if element is not None else None
    if not isinstance(content, bytes):
        return False
    if content[:4] == b"\xfe\xff\x00\xe0" and getattr(dataset, "file_meta", None) and _is_compressed(dataset):
        return any(words.is_in_bytes(each) for each in _comments(content))
    return words.is_in_bytes(content[_expected(dataset) :])


def _is_compressed(dataset: Dataset) -> bool:
    return said(dataset.file_meta, "TransferSyntaxUID") not in ("", "1.2.840.10008.1.2", "1.2.840.10008.1.2.1")


def _expected(dataset: Dataset) -> int:
    """How many bytes uncompressed pixels need; all of them where the object does not say."""
    bits = 1
    for keyword in ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "NumberOfFrames"):
        value = said(dataset, keyword) or ("1" if keyword in ("NumberOfFrames", "SamplesPerPixel") else "")
        if not value.isdigit():
            return 1 << 62
        bits *= int(value)
    return (bits + 7) // 8


def _comments(content: bytes) -> Iterator[bytes]:
    """Yield what is in comments and application segments of JPEG and JPEG 2000 frames (PS3.5 A.4)."""
    at = 0
    while at + 8 <= len(content) and content[at : at + 2] == b"\xfe\xff":
        length = int.from_bytes(content[at + 4 : at + 8], "little")
        if content[at + 2 : at + 4] != b"\x00\xe0":  # the delimiter
            return
        if content[at + 8 : at + 10] in (_JPEG, _JPEG_2000):
            yield from _segments(content, at + 10, min(at + 8 + length, len(content)))
        at += 8 + length


def _segments(content: bytes, at: int, end: int) -> Iterator[bytes]:
    while at + 4 <= end and content[at] == 0xFF and content[at + 1] not in _LAST_OF_HEAD:
        length = int.from_bytes(content[at + 2 : at + 4], "big")
        if 0xE0 <= content[at + 1] <= 0xEF or content[at + 1] in (0xFE, 0x64):
            yield content[at + 4 : at + 2 + length]
        at += 2 + max(length, 2)


def is_compared(tag: int, vr: str) -> bool:
    """Whether elements of a representation can hold words, and are compared with the patient's data."""
    return (vr in _BINARY and tag >> 16 != 0x7FE0) or vr in ("AE", "CS", "DS", "IS", "UI")
