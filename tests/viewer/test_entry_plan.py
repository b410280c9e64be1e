"""What an action needs besides itself: strokes are kept and seen, undo has an effect, nothing empty is left."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from eci_annotate.errors import Refused
from eci_annotate.imaging.annotations import Box
from eci_annotate.tools import replay, save, to_line
from eci_annotate.tools.editing.entries import Alter, ChooseTool, Delete, Entry, Redo, Select, SetOption, Undo
from eci_annotate.tools.protocol import HALF
from eci_annotate.viewer.stage import browser_messages
from eci_annotate.viewer.stage.controller import Controller
from eci_annotate.viewer.stage.orders import Send
from eci_annotate.viewer.stage.pointer_gestures import aimed
from tests.viewer.test_controller import sent
from tests.viewer.viewer_world import PULL, RING, STROKE, hands, make_controller, tool, views, windows

PRESSED = hands(1, ("press", [20, 20, 15]), ("drag", [22, 20, 15, 24, 20, 15]))
RELEASED = hands(2, ("release", [24, 20, 15]))
BESIDE = hands(3, ("press", [32, 8, 15]), ("drag", [36, 12, 15]), ("release", [36, 12, 15]))
CLICK = hands(4, ("press", [20, 30, 15]), ("release", [20, 30, 15]))


@pytest.fixture
def controller() -> Controller:
    return make_controller()


def key(controller: Controller, name: str, value: Any = None) -> list[Any]:
    return controller.receive({"kind": "command", "name": name, "value": value})


def painting(controller: Controller, **options: Any) -> Controller:
    """With SmartPaint in hand that paints at full strength."""
    tool(controller, "smartpaint")
    for name, value in {"flow": 1.0, "rule": "classic", "radius_mm": 3.0, **options}.items():
        controller.do(SetOption(name, value))
    return controller


def only(controller: Controller) -> str:
    (uid,) = controller.easel.table.objects
    return uid


def voxels(controller: Controller) -> int:
    return sum(int((field >= HALF).sum()) for field in controller.easel.table.history.fields.values())


KEYS = [
    ("brush", 1.15), ("brush", 1 / 1.15), ("toggle-erase", None), ("dimension", 2), ("tool", "box"),
    ("tool", "freedraw"), ("tool", "smartpaint"), ("new", None), ("toggle-hidden", None),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), KEYS)
def test_a_key_in_mid_stroke_commits_the_stroke_first(controller: Controller, name: str, value: Any) -> None:
    painting(controller).receive(PRESSED)
    painted = voxels(controller)
    assert painted and controller.easel.table.history.in_stroke
    key(controller, name, value)
    names = [item.name for item in controller.easel.table.history.done]
    assert names[0] == "SmartPaint stroke on lesion 1" and not controller.easel.table.history.in_stroke
    controller.receive(RELEASED)
    assert voxels(controller) == painted
    for _ in names:
        key(controller, "undo")
    assert voxels(controller) == 0 and not controller.easel.table.objects


def test_undo_and_redo_say_that_nothing_is_left(controller: Controller) -> None:
    painting(controller).receive(STROKE)
    for name, steps in (("undo", 1), ("redo", 1)):
        said = [sent(key(controller, name), "status")[0]["text"] for _ in range(steps + 1)]
        assert [f"nothing to {name}" in text for text in said] == [False] * steps + [True]


def test_undo_in_mid_stroke_takes_back_that_stroke_alone(controller: Controller) -> None:
    painting(controller).receive(STROKE)
    before = voxels(controller)
    controller.receive(hands(2, ("press", [10, 40, 15]), ("drag", [14, 40, 15])))
    assert voxels(controller) > before
    key(controller, "undo")
    assert voxels(controller) == before


def test_delete_in_mid_stroke_is_undone_with_the_stroke(controller: Controller) -> None:
    painting(controller).receive(PRESSED)
    painted = voxels(controller)
    key(controller, "delete")
    assert not controller.easel.table.objects
    key(controller, "undo")
    assert voxels(controller) == painted and controller.easel.table.active == only(controller)


def test_signing_in_mid_stroke_signs_what_is_seen(controller: Controller) -> None:
    start = save(controller.easel)
    volume = controller.easel.table.volume
    controller.heard.kept.clear()  # type: ignore[attr-defined]
    painting(controller).receive(PRESSED)
    controller.finish()
    assert not controller.easel.table.history.in_stroke and controller.finish() == []
    again = replay(lambda uid: volume, start, [to_line(e) for e in controller.heard.kept])  # type: ignore[attr-defined]
    assert int((again.table.field(only(controller)) >= HALF).sum()) == voxels(controller) > 0
    assert again.table.undo_name == "Undo SmartPaint stroke on lesion 1"


def test_another_press_ends_a_stroke_whose_release_was_lost(controller: Controller) -> None:
    painting(controller).receive(PRESSED)
    controller.receive(hands(2, ("press", [10, 40, 15]), ("release", [10, 40, 15])))
    assert [item.name for item in controller.easel.table.history.done] == ["SmartPaint stroke on lesion 1"] * 2


@pytest.mark.parametrize(("name", "stroke"), [("smartpaint", STROKE), ("freedraw", RING), ("box", PULL)])
def test_what_is_hidden_is_shown_before_it_is_drawn_on(controller: Controller, name: str, stroke: Any) -> None:
    tool(controller, name)
    controller.receive(stroke)
    uid = only(controller)
    key(controller, "toggle-hidden")
    assert uid in controller.easel.table.hidden
    orders = controller.receive(hands(5, ("press", [20, 20, 15]), ("release", [20, 20, 15])))
    assert only(controller) == uid and uid not in controller.easel.table.hidden
    assert "'lesion 1' was hidden and is shown again." in sent(orders, "status")[0]["text"]
    assert [m["visible"] for m in sent(orders, "echo")] == [True]
    assert Alter(uid, visible=True) in controller.heard.kept  # type: ignore[attr-defined]


def test_a_hidden_annotation_of_an_earlier_version_is_shown_too(controller: Controller) -> None:
    painting(controller).receive(STROKE)
    key(controller, "toggle-hidden")
    volume = controller.easel.table.volume
    again = Controller(replay(lambda uid: volume, save(controller.easel), ()))
    again.receive({"kind": "ready"})
    again.receive(views())
    again.receive(STROKE)
    assert not again.easel.table.hidden and len(again.easel.table.objects) == 1


def test_undo_shows_what_it_changes(controller: Controller) -> None:
    painting(controller).receive(STROKE)
    painted = voxels(controller)
    controller.receive(BESIDE)
    key(controller, "toggle-hidden")
    key(controller, "undo")
    assert not controller.easel.table.hidden and voxels(controller) == painted


def test_an_undone_deletion_is_selected_in_its_old_place(controller: Controller) -> None:
    painting(controller).receive(STROKE)
    first = only(controller)
    for _ in range(2):
        controller.add()
    before = list(controller.easel.table.objects)
    controller.do(Delete(first))
    controller.do(Undo())
    assert list(controller.easel.table.objects) == before and controller.easel.table.active == first
    controller.receive(STROKE)
    assert list(controller.easel.table.objects) == before


def test_the_annotation_before_is_selected_again_when_an_addition_is_undone(controller: Controller) -> None:
    painting(controller).receive(STROKE)
    first = only(controller)
    key(controller, "new")
    key(controller, "undo")
    assert controller.easel.table.active == first
    before = voxels(controller)
    controller.receive(BESIDE)
    assert only(controller) == first and voxels(controller) > before


def test_a_click_that_adds_nothing_leaves_the_selection(controller: Controller) -> None:
    painting(controller).receive(STROKE)
    first = only(controller)
    controller.easel.do(ChooseTool("freedraw"))  # not its tool
    controller.receive(CLICK)
    assert controller.easel.table.active == first == only(controller)


@pytest.mark.parametrize("pen", ["nudge", "cut"])
def test_a_nudge_or_cut_in_vain_says_so(controller: Controller, pen: str) -> None:
    tool(controller, "freedraw")
    controller.receive(RING)
    controller.do(SetOption("pen", pen))
    (said,) = sent(controller.receive(BESIDE), "status")
    assert f"{pen.title()} changed nothing" in said["text"]
    controller.do(SetOption("radius_mm", 3.0))
    through = hands(5, ("press", [10, 2, 15]), ("drag", [10, 18, 15]), ("release", [10, 18, 15]))
    assert not sent(controller.receive(through), "status")


AWAY_AND_BACK = hands(6, ("press", [15, 15, 15]), ("drag", [19, 15, 15, 15, 15, 15]), ("release", [15, 15, 15]))
IN_VAIN: dict[str, tuple[str, Any, dict[str, Any], Any]] = {  # tool, what is drawn first, options, what changes nothing
    "box": ("box", PULL, {}, CLICK),
    "box moved and put back": ("box", PULL, {}, AWAY_AND_BACK),
    "line": ("freedraw", RING, {}, BESIDE),
    "nudge": ("freedraw", RING, {"pen": "nudge"}, BESIDE),
    "cut": ("freedraw", RING, {"pen": "cut"}, BESIDE),
    "inside": ("freedraw", RING, {}, RING),
    "erase beside": ("freedraw", RING, {"erase": True}, BESIDE),
    "erasure beside": ("smartpaint", STROKE, {"erase": True}, BESIDE),
    "zone": ("smartpaint", STROKE, {"zone": True, "erase": True}, STROKE),
    "seeds": ("growcut", STROKE, {}, STROKE),
    "ruler": ("distance", PULL, {}, hands(6, ("press", [15, 15, 15]), ("release", [15, 15, 15]))),
    "click": ("clicksegment", [], {}, CLICK),
}


@pytest.mark.parametrize("case", IN_VAIN)
def test_a_stroke_that_changes_nothing_is_no_undo_item_and_redo_is_kept(controller: Controller, case: str) -> None:
    name, first, options, vain = IN_VAIN[case]
    painting(controller)
    tool(controller, name)
    if first:
        controller.receive(first)
        controller.receive({**first, "frame": 2})
        controller.do(Alter(only(controller), colour=(1, 2, 3)))
        controller.do(Undo())
    for option, value in options.items():
        controller.do(SetOption(option, value))
    table = controller.easel.table
    before = (list(table.history.done), list(table.history.undone), dict(table.objects))
    controller.receive({**vain, "frame": 9})
    assert (table.history.done, table.history.undone) == before[:2] and list(table.objects) == list(before[2])


def test_the_same_label_colour_and_visibility_are_no_change(controller: Controller) -> None:
    painting(controller).receive(STROKE)
    thing = controller.easel.table.objects[only(controller)]
    kept = controller.heard.kept  # type: ignore[attr-defined]
    before = len(kept)
    for same in ({"label": thing.label}, {"colour": thing.colour}, {"visible": True}):
        controller.do(Alter(thing.uid, **same))
    assert len(kept) == before and controller.easel.table.undo_name == "Undo SmartPaint stroke on lesion 1"


def test_a_vain_item_of_an_earlier_journal_is_undone_with_its_neighbour(controller: Controller) -> None:
    tool(controller, "freedraw")
    controller.receive(RING)
    controller.do(SetOption("pen", "nudge"))
    for entry in _entries_of(controller, BESIDE):  # as releases before this one stored it
        controller.easel.do(entry)
    assert len(controller.easel.table.history.done) == 2
    assert controller.easel.table.undo_name == "Undo FreeDraw contour drawn on lesion 1"
    controller.do(Undo())
    assert not controller.easel.table.objects


def _entries_of(controller: Controller, message: Any) -> list[Entry]:
    read = browser_messages.read(message)
    assert isinstance(read, browser_messages.Hands)
    return [aimed(hand, "", controller.panes)[0] for hand in read.events]


@pytest.mark.parametrize(("name", "stroke"), [("smartpaint", STROKE), ("freedraw", RING), ("box", PULL)])
def test_the_first_stroke_is_one_undo_item_with_its_annotation(controller: Controller, name: str, stroke: Any) -> None:
    start, volume = save(controller.easel), controller.easel.table.volume
    controller.heard.kept.clear()  # type: ignore[attr-defined]
    painting(controller)
    tool(controller, name)
    controller.receive(stroke)
    assert len(controller.easel.table.history.done) == 1
    assert str(controller.easel.table.undo_name).endswith(" on lesion 1")
    drawn = controller.easel.table.annotations()
    controller.do(Undo())
    assert not controller.easel.table.objects and controller.easel.table.undo_name is None
    controller.do(Redo())
    again = replay(lambda uid: volume, start, [to_line(e) for e in controller.heard.kept])  # type: ignore[attr-defined]
    assert save(again) == save(controller.easel)
    assert len(again.table.annotations()) == len(drawn) == 1


@pytest.mark.parametrize(("name", "drag"), [("box", [30, 20, 15]), ("box", [20, 30, 15]), ("freedraw", [30, 20, 15])])
def test_a_drag_that_draws_nothing_is_refused_in_words(controller: Controller, name: str, drag: list[float]) -> None:
    tool(controller, name)
    line = hands(1, ("press", [20, 20, 15]), ("drag", drag), ("release", drag))
    orders = controller.receive(line)
    (said,) = [each for each in sent(orders, "status") if each["text"]]
    assert said["level"] == "warning" and not said.get("passing")
    assert not controller.easel.table.objects and controller.easel.table.undo_name is None


def test_undo_drops_an_open_polygon_alone(controller: Controller) -> None:
    painting(controller).receive(STROKE)
    tool(controller, "freedraw")
    controller.do(SetOption("pen", "polygon"))
    controller.do(Select(None))
    for frame, at in enumerate(([5, 5, 15], [15, 5, 15]), 20):
        controller.receive(hands(frame, ("press", at), ("release", at)))
    assert labels(controller) == ["lesion 1", "lesion 2"]
    key(controller, "undo")
    assert labels(controller) == ["lesion 1"] and voxels(controller) > 0


@pytest.mark.parametrize("what", ["label", "colour"])
def test_undo_names_a_new_label_and_a_new_colour(controller: Controller, what: str) -> None:
    painting(controller).receive(STROKE)
    new = Alter(only(controller), label="cyst") if what == "label" else Alter(only(controller), colour=(1, 2, 3))
    controller.do(new)
    named = {"label": "Undo renaming of lesion 1", "colour": "Undo new colour of lesion 1"}
    assert controller.easel.table.undo_name == named[what]


def test_the_old_place_is_kept_by_a_snapshot(controller: Controller) -> None:
    for _ in range(3):
        controller.add()
    before = list(controller.easel.table.objects)
    controller.do(Delete(before[0]))
    volume = controller.easel.table.volume
    again = replay(lambda uid: volume, save(controller.easel), [to_line(Undo())])
    assert list(again.table.objects) == before


def labels(controller: Controller) -> list[str]:
    return [each.label for each in controller.easel.table.objects.values()]


def test_default_labels_do_not_repeat(controller: Controller) -> None:
    for _ in range(5):
        controller.add()
    uids = list(controller.easel.table.objects)
    controller.do(Delete(uids[0]))
    controller.add()
    assert labels(controller) == ["lesion 2", "lesion 3", "lesion 4", "lesion 5", "lesion 6"]
    controller.do(Delete(list(controller.easel.table.objects)[-1]))
    controller.add()
    assert labels(controller)[-1] == "lesion 7"  # the deleted lesion 6 can come back


def test_a_label_cannot_be_empty(controller: Controller) -> None:
    controller.add(" ")
    assert labels(controller) == ["lesion 1"]
    with pytest.raises(Refused, match="cannot be empty"):
        controller.do(Alter(only(controller), label="  "))
    assert labels(controller) == ["lesion 1"]


def test_undo_and_redo_always_change_what_is_seen(controller: Controller) -> None:
    painting(controller).receive(STROKE)
    first = voxels(controller)
    for frame in (5, 6):  # inside the mask: the field is full there already, or changes by less than a voxel
        controller.do(SetOption("flow", 0.1))
        controller.receive(hands(frame, ("press", [22, 20, 15]), ("release", [22, 20, 15])))
    controller.do(SetOption("flow", 1.0))
    controller.receive(hands(7, ("press", [10, 40, 15]), ("release", [10, 40, 15])))
    both = voxels(controller)
    assert both > first
    seen = []
    for entry in (Undo(), Undo(), Redo(), Redo()):
        controller.do(entry)
        seen.append(voxels(controller))
    assert seen == [first, 0, first, both]


def test_an_invisible_edit_is_undone_and_redone_with_its_neighbour(controller: Controller) -> None:
    painting(controller, flow=0.2).receive(CLICK)  # a faint dab: no voxel is painted yet
    uid = only(controller)
    faint = controller.easel.table.field(uid).copy()
    assert faint.any() and voxels(controller) == 0
    assert controller.easel.table.undo_name == "Undo SmartPaint stroke on lesion 1"
    controller.do(Undo())
    assert not controller.easel.table.objects and not controller.easel.table.history.fields[uid].any()
    controller.do(Redo())
    assert (controller.easel.table.field(uid) == faint).all() and controller.easel.table.active == uid


@pytest.mark.parametrize("name", ["smartpaint", "freedraw"])
def test_erasing_without_a_fitting_annotation_is_refused(controller: Controller, name: str) -> None:
    tool(controller, "box")
    controller.receive(PULL)
    tool(controller, name)
    key(controller, "toggle-erase")
    orders = controller.receive(STROKE)
    assert "to erase from" in sent(orders, "status")[-1]["text"]
    assert labels(controller) == ["lesion 1"]


@pytest.mark.parametrize("name", ["box", "freedraw"])
def test_a_click_that_draws_nothing_adds_nothing(controller: Controller, name: str) -> None:
    tool(controller, name)
    controller.plan.next_label = "cyst"
    controller.receive(CLICK)
    assert not controller.easel.table.objects and controller.easel.table.undo_name is None
    controller.receive(PULL if name == "box" else RING)
    assert labels(controller) == ["cyst"]


def test_a_stroke_refused_in_this_pane_adds_nothing(controller: Controller) -> None:
    tool(controller, "freedraw")
    message = hands(3, ("press", [5, 5, 15]), ("drag", [15, 5, 15]), ("release", [5, 5, 15]))
    for event in message["events"]:
        event["pane"] = "coronal"
    orders = controller.receive(message)
    assert "reformatted" in sent(orders, "status")[0]["text"] and not controller.easel.table.objects
    assert sent(controller.receive(RING), "status")[0]["text"] == ""  # the refusal disappears when it is over


def test_a_drag_beside_a_selected_box_makes_another(controller: Controller) -> None:
    controller.receive(PULL)
    first = controller.easel.table.objects[only(controller)]
    controller.receive(BESIDE)
    assert labels(controller) == ["lesion 1", "lesion 2"] and len(controller.easel.table.annotations()) == 2
    assert controller.easel.table.objects[first.uid] is first
    controller.receive(hands(6, ("press", [32, 8, 15]), ("drag", [34, 8, 15]), ("release", [34, 8, 15])))
    assert len(controller.easel.table.objects) == 2  # inside the new box: it is moved


def test_selecting_goes_to_the_annotation_and_takes_its_tool(controller: Controller) -> None:
    controller.receive(PULL)
    box = only(controller)
    painting(controller).receive(STROKE)
    mask = controller.easel.table.active or ""
    orders = controller.do(Select(box))
    assert controller.easel.tool == "box" and sent(orders, "tool")[-1]["tool"] == "box"
    assert sent(orders, "look")[-1]["focus"] == pytest.approx((15, 15, 15))
    orders = controller.do(Select(mask))
    assert controller.easel.tool == "smartpaint"
    assert sent(orders, "look")[-1]["focus"] == pytest.approx((22, 20, 15), abs=1)


def test_only_the_tools_of_the_task_are_taken(controller: Controller) -> None:
    controller.receive(PULL)
    box = only(controller)
    painting(controller).receive(STROKE)
    controller.plan.offered = ("smartpaint",)
    controller.do(Select(box))
    assert controller.easel.table.active == box and controller.easel.tool == "smartpaint"
    orders = controller.receive({"kind": "command", "name": "tool", "value": "box"})
    assert "This task is not done with BoundingBox." in sent(orders, "status")[0]["text"]
    assert controller.easel.tool == "smartpaint"


def test_the_next_stroke_uses_a_window_that_was_set_during_the_last(controller: Controller) -> None:
    painting(controller).receive(PRESSED)
    controller.receive({**views(), "windows": windows(0, 77)})
    controller.receive(RELEASED)
    controller.receive(CLICK)
    kept: list[Entry] = controller.heard.kept  # type: ignore[attr-defined]
    assert [type(each).__name__ for each in kept[-4:]] == ["Release", "SetOption", "Press", "Release"]
    assert controller.easel.options.window == (0, 77)


def test_a_box_on_a_projection_is_a_rectangle_and_the_next_one_in_a_volume_has_depth(controller: Controller) -> None:
    table = controller.easel.table
    table.volume.attrs["kind"] = "projection"
    controller.receive(PULL)
    (flat,) = table.annotations()
    assert isinstance(flat, Box) and flat.is_flat and min(flat.size_mm[:2]) > 5
    del table.volume.attrs["kind"]
    controller.receive(BESIDE)
    *_, deep = table.annotations()
    assert isinstance(deep, Box) and not deep.is_flat
    controller.easel.options = replace(controller.easel.options, dimension=2)
    controller.receive(STROKE)
    assert controller.easel.options.dimension == 2, "chosen by the user, so it stays"


def test_a_corner_on_another_slice_is_refused_in_words_and_the_polygon_goes_on(controller: Controller) -> None:
    tool(controller, "freedraw")
    controller.do(SetOption("pen", "polygon"))

    def click(frame: int, x: float, y: float, z: float, index: int = 5) -> str:
        orders = controller.receive(hands(frame, ("press", [x, y, z]), ("release", [x, y, z]), index=index))
        return next((o.message["text"] for o in orders if isinstance(o, Send) and o.message["kind"] == "status"), "")

    for frame, (x, y) in enumerate([(5, 5), (25, 5), (25, 20)], 1):
        assert click(frame, x, y, 15) == ""
    said = click(4, 10, 10, 18, index=6)
    assert "another slice, so this corner is not added" in said and "press D" in said
    click(5, 5, 5, 15)
    (ring,) = controller.easel.table.objects[only(controller)].rings_lps
    assert sorted(ring.tolist()) == [[5, 5, 15], [25, 5, 15], [25, 20, 15]]
