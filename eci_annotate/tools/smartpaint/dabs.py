"""The arithmetic of SmartPaint in integers: the same bits on any machine and with any compiler.

A dab moves the field of each voxel p in the brush by `flow * (1 - d / r) * (1 - c * cost)^k`; cost is |J(p) - J(x)|
(classic rule), or the smallest maximal difference on a path from the centre inside the brush (barrier rule).
Malmberg et al.: SmartPaint, CMBBE Imaging & Visualization 5, 2017; Strand et al.: minimum barrier, CVIU 117, 2013.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

LEVELS = 64  # buckets of the barrier queue
CLOSED = 255  # level of a voxel that no path enters
ONE = 65536  # 1.0 in the fixed-point format of weights
_int16s = nb.types.Array(nb.int16, 3, "C", readonly=True)
_int64s = nb.types.Array(nb.int64, 3, "C", readonly=True)
_bytes = nb.types.Array(nb.uint8, 1, "C", readonly=True)
_row = nb.types.Array(nb.int64, 1, "C", readonly=True)
_locks = nb.types.Array(nb.boolean, 3, "C", readonly=True)
_rows = nb.types.Array(nb.int64, 2, "C", readonly=True)


@lru_cache(maxsize=64)
def cone(radius_mm: float, spacing_mm: tuple[float, float, float], flow: float, flat_axis: int) -> NDArray[np.int64]:
    """Return the weights of the brush by offset from its centre: `flow * (1 - d / r)` in 1/65536.

    Parameters
    ----------
    radius_mm
        Brush radius, millimetres.
    spacing_mm
        Distance between voxel centres along k, j, i.
    flow
        Weight at the centre, 0..1.
    flat_axis
        0, 1, 2: the brush is one voxel thick along this axis; -1: a ball.
    """
    reach = [0 if axis == flat_axis else int(radius_mm / s) for axis, s in enumerate(spacing_mm)]
    k, j, i = np.ogrid[tuple(slice(-n, n + 1) for n in reach)]
    squared = (k * spacing_mm[0]) ** 2 + (j * spacing_mm[1]) ** 2 + (i * spacing_mm[2]) ** 2
    weight = np.maximum(0.0, 1.0 - np.sqrt(squared) / radius_mm)
    table = np.floor(weight * min(max(flow, 0.0), 1.0) * (ONE - 1) + 0.5).astype(np.int64)
    table.flags.writeable = False
    return np.ascontiguousarray(table)


@lru_cache(maxsize=64)
def tone(reach: int, sensitivity: int) -> NDArray[np.int64]:
    """Return weights by integer intensity difference: `(1 - difference / reach)^k` in 1/65536."""
    rest = 1.0 - np.arange(min(max(reach, 1), ONE)) / max(reach, 1)
    power = rest
    for _ in range(sensitivity - 1):
        power = power * rest  # repeated products round identically everywhere, pow() does not
    return np.floor(power * (ONE - 1) + 0.5).astype(np.int64)


@nb.njit("int64(int16, int16)", cache=True)
def _apart(a: Any, b: Any) -> Any:
    return abs(np.int64(a) - np.int64(b))


@nb.njit("uint16(uint16, int64, boolean)", cache=True)
def _moved(value: Any, alpha: int, erase: bool) -> Any:
    """Move a field value toward 0 or 65535 by alpha / 65536 of the way, rounding to nearest."""
    if erase:
        return np.uint16(np.int64(value) - ((np.int64(value) * alpha + 32768) >> 16))
    return np.uint16(np.int64(value) + (((65535 - np.int64(value)) * alpha + 32768) >> 16))


@nb.njit(nb.int16(_int16s, nb.int64, nb.int64, nb.int64, nb.int64), cache=True)
def _median(values: Any, ck: int, cj: int, ci: int, flat_axis: int) -> int:
    """Return the median of the 3 x 3 (x 3) voxels around the centre, clipped at the border."""
    found = np.empty(27, np.int16)
    n = 0
    for k in range(ck - (flat_axis != 0), ck + 1 + (flat_axis != 0)):
        for j in range(cj - (flat_axis != 1), cj + 1 + (flat_axis != 1)):
            for i in range(ci - (flat_axis != 2), ci + 1 + (flat_axis != 2)):
                if 0 <= k < values.shape[0] and 0 <= j < values.shape[1] and 0 <= i < values.shape[2]:
                    found[n] = values[k, j, i]
                    n += 1
    return np.sort(found[:n])[n // 2]


@nb.njit(
    nb.void(nb.uint16[:, :, ::1], _row, _locks, _int16s, _row, _int64s, _row, nb.boolean),
    cache=True,
)
def _classic(
    field: Any, corner: Any, locked: Any, values: Any, centre: Any, brush: Any, tones: Any, erase: bool
) -> None:
    """Apply one dab by the classic rule; `field` is a block of the volume that starts at `corner`."""
    here = values[centre[0], centre[1], centre[2]]
    hk, hj, hi = brush.shape[0] // 2, brush.shape[1] // 2, brush.shape[2] // 2
    for k in range(max(0, centre[0] - hk), min(values.shape[0], centre[0] + hk + 1)):
        for j in range(max(0, centre[1] - hj), min(values.shape[1], centre[1] + hj + 1)):
            for i in range(max(0, centre[2] - hi), min(values.shape[2], centre[2] + hi + 1)):
                weight = brush[k - centre[0] + hk, j - centre[1] + hj, i - centre[2] + hi]
                away = _apart(values[k, j, i], here)
                a, b, c = k - corner[0], j - corner[1], i - corner[2]
                if weight == 0 or away >= tones.size or locked[a, b, c]:
                    continue
                field[a, b, c] = _moved(field[a, b, c], (weight * tones[away]) >> 16, erase)


@nb.njit(nb.void(_int16s, _row, nb.int64, _int64s, _bytes, _row, _locks, nb.uint8[:, :, ::1]), cache=True)
def _grades(values: Any, centre: Any, here: Any, brush: Any, grade: Any, corner: Any, locked: Any, out: Any) -> None:
    """Write the level of each voxel by itself into the padded box; CLOSED outside brush, volume, reach and locks."""
    nk, nj, ni = brush.shape
    k0, j0, i0 = centre[0] - nk // 2, centre[1] - nj // 2, centre[2] - ni // 2
    out[:] = CLOSED
    for k in range(max(0, -k0), min(nk, values.shape[0] - k0)):
        for j in range(max(0, -j0), min(nj, values.shape[1] - j0)):
            for i in range(max(0, -i0), min(ni, values.shape[2] - i0)):
                away = _apart(values[k + k0, j + j0, i + i0], here)
                shut = locked[k + k0 - corner[0], j + j0 - corner[1], i + i0 - corner[2]]
                if brush[k, j, i] != 0 and away < grade.size and not shut:
                    out[k + 1, j + 1, i + 1] = grade[away]


@nb.njit(nb.void(nb.uint8[::1], nb.int64, _row, nb.int32[::1], nb.uint8[::1]), cache=True)
def _spread(own: Any, start: Any, sides: Any, chain: Any, level: Any) -> None:
    """Write the smallest maximal level on a path from the start, by a queue of 64 levels; `own` is used up."""
    heads: Any = np.full(LEVELS, -1, np.int32)
    own[start] = CLOSED
    level[start], chain[start], heads[0] = 0, -1, start
    worst = 0
    while worst < LEVELS:
        n = np.uint64(heads[worst])
        if heads[worst] < 0:
            worst += 1
            continue
        heads[worst] = chain[n]
        for side in range(6):
            m = n + np.uint64(sides[side])
            here = own[m]
            if here != CLOSED:
                cost = max(np.int64(here), worst)
                own[m] = CLOSED
                level[m], chain[m], heads[cost] = cost, heads[cost], m


@nb.njit(nb.void(nb.uint16[:, :, ::1], _row, _row, _int64s, _row, nb.uint8[:, :, ::1], nb.boolean), cache=True)
def _apply(field: Any, corner: Any, centre: Any, brush: Any, tones: Any, level: Any, erase: Any) -> None:
    """Move the field of all voxels that have a level."""
    nk, nj, ni = brush.shape
    k0, j0, i0 = centre[0] - corner[0] - nk // 2, centre[1] - corner[1] - nj // 2, centre[2] - corner[2] - ni // 2
    for k in range(nk):
        for j in range(nj):
            for i in range(ni):
                found = level[k + 1, j + 1, i + 1]
                if found != CLOSED:
                    a, b, c = k + k0, j + j0, i + i0
                    field[a, b, c] = _moved(field[a, b, c], (brush[k, j, i] * tones[found]) >> 16, erase)


@nb.njit(
    nb.void(nb.uint16[:, :, ::1], _row, _locks, _int16s, _row, _int64s, _row, _bytes, nb.int64, nb.boolean),
    cache=True,
)
def _barrier(
    field: Any,
    corner: Any,
    locked: Any,
    values: Any,
    centre: Any,
    brush: Any,
    tones: Any,
    grade: Any,
    flat_axis: int,
    erase: bool,
) -> None:
    """Apply one dab by the barrier rule: paths over 6-neighbours inside the brush; the centre always has level 0."""
    if locked[centre[0] - corner[0], centre[1] - corner[1], centre[2] - corner[2]]:
        return
    here = _median(values, centre[0], centre[1], centre[2], flat_axis)
    nk, nj, ni = brush.shape
    own = np.empty((nk + 2, nj + 2, ni + 2), np.uint8)
    _grades(values, centre, here, brush, grade, corner, locked, own)
    level = np.full(own.size, CLOSED, np.uint8)
    sides = np.array([1, -1, ni + 2, -(ni + 2), (nj + 2) * (ni + 2), -(nj + 2) * (ni + 2)])
    start = ((nk // 2 + 1) * (nj + 2) + nj // 2 + 1) * (ni + 2) + ni // 2 + 1
    _spread(own.reshape(own.size), start, sides, np.empty(own.size, np.int32), level)
    _apply(field, corner, centre, brush, tones, level.reshape(own.shape), erase)


@nb.njit(nb.uint8[::1](nb.int64), cache=True)
def _levels_by_difference(reach: int) -> Any:
    """Return the level of each intensity difference below `reach`."""
    found = np.empty(reach, np.uint8)
    for away in range(reach):
        found[away] = away * LEVELS // reach
    return found


@nb.njit(
    nb.void(
        nb.uint16[:, :, ::1], _row, _locks, _int16s, _rows, _int64s, _row, nb.int64, nb.int64, nb.boolean, nb.boolean
    ),
    cache=True,
)
def dab_all(
    field: Any,
    corner: Any,
    locked: Any,
    values: Any,
    centres: Any,
    brush: Any,
    tones: Any,
    reach: int,
    flat_axis: int,
    barrier: bool,
    erase: bool,
) -> None:
    """Apply dabs one after the other.

    Parameters
    ----------
    field
        Block of the field to change, uint16 (k, j, i); it must contain every voxel of every dab.
    corner
        First voxel of that block in the volume.
    locked
        Voxels of the block that no dab changes and no path of the barrier rule enters, bool.
    values
        Integer intensities of the whole volume.
    centres
        Voxels (n, 3) inside the volume.
    brush, tones
        From `cone` and `tone` (barrier: `tone(LEVELS, k)`).
    reach
        Intensity difference at which the weight is zero.
    flat_axis
        Axis along which the brush is one voxel thick, or -1 for a ball.
    barrier
        Use the barrier rule instead of the classic rule.
    erase
        Move field values toward 0 instead of 65535.

    References
    ----------
    Malmberg et al., SmartPaint, CMBBE Imaging & Visualization 5, 2017 (classic rule).
    Strand et al., minimum barrier, CVIU 117, 2013 (barrier rule).
    """
    grade = _levels_by_difference(reach)
    for n in range(centres.shape[0]):
        if barrier:
            _barrier(field, corner, locked, values, centres[n], brush, tones, grade, flat_axis, erase)
        else:
            _classic(field, corner, locked, values, centres[n], brush, tones, erase)


@nb.njit(nb.void(_int16s, nb.int64[::1], nb.int64, nb.int16[:, :, ::1]), cache=True)
def _smooth_along(values: Any, taps: Any, axis: int, out: Any) -> None:
    """Compute the weighted mean of five neighbours along one axis in integers, repeating the border."""
    nk, nj, ni = values.shape
    for k in range(nk):
        for j in range(nj):
            for i in range(ni):
                total = np.int64(128)
                for t in range(5):
                    a = min(max(k + (t - 2) * (axis == 0), 0), nk - 1)
                    b = min(max(j + (t - 2) * (axis == 1), 0), nj - 1)
                    c = min(max(i + (t - 2) * (axis == 2), 0), ni - 1)
                    total += taps[t] * values[a, b, c]
                out[k, j, i] = total >> 8


def smoothed(
    values: NDArray[np.int16], spacing_mm: tuple[float, float, float], sigma: float = 0.8
) -> NDArray[np.int16]:
    """Smooth with a Gaussian of sigma in units of the smallest spacing, so that thick slices stay separate."""
    out = np.ascontiguousarray(values)
    for axis, step in enumerate(spacing_mm):
        offsets = np.arange(-2, 3) * step / (sigma * min(spacing_mm))
        weights = np.exp(-0.5 * offsets**2)
        taps = np.floor(256 * weights / weights.sum() + 0.5).astype(np.int64)
        taps[2] += 256 - taps.sum()
        if taps[2] < 256:
            target = np.empty_like(out)
            _smooth_along(out, taps, axis, target)
            out = target
    return out
