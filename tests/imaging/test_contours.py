"""Mask to contours and back is the identity, for us and for readers that share no code with us."""

import matplotlib.path
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from eci_annotate.imaging.contours import fill_rings, rings_of_mask, signed_area, trace
from tests.counts import examples

MASKS = hnp.arrays(bool, st.tuples(st.integers(1, 14), st.integers(1, 14)))


def test_a_single_voxel_is_a_small_square():
    (ring,) = rings_of_mask(np.ones((1, 1), bool))
    assert np.allclose(np.sort(ring, 0), [[-0.49, -0.49], [-0.49, -0.49], [0.49, 0.49], [0.49, 0.49]])


@pytest.mark.soak
@settings(max_examples=examples(400, 5000))
@given(MASKS, st.sampled_from(["keyhole", "nested"]))
def test_mask_to_rings_to_mask_is_the_identity(mask, holes):
    assert np.array_equal(fill_rings(rings_of_mask(mask, holes), mask.shape), mask)


@pytest.mark.soak
@settings(max_examples=examples(100, 5000))
@given(MASKS)
def test_matplotlib_reads_the_same_mask(mask):
    rows, columns = mask.shape
    points = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), -1).reshape(-1, 2)
    seen = np.zeros(rows * columns, bool)
    for ring in rings_of_mask(mask):
        seen ^= matplotlib.path.Path(ring[:, ::-1]).contains_points(points)
    assert np.array_equal(seen.reshape(mask.shape), mask)


@pytest.mark.soak
@settings(max_examples=examples(100, 5000))
@given(MASKS)
def test_keyholed_rings_never_overlap_and_keep_the_area(mask):
    polygons = [shapely.make_valid(shapely.Polygon(r[:, ::-1])) for r in rings_of_mask(mask)]
    assert abs(shapely.union_all(polygons).area - sum(p.area for p in polygons)) < 1e-6
    nested = sum(signed_area(r) for r in trace(mask, 0.0))
    assert nested == mask.sum()


def _twin_fill(rings, shape):
    """Plain NumPy even-odd rule: count the edges at or left of each pixel centre."""
    rows, columns = np.indices(shape)
    inside = np.zeros(shape, bool)
    for ring in rings:
        for (ya, xa), (yb, xb) in zip(ring, np.roll(ring, -1, 0), strict=True):
            if ya == yb:
                continue
            hit = (np.minimum(ya, yb) <= rows) & (rows < np.maximum(ya, yb))
            slope = (xb - xa) / (yb - ya)
            inside ^= hit & (xa + (rows - ya) * slope <= columns)
    return inside


@pytest.mark.soak
@settings(max_examples=examples(200, 5000))
@given(
    st.lists(
        hnp.arrays(float, st.tuples(st.integers(3, 9), st.just(2)), elements=st.floats(-3, 12, width=16)), max_size=3
    )
)
def test_filling_equals_its_numpy_twin(rings):
    assert np.array_equal(fill_rings(rings, (9, 11)), _twin_fill(rings, (9, 11)))
