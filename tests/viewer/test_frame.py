"""Annotations show on every series of their frame of reference, at the same place of the patient, and on no other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from eci_annotate.imaging.geometry import Grid
from eci_annotate.imaging.volume import grid_of
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.tools.editing.entries import SetOption
from eci_annotate.tools.protocol import Unplaced
from eci_annotate.viewer.panels.annotation_list import AnnotationList
from eci_annotate.viewer.stage.controller import Controller
from eci_annotate.viewer.stage.ink.solids import Solid, moved
from eci_annotate.viewer.stage.orders import Ink, Lines, Send
from tests.viewer.test_controller import sent
from tests.viewer.viewer_world import FINE, PULL, RING, STRANGE, STROKE, make_controller, tool, views, volume_of

HERE = "1.9"
SAME_PLACE = 8  # z = 15 mm: slice 5 of the first series, slice 8 of the finer one (3 mm + 8 x 1.5 mm)


@pytest.fixture
def controller() -> Controller:
    easel = Easel(volume_of)
    easel.show(HERE)
    easel.do(SetOption("flow", 1.0))
    easel.do(SetOption("rule", "classic"))
    return make_controller(easel=easel)


def turned(controller: Controller, series_uid: str, index: int = SAME_PLACE) -> tuple[list[Any], list[Any]]:
    """Orders after turning to a series, and after its views were told."""
    return controller.turn_to(series_uid), controller.receive(views(index))


def ink(orders: list[Any], pane: str = "axial") -> int:
    found = [o.rgba for o in orders if isinstance(o, Ink) and o.pane == pane and o.rgba is not None]
    return sum(int((rgba[..., 3] > 0).sum()) for rgba in found)


def lines(orders: list[Any], pane: str = "axial") -> list[np.ndarray]:
    return [m.points_px for o in orders if isinstance(o, Lines) and o.pane == pane for m in o.marks if not m.spot]


@pytest.mark.parametrize(("name", "stroke"), [("smartpaint", STROKE), ("freedraw", RING), ("box", PULL)])
def test_what_is_drawn_shows_on_all_series_of_the_frame_and_no_other(
    controller: Controller, name: str, stroke: Any
) -> None:
    tool(controller, name)
    controller.receive(stroke)
    told, orders = turned(controller, FINE)
    assert len(sent(told, "echo")) == 1
    assert ink(orders) > 0 if name == "smartpaint" else len(lines(orders)) == 1
    told, orders = turned(controller, STRANGE)
    assert not sent(told, "echo") and ink(orders) == 0 and not lines(orders)


def test_contours_are_at_the_same_place_of_the_patient(controller: Controller) -> None:
    tool(controller, "freedraw")
    ring = lines(controller.receive(RING))[-1]
    _, orders = turned(controller, FINE)
    (same,) = lines(orders)
    per_mm = 4  # the finer series' outer corner lies 2 mm + half a pixel of each to the right, 3 mm + both up
    first, second = (np.nanmin(each, axis=0) for each in (ring, same))
    assert np.ptp(ring[:-1], axis=0) == pytest.approx(np.ptp(same[:-1], axis=0), abs=0.01)
    assert (first - second) / per_mm == pytest.approx([2 + 0.1, -3 + 0.1], abs=0.01)
    assert ink(orders, "coronal") == 0  # coronal slice 8 of the finer series does not meet the ring
    assert not lines(controller.receive(views(SAME_PLACE + 2)))


def test_a_mask_keeps_its_place_and_size_on_another_grid() -> None:
    directions = ((0, 0, 1), (0, 1, 0), (1, 0, 0))
    source = Grid.from_arrays((10, 10, 9), directions, (3, 1, 1), (2, 6, 4), "1.2")
    grid = grid_of(volume_of(FINE))
    whole = Solid((slice(0, 2), slice(0, 6), slice(0, 4)), np.ones((2, 6, 4), bool))
    solid = moved(whole, source, grid)
    at = grid.reference_from_image(np.argwhere(solid.voxels) + [each.start for each in solid.where])
    assert at.min(0) == pytest.approx([10, 10, 9], abs=1.6) and at.max(0) == pytest.approx([13, 15, 12], abs=1.6)
    assert solid.voxels.sum() * grid.voxel_mm3 == pytest.approx(whole.voxels.sum() * source.voxel_mm3, rel=0.2)


def test_what_was_drawn_on_another_series_is_not_drawn_twice(controller: Controller) -> None:
    tool(controller, "smartpaint")
    controller.receive(STROKE)
    turned(controller, FINE)
    orders = controller.receive(STROKE)
    assert "drawn on another series" in sent(orders, "status")[0]["text"] and len(controller.easel.table.objects) == 1
    controller.receive({"kind": "command", "name": "new"})
    controller.receive(STROKE)
    assert [thing.series_uid for thing in controller.easel.table.objects.values()] == [HERE, FINE]


@pytest.mark.parametrize(("name", "series"), [("box", FINE), ("box", STRANGE), ("distance", FINE)])
def test_what_was_added_empty_belongs_to_the_series_it_is_drawn_on(
    controller: Controller, name: str, series: str
) -> None:
    tool(controller, name)
    controller.receive({"kind": "command", "name": "new"})
    turned(controller, series)
    controller.receive(PULL)
    (thing,) = controller.easel.table.objects.values()
    assert (thing.series_uid, thing.label.endswith("1")) == (series, True) and not isinstance(thing, Unplaced)


def test_undo_of_work_on_another_series_is_drawn(controller: Controller) -> None:
    tool(controller, "smartpaint")
    controller.receive(STROKE)
    turned(controller, FINE)
    orders = controller.receive({"kind": "command", "name": "undo"})
    assert [o for o in orders if isinstance(o, Ink) and o.pane == "axial"] and ink(orders) == 0
    assert [o.message["kind"] for o in orders if isinstance(o, Send)].count("forget") == 1


def test_rows_are_grey_only_where_the_annotation_cannot_be_seen(controller: Controller) -> None:
    tool(controller, "smartpaint")
    controller.receive(STROKE)
    rows = AnnotationList(controller, lambda entry: None, lambda label, colour: None, {HERE: "ADC"})
    (row,) = rows.rows.values()
    grey = []
    for series in (HERE, FINE, STRANGE):
        controller.turn_to(series)
        rows.refresh()
        named = row.series.layout.display != "none" and row.series.value
        grey.append(("eci-elsewhere" in row.widget._dom_classes, "another series" in row.choose.tooltip, named))
    assert grey == [(False, False, False), (False, True, "on ADC"), (True, True, "on ADC")]
