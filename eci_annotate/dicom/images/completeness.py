"""Detection of truncated files, which libraries read silently: every element length is checked."""

from __future__ import annotations

import struct

from pydicom import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from eci_annotate.errors import DamagedFile

LONG = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = (0xFFFE, 0xE000), (0xFFFE, 0xE00D), (0xFFFE, 0xE0DD)


class _Walker:
    """Reads tags and lengths of one encoded dataset."""

    def __init__(self, content: bytes, explicit: bool, order: str) -> None:
        self.content, self.explicit, self.order = content, explicit, order

    def header(self, at: int) -> tuple[tuple[int, int], int, int]:
        """Return tag, length and start of the value of the element at a position."""
        group, element = self.unpack("HH", at)
        if not self.explicit or group == 0xFFFE:
            return (group, element), self.unpack("I", at + 4)[0], at + 8
        if self.content[at + 4 : at + 6] in LONG:
            return (group, element), self.unpack("I", at + 8)[0], at + 12
        return (group, element), self.unpack("H", at + 6)[0], at + 8

    def unpack(self, form: str, at: int) -> tuple[int, ...]:
        form = self.order + form
        if at + struct.calcsize(form) > len(self.content):
            raise DamagedFile("The file is truncated: it ends inside an element.", "Copy it again from its archive.")
        return struct.unpack_from(form, self.content, at)

    def elements(self, at: int, end_tag: tuple[int, int] | None) -> int:
        """Walk elements to the end of the content or past the given end tag; return that position."""
        while end_tag is not None or at < len(self.content):
            tag, length, value = self.header(at)
            if tag == end_tag:
                return value
            inner = self.implicit if length == UNDEFINED and self.is_unknown(at) else self
            at = inner.after(tag, length, value)
        return at

    def is_unknown(self, at: int) -> bool:
        """Whether the element at a position has the VR UN."""
        return self.explicit and self.content[at + 4 : at + 6] == b"UN"

    @property
    def implicit(self) -> _Walker:
        """The same content as sequences of unknown VR are encoded (PS3.5 6.2.2): implicit VR, little endian."""
        return _Walker(self.content, False, "<")

    def after(self, tag: tuple[int, int], length: int, value: int) -> int:
        """Return the position after a value."""
        if length == UNDEFINED:
            return self.elements(value, ITEM_END if tag == ITEM else SEQUENCE_END)
        if value + length > len(self.content):
            raise DamagedFile("The file is truncated: it ends inside an element.", "Copy it again from its archive.")
        return value + length


def require_whole(content: bytes, dataset: Dataset) -> None:
    """Refuse a truncated file.

    Parameters
    ----------
    content
        The whole file, with its 132 bytes of preamble.
    dataset
        The same file as read by pydicom.

    Raises
    ------
    DamagedFile
        If the content ends inside an element. A deflated file is checked by decompressing it.
    """
    meta = dataset.file_meta
    syntax = str(meta.get("TransferSyntaxUID", ImplicitVRLittleEndian))
    if syntax == DeflatedExplicitVRLittleEndian:
        return
    start = 144 + int(meta.get("FileMetaInformationGroupLength", 0) or 0)
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    walker = _Walker(content[start:], syntax != ImplicitVRLittleEndian, order)
    if start > 144:
        walker.elements(0, None)
