"""Which private elements a policy keeps: those it lists, if they hold numbers, and their creators (PS3.5 7.8)."""

from __future__ import annotations

import struct
from math import isfinite

from pydicom.datadict import private_dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset

from eci_annotate.deid.elements import Element, text_of
from eci_annotate.deid.policy import PrivateElements

_FLOATS = {"FD": "d", "FL": "f"}
_INTEGERS = {"SL": 4, "SS": 2, "UL": 4, "US": 2}
_MOST_VALUES = 16


def kept_private(dataset: Dataset, allowed: tuple[PrivateElements, ...]) -> set[int]:
    """Return the tags of the private elements to keep, creators included."""
    kept: set[int] = set()
    for entry in allowed:
        for block in range(0x10, 0x100):
            creator = entry.group << 16 | block
            if creator in dataset and text_of(dataset.get_item(creator)).strip() == entry.creator:
                tags = (entry.group << 16 | block << 8 | each for each in entry.elements)
                found = {tag for tag in tags if tag in dataset and _is_number(dataset.get_item(tag), entry.creator)}
                kept |= found | ({creator} if found else set())
    return kept


def _is_number(element: Element, creator: str) -> bool:
    """Whether the value consists of numbers; text, or bytes that may be text, is not kept."""
    vr = str(element.VR or "UN")
    if vr == "UN":
        vr = _dictionary_vr(int(element.tag), creator)
    value = element.value
    if isinstance(element, RawDataElement) and vr in _FLOATS:
        return _are_floats(value or b"", _FLOATS[vr], "<" if element.is_little_endian else ">")
    if vr in _FLOATS or vr in _INTEGERS:
        return not isinstance(value, bytes) or len(value) <= _INTEGERS.get(vr, 0) * _MOST_VALUES
    return _is_numeric(text_of(element))


def _dictionary_vr(tag: int, creator: str) -> str:
    try:
        return str(private_dictionary_VR(tag, creator))
    except KeyError:
        return "UN"


def _are_floats(value: bytes, code: str, order: str) -> bool:
    count, rest = divmod(len(value), struct.calcsize(code))
    if rest or not 0 < count <= _MOST_VALUES:
        return False
    numbers = struct.unpack(f"{order}{count}{code}", value)
    return all(isfinite(n) and (n == 0 or 1e-9 < abs(n) < 1e9) for n in numbers)  # text would be far outside


def _is_numeric(text: str) -> bool:
    try:
        return len([float(part) for part in text.split("\\")]) <= _MOST_VALUES
    except ValueError:
        return False
