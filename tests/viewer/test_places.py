"""Marked places: a reviewer's points with remarks, and the rings that show them on their slices."""

from __future__ import annotations

import pytest

from eci_annotate.errors import Refused
from eci_annotate.viewer.panels.places_panel import PlacesPanel
from eci_annotate.viewer.panels.task_places import show_places
from eci_annotate.viewer.stage.orders import Lines
from eci_annotate.viewer.stage.places import PLACE, Place, from_rows
from tests.viewer.viewer_world import Reviewing, make_controller, views

HERE, THERE = Place((20.0, 18.0, 15.0), "too large"), Place((4.0, 5.0, 15.0))


def test_a_place_is_a_numbered_ring_on_its_slice_only() -> None:
    controller = make_controller("nothing is drawn")
    orders = show_places(controller, (THERE, HERE))
    (axial,) = [order for order in orders if isinstance(order, Lines) and order.pane == "axial"]
    assert [(mark.spot, mark.text) for mark in axial.marks] == [(PLACE, "1"), (PLACE, "2")]
    assert axial.marks[1].points_px.tolist() == [[(20 + 0.5) * 4, (18 + 0.5) * 4]]
    gone = [order for order in controller.receive(views(6)) if isinstance(order, Lines) and order.pane == "axial"]
    assert [order.marks for order in gone] == [()]
    assert from_rows([HERE.to_row()]) == (HERE,)


def test_a_key_marks_where_the_pointer_is() -> None:
    reviewing = Reviewing()
    controller = make_controller("nothing is drawn", reviewing)
    for value in ([1, 2.5, 3], None, "nonsense", [1, 2], [1, 2, float("nan")]):
        controller.receive({"kind": "command", "name": "mark", "value": value})
    assert reviewing.marked == [(1.0, 2.5, 3.0), None, None, None, None]
    controller.receive({**views(), "focus": [7, 8, 9]})
    assert controller.focus == (7.0, 8.0, 9.0)


def test_nothing_is_marked_where_nothing_is_reviewed() -> None:
    (order,) = make_controller().receive({"kind": "command", "name": "mark", "value": [1, 2, 3]})
    assert "in a review" in order.message["text"]  # type: ignore[union-attr]


def test_the_panel_adds_remarks_and_removes() -> None:
    told: list[tuple[Place, ...]] = []
    panel = PlacesPanel("Marked places", (THERE,), lambda place: None, told.append, lambda: (20.0, 18.0, 15.0))
    panel.button.click()
    panel.body.children[1].children[1].value = "too large"
    assert told[-1] == (THERE, HERE)
    panel.body.children[0].children[2].click()
    assert told[-1] == panel.places == (HERE,) and len(panel.body.children) == 1
    panel.close()
    with pytest.raises(Refused):
        panel.add((1.0, 2.0, 3.0))


def test_who_mends_it_reads_and_looks() -> None:
    seen: list[Place] = []
    panel = PlacesPanel("Needs correction", (HERE, Place((1, 2, 3), "<b>here</b>")), seen.append)
    assert panel.button not in panel.widget.children
    panel.body.children[0].children[0].click()
    assert seen == [HERE]
    assert panel.body.children[1].children[1].value == "&lt;b&gt;here&lt;/b&gt;"
