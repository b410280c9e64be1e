"""How a ruler is drawn: its line and its length on the slice it lies on; no text where it only crosses a slice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from eci_annotate.tools.editing.entries import Add
from eci_annotate.tools.protocol import ObjectEdit, Ruler
from eci_annotate.viewer.stage.ink.vector_marks import marks_of
from eci_annotate.viewer.stage.orders import CAPTION, Mark
from eci_annotate.viewer.stage.pane_geometry import View, planes_of_volume
from tests.viewer.viewer_world import make_easel

ENDS = ((5.0, 20.0, 12.0), (25.0, 20.0, 12.0))  # along x, on slice 4; the pixels are 1 mm


def marks(pane: str, index: int) -> tuple[Mark, ...]:
    easel = make_easel()
    easel.do(Add("r", "distance", "distance 1", (255, 0, 0), easel.table.series_uid))
    thing = easel.table.objects["r"]
    assert isinstance(thing, Ruler)
    easel.table.history.apply([ObjectEdit("r", thing, replace(thing, points_lps=ENDS))])
    stack = planes_of_volume(easel.table.volume)[pane]
    view = View(pane, 1, index, 0.0, 0.0, 2.0, 200, 200, 1.0)
    return marks_of(easel, stack, view, False)


def test_a_ruler_is_a_line_with_its_length_on_its_slice() -> None:
    line, caption = marks("axial", 4)
    assert float(np.linalg.norm(line.points_px[1] - line.points_px[0])) == pytest.approx(40.0)
    assert (caption.spot, caption.text) == (CAPTION, "20.0 mm")
    assert marks("axial", 5) == ()


def test_where_it_crosses_a_slice_there_is_a_dash_without_a_text() -> None:
    (dash,) = marks("sagittal", 15)
    assert dash.spot == "" and dash.text == ""
    assert marks("sagittal", 30) == ()
    assert [mark.text for mark in marks("coronal", 20)] == ["", "20.0 mm"]
