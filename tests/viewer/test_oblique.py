"""Oblique panes: values and annotations at the patient positions of the pixels, computed here in another way."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import binary_dilation, map_coordinates

from eci_annotate.errors import Refused
from eci_annotate.imaging.annotations import Box, Contours
from eci_annotate.imaging.geometry import Grid
from eci_annotate.imaging.sections.plane_sample import sample
from eci_annotate.imaging.sections.raster import Raster
from eci_annotate.imaging.volume import volume_from_array
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.tools.editing.entries import SetOption
from eci_annotate.tools.protocol import FULL, SEEDS, ZONE, Paint
from eci_annotate.viewer.stage.browser_messages import Want
from eci_annotate.viewer.stage.controller import Controller
from eci_annotate.viewer.stage.layouts import FOUR_PLANE, Cell, grid
from eci_annotate.viewer.stage.orders import Ink, Lines, Send
from eci_annotate.viewer.stage.pane_geometry import View
from eci_annotate.viewer.stage.sections.oblique_stack import MOST_PIXELS, Tilt, oblique_stack
from eci_annotate.workflow.usecase.protocol_stages import Aim
from tests.counts import examples
from tests.viewer.test_fusion import values_of
from tests.viewer.viewer_world import hands, tool

UID, OTHER = "1.1", "1.2"
GRID = Grid.from_arrays((-30, -40, 10), np.eye(3)[::-1], (3, 0.9, 1.1), (14, 50, 44), "9.1")
VALUES = np.random.default_rng(2).integers(-1000, 1000, GRID.shape).astype(np.int16)
FINE = Grid.from_arrays((-20, -30, 12), np.eye(3)[[0, 2, 1]], (1.3, 1.2, 1.4), (30, 24, 30), "9.1")
MIDDLE = GRID.reference_from_image((np.asarray(GRID.shape) - 1) / 2)
units = st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda v: np.linalg.norm(v) > 0.2)


def volume_of(uid: str) -> xr.DataArray:
    if uid == OTHER:
        return volume_from_array(np.zeros(FINE.shape, np.int16), FINE, series_uid=uid)
    return volume_from_array(VALUES, GRID, series_uid=uid)


def controller() -> Controller:
    """A viewer with three planes and an oblique one."""
    easel = Easel(volume_of)
    easel.show(UID)
    one = Controller(easel)
    one.arrange(FOUR_PLANE)
    return one


def tilt(one: Controller, right: Any = (0.8, 0.1, 0.5), down: Any = (0, 1, 0.2), through: Any = tuple(MIDDLE)) -> Any:
    """What the browser gets when it turns the pane."""
    value = {"pane": "oblique", "right": list(right), "down": list(down), "through": list(through)}
    return one.receive({"kind": "command", "name": "tilt", "value": value})


def view_of(one: Controller, index: int | None = None) -> View:
    """The whole oblique pane, a screen pixel for each of its own, at the slice through its pivot."""
    stack = one.panes.stack("oblique")
    assert stack is not None
    if index is None:
        index = round(float((MIDDLE - stack.origin_lps) @ stack.grid.normal_lps / stack.grid.slice_mm))
    return View("oblique", 1, index, 0, 0, 1 / stack.du_mm, stack.cols, stack.rows, 1.0)


@given(right=units, down=units, seed=st.integers(0, 99))
@settings(deadline=None, max_examples=examples(40, 5000))
def test_a_plane_is_sampled_as_by_scipy(right: Any, down: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    raster = Raster(rng.uniform([-35, -45, 0], [20, 20, 50]), np.asarray(right), np.asarray(down), 23, 31)
    index = GRID.image_from_reference(raster.points())
    top = np.asarray(GRID.shape) - 1
    inside = ((index > -0.5) & (index < top + 0.5)).all(-1)
    edge = (np.minimum(np.abs(index + 0.5), np.abs(index - top - 0.5)) < 1e-6).any(-1)
    expected = map_coordinates(VALUES.astype(float), np.clip(index, 0, top).reshape(-1, 3).T, order=1, mode="nearest")
    for values in (VALUES, VALUES.astype(np.float32)):
        found = sample(values, GRID, raster)
        assert (np.isfinite(found) == inside)[~edge].all()
        both = np.isfinite(found) & inside
        np.testing.assert_allclose(found[both], expected.reshape(23, 31)[both], atol=2e-3)


@given(right=units, down=units)
@settings(deadline=None, max_examples=examples(60, 5000))
def test_planes_cover_the_volume_and_one_goes_through_the_pivot(right: Any, down: Any) -> None:
    try:
        stack = oblique_stack(GRID, Tilt.from_vectors(right, down, MIDDLE + 3, "9.1"))
    except Refused:
        return
    at = stack.grid.image_from_reference(MIDDLE + 3)
    np.testing.assert_allclose(at, np.round(at), atol=2e-3)
    ends = [(0, n - 1) for n in GRID.shape]
    corners = GRID.reference_from_image([[k, j, i] for k in ends[0] for j in ends[1] for i in ends[2]])
    index = stack.grid.image_from_reference(corners)
    assert (index > -1).all() and (index < np.asarray(stack.grid.shape)).all()
    assert max(stack.rows, stack.cols) <= MOST_PIXELS + 1 and not stack.grid.is_sheared
    assert stack.right_lps @ stack.down_lps == pytest.approx(0, abs=1e-6)


def test_turning_sends_the_slice_and_then_the_planes() -> None:
    one = controller()
    before = one.panes.stack("oblique")
    assert before is not None and before.right_lps.tolist() == [1, 0, 0], "as acquired"
    first, second = tilt(one)
    stack = one.panes.stack("oblique")
    assert isinstance(first, Send) and isinstance(second, Send) and stack is not None and stack.name != before.name
    assert second.message["shape"]["axis"] == -1 and second.message["shape"]["name"] == stack.name
    assert first.message["plane"] == stack.name
    index = first.message["index"]
    assert view_of(one).index == index
    found = values_of(first, (stack.rows, stack.cols))
    raster = Raster(
        stack.origin_lps + stack.grid.step_lps[0] * index,
        stack.right_lps * stack.du_mm, stack.down_lps * stack.dv_mm, stack.rows, stack.cols,
    )  # fmt: skip
    np.testing.assert_allclose(found, sample(VALUES, GRID, raster), atol=0.02)
    assert one.panes.slice_order(Want(UID, before.name, 3)) is None, "the planes before are gone"
    assert one.panes.slice_order(Want(UID, f"{stack.name}~max3", 3)) is not None
    assert stack.name in one.panes.scene()["series"][UID]["shapes"]


def test_what_is_no_plane_is_refused_in_words() -> None:
    one = controller()
    for orders in (tilt(one, (1, 0, 0), (2, 0, 0.01)), tilt(one, (0, 0, 0)), tilt(one, "abc")):
        assert [order.message["level"] for order in orders] == ["warning"]
    one.receive({"kind": "command", "name": "tilt", "value": None})
    value = {"pane": "axial", "right": [1, 0, 0], "down": [0, 1, 0], "through": [0, 0, 0]}
    (order,) = one.receive({"kind": "command", "name": "tilt", "value": value})
    assert "not oblique" in order.message["text"]  # type: ignore[union-attr]


def test_drawing_is_refused_with_a_friendly_sentence() -> None:
    one = controller()
    tool(one, "smartpaint")
    message = hands(1, ("press", [0, 0, 20]), ("release", [0, 0, 20]))
    for event in message["events"]:
        event["pane"] = "oblique"
    said = [order.message.get("text", "") for order in one.receive(message) if isinstance(order, Send)]
    assert any("for viewing" in text and "another pane" in text for text in said)
    assert not one.easel.table.objects
    shape = one.panes.scene()["series"][UID]["shapes"][one.panes.stack("oblique").name]  # type: ignore[union-attr]
    assert "view only" in shape["title"]


def painted(one: Controller, series: str, where: Grid, inside: np.ndarray) -> None:
    paint = Paint(label="a", colour=(255, 0, 0), uid="a", frame_uid="9.1", series_uid=series)
    one.easel.table.history.place(paint, inside.astype(np.uint16) * np.uint16(FULL))


def ball(where: Grid, radius: float = 9) -> np.ndarray:
    index = np.stack(np.meshgrid(*map(np.arange, where.shape), indexing="ij"), -1)
    return np.asarray(np.linalg.norm(where.reference_from_image(index) - MIDDLE, axis=-1) < radius)


@pytest.mark.parametrize(("series", "where"), [(UID, GRID), (OTHER, FINE)])
def test_a_mask_of_any_stack_is_cut_where_it_is(series: str, where: Grid) -> None:
    one, inside = controller(), ball(GRID if series == UID else FINE)
    painted(one, series, where, inside)
    tilt(one)
    view = view_of(one)
    (ink,) = [o for o in one.painter.redraw(view) if isinstance(o, Ink)]
    stack = one.panes.stack("oblique")
    assert stack is not None and ink.rgba is not None
    at = stack.origin_lps + stack.grid.step_lps[0] * view.index
    rows, cols = np.mgrid[: stack.rows, : stack.cols]
    points = at + rows[..., None] * stack.dv_mm * stack.down_lps + cols[..., None] * stack.du_mm * stack.right_lps
    voxel = where.voxel_from_reference(points)
    known = ((voxel >= 0) & (voxel < where.shape)).all(-1)
    expected = np.zeros(known.shape, bool)
    expected[known] = inside[tuple(voxel[known].T)]
    found = np.zeros(known.shape, bool)
    height, width = ink.rgba.shape[:2]
    found[ink.y : ink.y + height, ink.x : ink.x + width] = ink.rgba[..., 3] > 0
    assert expected.sum() > 100 and (found | ~expected).all(), "all of it has ink"
    assert not (found & ~binary_dilation(expected, iterations=4)).any(), "and nothing far from it"


def test_a_box_and_contours_appear_where_the_plane_cuts_them() -> None:
    one = controller()
    one.easel.table.history.place(Box(tuple(MIDDLE), (10, 12, 14), label="b", uid="b", frame_uid="9.1", series_uid=UID))
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    circle = np.stack([8 * np.cos(angle), 8 * np.sin(angle), 0 * angle], -1) + MIDDLE
    levels = [GRID.reference_from_image([k, 0, 0])[2] for k in range(4, 10)]
    rings = tuple(circle + (0, 0, z - MIDDLE[2]) for z in levels)
    one.easel.table.history.place(
        Contours(rings, label="c", uid="c", colour=(0, 255, 0), frame_uid="9.1", series_uid=UID, spacing_mm=3)
    )
    tilt(one, (1, 0, 0), (0, 0.1, -1))
    orders = one.painter.redraw(view_of(one))
    (lines,) = [o for o in orders if isinstance(o, Lines)]
    assert len(lines.marks) == 1 and len(lines.marks[0].points_px) == 4, "the box, and no handles"
    (ink,) = [o for o in orders if isinstance(o, Ink)]
    assert ink.rgba is not None
    stack = one.panes.stack("oblique")
    assert stack is not None
    height, width = (np.ptp(np.nonzero(ink.rgba[..., 3])[n]) * mm for n, mm in enumerate((stack.dv_mm, stack.du_mm)))
    assert width == pytest.approx(16, abs=3.5) and height == pytest.approx(18, abs=4)


def test_a_change_redraws_the_oblique_pane_like_a_fresh_drawing() -> None:
    one = controller()
    tilt(one)
    view = view_of(one)
    one.painter.look([view])
    tool(one, "smartpaint")
    one.receive({"kind": "command", "name": "new"})
    x, y, z = MIDDLE
    index = round((z - 10) / 3)
    screen = np.zeros((view.height, view.width, 4), np.uint8)
    for frame, (a, b) in enumerate(pairwise(np.linspace(-6, 6, 4)), 1):
        message = hands(
            frame, ("press", [x + a, y, 10 + 3 * index]), ("release", [x + b, y, 10 + 3 * index]), index=index
        )
        for order in one.receive(message):
            if isinstance(order, Ink) and order.pane == "oblique" and order.rgba is not None:
                if order.wipe:
                    screen[:] = 0
                h, w = order.rgba.shape[:2]
                screen[order.y : order.y + h, order.x : order.x + w] = order.rgba
    (fresh,) = [o for o in one.painter.redraw(view) if isinstance(o, Ink)]
    whole = np.zeros_like(screen)
    if fresh.rgba is not None:
        h, w = fresh.rgba.shape[:2]
        whole[fresh.y : fresh.y + h, fresh.x : fresh.x + w] = fresh.rgba
    assert whole.any() and (whole == screen).all()


@pytest.mark.parametrize("kind", ["growcut", "zone"])
def test_seeds_and_excluded_zones_are_shown_where_the_plane_cuts_them(kind: str) -> None:
    one = controller()
    tilt(one)
    view = view_of(one)
    one.painter.look([view])
    tool(one, "growcut" if kind == "growcut" else "smartpaint")
    one.do(SetOption("zone", kind == "zone"))
    index = round((MIDDLE[2] - 10) / 3)
    x, y, z = MIDDLE[0], MIDDLE[1], 10 + 3 * index
    orders = one.receive(hands(1, ("press", [x - 6, y, z]), ("release", [x + 6, y, z]), index=index))
    drawn = [o.rgba for o in orders if isinstance(o, Ink) and o.pane == "oblique" and o.rgba is not None]
    assert any(rgba[..., 3].any() for rgba in drawn)
    stack = one.panes.stack("oblique")
    assert stack is not None
    plane, _ = one.painter.own.painted(UID, stack, view.index)[0]
    pixels = np.argwhere(plane > 0)
    at = np.column_stack([np.full(len(pixels), view.index), pixels])
    k, j, i = np.floor(GRID.image_from_reference(stack.grid.reference_from_image(at)) + 0.5).astype(int).T
    assert len(pixels) and one.easel.table.field(f"{SEEDS if kind == 'growcut' else ZONE}{UID}")[k, j, i].all()


def test_a_protocol_may_turn_it_by_a_normal_or_like_another_series() -> None:
    one = controller()
    aims = {"normal": Aim((0, 1, 1)), "like": Aim(series_uid=OTHER), "none": Aim()}
    found = {}
    for name, aim in aims.items():
        one.panes.arrange(grid("g", "G", [[Cell("", "oblique", UID, aim=aim)]]))
        stack = one.panes.stack("1-1")
        assert stack is not None
        found[name] = np.abs(stack.grid.normal_lps).round(4).tolist()
    assert found["normal"] == [0, 0.7071, 0.7071] and found["like"] == [1, 0, 0]
    assert found["none"] == [0, 0, 1]
