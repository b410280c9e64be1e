"""Single elements, parsed or raw as pydicom read them: their text, and copies with another value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from pydicom.datadict import keyword_for_tag
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from eci_annotate.deid.descriptors import REMOVED

Element: TypeAlias = DataElement | RawDataElement
_NUL_PADDED = ("UI",)
_DUMMY_VALUES: Mapping[str, Any] = {
    "AS": "000Y",
    "AT": 0,
    "DA": "19000101",
    "DS": "0",
    "DT": "19000101000000",
    "FD": 0.0,
    "FL": 0.0,
    "IS": "0",
    "OB": b"\0\0",
    "OW": b"\0\0",
    "SL": 0,
    "SS": 0,
    "TM": "000000",
    "UI": "2.25.0",
    "UL": 0,
    "UN": b"\0\0",
    "UR": "about:blank",
    "US": 0,
}


def text_of(element: Element) -> str:
    """Return a value as text: of raw elements as Latin-1, so that bytes and characters agree."""
    if isinstance(element, RawDataElement):
        return (element.value or b"").decode("latin-1").rstrip(" \0")
    if isinstance(element.value, bytes):
        return element.value.decode("latin-1").rstrip(" \0")
    return "\\".join(map(str, element.value)) if _several(element) else str(element.value or "")


def _several(element: DataElement) -> bool:
    return element.VM > 1 and not isinstance(element.value, (str, bytes))


def is_empty(element: Element) -> bool:
    """Whether an element has no value, or no items."""
    return not element.value if element.is_raw else bool(element.is_empty)


def with_text(element: Element, text: str, vr: str) -> Element:
    """Return the element with another ASCII text."""
    if not isinstance(element, RawDataElement):
        return DataElement(element.tag, vr, text)
    value = text.encode("ascii")
    value += (b"\0" if vr in _NUL_PADDED else b" ") * (len(value) % 2)
    return element._replace(value=value, length=len(value))


def empty(element: Element, vr: str) -> Element:
    """Return the element without a value."""
    if vr == "SQ":
        return DataElement(element.tag, vr, Sequence())
    if isinstance(element, RawDataElement):
        return element._replace(value=b"", length=0)
    return DataElement(element.tag, vr, None)


def dummy(element: Element, vr: str) -> Element | None:
    """Return the element with a value that says nothing; None if a sequence has no such item."""
    if vr != "SQ":
        return DataElement(element.tag, vr, _DUMMY_VALUES.get(vr, REMOVED))
    item = _dummy_item(int(element.tag))
    return None if item is None else DataElement(element.tag, vr, Sequence([item]))


def is_dummy(element: DataElement) -> bool:
    """Whether an element says nothing: a dummy of this package."""
    if element.VR != "SQ":
        return bool(element.value == _DUMMY_VALUES.get(element.VR, REMOVED))
    item = _dummy_item(int(element.tag))
    return item is not None and list(element.value) == [item]


def _dummy_item(tag: int) -> Dataset | None:
    make = _ITEMS.get(tag) or (_code if keyword_for_tag(tag).endswith("CodeSequence") else None)
    return make() if make else None


def _code() -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = REMOVED, "99ECI", REMOVED
    return item


def _content() -> Dataset:
    item = Dataset()
    item.RelationshipType, item.ValueType, item.TextValue = "CONTAINS", "TEXT", REMOVED
    item.ConceptNameCodeSequence = [_code()]
    return item


def _observer() -> Dataset:
    item = Dataset()
    item.VerifyingOrganization = item.VerifyingObserverName = REMOVED
    item.VerificationDateTime = _DUMMY_VALUES["DT"]
    item.VerifyingObserverIdentificationCodeSequence = []
    return item


_ITEMS: Mapping[int, Callable[[], Dataset]] = {
    0x00080082: _code,
    0x0040A730: _content,
    0x0040A073: _observer,
    0x00401101: _code,
}
