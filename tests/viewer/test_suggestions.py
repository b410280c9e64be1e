"""Suggestions: asked for after a stroke, computed in a thread, dropped when outdated, accepted into the annotation."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from eci_annotate.errors import Refused
from eci_annotate.imaging.annotations import shape_of
from eci_annotate.imaging.geometry import Grid
from eci_annotate.imaging.volume import volume_from_array
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.tools.editing.entries import Accept, Entry, SetOption, Undo
from eci_annotate.tools.growcut.growth_decision import require_decided
from eci_annotate.tools.protocol import HALF, ObjectEdit, Unplaced
from eci_annotate.tools.suggestion import Suggestion
from eci_annotate.viewer.stage.orders import Ink, Order, Send
from eci_annotate.viewer.suggestions.click_source import INVITATION, ClickSource
from eci_annotate.viewer.suggestions.computation import Computation
from eci_annotate.viewer.suggestions.edit_menu import crosshair_for
from eci_annotate.viewer.suggestions.growcut_source import GrowCutSource
from eci_annotate.viewer.suggestions.suggestion_bar import SuggestionBar
from eci_annotate.viewer.suggestions.suggestions import Suggestions
from tests.patience import until
from tests.viewer.viewer_world import SHAPE, Heard, hands, make_controller, tool, views


class Loop:
    """A loop whose work is run by the test; threads post to it."""

    def __init__(self) -> None:
        self.work: list[Callable[[], None]] = []

    def is_ticking(self) -> bool:
        return True

    def after(self, delay_s: float, work: Callable[[], None]) -> None:
        self.work.append(work)

    def poster(self) -> Callable[[Callable[[], None]], object]:
        return lambda work: self.work.append(work)

    def run(self) -> None:
        waiting, self.work = self.work, []
        for each in waiting:
            each()

    def until(self, happened: Callable[[], object]) -> None:
        assert until(lambda: self.run() or happened(), pause_s=0.005)


def lesion_easel() -> Easel:
    grid = Grid.from_arrays((0, 0, 0), ((0, 0, 1), (0, 1, 0), (1, 0, 0)), (3, 1, 1), SHAPE, "1.2")
    values = np.zeros(SHAPE, np.int16)
    values[3:8, 12:30, 10:28] = 100
    return Easel.for_volume(volume_from_array(values, grid, series_uid="1.9"))


INSIDE = hands(1, ("press", [18, 20, 15]), ("drag", [20, 20, 15]), ("release", [20, 20, 15]))
OUTSIDE = hands(
    2, ("press", [4, 6, 15]), ("drag", [34, 6, 15, 34, 40, 15, 4, 40, 15, 4, 6, 15]), ("release", [4, 6, 15])
)


class World:
    """A viewer with suggestions."""

    def __init__(self, *sources: object) -> None:
        self.loop, self.drawn = Loop(), list[Order]()
        heard = Heard()
        self.controller = make_controller(listener=heard, easel=lesion_easel())
        self.easel = self.controller.easel
        self.kept: list[Entry] = heard.kept
        self.bar = SuggestionBar(self.easel, lambda what: None)
        given = sources or (GrowCutSource(self.easel), ClickSource(self.easel, self.controller.plan))
        self.looks = True
        self.suggestions = Suggestions(self.controller, given, self.bar, self.draw, self.do, self.loop)
        heard.changed = self.suggestions.follow  # type: ignore[method-assign]
        heard.decide = self.suggestions.decide  # type: ignore[assignment]
        heard.point_at = self.suggestions.point_at  # type: ignore[method-assign]
        heard.seen = getattr(self.suggestions, "seen", heard.seen)  # type: ignore[method-assign]

    def draw(self, orders: Sequence[Order]) -> None:
        """As a page does: it answers once it shows a suggestion."""
        self.drawn.extend(orders)
        for order in orders:
            if self.looks and isinstance(order, Send) and order.message["kind"] == "suggested":
                self.controller.receive({"kind": "command", "name": "seen", "value": order.message["number"]})

    def do(self, entry: Entry) -> None:
        self.drawn.extend(self.controller.do(entry))

    def seeds(self) -> None:
        tool(self.controller, "growcut")
        self.controller.do(SetOption("radius_mm", 1.0))
        self.controller.receive(INSIDE)
        self.controller.do(SetOption("erase", True))
        self.controller.receive(OUTSIDE)

    def told(self, kind: str) -> list[dict[str, object]]:
        return [order.message for order in self.drawn if isinstance(order, Send) and order.message["kind"] == kind]


def test_seeds_give_an_outline_that_enter_accepts():
    world = World()
    world.seeds()
    world.loop.until(lambda: world.suggestions.current)
    (uid,) = world.easel.table.objects
    assert not (world.easel.table.field(uid) >= HALF).any() and any(isinstance(o, Ink) for o in world.drawn)
    assert world.told("echo")[-1]["uid"] == f"suggestion:{uid}"
    assert world.bar.text.value == "lesion 1: 4.9 ml" and world.bar.accept.layout.display == ""
    with pytest.raises(Refused, match="no accepted result"):
        require_decided(world.easel)
    world.controller.receive({"kind": "command", "name": "decide", "value": "accept"})
    np.testing.assert_array_equal(world.easel.table.field(uid) >= HALF, np.asarray(world.easel.table.volume) > 0)
    assert isinstance(world.kept[-1], Accept) and world.easel.table.undo_name == "Undo GrowCut result for lesion 1"
    assert [message["uid"] for message in world.told("forget")] == [f"suggestion:{uid}"]
    require_decided(world.easel)
    world.loop.until(lambda: world.bar.text.value == "")
    assert world.bar.widget.layout.display == "flex", "the images stay where they are for the next stroke"
    tool(world.controller, "box")
    world.loop.until(lambda: world.suggestions.current is None)
    assert world.bar.widget.layout.display == "flex", "also with a tool that suggests nothing"
    tool(world.controller, "growcut")
    world.do(Undo())
    world.loop.until(lambda: world.suggestions.current)


def test_it_says_what_is_missing():
    world = World()
    tool(world.controller, "growcut")
    world.controller.receive(INSIDE)
    world.loop.until(lambda: "background" in world.bar.text.value)
    assert world.suggestions.current is None and world.bar.accept.layout.display == "none"
    with pytest.raises(Refused, match="Nothing is suggested"):
        world.suggestions.accept()


def test_another_tool_takes_the_outline_away_and_coming_back_brings_it_again():
    world = World()
    world.seeds()
    world.loop.until(lambda: world.suggestions.current)
    tool(world.controller, "box")
    world.loop.until(lambda: world.suggestions.current is None)
    assert world.controller.painter.others == [] and world.bar.text.value == ""
    tool(world.controller, "growcut")
    world.loop.until(lambda: world.suggestions.current)
    world.suggestions.decide("discard")
    assert world.controller.painter.others == [] and world.suggestions.current is None


def command(world: World, name: str, value: object) -> None:
    world.controller.receive({"kind": "command", "name": name, "value": value})


def test_a_click_is_tried_suggested_resized_and_becomes_an_annotation():
    world = World()
    tool(world.controller, "clicksegment")
    world.loop.until(lambda: world.bar.text.value == INVITATION)
    command(world, "hover", [19, 21, 15])
    world.loop.until(lambda: world.bar.text.value.startswith("Click to outline about"))
    command(world, "hover", [500, 0, 0])
    world.loop.until(lambda: world.bar.text.value == INVITATION)
    world.controller.receive(hands(1, ("press", [19, 21, 15]), ("release", [19, 21, 15])))
    world.loop.until(lambda: world.suggestions.current)
    assert not world.easel.table.objects and world.bar.text.value == "lesion 1: 4.9 ml"
    command(world, "brush", 1.15)
    world.loop.until(lambda: world.suggestions.current)
    command(world, "brush", 1 / 1.15)
    world.loop.until(lambda: world.suggestions.current)
    command(world, "decide", "accept")
    (thing,) = world.easel.table.objects.values()
    assert thing.label == "lesion 1" and thing.uid == world.easel.table.active
    np.testing.assert_array_equal(world.easel.table.field(thing.uid) >= HALF, np.asarray(world.easel.table.volume) > 0)
    world.loop.until(lambda: world.bar.text.value == INVITATION)
    world.do(Undo())
    assert not world.easel.table.objects


def test_an_operation_is_chosen_in_the_menu_shown_and_accepted():
    world = World()
    world.seeds()
    world.loop.until(lambda: world.suggestions.current)
    command(world, "decide", "accept")
    world.loop.run()
    (uid,) = world.easel.table.objects
    before = (world.easel.table.field(uid) >= HALF).sum()
    menu = world.suggestions.menu
    menu.widget.index = menu.widget.options.index("Measure")
    measured = "lesion 1: 4.86 ml; long axis 25.5 mm, short axis 25.5 mm; mean 100.0, SD 0.0, 100 to 100 (1620 voxels)"
    world.loop.until(lambda: world.bar.text.value == measured)
    menu.widget.index = menu.widget.options.index("Grow by 2 mm")
    world.loop.until(lambda: world.suggestions.current)
    assert menu.widget.index == 0 and (world.easel.table.field(uid) >= HALF).sum() == before
    command(world, "decide", "accept")
    assert (world.easel.table.field(uid) >= HALF).sum() > before
    menu.widget.index = menu.widget.options.index("Fill holes")
    world.loop.until(lambda: "nothing would change" in world.bar.text.value)
    world.do(Undo())
    world.loop.until(lambda: "nothing would change" not in world.bar.text.value)


def test_the_size_of_a_box_is_typed():
    world = World()
    tool(world.controller, "box")
    world.controller.receive(hands(1, ("press", [15, 15, 15]), ("drag", [25, 28, 15]), ("release", [25, 28, 15])))
    world.loop.until(lambda: world.suggestions.menu.size.value == "20.0 x 26.0 x 23.0")
    world.suggestions.menu.size.value = "20 x 10 x 5"
    world.loop.until(lambda: world.suggestions.current)
    command(world, "decide", "accept")
    (box,) = world.easel.table.objects.values()
    assert box.size_mm == (20.0, 10.0, 5.0)
    world.loop.until(lambda: world.suggestions.menu.size.value == "20.0 x 10.0 x 5.0")
    world.suggestions.menu.size.value = "huge"
    world.loop.until(lambda: "is not a size" in world.bar.text.value)


def test_a_box_is_placed_at_the_crosshair_and_moved_there_without_a_pointer():
    world = World()
    menu = world.suggestions.menu
    world.controller.add("lesion")
    world.loop.until(lambda: menu.size.layout.display == "" and "crosshair" in menu.size.tooltip)

    def place(focus: tuple[float, float, float]) -> None:
        world.controller.receive({**views(), "active": "axial", "focus": focus})
        menu.size.value = "20 x 10 x 6"

    place((900.0, 12.0, 15.0))
    world.loop.until(lambda: "The crosshair is not in the images" in world.bar.text.value)
    place((18.5, 12.0, 15.0))
    world.loop.until(lambda: world.suggestions.current)
    command(world, "decide", "accept")
    (box,) = world.easel.table.objects.values()
    assert (box.kind, box.label, box.centre_lps, box.size_mm) == (
        "box",
        "lesion",
        (18.5, 12.0, 15.0),
        (20.0, 10.0, 6.0),
    )
    assert np.abs(box.axes_lps).tolist() == np.eye(3).tolist()  # x, y and z of the images
    world.controller.receive({**views(), "active": "axial", "focus": (30.0, 20.0, 21.0)})
    world.loop.until(lambda: "Move to the crosshair" in menu.widget.options)
    menu.widget.index = menu.widget.options.index("Move to the crosshair")
    world.loop.until(lambda: world.suggestions.current)
    command(world, "decide", "accept")
    again = Easel(lambda uid: world.easel.table.sheet_of(uid).volume)
    again.show("1.9")
    for entry in world.kept:
        again.do(entry)
    (moved,), (replayed,) = world.easel.table.objects.values(), again.table.objects.values()
    assert (
        moved.centre_lps == (30.0, 20.0, 21.0)
        and moved.size_mm == box.size_mm
        and shape_of(replayed) == shape_of(moved)
    )
    for _ in range(2):
        world.do(Undo())
    (empty,) = world.easel.table.objects.values()
    assert isinstance(empty, Unplaced)
    assert crosshair_for(world.controller, empty.uid) == (30.0, 20.0, 21.0)
    elsewhere = replace(empty, series_uid="1.10", frame_uid="another")
    world.easel.table.history.apply([ObjectEdit(empty.uid, empty, elsewhere)])
    assert crosshair_for(world.controller, empty.uid) is None


def test_an_outline_is_accepted_only_as_it_was_seen():
    world = World()
    world.seeds()
    world.loop.until(lambda: world.suggestions.current)
    world.controller.receive(hands(3, ("press", [30, 30, 15]), ("release", [30, 30, 15])))
    command(world, "decide", "accept")  # before the stroke has changed the outline
    assert not any(isinstance(entry, Accept) for entry in world.kept)
    world.looks = False
    world.loop.until(lambda: world.suggestions.current)
    (order,) = world.controller.receive({"kind": "command", "name": "decide", "value": "accept"})
    assert "Look at it" in order.message["text"] and not any(isinstance(entry, Accept) for entry in world.kept)
    command(world, "seen", world.told("suggested")[-1]["number"])
    command(world, "decide", "accept")
    assert isinstance(world.kept[-1], Accept)


class Slow:
    """A tool whose computations end when the test says so."""

    def __init__(self) -> None:
        self.state, self.gate, self.ended = 0, threading.Event(), list[bool]()

    def computation(self) -> Computation:
        state = self.state

        def work(go_on: Callable[[float], bool]) -> Suggestion | str | None:
            end = time.monotonic() + 20
            while not self.gate.wait(0.005) and time.monotonic() < end:
                if not go_on(0.5):
                    self.ended.append(True)
                    return None
            return f"result {state}"

        return Computation(state, work)

    def step(self, by: int) -> bool:
        return False

    def point_at(self, at: object) -> None:
        pass


def test_a_result_for_an_older_state_is_dropped_and_its_work_ended():
    slow = Slow()
    world = World(slow)
    world.suggestions.follow()
    world.loop.until(lambda: world.bar.cancel.layout.display == "")
    with pytest.raises(Refused, match="not ready"):
        world.suggestions.accept()
    slow.state = 1
    world.suggestions.follow()
    world.loop.until(lambda: slow.ended)
    slow.gate.set()
    world.loop.until(lambda: world.bar.text.value == "result 1")


def test_cancel_ends_the_work_and_the_viewer_goes_on():
    slow = Slow()
    world = World(slow)
    world.suggestions.follow()
    world.loop.until(lambda: world.bar.cancel.layout.display == "")
    world.suggestions.decide("cancel")
    world.loop.until(lambda: slow.ended)
    assert "Cancelled" in world.bar.text.value
    tool(world.controller, "smartpaint")
    world.controller.receive(hands(3, ("press", [20, 20, 15]), ("release", [20, 20, 15])))
    assert [thing.label for thing in world.easel.table.objects.values()] == ["lesion 1"]
    world.suggestions.close()
    world.suggestions.follow()
    world.loop.run()
    assert world.bar.accept.disabled


def test_without_a_tool_that_suggests_a_decision_is_refused():
    controller = make_controller()
    (order,) = controller.receive({"kind": "command", "name": "decide", "value": "accept"})
    assert "Nothing is suggested" in order.message["text"]
