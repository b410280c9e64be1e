"""The bytes of the elements of a DICOM dataset as they are in its file, and the items of its sequences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydicom import DataElement, Dataset
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import RawDataElement, convert_raw_data_element
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag

_ITEM = b"\xfe\xff\x00\xe0"


def items_of(dataset: Dataset, tag: BaseTag, element: Any) -> list[Dataset] | None:
    """Return the items of a sequence, else None; a private element without a VR is known by its bytes."""
    if isinstance(element, DataElement):
        return list(element.value) if isinstance(element.value, Sequence) else None
    vr = dictionary_VR(tag) if dictionary_has_tag(tag) else element.VR
    if vr == "SQ" or (vr in (None, "UN") and (element.value or b"").startswith(_ITEM)):
        return list(_parsed(dataset, element))
    return None


def _parsed(dataset: Dataset, element: RawDataElement) -> Iterator[Dataset]:
    implicit = element.is_implicit_VR or element.VR == "UN"  # PS3.5 section 6.2.2: UN holds implicit VR
    raw = element._replace(VR="SQ", is_implicit_VR=implicit)
    yield from convert_raw_data_element(raw, encoding=_charset(dataset), ds=dataset).value


def encoded_value(element: DataElement, dataset: Dataset) -> bytes:
    """Return the value of a parsed element in little-endian bytes."""
    stream = DicomBytesIO()
    stream.is_little_endian, stream.is_implicit_VR = True, True
    write_data_element(stream, element, _charset(dataset))
    return stream.getvalue()[8:]


def _charset(dataset: Dataset) -> Any:
    return getattr(dataset, "original_character_set", None) or "iso8859"
