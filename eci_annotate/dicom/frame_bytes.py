"""Where a frame is in uncompressed pixels, whole bytes or single bits without a gap, and which bits are its values."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.encaps import generate_fragments
from pydicom.uid import RLELossless

from eci_annotate.dicom.images.element_values import number_in, value_of
from eci_annotate.errors import DamagedFile

PLAIN = {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99"}
_ITEM = b"\xfe\xff\x00\xe0"
_BEGINNINGS = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51")  # of JPEG and JPEG-LS; of JPEG 2000 and HTJ2K
AGAIN = "Copy it again from its archive."


def frame_bytes(dataset: Dataset) -> int:
    """Return the number of bytes of one uncompressed frame."""
    bits, samples = number_in(dataset, "BitsAllocated"), max(number_in(dataset, "SamplesPerPixel", 1), 1)
    if samples == 3 and str(value_of(dataset, "PhotometricInterpretation") or "").endswith("_422"):
        samples = 2  # two pixels share their colour
    return number_in(dataset, "Rows") * number_in(dataset, "Columns") * samples * bits // 8


def pixel_bytes(dataset: Dataset, frames: int) -> int:
    """Return the number of bytes of uncompressed frames; those of one bit per pixel follow each other without a gap."""
    if number_in(dataset, "BitsAllocated") != 1:
        return frame_bytes(dataset) * frames
    return (number_in(dataset, "Rows") * number_in(dataset, "Columns") * frames + 7) // 8


def encoded_frames(dataset: Dataset) -> int:
    """Return how many frames of compressed pixels certainly exist: each begins a fragment (PS3.5 A.4); 0 if unknown.

    A JPEG, JPEG-LS or JPEG 2000 frame begins with its marker; of RLE each fragment is a frame.
    """
    content = dataset.get("PixelData")
    if not isinstance(content, bytes) or content[:4] != _ITEM:
        return 0
    is_rle = str(dataset.file_meta.get("TransferSyntaxUID", "")) == RLELossless
    try:
        fragments = islice(generate_fragments(content), 1, None)  # the first item is the offset table
        return sum(len(each) > 1 if is_rle else each.startswith(_BEGINNINGS) for each in fragments)
    except ValueError:
        return 0  # the decoder says what is wrong


def is_packed(dataset: Dataset) -> bool:
    """Whether pixels are single bits, in bytes (little endian)."""
    syntax = str(dataset.file_meta.get("TransferSyntaxUID", ""))
    single = number_in(dataset, "BitsAllocated") == 1 and number_in(dataset, "SamplesPerPixel", 1) == 1
    return single and syntax in PLAIN and "PixelData" in dataset


def frame_bits(dataset: Dataset, number: int) -> NDArray[np.uint8]:
    """Return a frame of single bits: it may begin and end within a byte (PS3.5 8.1.1, 8.2)."""
    rows, columns = number_in(dataset, "Rows"), number_in(dataset, "Columns")
    first, last = rows * columns * number, rows * columns * (number + 1)
    frames = number_in(dataset, "NumberOfFrames", 1) or 1
    # highdicom 0.28 begins each frame of fewer than 8 pixels with a new byte
    if rows * columns < 8 and len(dataset.PixelData) > pixel_bytes(dataset, frames) + 1:
        raise DamagedFile("The frames of an image are not packed without gaps.", "Export it again.")
    packed = np.frombuffer(dataset.PixelData, np.uint8)[first // 8 : (last + 7) // 8]
    if packed.size < (last + 7) // 8 - first // 8:
        raise DamagedFile("The pixels of an image end too early.", AGAIN)
    bits = np.unpackbits(packed, bitorder="little")
    return bits[first % 8 :][: rows * columns].reshape(rows, columns)


def plain_type(dataset: Dataset, samples: int | None = 1) -> np.dtype[Any] | None:
    """Return the type of uncompressed 8- and 16-bit little-endian pixels (by default grey); None for anything else."""
    bits = number_in(dataset, "BitsAllocated")
    syntax = str(dataset.file_meta.get("TransferSyntaxUID", ""))
    if syntax not in PLAIN or bits not in (8, 16):
        return None
    if samples is not None and number_in(dataset, "SamplesPerPixel", 1) != samples:
        return None
    signed = number_in(dataset, "PixelRepresentation")
    if signed not in (0, 1):
        raise DamagedFile("PixelRepresentation of an image is neither 0 nor 1.", AGAIN)
    return np.dtype(f"<{'i' if signed else 'u'}{bits // 8}")


def is_full(dataset: Dataset, bits: int) -> bool:
    """Whether stored values use all their bits."""
    stored = number_in(dataset, "BitsStored", bits) or bits
    return stored == bits and number_in(dataset, "HighBit", stored - 1) == bits - 1


def without_unused_bits(dataset: Dataset, raw: NDArray[Any]) -> NDArray[Any]:
    """Return stored values without the bits that are none of theirs (overlays in old files); restores the sign.

    Raises
    ------
    DamagedFile
        If the file does not say whether its values are signed, and some would be negative.
    """
    bits = raw.dtype.itemsize * 8
    stored = number_in(dataset, "BitsStored", bits) or bits
    high = number_in(dataset, "HighBit", stored - 1)
    if raw.dtype.kind not in "iu" or not 0 < stored <= bits or not stored - 1 <= high < bits:
        return raw
    above, below = bits - 1 - high, high + 1 - stored
    found = (raw << above) >> (above + below) if above or below else raw
    if value_of(dataset, "PixelRepresentation") is None and (found >= 1 << stored - 1).any():
        raise DamagedFile("PixelRepresentation is missing: whether pixels are negative is never guessed.", AGAIN)
    return found


def high_bit_is_usual(dataset: Dataset) -> bool:
    stored = number_in(dataset, "BitsStored")
    return not stored or number_in(dataset, "HighBit", stored - 1) == stored - 1
