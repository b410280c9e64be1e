"""Values of a volume on one plane in any position: trilinear between voxel centres, nothing beyond the outermost ones.

The kernel computes for each row which columns are inside, and has no test within them. Its NumPy reference
implementation is in the tests.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from eci_annotate.imaging.geometry import Grid
from eci_annotate.imaging.registration.registration import Registration
from eci_annotate.imaging.sections.raster import Raster

TILE = 32
_READ = [nb.types.Array(each, 3, "C", readonly=True) for each in (nb.int16, nb.float32)]


def sample(
    values: NDArray[Any], source: Grid, raster: Raster, registration: Registration | None = None
) -> NDArray[np.float32]:
    """Interpolate linearly at the pixels of a plane.

    Parameters
    ----------
    values
        Shape `source.shape` (k, j, i), as `readable` returns them.
    source
        Grid of the values.
    raster
        The plane.
    registration
        From the frame of reference of the values to that of the plane; None if they have the same.

    Returns
    -------
    numpy.ndarray
        Shape (rows, cols); NaN more than half a voxel beyond the outermost voxel centres, and where a voxel is NaN.
    """
    out = np.full((raster.rows, raster.cols), np.nan, np.float32)
    if registration is not None and registration.matrix is None:
        points = registration.source_points(raster.points().reshape(-1, 3))
        _at(values, source.image_from_reference(points), out.reshape(-1))
        return out
    back = np.eye(4) if registration is None else np.linalg.inv(np.asarray(registration.matrix))
    start = source.image_from_reference(back[:3, :3] @ raster.origin_lps + back[:3, 3])
    down, right = (
        source.image_from_reference(back[:3, :3] @ step + np.asarray(source.origin_lps))
        for step in (raster.down_lps, raster.right_lps)
    )
    _plane(values, start, down, right, out)
    return out


def coded(values: NDArray[np.float32], intercept: float, slope: float) -> NDArray[np.uint16]:
    """Return values in 16 bits: 0 for NaN, else code with value = intercept + slope * code, at least 1."""
    out = np.zeros(values.shape, np.uint16)
    _code(np.ascontiguousarray(values), intercept, 1 / slope, out)
    return out


@nb.njit("void(float32[:, ::1], float64, float64, uint16[:, ::1])", cache=True, nogil=True)
def _code(values: Any, intercept: Any, per: Any, out: Any) -> None:
    """Fill `out` (R, C) where values are known."""
    for row in range(out.shape[0]):
        for col in range(out.shape[1]):
            code = (values[row, col] - intercept) * per + 0.5
            if code == code:  # not NaN
                out[row, col] = np.uint16(min(max(code, 1.0), 65535.0))


@nb.njit(inline="always")
def _clamped(values: Any, z: Any, y: Any, x: Any) -> Any:
    """Interpolate at a point within half a voxel of the outermost centres: beyond them, their values stay."""
    nk, nj, ni = values.shape
    z, y, x = min(max(z, 0.0), nk - 1.0), min(max(y, 0.0), nj - 1.0), min(max(x, 0.0), ni - 1.0)
    k, j, i = int(z), int(y), int(x)
    p, q, r = z - k, y - j, x - i
    k1, j1, i1 = min(k + 1, nk - 1), min(j + 1, nj - 1), min(i + 1, ni - 1)
    near = (values[k, j, i] * (1 - r) + values[k, j, i1] * r) * (1 - q)
    near += (values[k, j1, i] * (1 - r) + values[k, j1, i1] * r) * q
    far = (values[k1, j, i] * (1 - r) + values[k1, j, i1] * r) * (1 - q)
    far += (values[k1, j1, i] * (1 - r) + values[k1, j1, i1] * r) * q
    return near * (1 - p) + far * p


@nb.njit(inline="always")
def _columns(at: Any, step: Any, low: Any, high: Any, cols: Any) -> Any:
    """Return the first and the last column for which low <= at + column * step <= high."""
    if abs(step) < 1e-12:
        return (0, cols - 1) if low <= at <= high else (cols, -1)
    one, other = (low - at) / step, (high - at) / step
    first = int(min(max(np.ceil(min(one, other) - 1e-9), 0.0), float(cols)))
    return first, int(min(max(np.floor(max(one, other) + 1e-9), -1.0), cols - 1.0))


@nb.njit(inline="always")
def _spans(shape: Any, start: Any, right: Any, cols: Any) -> Any:
    """Return, for one row, where columns are inside, where they have all eight neighbours, and where both end."""
    first, last, inner, end = 0, cols - 1, 0, cols - 1
    for n in range(3):
        one, other = _columns(start[n], right[n], -0.5, shape[n] - 0.5, cols)
        first, last = max(first, one), min(last, other)
        one, other = _columns(start[n], right[n], 1e-6, shape[n] - 1 - 1e-6, cols)
        inner, end = max(inner, one), min(end, other)
    if end < inner:
        inner, end = last + 1, last
    return first, inner, end + 1, last + 1


@nb.njit(inline="always")
def _between(flat: Any, n: Any, sk: Any, sj: Any, p: Any, q: Any, r: Any) -> Any:
    """Interpolate between voxel n and its seven neighbours; p, q, r: shares of the next one along k, j, i."""
    one, m, f32 = np.uint64(1), n + sk, np.float32
    a, b, c, d = f32(flat[n]), f32(flat[n + one]), f32(flat[n + sj]), f32(flat[n + sj + one])
    e, f, g, h = f32(flat[m]), f32(flat[m + one]), f32(flat[m + sj]), f32(flat[m + sj + one])
    a, c, e, g = a + r * (b - a), c + r * (d - c), e + r * (f - e), g + r * (h - g)
    a, e = a + q * (c - a), e + q * (g - e)
    return a + p * (e - a)


@nb.njit(
    [nb.void(each, nb.float64[::1], nb.float64[::1], nb.float64[::1], nb.float32[:, ::1]) for each in _READ],
    cache=True,
    nogil=True,
    fastmath={"contract"},
)
def _plane(values: Any, start: Any, down: Any, right: Any, out: Any) -> None:
    """Fill `out` (R, C) where index = start + row * down + column * right is inside the volume (K, J, I).

    In tiles, so that the voxels that a row reads are still near when the next one needs them.
    """
    _, nj, ni = values.shape
    flat, sk, sj = values.reshape(-1), np.uint64(nj * ni), np.uint64(ni)
    rows, cols = out.shape
    spans = np.empty((TILE, 4), np.int64)
    for top in range(0, rows, TILE):
        bottom = min(top + TILE, rows)
        for row in range(top, bottom):
            spans[row - top] = _spans(values.shape, start + row * down, right, cols)
        for left in range(0, cols, TILE):
            for row in range(top, bottom):
                z0, y0, x0 = start[0] + row * down[0], start[1] + row * down[1], start[2] + row * down[2]
                first, inner, end, last = spans[row - top]
                for col in range(max(left, inner), min(left + TILE, end)):
                    z, y, x = z0 + col * right[0], y0 + col * right[1], x0 + col * right[2]
                    k, j, i = int(z), int(y), int(x)
                    p, q, r = np.float32(z - k), np.float32(y - j), np.float32(x - i)
                    out[row, col] = _between(flat, np.uint64((k * nj + j) * ni + i), sk, sj, p, q, r)
                for a, b in ((first, inner), (end, last)):
                    for col in range(max(left, a), min(left + TILE, b)):
                        z, y, x = z0 + col * right[0], y0 + col * right[1], x0 + col * right[2]
                        out[row, col] = _clamped(values, z, y, x)


@nb.njit(cache=True, nogil=True)
def _at(values: Any, index: Any, out: Any) -> None:
    """Fill `out` (N) at fractional indices (N, 3); points that are NaN or outside stay."""
    nk, nj, ni = values.shape
    for n in range(out.size):
        z, y, x = index[n, 0], index[n, 1], index[n, 2]
        if z >= -0.5 and y >= -0.5 and x >= -0.5 and z <= nk - 0.5 and y <= nj - 0.5 and x <= ni - 0.5:
            out[n] = _clamped(values, z, y, x)
