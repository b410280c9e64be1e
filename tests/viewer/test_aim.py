"""What is stored is what the user aimed at: on the series seen, in the stroke begun; what else changes is said."""

from __future__ import annotations

from typing import Any

import pytest

from eci_annotate.imaging.annotations import Box
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.tools.editing.entries import Select, SetOption
from eci_annotate.tools.protocol import SEEDS
from eci_annotate.viewer.stage.controller import Controller
from eci_annotate.viewer.stage.layouts import Cell, grid
from eci_annotate.viewer.stage.messages import Message
from tests.viewer.test_controller import sent
from tests.viewer.viewer_world import FINE, STRANGE, hands, make_controller, tool, views, volume_of, windows

HERE, THERE, ELSEWHERE = "1-1", "1-2", "1-3"
DRAG = (("press", [15, 15, 15]), ("drag", [20, 24, 15]), ("drag", [25, 28, 15]), ("release", [25, 28, 15]))
AROUND = (("press", [5, 5, 15]), ("drag", [15, 5, 15, 15, 15, 15, 5, 15, 15]), ("release", [5, 5, 15]))


@pytest.fixture
def controller() -> Controller:
    """Three panes: a series, another of its frame of reference, and one of another frame, such as of a prior study."""
    easel = Easel(volume_of)
    easel.show("1.9")
    one = make_controller(easel=easel)
    one.plan.titles = {"1.9": "Portal venous", FINE: "Arterial", STRANGE: "Prior CT"}
    one.arrange(grid("three", "Three", [[Cell("", "axial", uid) for uid in ("1.9", FINE, STRANGE)]]))
    one.receive(views(panes=(HERE, THERE, ELSEWHERE)))
    return one


def stroke(pane: str, *events: tuple[str, list[float]], page: str = "", **press: Any) -> Message:
    """A frame of events in a pane; `press`: what the press says besides."""
    message = hands(1, *events)
    for event in message["events"]:
        event.update({"pane": pane, **(press if event["do"] == "press" else {})})
    return {**message, "page": page}


def said(orders: list[Any]) -> str:
    return " ".join(message["text"] for message in sent(orders, "status"))


def boxes(controller: Controller) -> list[tuple[str, tuple[float, ...]]]:
    return [(each.label, each.size_mm[:2]) for each in controller.easel.table.annotations() if isinstance(each, Box)]


def test_a_stroke_aimed_at_a_series_that_the_pane_no_longer_shows_is_refused(controller: Controller) -> None:
    controller.put(HERE, STRANGE)  # the browser has not shown it yet
    orders = controller.receive(stroke(HERE, *DRAG, series="1.9", plane="axial"))
    assert not controller.easel.table.objects and "Draw it again" in said(orders)
    controller.receive(stroke(HERE, *DRAG, series=STRANGE, plane="axial"))
    assert len(controller.easel.table.objects) == 1


def test_a_plane_that_the_pane_no_longer_shows_refuses_too(controller: Controller) -> None:
    controller.put(HERE, "1.9", "coronal")
    assert "Draw it again" in said(controller.receive(stroke(HERE, *DRAG, series="1.9", plane="axial")))
    assert not controller.easel.table.objects


def test_another_series_in_mid_stroke_takes_the_stroke_back_and_says_so(controller: Controller) -> None:
    controller.receive(stroke(HERE, *DRAG[:2]))
    controller.panes.arrange(controller.panes.layout.put(HERE, STRANGE))
    orders = controller.receive(stroke(HERE, *DRAG[2:]))
    assert not controller.easel.table.objects and "Draw it again" in said(orders)
    controller.receive(stroke(THERE, ("press", [20, 20, 15]), ("drag", [24, 26, 15]), ("release", [24, 26, 15])))
    assert boxes(controller) == [("lesion 1", (8.0, 12.0))], "nothing of the stroke before is in the next one"


@pytest.mark.parametrize(("pane", "page"), [(THERE, ""), (HERE, "another page")])
def test_a_second_pointer_never_continues_the_stroke_of_the_first(controller: Controller, pane: str, page: str) -> None:
    controller.receive(stroke(HERE, *DRAG[:2]))
    controller.receive(stroke(pane, ("press", [30, 35, 15]), ("drag", [33, 39, 15]), page=page))
    controller.receive(stroke(HERE, *DRAG[2:]))
    controller.receive(stroke(pane, ("release", [33, 39, 15]), page=page))
    assert boxes(controller) == [("lesion 1", (10.0, 18.0)), ("lesion 2", (6.0, 8.0))]


def test_a_stroke_uses_the_window_that_was_shown_when_it_was_begun(controller: Controller) -> None:
    tool(controller, "smartpaint")
    controller.receive({**views(panes=(HERE, THERE)), "windows": windows(0, 77)})
    controller.receive(stroke(HERE, *AROUND, series="1.9", plane="axial", window=[10, 20]))
    assert controller.easel.options.window == (10, 20)


