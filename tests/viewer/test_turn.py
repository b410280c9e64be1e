"""Flipped and rotated panes: the same voxels at the same patient places, drawn another way round."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eci_annotate.viewer.stage.ink.pane_turn import turned
from eci_annotate.viewer.stage.orders import Ink, Send
from eci_annotate.viewer.stage.pane_geometry import PANES, View, stacks_of
from tests.viewer.test_views import grid
from tests.viewer.viewer_world import STROKE, make_controller, tool, views

TURNS = range(8)
SIDES = ("left", "top", "right", "bottom")  # clockwise


def as_seen(picture: np.ndarray, turn: int) -> np.ndarray:
    """A picture flipped left-right if the turn says so, then rotated clockwise."""
    flipped = np.fliplr(picture) if turn >= 4 else picture
    return np.rot90(flipped, -(turn % 4))


@given(
    turn=st.sampled_from(TURNS),
    pane=st.sampled_from(PANES),
    order=st.permutations(range(3)),
    signs=st.tuples(*[st.sampled_from((1, -1))] * 3),
    u=st.floats(0, 4),
    v=st.floats(0, 4),
)
@settings(deadline=None)
def test_a_turned_pane_shows_the_same_places(
    turn: int, pane: str, order: list[int], signs: tuple[int, ...], u: float, v: float
) -> None:
    one = grid(tuple(order), signs)
    upright = stacks_of(one)[pane]
    stack = turned(upright, turn)
    values = np.arange(np.prod(one.shape)).reshape(one.shape)
    plane = stack.slice_of(values, 2)
    np.testing.assert_array_equal(plane, as_seen(upright.slice_of(values, 2), turn))
    at = stack.origin_lps + one.step_lps[stack.axis] * 2 + stack.right_lps * stack.du_mm + stack.down_lps * stack.dv_mm
    k, j, i = one.voxel_from_reference(at)
    assert plane[1, 1] == values[k, j, i]
    point = stack.origin_lps + one.step_lps[stack.axis] * 2 + stack.right_lps * u + stack.down_lps * v
    view = View(pane, 1, 2, 0.0, 0.0, 3.0, 200, 200, 1.0, turn=turn)
    (px,) = view.px_from_lps(stack, point)
    assert px == pytest.approx([(u + stack.du_mm / 2) * 3, (v + stack.dv_mm / 2) * 3])
    assert stack.plane(2) == upright.plane(2), "tools see it upright"


@pytest.mark.parametrize("turn", TURNS)
def test_the_letters_turn_with_the_picture(turn: int) -> None:
    upright = stacks_of(grid())["axial"]
    before, letters = upright.to_wire()["letters"], turned(upright, turn).to_wire()["letters"]
    sides = [before[side] for side in SIDES]
    if turn >= 4:
        sides[0], sides[2] = sides[2], sides[0]
    assert [letters[SIDES[(n + turn) % 4]] for n in range(4)] == sides


def ink_of(turn: int) -> np.ndarray:
    """The paint that a stroke leaves in the axial pane, whose picture of 40 x 48 pixels is shown at 4:1."""
    controller = make_controller()
    message = views()
    message["views"] = [{**message["views"][0], "turn": turn}]
    controller.receive(message)
    tool(controller, "smartpaint")
    picture = np.zeros((200, 200, 4), np.uint8)
    for order in controller.receive(STROKE):
        assert not isinstance(order, Send) or order.message.get("level") != "warning"
        if isinstance(order, Ink) and order.pane == "axial" and order.rgba is not None:
            height, width = order.rgba.shape[:2]
            picture[order.y : order.y + height, order.x : order.x + width] = order.rgba
    height, width = (160, 192) if turn % 2 else (192, 160)
    return picture[:height, :width]


@pytest.mark.parametrize("turn", TURNS)
def test_what_is_drawn_turns_with_the_picture(turn: int) -> None:
    upright = ink_of(0)
    assert upright.any()
    np.testing.assert_array_equal(ink_of(turn), as_seen(upright, turn))


@pytest.mark.parametrize("turn", [8, -1, 1.5, "1", None])
def test_other_turns_are_refused(turn: object) -> None:
    controller = make_controller()
    message = views()
    message["views"][0]["turn"] = turn
    (answer,) = controller.receive(message)
    assert isinstance(answer, Send) and "unreadable" in answer.message["text"]
