"""What a decoder is given: header and codestreams of compressed pixels agree, or the object is refused.

A decoder that is told other bits, samples or frames than the codestream has gives other pixels without an error, and
a search for text, a preview or a blanked rectangle is then about other pixels than a viewer shows.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from copy import copy
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels import apply_color_lut, pixel_array
from pydicom.uid import UID, JPEG2000TransferSyntaxes, JPEGBaseline8Bit, JPEGTransferSyntaxes, RLELossless

_ITEM = b"\xfe\xff\x00\xe0"
_JPEG, _J2K = b"\xff\xd8", b"\xff\x4f\xff\x51"
_BEGINNINGS = (b"\xff\xd8\xff", _J2K)  # of JPEG and JPEG-LS; of JPEG 2000 and HTJ2K
_SEARCHED = 1 << 12  # bytes in which a JP2 box may come before the codestream
_FRAMES = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF, 0xF7}  # start of frame
_BARE = {0x01, *range(0xD0, 0xD9)}  # markers without a length
_COLOURS = ("Red", "Green", "Blue")
_KEYWORDS = (
    "Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration",
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "ExtendedOffsetTable",
    "ExtendedOffsetTableLengths", "PixelData", "FloatPixelData", "DoubleFloatPixelData",
    *(f"{colour}PaletteColorLookupTableDescriptor" for colour in _COLOURS),
    *(f"{colour}PaletteColorLookupTableData" for colour in _COLOURS),
    *(f"Segmented{colour}PaletteColorLookupTableData" for colour in _COLOURS),
)  # fmt: skip


class _Picture(NamedTuple):
    """What a codestream says of its picture; `lines` is 0 for unknown."""

    lines: int
    columns: int
    samples: int
    bits: int
    is_signed: bool


def corrections(dataset: Dataset) -> dict[str, Any]:
    """Return the elements of an object with compressed pixels as its codestreams say; None for what must go.

    Raises
    ------
    ValueError
        If size, samples, bits or number of frames contradict the header.

    References
    ----------
    PS3.5 8.2, A.4; ITU-T T.81 B.2.2, T.87 C.2.2 (frame header), T.800 A.5.1 (size marker).
    """
    syntax, content = UID(str(dataset.file_meta.TransferSyntaxUID)), dataset.get("PixelData")
    if not isinstance(content, bytes) or content[:4] != _ITEM:
        return {}
    fragments, frames = _fragments(content), int(dataset.get("NumberOfFrames") or 1)
    begins = [(syntax == RLELossless and length > 1) or content.startswith(_BEGINNINGS, at) for at, length in fragments]
    if sum(begins[1:]) > frames:
        raise ValueError("more compressed frames than the header says")
    changes: dict[str, Any] = {}
    if len(fragments) == frames + 1:  # each fragment is a frame: no offset table is needed, and none can be wrong
        changes = dict.fromkeys(key for key in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths") if key in dataset)
        if (size := fragments[0][1]) > 0:
            changes["PixelData"] = _ITEM + bytes(4) + content[8 + size :]
    pictures = [found for at, length in fragments[1:] if (found := _picture(content[at : at + length])) is not None]
    if not pictures:
        return changes
    for each in pictures:
        _require_same_size(dataset, each)
    return changes | _of_pictures(dataset, syntax, pictures)


def _fragments(content: bytes) -> list[tuple[int, int]]:
    """Return start and length of the offset table and of each fragment, as far as they can be read."""
    found, at = [], 0
    while content[at : at + 4] == _ITEM and len(content) >= at + 8:
        (length,) = struct.unpack_from("<I", content, at + 4)
        found.append((at + 8, length))
        at += 8 + length
    return found


def _picture(content: bytes) -> _Picture | None:
    try:
        if content.startswith(_JPEG):
            return _of_jpeg(content)
        at = content.find(_J2K, 0, _SEARCHED)
        return _of_j2k(content[at : at + 64]) if at >= 0 else None
    except (struct.error, IndexError):
        return None


def _of_jpeg(content: bytes) -> _Picture | None:
    at = 2
    while content[at] == 0xFF:
        marker = content[at + 1]
        if marker == 0xFF or marker in _BARE:
            at += 1 if marker == 0xFF else 2
            continue
        (length,) = struct.unpack_from(">H", content, at + 2)
        if marker in _FRAMES:
            bits, lines, columns, samples = struct.unpack_from(">BHHB", content, at + 4)
            return _Picture(lines, columns, samples, bits, False)
        at += 2 + length
    return None


def _of_j2k(content: bytes) -> _Picture:
    right, below, left, above = struct.unpack_from(">4I", content, 8)
    (samples,) = struct.unpack_from(">H", content, 40)
    depth = content[42]
    return _Picture(below - above, right - left, samples, (depth & 0x7F) + 1, bool(depth & 0x80))


def _require_same_size(dataset: Dataset, picture: _Picture) -> None:
    is_other = picture.columns != dataset.Columns or picture.lines not in (0, dataset.Rows)
    if is_other or picture.samples != max(int(dataset.get("SamplesPerPixel") or 1), 1):
        raise ValueError("compressed pixels of another size than the header says")


def _of_pictures(dataset: Dataset, syntax: UID, pictures: Sequence[_Picture]) -> dict[str, Any]:
    bits, is_colour = max(each.bits for each in pictures), pictures[0].samples > 1
    allocated, stored = int(dataset.BitsAllocated), int(dataset.BitsStored)
    container = 8 if bits <= 8 else 16 if bits <= 16 else 32
    if container > allocated or len({each.bits <= 8 for each in pictures}) > 1:
        raise ValueError("more bits than the header says, or frames of different bits")
    is_short = syntax in JPEG2000TransferSyntaxes and bits < stored
    if is_short and dataset.get("PixelRepresentation") and not all(each.is_signed for each in pictures):
        raise ValueError("whether pixels are negative is not certain")
    changes: dict[str, Any] = {}
    if container < allocated:
        changes |= {"BitsAllocated": container, "BitsStored": bits, "HighBit": bits - 1}
    elif stored < bits and syntax not in JPEGTransferSyntaxes:
        changes |= {"BitsStored": bits, "HighBit": bits - 1}
    if is_colour and syntax in (*JPEGTransferSyntaxes, *JPEG2000TransferSyntaxes):
        changes["PlanarConfiguration"] = 0  # their decoders give samples pixel by pixel
    if syntax == JPEGBaseline8Bit and dataset.get("PhotometricInterpretation") in ("YBR_ICT", "YBR_RCT"):
        changes["PhotometricInterpretation"] = "YBR_FULL"
    return changes


def correct(dataset: Dataset) -> None:
    """Let the header of compressed pixels say what the codestreams say, in place; ValueError as `corrections`."""
    for keyword, value in corrections(dataset).items():
        if value is None:
            del dataset[keyword]
        elif keyword == "PixelData":
            dataset[keyword].value = value
        else:
            setattr(dataset, keyword, value)


def frames_to_show(dataset: Dataset, numbers: Sequence[int]) -> list[NDArray[Any]]:
    """Decode frames as a viewer would show them; the dataset itself stays as it is.

    Parameters
    ----------
    dataset
        A file with its pixels.
    numbers
        Frames, counted from 0.

    Returns
    -------
    list of arrays
        Values of shape (rows, columns); of colour images, palettes included, 8 bits of shape (rows, columns, 3).

    Raises
    ------
    ValueError
        As `corrections`, and for a decoded size that is not that of the header. Decoders raise what they like.
    """
    ready = Dataset()
    ready.file_meta = dataset.file_meta
    for keyword in _KEYWORDS:
        if keyword in dataset:
            ready[keyword] = copy(dataset[keyword])
    correct(ready)
    return [_shown(ready, pixel_array(ready, index=n, correct_unused_bits=False)) for n in numbers]


def _shown(ready: Dataset, pixels: NDArray[Any]) -> NDArray[Any]:
    if pixels.shape[:2] != (ready.Rows, ready.Columns):
        raise ValueError("decoded pixels of another size than the header says")
    if pixels.ndim == 2:
        pixels = _without_unused_bits(ready, pixels)
    bits = int(ready.get("BitsStored") or 8)
    if str(ready.get("PhotometricInterpretation")).startswith("PALETTE"):
        pixels = apply_color_lut(pixels, ready)
        bits = 8 if pixels.max() < 256 else 16
    if pixels.ndim == 2:
        return pixels
    return (pixels[..., :3] >> max(bits - 8, 0)).clip(0, 255).astype(np.uint8)


def _without_unused_bits(ready: Dataset, pixels: NDArray[Any]) -> NDArray[Any]:
    """Return native values without the bits above and below them, which may hold overlays."""
    size = pixels.dtype.itemsize * 8
    stored = int(ready.get("BitsStored") or size)
    high = int(ready.get("HighBit", stored - 1))
    if UID(str(ready.file_meta.TransferSyntaxUID)).is_compressed and ready.file_meta.TransferSyntaxUID != RLELossless:
        return pixels
    if pixels.dtype.kind not in "iu" or not 0 < stored <= high + 1 <= size or ready.BitsAllocated != size:
        return pixels
    return (pixels << (size - 1 - high)) >> (size - stored)
