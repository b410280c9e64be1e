"""Masks on their way to the browser: a bit each, or the lengths of the runs where these are shorter."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SMALL = 4096  # bytes: below, nothing is worth the search
BITS, RUNS = "bits", "runs"


def coded(mask: NDArray[np.bool_]) -> tuple[str, bytes]:
    """Return how a mask is coded, and its bytes; its last axis varies fastest.

    Runs alternate, the first one is outside and may be empty. Each length is a little-endian base-128 number (LEB128);
    the last run is left out.
    """
    bits = np.packbits(mask).tobytes()
    if len(bits) < SMALL:
        return BITS, bits
    flat = np.ascontiguousarray(mask).reshape(-1).view(np.uint8)
    starts = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    runs = _numbers(np.diff(starts, prepend=0) if not flat[0] else np.diff(starts, prepend=[0, 0]))
    return (RUNS, runs) if len(runs) < len(bits) else (BITS, bits)


def _numbers(values: NDArray[np.int64]) -> bytes:
    """Return numbers in base 128, the low digits first, the high bit set in all but the last."""
    size = 1 + np.sum([values >= 1 << 7 * n for n in range(1, 5)], axis=0)
    at = np.cumsum(size) - size
    out = np.zeros(int(size.sum()), np.uint8)
    for n in range(5):
        more = size > n
        digits = values[more] >> 7 * n & 127
        out[at[more] + n] = digits | np.where(size[more] > n + 1, 128, 0)
    return out.tobytes()