def test_a_change_of_a_box_of_another_series_is_said(controller: Controller) -> None:
    controller.receive(stroke(HERE, *DRAG))
    orders = controller.receive(
        stroke(THERE, ("press", [15, 15, 15]), ("drag", [17, 16, 15]), ("release", [17, 16, 15]))
    )
    assert "'lesion 1' of Portal venous was changed." in said(orders)
    orders = controller.receive(stroke(THERE, ("press", [17, 16, 15]), ("release", [17, 16, 15])))
    assert "changed" not in said(orders), "nothing was moved"
    orders = controller.receive(
        stroke(HERE, ("press", [17, 16, 15]), ("drag", [18, 16, 15]), ("release", [18, 16, 15]))
    )
    assert "changed" not in said(orders), "its own series is seen"


@pytest.mark.parametrize("name", ["box", "smartpaint", "freedraw", "growcut", "distance"])
def test_what_was_added_belongs_to_the_series_that_is_drawn_on_and_says_so(controller: Controller, name: str) -> None:
    tool(controller, name)
    controller.add("tumour")
    orders = controller.receive(stroke(ELSEWHERE, *AROUND, series=STRANGE, plane="axial"))
    (thing,) = controller.easel.table.objects.values()
    assert (thing.label, thing.series_uid) == ("tumour", STRANGE)
    assert "'tumour' is on Prior CT." in said(orders)


def test_a_first_stroke_on_another_series_says_where_it_is(controller: Controller) -> None:
    controller.receive(stroke(HERE, *DRAG))
    orders = controller.receive(stroke(ELSEWHERE, *DRAG))
    assert "'lesion 2' is on Prior CT." in said(orders)
    orders = controller.receive(stroke(ELSEWHERE, ("press", [35, 5, 15]), ("release", [35, 5, 15])))
    assert "is on" not in said(orders), "nothing was drawn"


def test_a_mask_with_paint_or_seeds_stays_on_its_series(controller: Controller) -> None:
    tool(controller, "smartpaint")
    for name, value in {"flow": 1.0, "rule": "classic"}.items():
        controller.do(SetOption(name, value))
    controller.receive(stroke(HERE, *AROUND))
    assert "drawn on another series" in said(controller.receive(stroke(THERE, *AROUND)))
    tool(controller, "growcut")
    controller.add("seeded")
    controller.receive(stroke(HERE, *AROUND))
    seeds = controller.easel.table.history.fields[f"{SEEDS}1.9"].copy()
    assert "drawn on another series" in said(controller.receive(stroke(THERE, *AROUND)))
    assert [each.series_uid for each in controller.easel.table.objects.values()] == ["1.9", "1.9"]
    assert (controller.easel.table.history.fields[f"{SEEDS}1.9"] == seeds).all()


def test_erasing_from_what_was_added_elsewhere_says_that_nothing_can_be_erased(controller: Controller) -> None:
    tool(controller, "smartpaint")
    controller.add()
    controller.do(SetOption("erase", True))
    assert "to erase from" in said(controller.receive(stroke(THERE, *AROUND)))


def test_undo_and_delete_say_what_they_change(controller: Controller) -> None:
    controller.receive(stroke(HERE, *DRAG))
    controller.receive(stroke(THERE, ("press", [40, 20, 15]), ("drag", [42, 23, 15]), ("release", [42, 23, 15])))
    controller.do(Select(next(iter(controller.easel.table.objects))))
    orders = controller.receive({"kind": "command", "name": "delete", "value": None})
    assert "'lesion 1' of Portal venous was deleted." in said(orders)
    assert "Undone: deletion of lesion 1." in said(controller.receive({"kind": "command", "name": "undo"}))
    assert "Redone: deletion of lesion 1." in said(controller.receive({"kind": "command", "name": "redo"}))


def test_an_undo_after_a_refused_stroke_says_what_else_it_took_back(controller: Controller) -> None:
    controller.receive(stroke(HERE, *DRAG))
    tool(controller, "freedraw")
    message = stroke(HERE, *AROUND)
    controller.put(HERE, "1.9", "coronal")
    assert "reformatted" in said(controller.receive(message))
    assert "Undone: BoundingBox placed on lesion 1." in said(controller.receive({"kind": "command", "name": "undo"}))


@pytest.mark.parametrize(("x", "y"), [(-1, -1), (1, -1), (-1, 1), (1, 1)])
def test_a_press_anywhere_on_a_drawn_corner_handle_takes_the_box(controller: Controller, x: int, y: int) -> None:
    small = (("press", [20, 20, 15]), ("drag", [23, 23, 15]), ("release", [23, 23, 15]))
    controller.receive(stroke(HERE, *small))
    reach_mm = 9 / 4  # nine pixels, at four per millimetre
    for far in (0.1, 0.6, 0.95):  # of the handle, which lies beside the corner of a small box and is nine pixels wide
        at = [20 + x * (3 + far * reach_mm), 20 + y * (3 + far * reach_mm), 15.0]
        to = [at[0] + 2 * x, at[1] + y, 15.0]
        controller.receive(stroke(HERE, ("press", at), ("drag", to), ("release", to), reach_mm=reach_mm))
        assert boxes(controller) == [("lesion 1", (8.0, 7.0))]
        controller.receive({"kind": "command", "name": "undo"})
    at = [20 + x * (3 + 1.2 * reach_mm), 20 + y * (3 + 1.2 * reach_mm), 15.0]
    to = [at[0] + 2 * x, at[1] + 2 * y, 15.0]
    controller.receive(stroke(HERE, ("press", at), ("drag", to), ("release", to), reach_mm=reach_mm))
    assert len(boxes(controller)) == 2, "beside the handle another box begins"
