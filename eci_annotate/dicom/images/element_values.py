"""Values of DICOM elements, converted once for equal contents; what cannot be read is a named error."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from pydicom import Dataset
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement, convert_raw_data_element
from pydicom.multival import MultiValue
from pydicom.tag import Tag

from eci_annotate.dicom.stored.plain_header import tag_of_number
from eci_annotate.errors import DamagedFile
from eci_annotate.imaging.geometry import Floats

PLAIN_VRS = {"DS", "IS", "US", "SS", "UL", "SL", "FL", "FD", "UI", "CS", "DA", "TM", "DT"}  # no character sets
TEXT_VRS = {"LO", "SH"}
LARGEST = 1e15
REMEDY = "Ask the sender for complete images."


def value_of(dataset: Dataset, keyword: str) -> Any:
    """Return an element's value; None if it is absent or empty.

    Raises
    ------
    DamagedFile
        If it cannot be read as its type.
    """
    tag, usual = _tag(keyword)
    raw = dataset._dict.get(tag)
    if raw is None:
        return None
    try:
        vr = raw.VR or usual
        if type(raw) is RawDataElement and raw.value is not None:
            if vr in PLAIN_VRS:
                return _converted(tag, vr, raw.value, raw.is_implicit_VR, raw.is_little_endian)
            if vr in TEXT_VRS and (charset := dataset.original_character_set):
                known = (charset,) if isinstance(charset, str) else tuple(charset)
                return _converted(tag, vr, raw.value, raw.is_implicit_VR, raw.is_little_endian, known)
        return _not_empty(dataset.get(keyword))
    except Exception as error:  # pydicom raises many kinds for malformed values
        raise DamagedFile(f"{keyword} of an image cannot be read.", REMEDY) from error


def has_same_bytes(datasets: Sequence[Dataset], keyword: str) -> bool:
    """Whether an element was read as the same bytes from all files, or is in none; False if that is not certain."""
    tag, _ = _tag(keyword)
    if tag not in datasets[0]._dict:
        return not any(tag in dataset._dict for dataset in datasets)
    found = [dataset._dict.get(tag) for dataset in datasets]
    if any(type(raw) is not RawDataElement or raw.value is None for raw in found):
        return False
    kinds = {(raw.value, raw.VR, raw.is_implicit_VR, raw.is_little_endian) for raw in found}
    return len(kinds) == 1 and found[0].value.isascii()  # which all character sets read alike


def numbers_of(dataset: Dataset, keyword: str) -> Floats | None:
    """Return the numbers of an element, not to be written to; None if it is absent or empty; raises as `numbers`."""
    tag, usual = _tag(keyword)
    raw = dataset._dict.get(tag)
    if type(raw) is RawDataElement and raw.value is not None and (vr := raw.VR or usual) in PLAIN_VRS:
        try:
            return _floats(keyword, tag, vr, raw.value, raw.is_implicit_VR, raw.is_little_endian)
        except DamagedFile:
            raise
        except Exception as error:
            raise DamagedFile(f"{keyword} of an image cannot be read.", REMEDY) from error
    value = value_of(dataset, keyword)
    return None if value is None else numbers(value, keyword)


def _not_empty(value: Any) -> Any:
    if isinstance(value, MultiValue):
        return value if len(value) else None
    return None if value is None or value == "" else value


@lru_cache
def _tag(keyword: str) -> tuple[Any, str]:
    tag = tag_of_number(int(Tag(keyword)))
    return tag, dictionary_VR(tag)


@lru_cache(maxsize=1 << 14)
def _converted(tag: Any, vr: str, content: bytes, implicit: bool, little: bool, charset: Any = None) -> Any:
    """Convert an element; the slices of a series share most of their elements."""
    if vr in ("DS", "IS") and b"_" in content:
        raise ValueError("an underscore in a number")  # Python reads 1_0 as 10
    raw = RawDataElement(tag, vr, len(content), content, 0, implicit, little)
    return _not_empty(convert_raw_data_element(raw, encoding=charset and list(charset)).value)


@lru_cache(maxsize=1 << 14)
def _floats(keyword: str, tag: Any, vr: str, content: bytes, implicit: bool, little: bool) -> Floats | None:
    value = _converted(tag, vr, content, implicit, little)
    if value is None:
        return None
    found = numbers(value, keyword)
    found.flags.writeable = False
    return found


def numbers(value: Any, keyword: str) -> Floats:
    """Return one or several numbers as an array.

    Raises
    ------
    DamagedFile
        If one of them is no finite number.
    """
    try:
        texts = [value] if isinstance(value, str) else value if isinstance(value, MultiValue) else ()
        if any(isinstance(text, str) and "_" in text for text in texts):
            raise ValueError("an underscore in a number")
        found = np.atleast_1d(np.asarray(value, float)).ravel()
    except (TypeError, ValueError) as error:
        raise DamagedFile(f"{keyword} of an image is not a number.", REMEDY) from error
    if not found.size or not np.isfinite(found).all() or np.abs(found).max() > LARGEST:
        raise DamagedFile(f"{keyword} of an image is not a usable number.", REMEDY)
    return found


def one_integer(value: Any, keyword: str) -> int:
    """Return the only number of an element as an integer.

    Raises
    ------
    DamagedFile
        If it is no whole number, or there are several.
    """
    if isinstance(value, int) and abs(value) < LARGEST:
        return int(value)
    found = numbers(value, keyword)
    if found.size != 1 or found[0] != int(found[0]):
        raise DamagedFile(f"{keyword} of an image is not one whole number.", REMEDY)
    return int(found[0])


def number_in(dataset: Dataset, keyword: str, default: int = 0) -> int:
    """Return the integer of an element; `default` if it is absent; raises DamagedFile if it is none."""
    value = value_of(dataset, keyword)
    return default if value is None else one_integer(value, keyword)
