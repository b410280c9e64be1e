"""Operations on masks: what they promise, on random masks and anisotropic voxels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from eci_annotate.imaging.distances import dice
from eci_annotate.imaging.mask_operations import (
    fill_holes,
    gaps,
    interpolate,
    largest_piece,
    smooth,
    with_margin,
    within_range,
)
from tests.counts import examples

SPACING = (3.0, 1.0, 0.8)
MASKS = hnp.arrays(bool, st.tuples(st.integers(1, 5), st.integers(1, 7), st.integers(1, 7)))


def ball(radius: float, shape: tuple[int, int, int] = (21, 61, 71)) -> np.ndarray:
    k, j, i = (np.arange(n) - n // 2 for n in shape)
    inside = (k[:, None, None] * 3.0) ** 2 + j[None, :, None] ** 2 + (i[None, None] * 0.8) ** 2 < radius**2
    return np.asarray(inside)


@settings(max_examples=examples(60, 2000))
@given(MASKS, st.floats(-6, 6))
def test_a_margin_is_the_euclidean_distance_between_voxel_centres(mask, margin):
    at = np.argwhere(np.ones_like(mask)) * SPACING
    outside = np.pad(mask, 1)
    edge = (np.argwhere(~outside) - 1) * SPACING
    flat = [axis for axis, n in enumerate(mask.shape) if n == 1]
    edge = edge[[all(0 <= n / SPACING[a] < 1 for a in flat for n in [each[a]]) for each in edge]]
    if not mask.any():
        expected = mask
    elif margin >= 0:
        nearest = np.sqrt(((at[:, None] - (np.argwhere(mask) * SPACING)[None]) ** 2).sum(-1)).min(1)
        expected = (nearest <= margin).reshape(mask.shape)
    elif len(edge):
        nearest = np.sqrt(((at[:, None] - edge[None]) ** 2).sum(-1)).min(1)
        expected = mask & (nearest > -margin).reshape(mask.shape)
    else:
        return
    np.testing.assert_array_equal(with_margin(mask, SPACING, margin), expected)


@settings(max_examples=examples(60, 2000))
@given(MASKS)
def test_filling_adds_only_what_is_enclosed_and_the_largest_piece_is_one_of_the_pieces(mask):
    filled, piece = fill_holes(mask), largest_piece(mask)
    assert (filled | mask == filled).all() and (fill_holes(filled) == filled).all()
    assert (piece & ~mask).sum() == 0 and piece.any() == mask.any()
    assert (largest_piece(piece) == piece).all()


def test_a_hole_is_filled_and_a_channel_to_the_outside_is_not():
    mask = ball(15)
    mask[10, 30, 35] = False
    assert (fill_holes(mask) == ball(15)).all()
    mask[10, 30, 35:] = False
    assert (fill_holes(mask) == mask).all()


def test_smoothing_keeps_the_volume_and_removes_single_voxels():
    rough = ball(15) ^ (np.random.default_rng(0).random(ball(15).shape) < 0.02)
    found = smooth(rough, SPACING, 1.5)
    assert abs(found.sum() / ball(15).sum() - 1) < 0.05 and dice(found, ball(15)) > 0.97


def test_a_range_restricts():
    values = np.arange(5.0)[None, None]
    assert within_range(np.ones((1, 1, 5), bool), values, 1, 3).ravel().tolist() == [False, True, True, True, False]


@pytest.mark.parametrize("every", [2, 3, 4])
def test_a_ball_drawn_on_some_slices_comes_back(every):
    whole = ball(24)
    drawn = np.zeros_like(whole)
    first, last = np.flatnonzero(whole.any((1, 2)))[[0, -1]]
    keep = [*range(first, last, every), last]
    drawn[keep] = whole[keep]
    found = interpolate(drawn, SPACING)
    assert dice(found, whole) > 0.93
    np.testing.assert_array_equal(found[keep], whole[keep])
    assert gaps(found) == []


def test_a_shape_that_moves_is_followed():
    mask = np.zeros((5, 40, 60), bool)
    mask[0, 10:20, 5:15] = mask[4, 10:20, 35:45] = True
    found = interpolate(mask, SPACING)
    centres = [np.argwhere(each).mean(0)[1] for each in found]
    np.testing.assert_allclose(centres, np.linspace(9.5, 39.5, 5), atol=0.8)
    assert all(abs(int(each.sum()) - 100) <= 20 for each in found)


def test_only_the_chosen_gap_is_filled_and_nothing_is_written():
    mask = np.zeros((9, 20, 20), bool)
    mask[[0, 4, 8], 5:12, 5:12] = True
    before = mask.copy()
    assert gaps(mask) == [(0, 4), (4, 8)]
    found = interpolate(mask, SPACING, [(4, 8)])
    assert found[5:8].any((1, 2)).all() and not found[1:4].any()
    np.testing.assert_array_equal(mask, before)
    assert not interpolate(np.zeros((3, 4, 5), bool), SPACING).any()
