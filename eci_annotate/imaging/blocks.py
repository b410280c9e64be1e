"""Blocks of voxels: half-open boxes of a grid, and all arithmetic on them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from eci_annotate.imaging.geometry import Floats, Grid

Block = tuple[slice, slice, slice]  # k, j, i
NOTHING: Block = (slice(0, 0), slice(0, 0), slice(0, 0))


def block(low: Iterable[int], high: Iterable[int]) -> Block:
    """Return the block from one corner (included) to the other (excluded)."""
    k, j, i = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    return k, j, i


def is_empty(where: Block) -> bool:
    """Whether a block contains no voxel."""
    return any(s.stop <= s.start for s in where)


def union(*blocks: Block) -> Block:
    """Return the smallest block that contains all of them."""
    some = [each for each in blocks if not is_empty(each)]
    if not some:
        return NOTHING
    low = (min(each[axis].start for each in some) for axis in range(3))
    return block(low, (max(each[axis].stop for each in some) for axis in range(3)))


def within(inner: Block, outer: Block) -> Block:
    """Return `inner` relative to the array that contains only `outer`."""
    pairs = list(zip(inner, outer, strict=True))
    return block((a.start - b.start for a, b in pairs), (a.stop - b.start for a, b in pairs))


def around(points: Floats, grid: Grid, margin: int = 1) -> Block:
    """Return the block of a grid around points (n, 3) in image indices, with a margin of whole voxels; clipped."""
    low = np.clip(np.floor(points.min(0)).astype(int) - margin, 0, grid.shape)
    high = np.clip(np.ceil(points.max(0)).astype(int) + margin + 1, 0, grid.shape)
    return block(low, high)


def paste(out: NDArray[np.bool_], block: NDArray[np.bool_], corner: NDArray[np.int_]) -> None:
    """Write a block at a corner that may be outside the array; parts outside are ignored."""
    low = [max(int(c), 0) for c in corner]
    high = [min(c + n, m) for c, n, m in zip(corner, block.shape, out.shape, strict=True)]
    if all(a < b for a, b in zip(low, high, strict=True)):
        out[tuple(map(slice, low, high))] = block[
            tuple(slice(a - c, b - c) for a, b, c in zip(low, high, corner, strict=True))
        ]


def bounding_box(voxels: NDArray[np.bool_]) -> Block:
    """Return the smallest block that holds all true voxels; empty slices if there are none."""
    spans: list[slice] = []
    rest = voxels
    for axis in range(3):  # each axis is searched only within the range left by the axes before it
        hit = np.flatnonzero(rest.any(axis=tuple(a for a in range(3) if a != axis)))
        if not hit.size:
            return NOTHING
        spans.append(slice(int(hit[0]), int(hit[-1]) + 1))
        rest = rest[(slice(None),) * axis + (spans[-1],)]
    k, j, i = spans
    return k, j, i
