"""Distances between masks against a plain reckoning of every pair of surface voxels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays

from eci_annotate.imaging.distances import dice, hd95, mean_distance, surface_dice, surface_distances

MASKS = arrays(bool, (4, 5, 6))
SPACING = (3.0, 0.7, 1.1)


def surface(mask: np.ndarray) -> np.ndarray:
    padded, found = np.pad(mask, 1), []
    for voxel in np.argwhere(mask):
        z, y, x = voxel + 1
        faces = [(z - 1, y, x), (z + 1, y, x), (z, y - 1, x), (z, y + 1, x), (z, y, x - 1), (z, y, x + 1)]
        if not all(padded[face] for face in faces):
            found.append(voxel * np.array(SPACING))
    return np.array(found).reshape(-1, 3)


@given(MASKS, MASKS)
def test_they_are_those_of_all_pairs(a: np.ndarray, b: np.ndarray) -> None:
    to_b, to_a = surface_distances(a, b, SPACING)
    sa, sb = surface(a), surface(b)
    if len(sa) and len(sb):
        gap = np.linalg.norm(sa[:, None] - sb[None], axis=-1)
        np.testing.assert_allclose(to_b, gap.min(1), atol=1e-9)
        np.testing.assert_allclose(to_a, gap.min(0), atol=1e-9)
    assert hd95(a, b, SPACING) == hd95(b, a, SPACING)
    assert surface_dice(a, b, SPACING, 1e9) == 1.0 or not (a.any() and b.any())


@given(MASKS)
def test_a_mask_is_itself(a: np.ndarray) -> None:
    assert dice(a, a) == 1 and hd95(a, a, SPACING) == 0 and mean_distance(a, a, SPACING) == 0
    assert surface_dice(a, a, SPACING, 0.0) == 1


def test_a_shift_is_measured_in_millimetres() -> None:
    a = np.zeros((3, 20, 20), bool)
    a[1, 5:10, 5:10] = True
    assert hd95(a, np.roll(a, 2, axis=1), SPACING) == pytest.approx(1.4)
    assert hd95(a, np.zeros_like(a), SPACING) == np.inf
