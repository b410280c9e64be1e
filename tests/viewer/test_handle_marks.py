"""Where the handles of a box are drawn: on its corners, and beside those of a small box, which they would cover."""

from __future__ import annotations

import numpy as np
import pytest

from eci_annotate.imaging.annotations import Box
from eci_annotate.tools.editing.entries import Add
from eci_annotate.tools.protocol import ObjectEdit
from eci_annotate.viewer.stage.ink.vector_marks import REACH_PX, SPOT_PX, marks_of
from eci_annotate.viewer.stage.pane_geometry import View, planes_of_volume
from tests.viewer.viewer_world import make_easel


@pytest.mark.parametrize(("px_per_mm", "beside"), [(1.0, True), (8.0, False)])
@pytest.mark.parametrize("ratio", [1.0, 2.0])
def test_corner_handles_of_a_small_box_leave_its_content_visible(px_per_mm: float, beside: bool, ratio: float) -> None:
    easel = make_easel()
    easel.do(Add("b", "box", "lesion 1", (255, 0, 0), easel.table.series_uid))
    easel.tool = "box"
    empty = easel.table.objects["b"]
    box = Box((20, 20, 12), (10, 16, 12), label="lesion 1", frame_uid="1.2", series_uid="1.9", uid="b")
    easel.table.history.apply([ObjectEdit("b", empty, box)])
    stack = planes_of_volume(easel.table.volume)["axial"]
    view = View("axial", 1, 4, 0.0, 0.0, px_per_mm * ratio, 200, 200, ratio)
    found = marks_of(easel, stack, view, True)
    (line,) = (mark for mark in found if mark.closed)
    (handles,) = (mark.points_px for mark in found if mark.spot == "corner")
    assert len(handles) == 4
    for at in handles:
        corner = line.points_px[np.argmin(np.linalg.norm(line.points_px - at, axis=1))]
        away = np.abs(at - corner)
        assert away == pytest.approx([SPOT_PX * ratio] * 2 if beside else [0, 0])
        assert float(np.linalg.norm(away)) < REACH_PX * ratio, "a press on it moves the corner"
        low, high = line.points_px.min(0), line.points_px.max(0)
        inside = (at - SPOT_PX * ratio < high - 1e-6) & (at + SPOT_PX * ratio > low + 1e-6)
        assert bool(inside.all()) != beside
