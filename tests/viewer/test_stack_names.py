"""Stacks of one series are offered together; a series is put where the browser says."""

from __future__ import annotations

import pytest

from eci_annotate.archive.protocol import Series, Study
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.viewer.panels.stack_names import stacks_by_series, titles_of
from eci_annotate.viewer.stage.layouts import Cell, grid
from eci_annotate.viewer.stage.orders import Send
from tests.viewer.viewer_world import FINE, make_controller, volume_of


def series(uid: str, **header: str) -> Series:
    return Series("1", uid, "MR", 1, uid, 8, header)


def test_stacks_of_one_series_belong_together_in_order() -> None:
    rows = [
        series("a", stack_of="s", stack="b = 0"),
        series("b", stack_of="s", stack="b = 800"),
        series("c"),
        series("d", stack_of="t", stack="part 1 of 1"),
    ]
    both = (("a", "b = 0"), ("b", "b = 800"))
    assert stacks_by_series([Study("1", "", "", tuple(rows))]) == {"a": both, "b": both}


def test_a_title_says_the_stack_once() -> None:
    stack = {"stack_of": "s", "stack": "b = 800"}
    rows = [
        Series("1", "a", "MR", 1, "Diffusion, b = 800", 8, stack),
        Series("1", "b", "MR", 1, "Diffusion", 8, stack),
        Series("1", "c", "MR", 7, "", 8, stack),
    ]
    titles = ["Diffusion, b = 800", "Diffusion · b = 800", "MR 7 · b = 800"]
    assert list(titles_of([Study("1", "", "", tuple(rows))]).values()) == titles


def put(fixed: bool, value: object) -> tuple[list[str], str]:
    easel = Easel(volume_of)
    easel.show("1.9")
    controller = make_controller(easel=easel)
    if fixed:
        controller.arrange(grid("two", "Two", [[Cell("", "axial", "1.9"), Cell("", "axial", "1.9")]]))
    orders = controller.receive({"kind": "command", "name": "put", "value": value})
    said = [o.message["text"] for o in orders if isinstance(o, Send) and o.message.get("level") == "warning"]
    return [controller.panes.series(cell.name) for cell in controller.panes.layout.cells], " ".join(said)


def test_a_series_is_put_into_one_pane_of_a_grid_and_into_all_that_follow() -> None:
    assert put(True, {"pane": "1-2", "series": FINE}) == (["1.9", FINE], "")
    assert put(False, {"pane": "axial", "series": FINE}) == ([FINE] * 3, "")


@pytest.mark.parametrize("value", [None, "1.9", {"pane": "1-2"}, {"pane": 1, "series": FINE}])
def test_without_a_series_nothing_changes(value: object) -> None:
    shown, said = put(True, value)
    assert shown == ["1.9", "1.9"] and "named no series" in said
