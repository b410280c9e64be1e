"""Overlay planes of images (groups 6000 to 601E): graphics that the sender drew, also in spare bits of pixels.

References
----------
PS3.3 C.9.2 (Overlay Plane), PS3.5 section 8.1.2 (overlays in unused bits, retired).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.tag import Tag

from eci_annotate.dicom.frame_bytes import plain_type
from eci_annotate.dicom.images.dicom_frames import Frame
from eci_annotate.errors import BadImages

Bools = NDArray[np.bool_]
GROUPS = range(0x6000, 0x6020, 2)
ROWS, COLUMNS, FRAMES, ORIGIN, FIRST, BITS, BIT, DATA = 0x10, 0x11, 0x15, 0x50, 0x51, 0x100, 0x102, 0x3000
MOST_SIZE = 1 << 16
_TAGS = frozenset(Tag(group, ROWS) for group in GROUPS)


def overlays_of(frames: Sequence[Frame]) -> Bools | None:
    """Return which pixels of each frame the overlays cover, shape (frames, rows, columns); None if there are none.

    An overlay that cannot be read is left out.
    """
    if all(frame.dataset.keys().isdisjoint(_TAGS) for frame in frames):  # any one may have it, not only the first
        return None
    out = np.zeros((len(frames), *frames[0].shape), np.bool_)
    for k, frame in enumerate(frames):
        for group in GROUPS:
            if (group, ROWS) in frame.dataset:
                try:
                    _add(out[k], frame, group)
                except (BadImages, ValueError, TypeError, IndexError, KeyError, AttributeError):
                    continue
    return out if out.any() else None


def _add(out: Bools, frame: Frame, group: int) -> None:
    dataset, place = frame.full(), max(frame.number - 1, 0)
    first = _whole(dataset, group, FIRST, 1) - 1
    count = _whole(dataset, group, FRAMES, 1)
    if not first <= place < first + count:
        return
    rows, columns = _whole(dataset, group, ROWS, 0), _whole(dataset, group, COLUMNS, 0)
    if not (0 < rows < MOST_SIZE and 0 < columns < MOST_SIZE):
        return
    if (group, DATA) in dataset:
        plane = _unpacked(dataset[group, DATA].value, rows * columns, place - first).reshape(rows, columns)
    else:
        plane = _in_spare_bits(frame, _whole(dataset, group, BIT, 0))
    top, left = (int(n) - 1 for n in dataset[group, ORIGIN].value) if (group, ORIGIN) in dataset else (0, 0)
    _paste(out, plane, top, left)


def _whole(dataset: Dataset, group: int, element: int, default: int) -> int:
    found = dataset.get((group, element))
    return default if found is None or found.value in (None, "") else int(found.value)


def _unpacked(data: bytes, size: int, place: int) -> Bools:
    """Return one frame of bits, the lowest of each byte first."""
    start, end = place * size, (place + 1) * size
    part = np.frombuffer(data, np.uint8)[start // 8 : -(-end // 8)]
    return np.unpackbits(part, bitorder="little")[start % 8 : start % 8 + size].astype(np.bool_)


def _in_spare_bits(frame: Frame, bit: int) -> Bools:
    """Return a plane from a bit of the pixels that is none of their value."""
    allocated, stored = frame.whole("BitsAllocated", 16), frame.whole("BitsStored", 16)
    high = frame.whole("HighBit", stored - 1)
    if allocated not in (8, 16) or not 0 <= bit < allocated or high - stored < bit <= high:
        raise ValueError("bit")
    dataset = frame.full()
    kind = plain_type(dataset)
    if kind is None:
        raise ValueError("compressed")
    rows, columns = frame.shape
    pixels = np.frombuffer(
        dataset.PixelData, kind, rows * columns, rows * columns * kind.itemsize * max(frame.number - 1, 0)
    )
    return np.asarray((pixels.reshape(rows, columns) >> bit) & 1, np.bool_)


def _paste(out: Bools, plane: Bools, top: int, left: int) -> None:
    """Put a plane at a place; what lies outside the image is cut off."""
    bottom, right = min(top + plane.shape[0], out.shape[0]), min(left + plane.shape[1], out.shape[1])
    y, x = max(top, 0), max(left, 0)
    if y < bottom and x < right:
        out[y:bottom, x:right] |= plane[y - top : bottom - top, x - left : right - left]
