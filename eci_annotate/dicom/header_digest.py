"""A digest of everything in a DICOM file but its pixels, the same for any lossless encoding of the file.

Transfer syntax, explicit or implicit VR, byte order, sequence lengths and group lengths do not matter; values do.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from pydicom import DataElement, Dataset, dcmread
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import RawDataElement, convert_raw_data_element
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag

from eci_annotate.dicom.images.files import read
from eci_annotate.errors import BadImages, DamagedFile

HEADER = "header.1"  # the rule below; another rule has another name
_PADDED = {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"}
_ITEM = b"\xfe\xff\x00\xe0"
# pixels (their own digest covers the decoded values), where their frames begin, and the padding of the file
_LEFT_OUT = {0x7FE00010, 0x7FE00001, 0x7FE00002, 0xFFFCFFFC, 0x00080001}


def header_digest(content: bytes) -> str:
    """Return the SHA-256 over all elements of a DICOM file outside group 0002 and its pixel data, by rule `HEADER`.

    Elements follow in the order of their tags. Each counts as tag, length and value: the value in little-endian bytes
    without trailing padding of texts; a sequence as the digests of its items. Private elements count as their bytes.

    Raises
    ------
    DamagedFile
        The file cannot be parsed.
    """
    try:
        dataset = dcmread(BytesIO(content))
        return _digest(dataset, _LEFT_OUT).hex()
    except Exception as error:
        raise DamagedFile("A file is damaged or truncated.", "Copy it again from its archive.") from error


def instance_uid(path: Path) -> str:
    """Return the SOP instance UID of a DICOM file; empty for any other file."""
    try:
        return str(read(path, pixels=False, tags=("SOPInstanceUID",)).get("SOPInstanceUID", ""))
    except BadImages:
        return ""


def _digest(dataset: Dataset, left_out: set[int]) -> bytes:
    total = hashlib.sha256()
    for tag in sorted(dataset.keys()):
        if tag.element == 0 or int(tag) in left_out:
            continue
        element = dataset.get_item(tag)
        items = _items(dataset, tag, element)
        parts = [_value(element, dataset)] if items is None else [_digest(item, set()) for item in items]
        total.update(struct.pack(">I?Q", int(tag), items is not None, sum(map(len, parts))))
        total.update(b"".join(parts))
    return total.digest()


def _items(dataset: Dataset, tag: BaseTag, element: Any) -> list[Dataset] | None:
    """Return the items of a sequence, None for any other element; a private one without a VR is told by its bytes."""
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


def _value(element: Any, dataset: Dataset) -> bytes:
    """Return the value in little-endian bytes."""
    if isinstance(element, DataElement) or not element.is_little_endian:
        element = element if isinstance(element, DataElement) else convert_raw_data_element(element, ds=dataset)
        vr, value = str(element.VR), _encoded(element, dataset)
    else:
        vr, value = str(element.VR), element.value or b""
    if element.tag.is_private:
        return value
    return _unpadded(dictionary_VR(element.tag) if dictionary_has_tag(element.tag) else vr, value)


def _encoded(element: DataElement, dataset: Dataset) -> bytes:
    stream = DicomBytesIO()
    stream.is_little_endian, stream.is_implicit_VR = True, True
    write_data_element(stream, element, _charset(dataset))
    return stream.getvalue()[8:]


def _charset(dataset: Dataset) -> Any:
    return getattr(dataset, "original_character_set", None) or "iso8859"


def _unpadded(vr: str, value: bytes) -> bytes:
    return value.rstrip(b" \0") if vr in _PADDED else value
