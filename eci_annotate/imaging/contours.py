"""Exact conversion of masks to contours and back; contours run along pixel edges, inset by 0.01 pixel.

Foreground is 4-connected, background 8-connected; a hole is joined to its outer contour by a
keyhole that runs through foreground only. A pixel belongs to a contour if its centre is
inside by the even-odd rule. Rings are (n, 2) arrays of image indices (j, i), not closed.
The inset goes into the foreground; any value between 0 and 0.5 pixel is lossless. Keyholes: DICOM PS3.3 C.8.8.6.3.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numba as nb
import numpy as np
from numpy.typing import ArrayLike, NDArray

from eci_annotate.imaging.annotation import Holes

INSET_PX = 0.01

Ring = NDArray[np.float64]
Mask2D = NDArray[np.bool_]


@nb.njit("int64(uint8[:, ::1], uint8[:, ::1])", cache=True)
def _edges(mask: Any, out: Any) -> int:
    """Mark at each corner the directions in which a boundary edge leaves it, with foreground on its right."""
    rows, cols = mask.shape
    count = 0
    for r in range(rows):
        for c in range(cols):
            if mask[r, c] == 0:
                continue
            if r == 0 or mask[r - 1, c] == 0:
                out[r, c] |= 1
                count += 1
            if c == cols - 1 or mask[r, c + 1] == 0:
                out[r, c + 1] |= 2
                count += 1
            if r == rows - 1 or mask[r + 1, c] == 0:
                out[r + 1, c + 1] |= 4
                count += 1
            if c == 0 or mask[r, c - 1] == 0:
                out[r + 1, c] |= 8
                count += 1
    return count


@nb.njit("int64(uint8[:, ::1], int64, int64, float64, float64[:, ::1], int64, int32[:, ::1])", cache=True)
def _follow(out: Any, x0: int, y0: int, inset: float, points: Any, n: int, owner: Any) -> int:
    """Follow one ring from a rightward edge, turning toward the followed pixel; return the new count."""
    dx, dy = (1, 0, -1, 0), (0, 1, 0, -1)
    nx, ny = (0, -1, 0, 1), (1, 0, -1, 0)  # inward normal of each direction
    x, y, d, before = x0, y0, 0, -1
    while True:
        if before >= 0 and before != d:
            points[n, 0] = y - 0.5 + inset * (ny[before] + ny[d])
            points[n, 1] = x - 0.5 + inset * (nx[before] + nx[d])
            n += 1
        out[y, x] &= ~np.uint8(1 << d)
        before = d
        x += dx[d]
        y += dy[d]
        if d == 3:
            owner[y, x] = n - 1
        leaving = out[y, x]
        right, left = (d + 1) & 3, (d + 3) & 3
        if (leaving >> right) & 1:
            d = right
        elif x == x0 and y == y0 and (right == 0 or not ((leaving >> d) & 1 or (leaving >> left) & 1)):
            break
        elif (leaving >> d) & 1:
            d = d
        else:
            d = left
    if before != 0:
        points[n, 0] = y - 0.5 + inset * (ny[before] + ny[0])
        points[n, 1] = x - 0.5 + inset * (nx[before] + nx[0])
        n += 1
    return n


@nb.njit("int64(uint8[:, ::1], float64, float64[:, ::1], int64[::1], int32[:, ::1])", cache=True)
def _trace(out: Any, inset: float, points: Any, starts: Any, owner: Any) -> int:
    """Follow every ring; `starts[n]:starts[n + 1]` are the points of ring n. Return the number of rings.

    `owner[r, c]` becomes the point at which the straight run along the left edge of pixel (r, c) begins.
    """
    n, rings = 0, 0
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            while out[y, x] & 1:
                n = _follow(out, x, y, inset, points, n, owner)
                rings += 1
                starts[rings] = n
    return rings


@dataclass(frozen=True)
class _Traced:
    """All rings of one mask as points and starts, with the owners of left edges."""

    pixels: NDArray[np.uint8]
    points: Ring
    starts: NDArray[np.int64]
    owner: NDArray[np.int32]


def _traced(mask: ArrayLike, inset_px: float) -> _Traced:
    pixels = np.ascontiguousarray(mask, dtype=np.uint8)
    corners = (pixels.shape[0] + 1, pixels.shape[1] + 1)
    out, owner = np.zeros(corners, np.uint8), np.empty(corners, np.int32)
    edges = _edges(pixels, out)
    points, starts = np.empty((edges, 2)), np.zeros(edges // 4 + 2, np.int64)
    rings = _trace(out, inset_px, points, starts, owner)
    return _Traced(pixels, points[: starts[rings]], starts[: rings + 1], owner)


def trace(mask: ArrayLike, inset_px: float = INSET_PX) -> list[Ring]:
    """Trace all boundary rings of a 2-D mask; outer rings turn one way, holes the other.

    Parameters
    ----------
    mask
        Shape (rows, columns), boolean.
    inset_px
        How far each edge is moved into the foreground, in pixels.
    """
    found = _traced(mask, inset_px)
    return [found.points[a:b] for a, b in pairwise(found.starts)]


def signed_area(ring: Ring) -> float:
    """Area of a ring in square units; positive for outer rings as `trace` makes them, negative for holes."""
    y, x = ring[:, 0], ring[:, 1]
    return float(0.5 * np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))


@nb.njit("void(float64[:, ::1], int64[::1], boolean[::1], int64[::1])", cache=True)
def _link(points: Any, starts: Any, is_hole: Any, after: Any) -> None:
    """Make each ring a circular list and identify holes by their orientation."""
    for n in range(starts.size - 1):
        first, end = starts[n], starts[n + 1]
        area = 0.0
        for a in range(first, end):
            after[a] = a + 1 if a + 1 < end else first
            b = after[a]
            area += points[a, 1] * points[b, 0] - points[b, 1] * points[a, 0]
        is_hole[n] = area < 0


@nb.njit(
    "void(uint8[:, ::1], float64[:, ::1], int64[::1], boolean[::1], int32[:, ::1], int64[::1], int64[::1], int64)",
    cache=True,
)
def _bridge(pixels: Any, points: Any, starts: Any, is_hole: Any, owner: Any, after: Any, back: Any, n: int) -> None:
    """Join each hole to the contour at its left: four more links and three more points per hole.

    `back[entry]` is the returning end of a bridge, so that several bridges may share one edge.
    """
    for ring in range(starts.size - 1):
        if not is_hole[ring]:
            continue
        start = starts[ring]
        for a in range(starts[ring], starts[ring + 1]):
            if points[a, 1] < points[start, 1]:
                start = a
        y = points[start, 0]
        r, c = int(np.floor(y + 0.5)), int(np.floor(points[start, 1] + 0.5))
        while c > 0 and pixels[r, c - 1]:
            c -= 1
        before = np.int64(owner[r, c])
        x = points[before, 1]
        while back[after[before]] >= 0 and points[after[before], 0] > y:  # left edges run upward
            before = back[after[before]]
        entry, again, leave = n, n + 1, n + 2
        n += 3
        points[entry, 0], points[entry, 1] = y, x
        points[again, 0], points[again, 1] = y, points[start, 1]
        points[leave, 0], points[leave, 1] = y, x
        last = starts[ring + 1] - 1 if start == starts[ring] else start - 1
        while after[last] != start:
            last = after[last]
        after[leave], after[again], after[last] = after[before], leave, again
        after[entry], after[before] = start, entry
        back[entry] = leave


def _keyholed(found: _Traced) -> list[Ring]:
    size, rings = len(found.points), len(found.starts) - 1
    is_hole, after = np.zeros(rings, np.bool_), np.empty(size + 3 * rings, np.int64)
    _link(found.points, found.starts, is_hole, after)
    points = np.vstack([found.points, np.empty((3 * rings, 2))])
    back = np.full(len(after), -1, np.int64)
    _bridge(found.pixels, points, found.starts, is_hole, found.owner, after, back, size)
    return [_walk(points, after, int(first)) for first in found.starts[:-1][~is_hole]]


@nb.njit("float64[:, ::1](float64[:, ::1], int64[::1], int64)", cache=True)
def _walk(points: Any, after: Any, first: int) -> Any:
    """Copy one circular list into an array."""
    count, a = 1, after[first]
    while a != first:
        count += 1
        a = after[a]
    ring = np.empty((count, 2))
    for n in range(count):
        ring[n, 0], ring[n, 1] = points[a, 0], points[a, 1]
        a = after[a]
    return ring


def rings_of_mask(mask: ArrayLike, holes: Holes | str = Holes.KEYHOLE, inset_px: float = INSET_PX) -> list[Ring]:
    """Return the contours of a 2-D mask.

    Parameters
    ----------
    mask
        Shape (rows, columns), boolean.
    holes
        `keyhole`: rings are independent and holes are joined to their outer ring by a narrow
        channel; otherwise: outer and inner rings are separate, to be combined by exclusive or.
    inset_px
        How far each edge is moved into the foreground, in pixels (0 < inset < 0.5).

    Returns
    -------
    list of (n, 2) arrays
        Image indices (j, i) of the corners, first point not repeated.

    References
    ----------
    DICOM PS3.3 C.8.8.6.3 (keyhole).
    """
    found = _traced(mask, inset_px)
    if Holes.of(holes) is not Holes.KEYHOLE:
        return [found.points[a:b] for a, b in pairwise(found.starts)]
    return _keyholed(found)


@nb.njit("void(uint8[:, ::1], float64[:, ::1])", cache=True)
def _toggle(mask: Any, ring: Any) -> None:
    """Toggle, in each row an edge crosses, the first pixel centre at or right of the crossing."""
    rows, cols = mask.shape
    n = ring.shape[0]
    for a in range(n):
        b = a + 1 if a + 1 < n else 0
        ya, xa, yb, xb = ring[a, 0], ring[a, 1], ring[b, 0], ring[b, 1]
        if ya == yb:
            continue
        first = int(np.ceil(min(ya, yb)))
        last = int(np.ceil(max(ya, yb))) - 1
        slope = (xb - xa) / (yb - ya)
        for r in range(max(first, 0), min(last, rows - 1) + 1):
            c = max(int(np.ceil(xa + (r - ya) * slope)), 0)
            if c < cols:
                mask[r, c] ^= 1


@nb.njit("void(uint8[:, ::1])", cache=True)
def _spread(mask: Any) -> None:
    """Turn toggles into a filled mask by a running exclusive or along each row."""
    for r in range(mask.shape[0]):
        inside = np.uint8(0)
        for c in range(mask.shape[1]):
            inside ^= mask[r, c]
            mask[r, c] = inside


def fill_rings(rings: Iterable[ArrayLike], shape: tuple[int, int]) -> Mask2D:
    """Rasterise rings by the even-odd rule at pixel centres, half-open.

    Parameters
    ----------
    rings
        (n, 2) arrays of image indices (j, i); parts outside the image are clipped.
    shape
        (rows, columns) of the mask.
    """
    mask = np.zeros(shape, np.uint8)
    for ring in rings:
        _toggle(mask, np.ascontiguousarray(ring, dtype=np.float64))
    _spread(mask)
    return mask.view(np.bool_)
