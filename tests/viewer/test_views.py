"""Panes in radiological convention, whatever way the voxels run."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eci_annotate.imaging.geometry import Grid
from eci_annotate.viewer.stage.pane_geometry import PANES, View, letters_of, stacks_of


def grid(order: tuple[int, ...] = (2, 1, 0), signs: tuple[int, ...] = (1, 1, 1), tilt: float = 0.0) -> Grid:
    """A small grid whose axes k, j, i run along the given anatomical axes."""
    turn = np.array([[np.cos(tilt), -np.sin(tilt), 0], [np.sin(tilt), np.cos(tilt), 0], [0, 0, 1]])
    directions = (np.eye(3)[list(order)] * np.array(signs)[:, None]) @ turn.T
    return Grid.from_arrays((5, -7, 11), directions, (3.0, 0.5, 0.8), (4, 6, 5), "1.2.3")


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("signs", list(itertools.product((1, -1), repeat=3)))
def test_patient_right_is_on_the_left_and_the_head_is_up(order: tuple[int, ...], signs: tuple[int, ...]) -> None:
    letters = {name: stack.to_wire()["letters"] for name, stack in stacks_of(grid(order, signs)).items()}
    assert [letters["axial"][side] for side in ("left", "right", "top", "bottom")] == ["R", "L", "A", "P"]
    assert [letters["sagittal"][side] for side in ("left", "right", "top", "bottom")] == ["A", "P", "H", "F"]
    assert [letters["coronal"][side] for side in ("left", "right", "top", "bottom")] == ["R", "L", "H", "F"]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, 1, -1), (1, -1, 1)])
def test_displayed_pixel_is_the_voxel_at_its_place(order: tuple[int, ...], signs: tuple[int, ...]) -> None:
    one = grid(order, signs)
    values = np.arange(np.prod(one.shape)).reshape(one.shape)
    for stack in stacks_of(one).values():
        plane = stack.slice_of(values, 2)
        assert plane.shape == (stack.rows, stack.cols)
        for r, c in ((0, 0), (stack.rows - 1, 1)):
            at = stack.origin_lps + stack.down_lps * r * stack.dv_mm + stack.right_lps * c * stack.du_mm
            k, j, i = one.voxel_from_reference(at + one.step_lps[stack.axis] * 2)
            assert plane[r, c] == values[k, j, i]


def test_oblique_directions_have_two_letters() -> None:
    assert letters_of((1, 0, 0)) == "L"
    assert letters_of((-0.9, 0.43, 0)) == "RP"
    assert letters_of((0.99, 0.1, 0)) == "L"


@given(st.sampled_from(PANES), st.floats(0.3, 9), st.integers(0, 3), st.floats(-0.4, 0.4))
def test_pixels_of_a_block_lie_within_its_rectangle(pane: str, zoom: float, index: int, tilt: float) -> None:
    one = grid(tilt=tilt)
    stack = stacks_of(one)[pane]
    view = View(pane, 1, index, -2.0, -1.5, zoom, 400, 300, 1.0)
    where = (slice(1, 3), slice(2, 5), slice(0, 2))
    rect = view.rect_of(stack, where, 2)
    if not where[stack.axis].start <= index < where[stack.axis].stop:
        assert rect is None
        return
    voxels = [n for n in itertools.product(*(range(s.start, s.stop) for s in where)) if n[stack.axis] == index]
    px = view.px_from_lps(stack, one.reference_from_image(voxels))
    seen = px[(px >= 0).all(1) & (px[:, 0] < 400) & (px[:, 1] < 300)]
    if rect is None:
        assert not len(seen)
        return
    assert (seen >= (rect.x, rect.y)).all() and (seen <= (rect.x + rect.width, rect.y + rect.height)).all()
