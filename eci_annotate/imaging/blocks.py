"""Blocks of voxels: the smallest one that holds a mask, and putting one back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def paste(out: NDArray[np.bool_], block: NDArray[np.bool_], corner: NDArray[np.int_]) -> None:
    """Write a block at a corner that may lie outside."""
    low = [max(int(c), 0) for c in corner]
    high = [min(c + n, m) for c, n, m in zip(corner, block.shape, out.shape, strict=True)]
    if all(a < b for a, b in zip(low, high, strict=True)):
        out[tuple(map(slice, low, high))] = block[
            tuple(slice(a - c, b - c) for a, b, c in zip(low, high, corner, strict=True))
        ]


def bounding_box(voxels: NDArray[np.bool_]) -> tuple[slice, slice, slice]:
    """Return the smallest block that holds all true voxels; empty slices if there are none."""
    spans: list[slice] = []
    rest = voxels
    for axis in range(3):  # each axis is asked only within what the ones before left
        hit = np.flatnonzero(rest.any(axis=tuple(a for a in range(3) if a != axis)))
        if not hit.size:
            return slice(0, 0), slice(0, 0), slice(0, 0)
        spans.append(slice(int(hit[0]), int(hit[-1]) + 1))
        rest = rest[(slice(None),) * axis + (spans[-1],)]
    k, j, i = spans
    return k, j, i
