"""A digest of everything in a DICOM file but its pixels, the same for any lossless encoding of the file.

Transfer syntax, explicit or implicit VR, byte order, sequence lengths and group lengths do not matter; values do.
"""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path
from typing import Any

from pydicom import DataElement, Dataset, dcmread
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import convert_raw_data_element

from eci_annotate.dicom.element_bytes import encoded_value, items_of
from eci_annotate.dicom.images.files import Content, read, stream_of
from eci_annotate.errors import BadImages, DamagedFile

HEADER = "header.1"  # the rule below; another rule has another name
_PADDED = {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"}
# pixels (their own digest covers the decoded values), where their frames begin, and the padding of the file
_LEFT_OUT = {0x7FE00010, 0x7FE00001, 0x7FE00002, 0xFFFCFFFC, 0x00080001}


def header_digest(content: Content) -> str:
    """Return the SHA-256 over all elements of a DICOM file outside group 0002 and its pixel data, by rule `HEADER`.

    Elements follow in the order of their tags. Each counts as tag, length and value: the value in little-endian bytes
    without trailing padding of texts; a sequence as the digests of its items. Private elements count as their bytes.

    Raises
    ------
    DamagedFile
        The file cannot be parsed.
    """
    try:
        with stream_of(content) as stream:
            dataset = dcmread(stream)
    except Exception as error:
        raise DamagedFile("A file is damaged or truncated.", "Copy it again from its archive.") from error
    return digest_of_header(dataset)


def digest_of_header(dataset: Dataset) -> str:
    """As `header_digest`, of a file that was just read: none of its elements was used yet."""
    try:
        return _digest(dataset, _LEFT_OUT).hex()
    except Exception as error:
        raise DamagedFile("A file is damaged or truncated.", "Copy it again from its archive.") from error


def instance_uid(path: Path) -> str:
    """Return the SOP instance UID of a DICOM file; empty for any other file."""
    return _uid(path, "SOPInstanceUID")


def series_uid(path: Path) -> str:
    """Return the series instance UID of a DICOM file; empty for any other file."""
    return _uid(path, "SeriesInstanceUID")


def _uid(path: Path, keyword: str) -> str:
    try:
        return str(read(path, pixels=False, tags=(keyword,)).get(keyword, ""))
    except BadImages:
        return ""


def _digest(dataset: Dataset, left_out: set[int]) -> bytes:
    total = hashlib.sha256()
    for tag in sorted(dataset.keys()):
        if tag.element == 0 or int(tag) in left_out:
            continue
        element = dataset.get_item(tag)
        items = items_of(dataset, tag, element)
        parts = [_value(element, dataset)] if items is None else [_digest(item, set()) for item in items]
        total.update(struct.pack(">I?Q", int(tag), items is not None, sum(map(len, parts))))
        total.update(b"".join(parts))
    return total.digest()


def _value(element: Any, dataset: Dataset) -> bytes:
    """Return the value in little-endian bytes."""
    if isinstance(element, DataElement) or not element.is_little_endian:
        element = element if isinstance(element, DataElement) else convert_raw_data_element(element, ds=dataset)
        vr, value = str(element.VR), encoded_value(element, dataset)
    else:
        vr, value = str(element.VR), element.value or b""
    if element.tag.is_private:
        return value
    return _unpadded(dictionary_VR(element.tag) if dictionary_has_tag(element.tag) else vr, value)


def _unpadded(vr: str, value: bytes) -> bytes:
    return value.rstrip(b" \0") if vr in _PADDED else value
