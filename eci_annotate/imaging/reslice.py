"""Values of one grid at the points of another: nearest voxel, or linear between voxels.

Each has one numba kernel; the NumPy reference implementations are in the tests.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from eci_annotate.errors import FrameMismatch
from eci_annotate.imaging.geometry import Floats, Grid
from eci_annotate.imaging.volume import grid_of, measured, padding_of, series_uid_of, values_kji, volume_from_array
from eci_annotate.imaging.volume import like as on_grid_of

_KEPT = ("modality", "units", "suv_factor", "no_suv")  # what values mean


def _map(source: Grid, target: Grid) -> tuple[Floats, Floats]:
    """Image index on the source = start + index on the target @ step."""
    start = source.image_from_reference(target.origin_lps)
    step = source.image_from_reference(target.step_lps + np.asarray(source.origin_lps))
    return start, np.ascontiguousarray(step)


@nb.njit(cache=True)
def _nearest(values: Any, start: Any, step: Any, out: Any) -> None:
    nk, nj, ni = values.shape
    for a in range(out.shape[0]):
        for b in range(out.shape[1]):
            for c in range(out.shape[2]):
                k = int(np.floor(start[0] + a * step[0, 0] + b * step[1, 0] + c * step[2, 0] + 0.5))
                j = int(np.floor(start[1] + a * step[0, 1] + b * step[1, 1] + c * step[2, 1] + 0.5))
                i = int(np.floor(start[2] + a * step[0, 2] + b * step[1, 2] + c * step[2, 2] + 0.5))
                if 0 <= k < nk and 0 <= j < nj and 0 <= i < ni:
                    out[a, b, c] = values[k, j, i]


@nb.njit(cache=True)
def _linear(values: Any, start: Any, step: Any, out: Any) -> None:
    nk, nj, ni = values.shape
    for a in range(out.shape[0]):
        for b in range(out.shape[1]):
            for c in range(out.shape[2]):
                z = start[0] + a * step[0, 0] + b * step[1, 0] + c * step[2, 0]
                y = start[1] + a * step[0, 1] + b * step[1, 1] + c * step[2, 1]
                x = start[2] + a * step[0, 2] + b * step[1, 2] + c * step[2, 2]
                if z < -0.5 or y < -0.5 or x < -0.5 or z > nk - 0.5 or y > nj - 0.5 or x > ni - 0.5:
                    continue
                z, y, x = min(max(z, 0.0), nk - 1.0), min(max(y, 0.0), nj - 1.0), min(max(x, 0.0), ni - 1.0)
                k, j, i = int(z), int(y), int(x)
                total = 0.0
                for p in range(2):
                    for q in range(2):
                        for r in range(2):
                            weight = abs(1 - p - (z - k)) * abs(1 - q - (y - j)) * abs(1 - r - (x - i))
                            if weight > 0:
                                total += weight * values[k + p, j + q, i + r]
                out[a, b, c] = total


def nearest(values: NDArray[Any], source: Grid, target: Grid) -> NDArray[Any]:
    """Take the nearest voxel; zero outside the source.

    Parameters
    ----------
    values
        Shape `source.shape`.
    source, target
        Grids in the same frame of reference.
    """
    out = np.zeros(target.shape, values.dtype)
    start, step = _map(source, target)
    _nearest(np.ascontiguousarray(values), start, step, out)
    return out


def linear(values: NDArray[Any], source: Grid, target: Grid, outside: float = np.nan) -> NDArray[np.float32]:
    """Interpolate linearly.

    Parameters
    ----------
    values
        Shape `source.shape`.
    source, target
        Grids in the same frame of reference.
    outside
        Value beyond half a voxel from the outermost voxel centres.
    """
    out = np.full(target.shape, outside, np.float32)
    start, step = _map(source, target)
    _linear(np.ascontiguousarray(values), start, step, out)
    return out


def upright_grid(grid: Grid) -> Grid:
    """Return the right-angled grid with the slices of a sheared one, wide enough for all of them."""
    if not grid.is_sheared:
        return grid
    last = grid.step_lps[0] * (grid.shape[0] - 1)
    low, high = np.zeros(2), np.zeros(2)
    for n, axis in enumerate(np.asarray(grid.directions)[1:]):
        ends = np.array([0.0, float(axis @ last)]) / grid.spacing_mm[1 + n]
        low[n], high[n] = np.floor(ends.min()), np.ceil(ends.max())
    corner = grid.reference_from_image([0, *low])
    shape = (grid.shape[0], *(np.asarray(grid.shape[1:]) + (high - low).astype(int)).tolist())
    directions = np.stack([grid.normal_lps, *np.asarray(grid.directions)[1:]])
    return Grid.from_arrays(
        corner, directions, (grid.slice_mm, *grid.spacing_mm[1:]), shape, grid.frame_of_reference_uid
    )


def upright(volume: xr.DataArray) -> xr.DataArray:
    """Resample a stack with gantry tilt to a right-angled volume with the same slices.

    Rows and columns are interpolated linearly; `attrs["resampled"]` says so. Where no slice reaches, values are NaN.
    A volume that is right-angled is returned as it is.

    Examples
    --------
    >>> import numpy as np
    >>> import eci_annotate as eci
    >>> lean = eci.Grid.from_arrays((0, 0, 0), ((0, 0.6, 0.8), (0, 1, 0), (1, 0, 0)), (5, 1, 1), (2, 4, 4), "1.2.3")
    >>> eci.upright(eci.volume_from_array(np.ones((2, 4, 4)), lean)).shape
    (2, 7, 4)
    """
    grid = grid_of(volume)
    if not grid.is_sheared:
        return volume
    out = resample(volume, upright_grid(grid))
    kept = {name: value for name, value in volume.attrs.items() if name not in ("kind", "padding")}
    said = f"gantry tilt of {grid.tilt_degrees:.2f} degrees removed by linear interpolation in each slice"
    return out.assign_attrs({**kept, "resampled": said})


def resample(volume: xr.DataArray, like: xr.DataArray | Grid) -> xr.DataArray:
    """Resample a volume onto the grid of another: nearest for booleans, else linear between measured values.

    The result is NaN where a value would come from padding. Numbered labels are values too: resample `labels == n`.

    Raises
    ------
    FrameMismatch
        If their frames of reference differ, so that no transformation is known.

    Examples
    --------
    >>> import tempfile
    >>> import eci_annotate as eci
    >>> folder = tempfile.mkdtemp()
    >>> files = eci.write_phantom(folder, "tiny")
    >>> ct = eci.load_series(folder)
    >>> eci.resample(ct, like=ct[:, ::2, ::2]).shape
    (8, 20, 28)
    """
    source = grid_of(volume)
    target = like if isinstance(like, Grid) else grid_of(like)
    if source.frame_of_reference_uid != target.frame_of_reference_uid:
        raise FrameMismatch("The two volumes have different frames of reference.", "Register them first.")
    values = values_kji(volume)
    if values.dtype == bool:
        out = nearest(values.view(np.uint8), source, target).astype(bool)
    else:
        if padding_of(volume) is not None:
            values = np.where(measured(volume.transpose("k", "j", "i")), values, np.nan)
        out = linear(values, source, target)
    kept = {name: volume.attrs[name] for name in _KEPT if name in volume.attrs}
    if isinstance(like, xr.DataArray):
        return on_grid_of(like, out).assign_attrs(kept)
    name = str(volume.name or "") or None
    return volume_from_array(out, target, series_uid=series_uid_of(volume), name=name, attrs=kept)
