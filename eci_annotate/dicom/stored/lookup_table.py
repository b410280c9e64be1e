"""Lookup tables of the modality LUT and VOI LUT modules (PS3.3 C.11.1.1.1, C.11.2.1.1), as they are written."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from eci_annotate.dicom.frame_bytes import AGAIN
from eci_annotate.dicom.images.element_values import numbers
from eci_annotate.errors import DamagedFile

_WORD, _HALF = 1 << 16, 1 << 15


def descriptor_of(item: Dataset, signed: bool) -> tuple[int, int, int]:
    """Return how many entries a table has, the first value that it maps, and the bits of an entry.

    The number of entries is never negative, and 65,536 is written as 0; the first value has the sign of the pixels,
    whatever type it was written with.

    Raises
    ------
    DamagedFile
        If it does not say so in three whole numbers, of 1 to 16 bits.
    """
    found = numbers(item.get("LUTDescriptor"), "LUTDescriptor")
    if found.size != 3 or (found != np.rint(found)).any() or not 0 < found[2] <= 16:
        raise DamagedFile("The descriptor of a lookup table cannot be read.", AGAIN)
    count, first, bits = (int(n) for n in found)
    return count % _WORD or _WORD, first - _WORD if signed and first >= _HALF else first, bits


def entries_of(item: Dataset, count: int, bits: int, little: bool = True) -> NDArray[np.int64]:
    """Return the first `count` entries of a table: words, or bytes where it has no more than one for each.

    Raises
    ------
    DamagedFile
        If there are fewer.
    """
    data: Any = item.get("LUTData")
    if isinstance(data, bytes):
        is_bytes = bits <= 8 and len(data) < 2 * count
        kind = np.dtype("u1" if is_bytes else "<u2" if little else ">u2")
        entries = np.frombuffer(data, kind, min(count, len(data) // kind.itemsize))
    else:
        entries = np.asarray([] if data is None else data).ravel()
    if entries.size != count or entries.dtype.kind not in "iu":
        raise DamagedFile("A lookup table does not have the entries that it states.", AGAIN)
    return np.asarray(entries.astype(np.int64) % _WORD)


def looked_up(item: Dataset, stored: NDArray[Any], signed: bool, little: bool = True) -> NDArray[np.int64]:
    """Return the entries for stored values; below and above the table its first and its last.

    Raises
    ------
    DamagedFile
        If the table is not the one that its descriptor states, or the values are no whole numbers.
    """
    if stored.dtype.kind not in "iu":
        raise DamagedFile("A lookup table maps whole numbers only.", AGAIN)
    count, first, bits = descriptor_of(item, signed)
    entries = entries_of(item, count, bits, little)
    if entries.max() >= 1 << bits:
        raise DamagedFile("A lookup table has entries of more bits than it states.", AGAIN)
    return np.asarray(entries[(stored.astype(np.int64) - first).clip(0, count - 1)])
