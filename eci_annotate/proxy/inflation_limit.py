"""Files that would become too large in memory are refused before they are parsed or decoded."""

from __future__ import annotations

import zlib
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.filereader import read_file_meta_info
from pydicom.uid import DeflatedExplicitVRLittleEndian

from eci_annotate.errors import Overloaded

MOST_BYTES = 128 << 20
_PREFIX_LESS = 4096  # more than the file meta information of any object
_PIECE, _HEAD = 1 << 20, 144  # preamble, prefix, and the element that holds the length of group 0002


def require_bounded_file(path: Path, most: int = MOST_BYTES) -> None:
    """Raise Overloaded for a deflated file that inflates to more than `most` bytes; zlib.error if it is damaged."""
    with path.open("rb") as stream:
        head = stream.read(_PREFIX_LESS)
    if head[128:132] != b"DICM":
        if head[:1] == b"\2" and DeflatedExplicitVRLittleEndian.encode() in head:
            raise Overloaded("A deflated file has no DICOM prefix.", "Send it uncompressed.")
        return
    meta = read_file_meta_info(path)
    if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
        return
    inflater, size = zlib.decompressobj(-zlib.MAX_WBITS), 0
    with path.open("rb") as stream:
        stream.seek(_HEAD + int(meta.FileMetaInformationGroupLength))
        while size <= most and not inflater.eof:
            piece = inflater.unconsumed_tail or stream.read(_PIECE)
            if not piece:
                return
            size += len(inflater.decompress(piece, _PIECE))
    if size > most:
        raise Overloaded("A deflated file is too large.", "Send it uncompressed.")


def pixel_bytes(dataset: Dataset) -> int:
    """Return how many bytes the decoded pixels of an object need."""
    names = ("Rows", "Columns", "SamplesPerPixel", "NumberOfFrames")
    count = 1
    for name in names:
        count *= int(dataset.get(name) or 1)
    return count * (int(dataset.get("BitsAllocated") or 16) + 7) // 8
