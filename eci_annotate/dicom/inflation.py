"""Files that become too large in memory are refused before they are parsed: deflated ones, and enormous matrices."""

from __future__ import annotations

import zlib
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from pydicom.filereader import read_dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian

from eci_annotate.dicom.images.files import Opener, stream_of
from eci_annotate.errors import DamagedFile, UnsupportedImages

MOST_BYTES = 512 << 20
_PIECE, _HEAD, _LONGEST_META = 1 << 20, 144, 1 << 20  # 144: preamble, prefix, and the length of group 0002


def require_bounded(path: Path | Opener, most: int = MOST_BYTES) -> None:
    """Refuse a deflated file that inflates to more than `most` bytes; at most a piece of it is in memory.

    Raises
    ------
    UnsupportedImages
        It would become larger.
    DamagedFile
        It cannot be inflated.
    """
    with path.open("rb") if isinstance(path, Path) else stream_of(path()) as stream:
        _require_bounded(stream, most)


def _require_bounded(stream: BinaryIO, most: int) -> None:
    try:
        head = stream.read(_HEAD)
        begin = _HEAD + int.from_bytes(head[-4:], "little")
        if head[132:140] != b"\2\0\0\0UL\4\0" or begin > _LONGEST_META:
            return
        meta = read_dataset(BytesIO(stream.read(begin - _HEAD)), False, True)
        if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
            return
    except Exception:  # what is no DICOM file is refused by name when it is read
        return
    try:
        size = _inflated(stream, begin, most)
    except zlib.error as error:
        raise DamagedFile("A file is damaged or truncated.", "Copy it again from its archive.") from error
    if size > most:
        raise UnsupportedImages("A deflated file is too large.", "Send it uncompressed, one image per file.")


def _inflated(stream: BinaryIO, begin: int, most: int) -> int:
    inflater, size = zlib.decompressobj(-zlib.MAX_WBITS), 0
    stream.seek(begin)
    while size <= most and not inflater.eof:
        piece = inflater.unconsumed_tail or stream.read(_PIECE)
        if not piece:
            break
        size += len(inflater.decompress(piece, _PIECE))
    return size


def require_matrix(rows: int, columns: int, frames: int, most: int = MOST_BYTES) -> None:
    """Refuse an image whose pixels, at two bytes each, need more than `most` bytes."""
    if rows * columns * max(frames, 1) * 2 > most:
        raise UnsupportedImages("An image is too large.", "Send images of usual size.")
