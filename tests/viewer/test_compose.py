"""Kernels that draw painted annotations, against their NumPy twins."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from eci_annotate.tools.protocol import HALF
from eci_annotate.viewer.stage.ink import rasterise as c
from eci_annotate.viewer.stage.pane_geometry import Rect, View, stacks_of
from tests.counts import examples
from tests.viewer.test_views import grid


def inside_twin(
    plane: NDArray[np.uint16], row: float, per_y: float, col: float, per_x: float, shape: tuple[int, int]
) -> NDArray[np.bool_]:
    rows, cols = plane.shape
    r, q = row + np.arange(shape[0]) * per_y, col + np.arange(shape[1]) * per_x
    seen = ((r >= -0.5) & (r < rows - 0.5))[:, None] & ((q >= -0.5) & (q < cols - 0.5))
    r, q = np.clip(r, 0, rows - 1), np.clip(q, 0, cols - 1)
    r0, q0 = r.astype(int), q.astype(int)
    r1, q1 = np.minimum(r0 + 1, rows - 1), np.minimum(q0 + 1, cols - 1)
    fr, fq = (r - r0)[:, None], (q - q0)[None]
    field = plane.astype(float)
    above = field[r0][:, q0] * (1 - fq) + field[r0][:, q1] * fq
    below = field[r1][:, q0] * (1 - fq) + field[r1][:, q1] * fq
    return seen & (above * (1 - fr) + below * fr >= HALF)


def compose_twin(stack, view, rect, painted):  # type: ignore[no-untyped-def]
    m = c.margin_px(view)
    layer = np.zeros((rect.height, rect.width, 4))
    offsets, alphas = c.pen(c.HALF_LINE_PX * view.ratio)
    inner = (slice(m, m + rect.height), slice(m, m + rect.width))
    for plane, colour in painted:
        inside = inside_twin(plane, *c._sampling(stack, view, rect, m), (rect.height + 2 * m, rect.width + 2 * m))
        alpha = np.zeros(layer.shape[:2])
        for (y, x), ink in reversed(list(zip(offsets, alphas, strict=True))):
            alpha = np.where(np.roll(inside, (-y, -x), (0, 1))[inner] != inside[inner], ink, alpha)
        alpha = np.maximum(alpha, np.where(inside[inner], c.FILL, 0.0))[..., None]
        layer[..., :3] = np.asarray(colour, float) * alpha + layer[..., :3] * (1 - alpha)
        layer[..., 3:] = alpha + layer[..., 3:] * (1 - alpha)
    straight = np.divide(layer[..., :3], layer[..., 3:], out=np.zeros_like(layer[..., :3]), where=layer[..., 3:] > 0)
    out = np.concatenate([np.minimum(straight + 0.5, 255), layer[..., 3:] * 255 + 0.5], -1)
    return out.astype(np.uint8)


@settings(max_examples=examples(60, 5000), deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    pane=st.sampled_from(("axial", "sagittal", "coronal")),
    zoom=st.floats(0.7, 12),
    left=st.floats(-3, 2),
    ratio=st.sampled_from((1.0, 1.5, 2.0)),
    count=st.integers(0, 3),
)
def test_kernel_equals_twin(seed: int, pane: str, zoom: float, left: float, ratio: float, count: int) -> None:
    random = np.random.default_rng(seed)
    stack = stacks_of(grid(signs=(1, -1, 1)))[pane]
    view = View(pane, 1, 1, left, -1.0, zoom, 40, 50, ratio)
    fields = [random.integers(0, 65536, stack.grid.shape).astype(np.uint16) for _ in range(count)]
    painted = [(stack.slice_of(f, 1), tuple(random.integers(0, 256, 3).tolist())) for f in fields]
    rect = Rect(3, 5, 24, 31)
    ours, twin = c.compose(stack, view, rect, painted), compose_twin(stack, view, rect, painted)
    assert np.abs(ours.astype(int) - twin).max() <= 1


@settings(max_examples=examples(60, 5000), deadline=None)
@given(seed=st.integers(0, 2**32 - 1), most=st.sampled_from((5, 5000)))
def test_runs_say_the_same_as_the_picture(seed: int, most: int) -> None:
    random = np.random.default_rng(seed)
    rgba = random.integers(0, 2, (20, 30, 4)).astype(np.uint8).repeat(3, 1) * 100
    rgba[rgba[..., 3] == 0] = 0
    found = c.runs_of(rgba, most)
    if found is None:
        assert most == 5
        return
    again = np.zeros_like(rgba)
    for (x, y, length), ink in zip(*found, strict=True):
        again[y, x : x + length] = ink
    np.testing.assert_array_equal(again, rgba)


def test_patches_laid_side_by_side_equal_one_picture() -> None:
    """A dirty rectangle shows what a whole redraw would show there."""
    stack = stacks_of(grid())["axial"]
    field = np.random.default_rng(1).integers(0, 65536, stack.grid.shape).astype(np.uint16)
    view = View("axial", 1, 1, -0.5, -0.5, 9.0, 60, 44, 1.0)
    painted = [(stack.slice_of(field, 1), (255, 0, 0))]
    whole = c.compose(stack, view, Rect(0, 0, 60, 44), painted)
    for rect in (Rect(0, 0, 31, 20), Rect(31, 0, 29, 20), Rect(7, 20, 11, 24)):
        part = whole[rect.y : rect.y + rect.height, rect.x : rect.x + rect.width]
        np.testing.assert_array_equal(c.compose(stack, view, rect, painted), part)


@pytest.mark.parametrize("ratio", [1.0, 2.0])
def test_contour_is_as_wide_as_said(ratio: float) -> None:
    offsets, alphas = c.pen(c.HALF_LINE_PX * ratio)
    assert (np.diff(np.hypot(*offsets.T)) >= 0).all() and alphas.max() == 1.0
