"""Headers of usual files in little endian (PS3.5 and PS3.10, chapters 7), read as pydicom does, in half the time.

Whatever is unusual is left to pydicom: other transfer syntaxes, unknown VRs, elements that are not in order or occur
twice, lengths beyond the file, undefined lengths of anything but sequences and compressed pixels.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from struct import Struct
from typing import Any, BinaryIO

from pydicom import DataElement, config
from pydicom.charset import convert_encodings, default_encoding
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import RawDataElement, empty_value_for_VR
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.filereader import read_sequence
from pydicom.fileutil import read_undefined_length_value
from pydicom.tag import BaseTag, SequenceDelimiterTag
from pydicom.uid import AllTransferSyntaxes, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32, STANDARD_VR
from pydicom.values import convert_string

from eci_annotate.deid.quiet import quiet

_PIECE = 1 << 14
_BEGIN = b"DICM\2\0\0\0UL\4\0"
_PREAMBLE, _PREFIX = 128, 132
_UNDEFINED, _CHARSET, _SYNTAX, _PIXELS = 0xFFFFFFFF, 0x00080005, 0x00020010, 0x7FE00010
_META, _OF_THE_FILE = range(0x00020000, 0x00030000), range(0x00080000, 0xFFFD0000)
_VRS = {str(vr).encode(): str(vr) for vr in STANDARD_VR}
_LONG = {str(vr).encode() for vr in EXPLICIT_VR_LENGTH_32}
_EMPTY = {vr: empty_value_for_VR(vr, raw=True) for vr in (None, *_VRS.values())}
_EXPLICIT, _IMPLICIT, _LENGTH = (Struct(form).unpack_from for form in ("<HH2sH", "<HHL", "<L"))
_IS_IMPLICIT = {uid.encode(): False for uid in AllTransferSyntaxes if uid.is_encapsulated}
_IS_IMPLICIT |= {ExplicitVRLittleEndian.encode(): False, ImplicitVRLittleEndian.encode(): True}

tag_of_number = lru_cache(maxsize=1 << 14)(BaseTag)  # one object per tag: it is found in a dataset without comparing


class _Unusual(Exception):
    """Something that is left to pydicom."""


class _Elements:
    """The elements of one file, from its beginning to its end."""

    def __init__(self, stream: BinaryIO, defer: int) -> None:
        self.stream, self.defer = stream, defer
        self.piece, self.base = stream.read(_PIECE), 0  # a part of the file, and where it begins
        self.size = os.fstat(stream.fileno()).st_size
        self.encoding: Any = default_encoding

    def read(self, at: int, tags: range, implicit: bool) -> tuple[dict[BaseTag, Any], int]:
        """Return the elements with these tags from a place in the piece on, and the place after them."""
        found: dict[BaseTag, Any] = {}
        defer, last = self.defer, -1
        piece, room = self.piece, self.size - self.base
        while at < room:
            if at + 12 > len(piece):
                at, piece, room = self._read_on(at)
            if implicit:
                group, element, length = _IMPLICIT(piece, at)
                vr, start = None, at + 8
            else:
                group, element, code, length = _EXPLICIT(piece, at)
                vr, start = _VRS.get(code), at + 8
                if code in _LONG:
                    (length,) = _LENGTH(piece, start)
                    start += 4
            number = group << 16 | element
            if number not in tags or number <= last or (vr is None and not implicit):
                break
            tag, end = tag_of_number(number), start + length
            if length == _UNDEFINED:
                found[tag], at = self._delimited(tag, vr, start, implicit)
                last = number
                continue
            if end > room:
                raise _Unusual
            if length > defer:
                value = None
            elif end > len(piece):
                at, piece, room = self._read_on(at)
                continue
            else:
                value = piece[start:end] if length else _EMPTY[vr]
            place = self.base + start
            found[tag] = tuple.__new__(RawDataElement, (tag, vr, length, value, place, implicit, True, True, False))
            if number == _CHARSET:
                self.encoding = _encodings(value or b"") if length <= defer else _unusual()
            at, last = end, number
        return found, at

    def _read_on(self, at: int) -> tuple[int, bytes, int]:
        """Read the next piece; return the same place in it, the piece, and how far the file goes on."""
        if at == 0:  # nothing would be gained
            raise _Unusual
        self.base += at
        self.stream.seek(self.base)
        self.piece = self.stream.read(_PIECE)
        if len(self.piece) < 12:
            raise _Unusual
        return 0, self.piece, self.size - self.base

    def _delimited(self, tag: BaseTag, vr: str | None, start: int, implicit: bool) -> tuple[Any, int]:
        """Return a sequence or compressed pixels of undefined length, as pydicom reads them, and the place after."""
        vr = vr or (dictionary_VR(tag) if dictionary_has_tag(tag) else None)
        position = self.base + start
        self.stream.seek(position)
        if vr == "SQ":
            with quiet():
                items = read_sequence(self.stream, implicit, True, _UNDEFINED, self.encoding)
            element: Any = DataElement(tag, vr, items, position, is_undefined_length=True)
        elif tag == _PIXELS and vr in ("OB", "OW") and not implicit:
            value = read_undefined_length_value(self.stream, True, SequenceDelimiterTag, self.defer)
            element = RawDataElement(tag, vr, _UNDEFINED, value, position, implicit, True)
        else:
            raise _Unusual
        return element, self.stream.tell() - self.base


def _unusual() -> Any:
    raise _Unusual


@lru_cache(maxsize=64)
def _encodings(value: bytes) -> Any:
    with quiet():
        return convert_encodings(convert_string(value, True))


def plain_header(path: Path, defer: int) -> FileDataset | None:
    """Read a file as `pydicom.dcmread(path, defer_size=defer)` does; None if it is not as usual."""
    if config.debugging:
        return None
    try:
        with path.open("rb") as stream:
            return _dataset(stream, _Elements(stream, defer))
    except Exception:  # pydicom says what is wrong
        return None


def _dataset(stream: Any, elements: _Elements) -> FileDataset:
    preamble = elements.piece[:_PREAMBLE]
    if not elements.piece.startswith(_BEGIN, _PREAMBLE):
        raise _Unusual
    meta, start = elements.read(_PREFIX, _META, False)
    syntax = meta[tag_of_number(_SYNTAX)]
    implicit = _IS_IMPLICIT[syntax.value.rstrip(b"\0") if syntax.VR == "UI" else b""]
    if elements.base or (implicit and elements.piece[start + 4 : start + 6].isupper()):  # perhaps it is explicit
        raise _Unusual
    found, end = elements.read(start, _OF_THE_FILE, implicit)
    if not found or elements.base + end != elements.size:
        raise _Unusual
    head = FileMetaDataset(meta)
    head.set_original_encoding(False, True, default_encoding)
    dataset = FileDataset(stream, found, preamble, head, implicit, True)
    charset = elements.encoding
    dataset.set_original_encoding(implicit, True, charset if isinstance(charset, str) else list(charset))
    return dataset
