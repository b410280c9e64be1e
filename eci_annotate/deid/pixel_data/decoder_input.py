"""What a decoder is given: header and codestreams of compressed pixels agree, or the object is refused.

A decoder that is told other bits, samples or frames than the codestream has gives other pixels without an error, and
a search for text, a preview or a blanked rectangle is then about other pixels than a viewer shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels import apply_color_lut, pixel_array
from pydicom.uid import UID, JPEG2000TransferSyntaxes, JPEGBaseline8Bit, JPEGTransferSyntaxes, RLELossless

from eci_annotate.deid.pixel_data.codestream import ITEM, J2K, Codestream, codestreams_of, fragments_of

_BEGINNINGS = (b"\xff\xd8\xff", J2K)  # of JPEG and JPEG-LS; of JPEG 2000 and HTJ2K
_COLOURS = ("Red", "Green", "Blue")
_KEYWORDS = (
    "Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration",
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "ExtendedOffsetTable",
    "ExtendedOffsetTableLengths", "PixelData", "FloatPixelData", "DoubleFloatPixelData",
    *(f"{colour}PaletteColorLookupTableDescriptor" for colour in _COLOURS),
    *(f"{colour}PaletteColorLookupTableData" for colour in _COLOURS),
    *(f"Segmented{colour}PaletteColorLookupTableData" for colour in _COLOURS),
)  # fmt: skip


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
    if not isinstance(content, bytes) or content[:4] != ITEM:
        return {}
    fragments, frames = fragments_of(content), int(dataset.get("NumberOfFrames") or 1)
    begins = [(syntax == RLELossless and length > 1) or content.startswith(_BEGINNINGS, at) for at, length in fragments]
    if sum(begins[1:]) > frames:
        raise ValueError("more compressed frames than the header says")
    changes: dict[str, Any] = {}
    if len(fragments) == frames + 1:  # each fragment is a frame: no offset table is needed, and none can be wrong
        changes = dict.fromkeys(key for key in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths") if key in dataset)
        if (size := fragments[0][1]) > 0:
            changes["PixelData"] = ITEM + bytes(4) + content[8 + size :]
    pictures = codestreams_of(content, fragments)
    if not pictures:
        return changes
    for each in pictures:
        _require_same_size(dataset, each)
    return changes | _of_pictures(dataset, syntax, pictures)


def _require_same_size(dataset: Dataset, picture: Codestream) -> None:
    is_other = picture.columns != dataset.Columns or picture.lines not in (0, dataset.Rows)
    if is_other or picture.samples != max(int(dataset.get("SamplesPerPixel") or 1), 1):
        raise ValueError("compressed pixels of another size than the header says")


def _of_pictures(dataset: Dataset, syntax: UID, pictures: Sequence[Codestream]) -> dict[str, Any]:
    if any(each.is_transformed for each in pictures):
        raise ValueError("colours that no decoder here can give")
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
