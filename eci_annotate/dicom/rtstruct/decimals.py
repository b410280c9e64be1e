"""Fast conversion of decimal strings (VR DS, at most 16 bytes): fixed decimals, no floating-point noise."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
from numpy.typing import ArrayLike, NDArray

from eci_annotate.errors import BadStructureSet

BACKSLASH, SPACE, MINUS, PLUS, POINT, ZERO = 92, 32, 45, 43, 46, 48
_bytes = nb.types.Array(nb.uint8, 1, "C", readonly=True)


@nb.njit("int64(float64[::1], int64, uint8[::1])", cache=True)
def _format(values: Any, decimals: int, out: Any) -> int:
    n = 0
    scale = 1
    for _ in range(decimals):
        scale *= 10
    for v in range(values.size):
        if v:
            out[n] = BACKSLASH
            n += 1
        whole = np.int64(np.floor(abs(values[v]) * scale + 0.5))
        if values[v] < 0 and whole:
            out[n] = MINUS
            n += 1
        left, rest, power = whole // scale, whole % scale, 1
        while left // power >= 10:
            power *= 10
        while power > 0:
            out[n] = ZERO + (left // power) % 10
            n += 1
            power //= 10
        if rest:
            out[n] = POINT
            n += 1
        power = scale // 10
        while rest > 0:
            out[n] = ZERO + rest // power
            n += 1
            rest %= power
            power //= 10
    if n & 1:
        out[n] = SPACE
        n += 1
    return n


def to_decimals(values: ArrayLike, decimals: int = 4) -> bytes:
    """Return numbers as one DS value, backslash separated, padded to even length.

    Parameters
    ----------
    values
        Any shape; read in C order. Magnitudes below 10^(15 - decimals).
    decimals
        Digits after the decimal point; trailing zeros are omitted.
    """
    flat = np.ascontiguousarray(values, np.float64).ravel()
    if flat.size and not (np.abs(flat).max() < 10.0 ** (14 - decimals)):
        raise BadStructureSet("A coordinate is too large or not a number.", "Check the geometry of the annotation.")
    out = np.empty(17 * flat.size + 1, np.uint8)
    return out[: _format(flat, decimals, out)].tobytes()


@nb.njit(nb.int64(_bytes, nb.float64[::1]), cache=True)
def _parse(text: Any, out: Any) -> int:
    """Parse numbers, returning -1 for unknown syntax; each is an integer over a power of ten, hence rounded once."""
    n, at, size, vacant = 0, 0, text.size, True
    while at < size:
        if text[at] == BACKSLASH and vacant:
            return -1  # a missing number would shift all others
        vacant = vacant or text[at] == BACKSLASH
        if text[at] == BACKSLASH or text[at] == SPACE or text[at] == 0:
            at += 1
            continue
        negative = text[at] == MINUS
        if negative or text[at] == PLUS:
            at += 1
        mantissa, shift, digits, seen = np.int64(0), 0, 0, False
        while at < size and (ZERO <= text[at] <= ZERO + 9 or (text[at] == POINT and not seen)):
            if text[at] == POINT:
                seen = True
            elif digits < 18:
                mantissa = mantissa * 10 + (text[at] - ZERO)
                digits += mantissa > 0
                shift -= seen
            at += 1
        if at < size and (text[at] == 69 or text[at] == 101):
            at += 1
            down = at < size and text[at] == MINUS
            if at < size and (text[at] == MINUS or text[at] == PLUS):
                at += 1
            power = 0
            while at < size and ZERO <= text[at] <= ZERO + 9:
                power = power * 10 + (text[at] - ZERO)
                at += 1
            shift += -power if down else power
        if at < size and text[at] != BACKSLASH and text[at] != SPACE and text[at] != 0:
            return -1
        value = mantissa / 10.0**-shift if shift < 0 else mantissa * 10.0**shift
        out[n] = -value if negative else value
        n, vacant = n + 1, False
    return n


def from_decimals(text: bytes) -> NDArray[np.float64]:
    """Return the numbers of a DS value.

    Raises
    ------
    BadStructureSet
        If it contains anything but numbers.
    """
    raw = np.frombuffer(text, np.uint8)
    out = np.empty(raw.size // 2 + 1)
    count = _parse(raw, out)
    if count < 0:
        raise BadStructureSet(
            "The contour data contain something that is not a number.", "Export the structure set again."
        )
    return out[:count]
