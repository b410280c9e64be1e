"""The tool bar shows what the easel says, and asks for what is pressed, once."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from eci_annotate.tools.editing.entries import ChooseTool, Entry, Redo, SetOption, Undo
from eci_annotate.tools.registry import TOOLS
from eci_annotate.viewer.panels.toolbar import Toolbar
from eci_annotate.viewer.stage.controller import Controller
from tests.viewer.viewer_world import STROKE, make_controller, tool


class Bench:
    """A tool bar over a controller; what was asked for is applied and noted."""

    def __init__(self, *tools: str) -> None:
        self.controller: Controller = make_controller()
        self.asked: list[Entry] = []
        self.looks: list[str] = []
        self.bar = Toolbar(self.controller, self.do, self.looks.append, tools)

    def do(self, entry: Entry) -> None:
        self.asked.append(entry)
        self.controller.do(entry)
        self.bar.refresh()

    @property
    def chosen(self) -> list[str]:
        return [name for name, button in self.bar.tools.items() if button.value]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_only_the_tools_of_the_task_are_offered() -> None:
    assert list(Bench("smartpaint", "box").bar.tools) == ["box", "smartpaint", "distance", "angle"]
    assert list(Bench().bar.tools) == [name for name, tool in TOOLS.items() if not tool.info.assisted]


def test_one_tool_is_in_the_hand_also_when_pressed_again(bench: Bench) -> None:
    bench.bar.tools["smartpaint"].value = True
    assert bench.asked == [ChooseTool("smartpaint")] and bench.chosen == ["smartpaint"]
    bench.bar.tools["smartpaint"].value = False
    assert bench.chosen == ["smartpaint"] and bench.controller.easel.tool == "smartpaint"


def test_a_key_changes_what_the_bar_shows_and_asks_for_nothing(bench: Bench) -> None:
    tool(bench.controller, "freedraw")
    for name, value in (("toggle-erase", None), ("dimension", 2), ("brush", 2)):
        bench.controller.receive({"kind": "command", "name": name, "value": value})
    bench.bar.refresh()
    assert bench.chosen == ["freedraw"] and bench.bar.erase.value and not bench.bar.through.value
    assert bench.bar.radius.value == pytest.approx(bench.controller.easel.options.radius_mm, abs=0.2)
    assert bench.asked == []


def test_switches_set_options(bench: Bench) -> None:
    bench.bar.erase.value = True
    bench.bar.through.value = not bench.bar.through.value
    bench.bar.barrier.value = not bench.bar.barrier.value
    assert {entry.name for entry in bench.asked if isinstance(entry, SetOption)} == {"erase", "dimension", "rule"}
    assert len(bench.asked) == 3
    options = bench.controller.easel.options
    assert options.erase and (options.dimension, options.rule) == (2, "classic")


@pytest.mark.parametrize("wanted", [0.5, 12.0, 79.0])
def test_the_brush_keeps_within_its_limits(bench: Bench, wanted: float) -> None:
    bench.bar.radius.value = wanted
    radius = bench.controller.easel.options.radius_mm
    assert 0.5 <= radius <= 80 and radius == pytest.approx(wanted, rel=0.05)


class Later:
    """A scheduler whose work is run by the test."""

    def __init__(self) -> None:
        self.work: list[Callable[[], None]] = []

    def after(self, delay_s: float, work: Callable[[], None]) -> None:
        self.work.append(work)

    def run(self) -> None:
        waiting, self.work = self.work, []
        for each in waiting:
            each()


def test_what_the_slider_returns_of_its_own_undoes_no_step_of_the_keys() -> None:
    bench, later = Bench(), Later()
    bench.bar = Toolbar(bench.controller, bench.do, bench.looks.append, scheduler=later)  # type: ignore[arg-type]
    shown: list[float] = []
    bench.bar.radius.observe(lambda change: shown.append(change["new"]), "value")
    for _ in range(10):
        bench.controller.receive({"kind": "command", "name": "brush", "value": 1.15})
        bench.bar.refresh()
    assert shown == []
    later.run()
    (radius,) = shown
    assert radius == pytest.approx(8 * 1.15**10, rel=0.01)
    bench.bar.radius.value = 10 ** (round(math.log10(radius) / 0.02) * 0.02)  # as the browser rounds it
    assert bench.asked == [] and bench.controller.easel.options.radius_mm == radius
    bench.bar.radius.value = 20.0
    assert bench.controller.easel.options.radius_mm == 20.0


def test_undo_and_redo_say_what_they_would_do(bench: Bench) -> None:
    assert bench.bar.undo.disabled and bench.bar.redo.disabled
    tool(bench.controller, "smartpaint")
    bench.controller.receive(STROKE)
    bench.bar.refresh()
    assert bench.bar.undo.tooltip == "Undo SmartPaint stroke on lesion 1" and not bench.bar.undo.disabled
    bench.bar.undo.click()
    assert bench.asked == [Undo()] and bench.bar.redo.tooltip == "Redo SmartPaint stroke on lesion 1"
    bench.bar.redo.click()
    assert bench.asked == [Undo(), Redo()] and bench.bar.redo.disabled


def test_a_preset_can_be_pressed_twice(bench: Bench) -> None:
    for _ in range(2):
        bench.bar.window.value = "lung"
    assert bench.looks == ["lung", "lung"] and bench.asked == []


def test_closed_nothing_can_be_pressed(bench: Bench) -> None:
    bench.bar.close()
    assert all(each.disabled for each in (*bench.bar.row.children, bench.bar.undo, bench.bar.redo))


def test_depth_is_not_offered_on_a_projection(bench: Bench) -> None:
    tool(bench.controller, "box")
    bench.bar.refresh()
    assert bench.bar.through.layout.display == ""
    bench.controller.easel.table.volume.attrs["kind"] = "projection"
    bench.bar.refresh()
    assert bench.bar.through.layout.display == "none"
