"""Contours of one structure that overlap in part: the even-odd rule leaves out what two of them cover.

Rings are compared along `LINES` lines across each plane:
    ring a  |-------------|
    ring b          |-------------|        both cover the middle, and each a part without the other: partly
    ring c   |--|                          inside a: a hole, not partly
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from eci_annotate.errors import BadAnnotation
from eci_annotate.imaging.geometry import Floats
from eci_annotate.imaging.planes import planes_of

LINES = 256
OVERLAP = (
    "overlap in part on {} plane(s). What two of them cover is outside here (even-odd rule); some other programs,"
    " such as plastimatch, count it as inside."
)
LEAST_SHARE = 0.02  # of the smaller contour: less is rounding of a common border


def planes_with_overlaps(rings_lps: Sequence[Floats], spacing_mm: float | None = None) -> int:
    """Return on how many planes rings, (n, 3) in mm, overlap each other or themselves in part.

    Rings inside others are holes or islands, and do not count. Neither do rings that are on no common planes.
    """
    if not rings_lps:
        return 0
    try:
        planes = planes_of(rings_lps, spacing_mm)
    except BadAnnotation:
        return 0
    return sum(_overlap([planes.flat(ring) for ring in rings]) for rings in planes.rings_lps)


def _overlap(flat: Sequence[Floats]) -> bool:
    """Return whether rings of one plane, (n, 2) as (across the lines, along them), overlap in part."""
    starts = np.cumsum([0, *map(len, flat)])
    points = np.concatenate(flat)
    low, high = points[:, 0].min(), points[:, 0].max()
    edges = np.hstack([points, np.concatenate([np.roll(ring, -1, 0) for ring in flat])])
    edges[:, [0, 2]] = (edges[:, [0, 2]] - low) * (LINES / max(high - low, 1e-9)) - 0.5
    ring = np.repeat(np.arange(len(flat)), np.diff(starts))
    line, x, ring, turn = _crossings(edges, ring)
    own, twice, one, other, shared = _lengths(line, x, ring, turn, len(flat))
    if (twice > LEAST_SHARE * own).any():
        return True
    pairs, which = np.unique(one * len(flat) + other, return_inverse=True)
    both = np.bincount(which, shared, len(pairs))
    smaller = np.minimum(own[pairs // len(flat)], own[pairs % len(flat)])
    return bool(((both > LEAST_SHARE * smaller) & (both < (1 - LEAST_SHARE) * smaller)).any())


def _crossings(edges: Floats, ring: NDArray[np.int64]) -> tuple[NDArray[Any], ...]:
    """Return line, place, ring and direction of each crossing of edges with the lines, sorted along the lines."""
    first, end = np.ceil(np.minimum(edges[:, 0], edges[:, 2])), np.ceil(np.maximum(edges[:, 0], edges[:, 2]))
    count = (end - first).astype(np.int64)
    edge = np.repeat(np.arange(len(edges)), count)
    line = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count) + first[edge].astype(np.int64)
    ya, xa, yb, xb = edges[edge].T
    x = xa + (line - ya) * (xb - xa) / (yb - ya)
    order = np.lexsort((x, line))
    turn = np.where(yb > ya, 1, -1)
    return line[order], x[order], ring[edge][order], turn[order]


@nb.njit("Tuple((float64[::1], float64[::1], int64[::1], int64[::1], float64[::1]))"
         "(int64[::1], float64[::1], int64[::1], int64[::1], int64)", cache=True)  # fmt: skip
def _lengths(line: Any, x: Any, ring: Any, turn: Any, rings: Any) -> Any:
    """Return lengths along the lines: covered by each ring, by each ring twice, and by pairs (one, other, length)."""
    own, twice, winding = np.zeros(rings), np.zeros(rings), np.zeros(rings, np.int64)
    size = max(2 * len(x), 16)
    one, other, shared, count = np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size), 0
    active, depth = np.empty(rings, np.int64), 0
    for n in range(len(x) - 1):
        r = ring[n]
        was = winding[r]
        winding[r] = was + turn[n]
        if was == 0 and winding[r] != 0:
            active[depth] = r
            depth += 1
        elif was != 0 and winding[r] == 0:
            at = 0
            while active[at] != r:
                at += 1
            depth -= 1
            active[at] = active[depth]
        if line[n + 1] != line[n]:
            continue
        apart = x[n + 1] - x[n]
        for a in range(depth):
            own[active[a]] += apart
            if abs(winding[active[a]]) > 1:
                twice[active[a]] += apart
            for b in range(a + 1, depth):
                if count < size:
                    one[count], other[count] = min(active[a], active[b]), max(active[a], active[b])
                    shared[count] = apart
                    count += 1
    return own, twice, one[:count], other[:count], shared[:count]
