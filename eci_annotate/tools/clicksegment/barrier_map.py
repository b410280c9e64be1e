"""How far intensities depart from those at a point, at worst, on the best path to each voxel; in 256 levels.

A voxel has level n if it is reached by a path on which no intensity is further than n steps from the reference, but by
none with n - 1: the minimum barrier. Regions of growing level are connected and nested: the growth curve.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

LEVELS = 255
OUT_OF_REACH = 255  # level of voxels that no path reaches

_values = nb.types.Array(nb.int16, 3, "C", readonly=True)


@nb.njit(nb.void(_values, nb.int64[::1], nb.int64, nb.int64, nb.uint8[:, :, ::1]), cache=True, nogil=True)
def spread_levels(values: Any, start: Any, here: Any, reach: Any, out: Any) -> None:
    """Write the level of each voxel into `out`.

    Parameters
    ----------
    values
        Integer intensities (k, j, i).
    start
        Voxel to start from, (3,).
    here, reach
        Reference intensity; difference from it that is out of reach.
    out
        uint8 of the same shape.

    References
    ----------
    Strand et al., The minimum barrier distance, CVIU 117, 2013.
    """
    nk, nj, ni = values.shape
    total = nk * nj * ni
    chain = np.empty(total, np.int32)
    heads = np.full(256, -1, np.int32)
    out[:] = 255
    first = (start[0] * nj + start[1]) * ni + start[2]
    out[start[0], start[1], start[2]], chain[first], heads[0] = 0, -1, first
    worst = 0
    while worst < 255:
        n = nb.int64(heads[worst])
        if n < 0:
            worst += 1
            continue
        heads[worst] = chain[n]
        k, j, i = n // (nj * ni), (n // ni) % nj, n % ni
        for side in range(6):
            step = 1 - 2 * (side & 1)
            a, b, c = k + step * (side < 2), j + step * (2 <= side < 4), i + step * (side >= 4)
            if not (0 <= a < nk and 0 <= b < nj and 0 <= c < ni) or out[a, b, c] != 255:
                continue
            level = max(worst, abs(nb.int64(values[a, b, c]) - here) * 255 // reach)
            if level < 255:
                m = (a * nj + b) * ni + c
                out[a, b, c], chain[m], heads[level] = level, heads[level], m


@nb.njit(
    nb.void(_values, nb.types.Array(nb.uint8, 3, "C", readonly=True), nb.float64[::1], nb.float64[::1]),
    cache=True,
    nogil=True,
)
def border_contrast(values: Any, levels: Any, total: Any, count: Any) -> None:
    """Sum the intensity differences across the border of each level's region.

    Parameters
    ----------
    values, levels
        Intensities (k, j, i) and their levels.
    total, count
        Zeros, (257,); afterwards `cumsum` of them is the sum of differences, and the number of faces, by level.
    """
    nk, nj, ni = values.shape
    for k in range(nk):
        for j in range(nj):
            for i in range(ni):
                here, level = nb.int64(values[k, j, i]), nb.int64(levels[k, j, i])
                for axis in range(3):
                    a, b, c = k + (axis == 0), j + (axis == 1), i + (axis == 2)
                    if a == nk or b == nj or c == ni or levels[a, b, c] == level:
                        continue
                    other = nb.int64(levels[a, b, c])
                    away = abs(nb.int64(values[a, b, c]) - here)
                    low, high = min(level, other), max(level, other)
                    total[low] += away
                    total[high] -= away
                    count[low] += 1
                    count[high] -= 1
