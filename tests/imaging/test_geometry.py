"""A grid is a bijection between image and reference, and survives whatever xarray does to a volume."""

import copy
import pickle

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from eci_annotate.errors import BadVolume, FrameMismatch
from eci_annotate.imaging.geometry import Grid
from eci_annotate.imaging.reslice import linear, nearest, resample
from eci_annotate.imaging.volume import grid_of, instance_uids_of, series_uid_of, volume_from_array
from tests.grids import FRAME, SERIES, grids, volume


@given(grids(), st.tuples(*[st.floats(-20, 20)] * 3))
def test_image_and_reference_are_inverse(grid, point):
    there = grid.reference_from_image(point)
    assert np.allclose(grid.image_from_reference(there), point, atol=1e-5)
    assert np.allclose(grid.affine @ [*point, 1], [*there, 1])


def test_pixel_spacing_zero_is_the_distance_between_rows():
    grid = Grid.from_arrays((0, 0, 0), np.eye(3)[::-1], (5, 2, 3), (2, 2, 2), FRAME)
    assert np.allclose(grid.reference_from_image([0, 1, 0]), [0, 2, 0])
    assert np.allclose(grid.reference_from_image([0, 0, 1]), [3, 0, 0])


@given(grids(shape=(4, 6, 8)))
def test_grid_survives_xarray(grid):
    v = volume_from_array(np.zeros(grid.shape), grid, series_uid=SERIES)
    assert grid_of(v) == grid
    part = grid_of(v[1:4:2, 2:6, 1:7:3])
    assert np.allclose(part.reference_from_image([1, 2, 1]), grid.reference_from_image([3, 4, 4]), atol=2e-3)
    assert np.allclose(
        grid_of(v[::-1]).reference_from_image([0, 0, 0]), grid.reference_from_image([3, 0, 0]), atol=2e-3
    )
    assert np.allclose(grid_of(v[2:3]).spacing_mm, grid.spacing_mm)
    assert grid_of(v.transpose("i", "k", "j")) == grid
    assert grid_of(pickle.loads(pickle.dumps(v))) == grid
    assert grid_of(copy.deepcopy(v)) == grid


def test_series_and_instances_survive_comparison_and_selection():
    v = volume()
    named = volume_from_array(v.values, grid_of(v), series_uid=SERIES, instance_uids=list("abcd"))
    inside = (named > 3)[1:3]
    assert series_uid_of(inside) == SERIES
    assert instance_uids_of(inside) == ("b", "c")


MIXING = {
    "add": lambda a, b: a + b,
    "compare": lambda a, b: a > b,
    "where": lambda a, b: a.where(b > 0),
    "in place": lambda a, b: a.__imul__(b),
    "concat": lambda a, b: xr.concat([a, b], "phase"),
    "apply_ufunc": lambda a, b: xr.apply_ufunc(np.add, a, b),
    "dataset": lambda a, b: xr.Dataset({"a": a, "b": b}),
    "part": lambda a, b: a + b[:2],
    "mean": lambda a, b: a.mean("k") - b.mean("k"),
    "align": lambda a, b: xr.align(a, b),
    "fillna": lambda a, b: a.fillna(b),
    "xr.where": lambda a, b: xr.where(a > 0, b, 0),
    "maximum": lambda a, b: np.maximum(a, b),
}


@pytest.mark.parametrize("name", MIXING)
def test_two_frames_never_mix(name):
    a = volume()
    moved = Grid.from_arrays((10.0, -20.0, 31.0), np.eye(3)[::-1], (3.0, 0.7, 0.9), a.shape, FRAME)
    b = volume_from_array(a.values, moved, series_uid=SERIES)
    with pytest.raises(FrameMismatch, match="different frames"):
        MIXING[name](a, b)


def test_volumes_of_one_frame_do_mix():
    a = volume()
    assert grid_of(a + a * 2) == grid_of(a)
    assert series_uid_of(a.where(a > 3)) == SERIES


def test_lost_or_broken_axes_are_refused_by_name():
    v = volume()
    for bad in (v.mean("k"), v.isel(k=1), v.pad(k=1), v[[0, 1, 3]], v.drop_vars("frame")):
        with pytest.raises(BadVolume):
            grid_of(bad)


def _twin_linear(values, start, step, shape):
    """Plain NumPy: eight weighted neighbours."""
    out = np.full(shape, np.nan)
    for target in np.ndindex(shape):
        p = start + np.array(target) @ step
        if (p < -0.5).any() or (p > np.array(values.shape) - 0.5).any():
            continue
        p = np.clip(p, 0, np.array(values.shape) - 1)
        low = np.floor(p).astype(int)
        high = np.minimum(low + 1, np.array(values.shape) - 1)
        total = 0.0
        for corner in np.ndindex(2, 2, 2):
            at = tuple(np.where(corner, high, low))
            total += np.prod(np.where(corner, p - low, 1 - (p - low))) * values[at]
        out[target] = total
    return out


@given(grids(shape=(3, 4, 5)), grids(shape=(2, 3, 4)), st.integers(0, 99))
def test_reslicing_equals_its_numpy_twin(source, target, seed):
    values = np.random.default_rng(seed).normal(size=source.shape)
    target = Grid.from_arrays(
        source.reference_from_image([0.3, 0.7, 1.2]), target.directions, target.spacing_mm, target.shape, FRAME
    )
    start = source.image_from_reference(target.origin_lps)
    step = source.image_from_reference(target.step_lps + np.array(source.origin_lps))
    twin = _twin_linear(values, start, step, target.shape)
    assert np.allclose(linear(values, source, target), twin, atol=1e-5, equal_nan=True)
    index = np.floor(start + np.moveaxis(np.indices(target.shape), 0, -1) @ step + 0.5).astype(int)
    inside = ((index >= 0) & (index < source.shape)).all(-1)
    expected = np.zeros(target.shape)
    expected[inside] = values[tuple(index[inside].T)]
    agree = nearest(values, source, target) == expected
    assert agree.mean() > 0.99  # a point exactly between two voxels may round either way


def test_what_is_resampled_combines_with_what_it_was_resampled_to():
    a = volume((6, 8, 8), (4.0, 4.0, 4.0))
    part = volume((9, 9, 9), (2.0, 2.0, 2.0))[1:8, ::2]
    assert np.isfinite((resample(a, part) + part).values).all()


def test_padding_is_not_mixed_with_values_and_units_stay():
    v = volume((6, 8, 8), (4.0, 4.0, 4.0)).copy(deep=True)
    v.values[:, :, :3] = -2000
    v = v.assign_attrs(padding=(-2000, -2000), units="HU")
    half = Grid.from_arrays(grid_of(v).reference_from_image([0, 0, 0.5]), grid_of(v).directions,
                            grid_of(v).spacing_mm, (6, 8, 7), grid_of(v).frame_of_reference_uid)  # fmt: skip
    found = resample(v, half)
    assert np.isnan(found.values[..., :3]).all() and np.isfinite(found.values[..., 3:]).all()
    assert found.attrs["units"] == "HU" and np.nanmin(found.values) >= v.values[:, :, 3:].min()


def test_resampling_onto_itself_changes_nothing_and_foreign_frames_are_refused():
    v = volume()
    assert np.allclose(resample(v, v).values, v.values)
    grid = grid_of(v)
    foreign = Grid.from_arrays(grid.origin_lps, grid.directions, grid.spacing_mm, grid.shape, "2.25.999")
    with pytest.raises(FrameMismatch):
        resample(v, foreign)
