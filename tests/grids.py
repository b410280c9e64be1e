"""Random grids and masks for property tests: anisotropic, oblique, non-square."""

from __future__ import annotations

import numpy as np
import xarray as xr
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from eci_annotate.imaging.geometry import Grid
from eci_annotate.imaging.volume import volume_from_array

FRAME, SERIES = "2.25.111", "2.25.222"
SPACINGS = st.floats(0.3, 6.0).map(lambda v: round(v, 4))


def rotation(angles: tuple[float, float, float]) -> np.ndarray:
    """Rotation matrix from three angles."""
    a, b, c = angles
    rx = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    ry = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    rz = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return rx @ ry @ rz


ANGLES = st.tuples(*[st.floats(-1.2, 1.2)] * 3)


@st.composite
def grids(draw: st.DrawFn, shape: tuple[int, int, int] | None = None) -> Grid:
    """Grids of any tilt and spacing; k is the cross product of i and j, as in DICOM."""
    i, j, k = rotation(draw(ANGLES)).T
    if shape is None:
        shape = (draw(st.integers(2, 5)), draw(st.integers(2, 12)), draw(st.integers(2, 14)))
    origin = [draw(st.floats(-300, 300)) for _ in range(3)]
    return Grid.from_arrays(origin, [k, j, i], [draw(SPACINGS) for _ in range(3)], shape, FRAME)


@st.composite
def masks(draw: st.DrawFn) -> xr.DataArray:
    """Boolean volumes with holes, islands and single voxels."""
    grid = draw(grids())
    return volume_from_array(draw(hnp.arrays(bool, grid.shape)), grid, series_uid=SERIES)


def volume(
    shape: tuple[int, int, int] = (4, 5, 6), spacing: tuple[float, float, float] = (3.0, 0.7, 0.9)
) -> xr.DataArray:
    """A plain axial volume with distinct values."""
    grid = Grid.from_arrays((10.0, -20.0, 30.0), np.eye(3)[::-1], spacing, shape, FRAME)
    return volume_from_array(np.arange(np.prod(shape), dtype=np.int16).reshape(shape), grid, series_uid=SERIES)
