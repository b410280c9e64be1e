"""Compressed pixels made ready for a decoder: where header and codestream disagree, the codestream or an error.

A decoder that is told other bits, samples or lines than the codestream has gives other pixels without an error.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.uid import UID, JPEG2000TransferSyntaxes, JPEGTransferSyntaxes

from eci_annotate.deid.pixel_data.codestream import ITEM, JPEG, Codestream, codestreams_of, fragments_of
from eci_annotate.dicom.frame_bytes import AGAIN
from eci_annotate.dicom.images.element_values import number_in, value_of
from eci_annotate.errors import DamagedFile

_NEEDED = (
    "Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration",
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation",
    "ExtendedOffsetTable", "ExtendedOffsetTableLengths",
)  # fmt: skip
_END, _TAIL = b"\xff\xd9", 64  # end of image, and the bytes in which it is, but for zeros behind it
_BY_PIXEL = (*JPEGTransferSyntaxes, *JPEG2000TransferSyntaxes)  # decoders give samples pixel by pixel
_J2K_COLOURS = ("YBR_ICT", "YBR_RCT")
_FREE_BITS = JPEG2000TransferSyntaxes  # elsewhere fewer bits than stored ones mean that the words are small
_BASELINE = "1.2.840.10008.1.2.4.50"


def decodable(dataset: Dataset, frames: int) -> Dataset:
    """Return what a decoder is to be given: the file itself, or a copy of what it needs.

    Parameters
    ----------
    dataset
        A file with its pixels.
    frames
        How many it says it has.

    Raises
    ------
    DamagedFile
        If its codestreams are of another size than its header says, or of other samples.
    """
    syntax, content = UID(str(dataset.file_meta.get("TransferSyntaxUID", ""))), dataset.get("PixelData")
    if not isinstance(content, bytes) or content[:4] != ITEM:
        return dataset
    fragments = fragments_of(content)
    changes = _offsets(dataset, content, fragments, frames)
    streams = codestreams_of(content, fragments)
    for stream in streams:
        _require_size(dataset, stream)
    _require_ends(content, fragments[1:])
    if streams:
        changes |= _of_stream(dataset, syntax, streams)
    return _changed(dataset, changes) if changes else dataset


def _offsets(dataset: Dataset, content: bytes, fragments: Sequence[tuple[int, int]], frames: int) -> dict[str, Any]:
    """Return pixels without an offset table if it is wrong, and each fragment is a frame."""
    if len(fragments) != frames + 1:
        return {}
    start, length = fragments[0]
    first = start + length
    places, sizes = [at - 8 - first for at, _ in fragments[1:]], [size for _, size in fragments[1:]]
    changes: dict[str, Any] = {}
    if length and content[start:first] != struct.pack(f"<{frames}I", *places):
        changes["PixelData"] = ITEM + bytes(4) + content[first:]
    table, lengths = dataset.get("ExtendedOffsetTable"), dataset.get("ExtendedOffsetTableLengths")
    if table is not None or lengths is not None:
        stated = np.frombuffer(lengths or b"", "<u8")
        is_right = stated.size == frames and not ((np.array(sizes) - stated.astype(np.int64)) & ~1).any()
        if not is_right or table != struct.pack(f"<{frames}Q", *places):
            changes |= {"ExtendedOffsetTable": None, "ExtendedOffsetTableLengths": None}
    return changes


def _require_size(dataset: Dataset, stream: Codestream) -> None:
    rows, columns, samples = (number_in(dataset, key) for key in ("Rows", "Columns", "SamplesPerPixel"))
    if stream.columns != columns or stream.lines not in (0, rows):
        raise DamagedFile("The compressed pixels of an image are of another size than its header says.", AGAIN)
    if stream.samples != max(samples, 1):
        raise DamagedFile("The compressed pixels of an image have other samples than its header says.", AGAIN)


def _require_ends(content: bytes, fragments: Sequence[tuple[int, int]]) -> None:
    """Refuse a JPEG or JPEG-LS frame without its end: decoders make up what is missing.

    The mark of the end cannot be part of coded pixels (ITU-T T.81 B.1.1.5, T.87 A.1).
    """
    begins = [content[at : at + 2] == JPEG for at, _ in fragments]
    for n, (at, length) in enumerate(fragments):
        is_last = n + 1 == len(fragments) or begins[n + 1]
        tail = content[at : at + length].rstrip(b"\0")[-_TAIL:]
        if is_last and any(begins[: n + 1]) and _END not in tail and length > len(_END):
            raise DamagedFile("The compressed pixels of an image end too early.", AGAIN)


def _of_stream(dataset: Dataset, syntax: UID, streams: Sequence[Codestream]) -> dict[str, Any]:
    bits = max(stream.bits for stream in streams)
    changes: dict[str, Any] = {}
    allocated, stored = number_in(dataset, "BitsAllocated"), number_in(dataset, "BitsStored")
    is_colour = streams[0].samples > 1
    if bits <= 8 < allocated and (is_colour or syntax in JPEGTransferSyntaxes):
        changes |= {"BitsAllocated": 8, "BitsStored": bits, "HighBit": bits - 1}
    elif is_colour and bits != stored and allocated > 8:
        raise DamagedFile("The compressed colours of an image have other bits than its header says.", AGAIN)
    elif stored < bits <= allocated and syntax not in JPEGTransferSyntaxes:
        changes |= {"BitsStored": bits, "HighBit": bits - 1}
    if is_colour and syntax in _BY_PIXEL and value_of(dataset, "PlanarConfiguration") != 0:
        changes["PlanarConfiguration"] = 0
    if syntax == _BASELINE and value_of(dataset, "PhotometricInterpretation") in _J2K_COLOURS:
        changes["PhotometricInterpretation"] = "YBR_FULL"
    if number_in(dataset, "PixelRepresentation") and bits < stored and not any(each.is_signed for each in streams):
        changes |= {"PixelRepresentation": 0, "BitsStored": bits, "HighBit": bits - 1}
    return changes


def _changed(dataset: Dataset, changes: dict[str, Any]) -> Dataset:
    ready = Dataset()
    ready.file_meta = dataset.file_meta
    for keyword in _NEEDED:
        value = changes[keyword] if keyword in changes else dataset.get(keyword)
        if value is not None:
            setattr(ready, keyword, value)
    ready.PixelData = changes.get("PixelData", dataset.PixelData)
    ready["PixelData"].is_undefined_length = True
    return ready


def require_stored_bits(dataset: Dataset, ready: Dataset, values: NDArray[Any]) -> None:
    """Refuse decoded numbers that do not fit the bits that the header says, or whose sign is not certain.

    Parameters
    ----------
    dataset, ready
        The file, and what its decoder was given.
    values
        Decoded numbers of a grey frame.

    Raises
    ------
    DamagedFile
        If so. Numbers that repeat their sign in the bits above fit.
    """
    if ready is dataset or values.dtype.kind not in "iu":
        return
    stored, given = number_in(dataset, "BitsStored"), number_in(ready, "BitsStored")
    low, high = int(values.min()), int(values.max())
    is_signed = number_in(dataset, "PixelRepresentation") == 1
    is_free = str(dataset.file_meta.TransferSyntaxUID) in _FREE_BITS and not number_in(ready, "PixelRepresentation")
    if is_signed and is_free and high >= 1 << given - 1:
        raise DamagedFile("Whether compressed pixels are negative is not certain, and is never guessed.", AGAIN)
    least, most = (-(1 << stored - 1) if is_signed else 0), (1 << stored) - 1
    if stored < given and not least <= low <= high <= most and not _has_overlay_bits(dataset):
        raise DamagedFile("Compressed pixels of an image are larger than its header says (BitsStored).", AGAIN)


def _has_overlay_bits(dataset: Dataset) -> bool:
    return any((group << 16 | 0x0102) in dataset for group in range(0x6000, 0x6020, 2))
