"""The controller under recorded messages, without a browser."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from eci_annotate.errors import Refused
from eci_annotate.imaging.geometry import Grid
from eci_annotate.imaging.volume import volume_from_array
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.tools.editing.entries import SetOption
from eci_annotate.viewer.stage.controller import Controller
from eci_annotate.viewer.stage.layouts import THREE_PLANE, Cell, grid
from eci_annotate.viewer.stage.messages import Message
from eci_annotate.viewer.stage.orders import Fit, Ink, Lines, Order, Send
from tests.viewer.viewer_world import (
    FINE,
    PULL,
    RING,
    SHAPE,
    STROKE,
    hands,
    make_controller,
    make_easel,
    tool,
    views,
    volume_of,
)  # fmt: skip


@pytest.fixture
def controller() -> Controller:
    return make_controller()


def sent(orders: list[Order], kind: str) -> list[dict[str, Any]]:
    return [o.message for o in orders if isinstance(o, Send) and o.message["kind"] == kind]


def test_ready_gets_all_that_a_browser_needs(controller: Controller) -> None:
    orders = controller.receive({"kind": "ready"})
    assert [o.message["kind"] for o in orders if isinstance(o, Send)][:2] == ["scene", "tool"]
    assert len([o for o in controller.receive(views()) if isinstance(o, Fit)]) == 3


@pytest.mark.parametrize(("name", "k", "j"), [("axial", 2, 1), ("sagittal", 0, 2), ("coronal", 1, 2)])
def test_the_plane_that_was_acquired_has_the_largest_pane(name: str, k: int, j: int) -> None:
    axes = np.eye(3)[[k, j, 3 - k - j]]
    volume = volume_from_array(
        np.zeros((10, 48, 40), np.int16),
        Grid.from_arrays((0, 0, 0), axes, (3, 1, 1), (10, 48, 40), "1.2"),
        series_uid="1.9",
    )
    panes = make_controller(easel=Easel.for_volume(volume)).panes.scene()["panes"]
    largest = max(panes, key=lambda pane: pane["rows"] * pane["cols"])
    assert largest["plane"] == name and len({pane["plane"] for pane in panes}) == 3


def test_views_that_have_not_moved_are_not_drawn_again(controller: Controller) -> None:
    assert not [o for o in controller.receive(views()) if isinstance(o, (Ink, Lines, Fit))]
    assert len([o for o in controller.receive(views(6)) if isinstance(o, Ink)]) == 3


def test_slices_are_sent_as_displayed(controller: Controller) -> None:
    (order,) = controller.receive({"kind": "want", "series": "1.9", "plane": "coronal", "index": 3})
    assert isinstance(order, Send) and len(order.buffers[0]) == 2 * SHAPE[0] * SHAPE[2]
    assert controller.receive({"kind": "want", "series": "1.9", "plane": "coronal", "index": 999}) == []


@pytest.mark.parametrize(("mode", "value"), [("max", 9), ("min", 7), ("mean", 8)])
def test_a_slab_is_reduced_from_the_slices_around(mode: str, value: int) -> None:
    easel = make_easel()
    volume = easel.table.volume.copy(data=np.broadcast_to(np.arange(12, dtype=np.int16)[:, None, None], SHAPE).copy())
    controller = make_controller(easel=Easel.for_volume(volume))
    want = {"kind": "want", "series": "1.9", "plane": f"axial~{mode}3", "index": 8}
    (order,) = controller.receive(want)
    assert isinstance(order, Send) and order.message["plane"] == want["plane"]
    assert set(np.frombuffer(order.buffers[0], "<i2")) == {value}


@pytest.mark.parametrize("name", ["three-plane", "phases"])
def test_the_box_shows_all_three_planes_whatever_the_protocol_calls_them(controller: Controller, name: str) -> None:
    controller.arrange(replace(THREE_PLANE, name=name))
    orders = controller.receive({"kind": "command", "name": "tool", "value": "box"})
    assert [look.get("layout") for look in sent(orders, "look")] == [name]


def test_painting_draws_a_patch_acknowledges_and_echoes(controller: Controller) -> None:
    tool(controller, "smartpaint")
    controller.easel.do(SetOption("flow", 1.0))
    orders = controller.receive(STROKE)
    kinds = [type(o).__name__ if not isinstance(o, Send) else o.message["kind"] for o in orders]
    assert "Ink" in kinds and kinds.index("Ink") < kinds.index("drawn") < kinds.index("echo")
    assert sent(orders, "drawn")[0]["frame"] == 1 and "axial" in sent(orders, "drawn")[0]["touched"]
    patch = next(o for o in orders if isinstance(o, Ink) and o.pane == "axial")
    assert patch.rgba is not None and patch.rgba[..., 3].max() == 255 and patch.rgba.shape[0] < 200


@pytest.mark.parametrize(("name", "gesture"), [("box", "PULL"), ("freedraw", "RING")])
def test_other_tools_draw_vectors(controller: Controller, name: str, gesture: str) -> None:
    tool(controller, name)
    orders = controller.receive({"PULL": PULL, "RING": RING}[gesture])
    assert [o for o in orders if isinstance(o, Lines) and o.pane == "axial" and o.marks]
    assert sent(orders, "echo")
    assert len(controller.easel.table.annotations()) == 1


def test_every_entry_is_kept_and_undo_is_one_step(controller: Controller) -> None:
    tool(controller, "smartpaint")
    controller.receive(STROKE)
    names = [type(e).__name__ for e in controller.heard.kept]  # type: ignore[attr-defined]
    assert names[-4:] == ["Add", "Press", "Drag", "Release"]
    controller.receive({"kind": "command", "name": "undo"})
    assert not controller.easel.table.annotations()


def test_read_only_says_why(controller: Controller) -> None:
    orders = controller.close("The lease is lost.")
    assert sent(orders, "tool")[0]["read_only"]
    answer = controller.receive(STROKE)
    assert "lease is lost" in sent(answer, "status")[0]["text"]
    assert sent(answer, "drawn")[0]["frame"] == 1
    assert not controller.easel.table.objects


@pytest.mark.parametrize("bad", [
    {"kind": "views", "views": [{"pane": "axial"}], "windows": {}}, {"kind": "nonsense"}, {},
    {"kind": "want", "series": "1.9", "plane": "../etc", "index": 0}, {"kind": "command", "name": "rm"},
    {"kind": "command", "name": "delete"},
])  # fmt: skip
def test_refusals_are_lines_never_exceptions(controller: Controller, bad: Message) -> None:
    (order,) = controller.receive(bad)
    assert isinstance(order, Send) and order.message["kind"] == "status"


def test_a_refused_press_drops_its_stroke(controller: Controller) -> None:
    tool(controller, "freedraw")
    message = hands(3, ("press", [5, 5, 15]), ("drag", [15, 5, 15]), ("release", [5, 5, 15]))
    for event in message["events"]:
        event["pane"] = "coronal"
    orders = controller.receive(message)
    assert sent(orders, "status") and sent(orders, "drawn")[0]["frame"] == 3


def test_a_refusal_stays_while_the_pointer_of_that_stroke_moves_on(controller: Controller) -> None:
    tool(controller, "freedraw")
    frames = [hands(1, ("press", [5, 5, 15])), hands(2, ("drag", [15, 5, 15])), hands(3, ("release", [5, 5, 15]))]
    for frame in frames:
        frame["events"][0]["pane"] = "coronal"
    first, *others = (controller.receive(frame) for frame in frames)
    assert "acquired slices" in sent(first, "status")[0]["text"]
    assert [sent(orders, "status") for orders in others] == [[], []]
    assert sent(controller.receive({**RING, "frame": 4}), "status")[0]["text"] == ""


def test_contours_show_in_the_panes_that_cut_them(controller: Controller) -> None:
    tool(controller, "freedraw")
    controller.receive(RING)
    message = views()
    for view in message["views"]:
        view["index"] = 10 if view["pane"] != "axial" else 5
    inks = {o.pane: o for o in controller.receive(message) if isinstance(o, Ink)}
    assert inks["coronal"].rgba is not None and inks["coronal"].rgba[..., 3].any()


def test_brush_dimension_and_erase_by_command(controller: Controller) -> None:
    before = controller.easel.options.radius_mm
    for name, value in (("brush", 2), ("dimension", 2), ("toggle-erase", None)):
        controller.receive({"kind": "command", "name": name, "value": value})
    options = controller.easel.options
    assert (options.radius_mm, options.dimension, options.erase) == (2 * before, 2, True)


def test_a_stroke_that_is_given_up_leaves_no_empty_annotation(controller: Controller) -> None:
    tool(controller, "smartpaint")
    controller.receive(hands(1, ("press", [20, 20, 15]), ("drag", [22, 20, 15])))
    controller.receive(hands(2, ("cancel", [])))
    assert not controller.easel.table.objects
    controller.receive(STROKE)
    controller.receive(hands(4, ("press", [20, 30, 15]), ("cancel", [])))
    assert len(controller.easel.table.objects) == 1


@pytest.mark.parametrize("how", ["button", "key"])
def test_a_new_annotation_is_on_the_series_of_the_pane_with_the_focus(how: str) -> None:
    easel = Easel(volume_of)
    easel.show("1.9")
    one = make_controller(easel=easel)
    one.arrange(grid("two", "Two", [[Cell("", "axial", "1.9"), Cell("", "axial", FINE)]]))
    one.receive({**views(panes=("1-1", "1-2")), "active": "1-2"})
    if how == "button":
        one.add("tumour")
    else:
        one.receive({"kind": "command", "name": "new", "value": None})
    (made,) = easel.table.objects.values()
    assert made.series_uid == easel.table.series_uid == FINE
    one.close("signed")
    one.receive({**views(panes=("1-1", "1-2")), "active": "1-1"})
    with pytest.raises(Refused, match="signed"):
        one.add()
    assert easel.table.series_uid == FINE


def test_the_browser_gets_which_study_a_series_is_of() -> None:
    controller = make_controller()
    uid = controller.easel.table.series_uid
    assert controller.panes.scene()["series"][uid]["study"] == ""
    controller.panes.studies = {uid: "prior study 2025-06-01"}
    assert controller.panes.scene()["series"][uid]["study"] == "prior study 2025-06-01"
