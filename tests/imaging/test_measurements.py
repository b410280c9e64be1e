"""Axes run from edge to edge of voxels; statistics leave out what was not measured."""

from __future__ import annotations

import numpy as np
import pytest

from eci_annotate.imaging.measurements import axes_of, statistics_of


def test_a_rectangle_has_its_diagonal_as_long_axis():
    mask = np.zeros((3, 20, 30), bool)
    mask[1, 5:8, 6:10] = True
    mask[2, 5, 6] = True
    axes = axes_of(mask, (5.0, 2.0, 1.0))
    assert axes.slice_k == 1 and axes.long_mm == pytest.approx(np.hypot(6, 4))
    assert axes.short_mm == pytest.approx(2 * 6 * 4 / np.hypot(6, 4))
    assert axes_of(np.zeros((2, 3, 4), bool), (1, 1, 1)) is None


@pytest.mark.parametrize("angle", [0, 20, 45, 70])
def test_an_ellipse_has_its_diameters(angle):
    j, i = np.indices((120, 120)) - 60.0
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    mask = (((i * c + j * s) / 40) ** 2 + ((j * c - i * s) / 22) ** 2 < 1)[None]
    axes = axes_of(mask, (1.0, 0.5, 0.5))
    assert axes.long_mm == pytest.approx(40, abs=1) and axes.short_mm == pytest.approx(22, abs=1)


def test_statistics_are_those_of_numpy():
    values = np.array([[[1.0, 2.0, 6.0, np.nan, 50.0]]])
    found = statistics_of(values, np.array([[[True, True, True, True, False]]]))
    assert (found.count, found.mean, found.low, found.high) == (3, 3.0, 1.0, 6.0)
    assert found.sd == pytest.approx(np.std([1, 2, 6], ddof=1))
    assert statistics_of(values, np.zeros((1, 1, 5), bool)) is None
