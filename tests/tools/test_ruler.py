"""Rulers: what they measure, how their points are placed and moved, and that they are no annotations."""

from __future__ import annotations

import math

import pytest

from eci_annotate.errors import Refused
from eci_annotate.tools import replay, save
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.tools.editing.entries import Undo
from eci_annotate.tools.editing.journal import from_line, to_line
from eci_annotate.tools.gestures import Cancel, Drag, Press, Release
from eci_annotate.tools.measure import ruler_in_words, ruler_value, values_of_drawing
from eci_annotate.tools.protocol import Ruler
from tests.tools.scenes import SERIES, VOLUME, at, easel, plane

AXIAL = plane("axial")
A, B, C = at(0, 4, 4), at(0, 4, 14), at(0, 14, 4)  # 10 columns of 0.9 mm apart, and 10 rows of 1.1 mm


def stroke(e: Easel, *points: tuple[float, float, float]) -> None:
    e.do(Press(points[0], AXIAL))
    for point in points[1:]:
        e.do(Drag((point,), AXIAL))
    e.do(Release(points[-1], AXIAL))


def ruler(e: Easel) -> Ruler:
    thing = e.table.objects["a"]
    assert isinstance(thing, Ruler)
    return thing


def test_a_distance_is_that_of_its_ends() -> None:
    e = easel("distance")
    stroke(e, A, at(0, 4, 9), B)
    assert ruler_value(e.table, "a") == pytest.approx(9.0, abs=1e-5)
    assert ruler_in_words(e.table, "a") == "9.0 mm"
    assert e.table.undo_name == "Undo Distance on lesion 1"


def test_an_angle_is_that_at_its_second_point() -> None:
    e = easel("angle")
    stroke(e, B, A)
    assert ruler_in_words(e.table, "a") == "unfinished"
    with pytest.raises(Refused, match="too few points"):
        ruler_value(e.table, "a")
    stroke(e, C)
    assert ruler_value(e.table, "a") == pytest.approx(90.0, abs=1e-4)
    stroke(e, C, at(0, 14, 14))  # the end of the second arm is moved
    assert ruler_value(e.table, "a") == pytest.approx(math.degrees(math.atan2(11.0, 9.0)), abs=1e-4)
    assert ruler_in_words(e.table, "a") == "51°"


def test_nothing_is_measured_where_pixels_are_not_square(monkeypatch: pytest.MonkeyPatch) -> None:
    e = easel("angle")
    stroke(e, B, A)
    stroke(e, C)
    monkeypatch.setitem(e.table.volume.attrs, "is_stretched", True)
    assert ruler_in_words(e.table, "a") == "not known: the pixels are not square"
    with pytest.raises(Refused, match="not square"):
        ruler_value(e.table, "a")


def test_an_end_is_moved_only_where_it_is_shown() -> None:
    e = easel("distance")
    stroke(e, A, B)
    far = Press(at(5, 4, 14), AXIAL.__class__(**{**AXIAL.__dict__, "origin_lps": at(5, 0, 0)}), reach_mm=3.0)
    tool_state = e.state
    e.do(far)
    assert e.state == tool_state and ruler(e).points_lps[1] == pytest.approx(B, abs=1e-5)
    e.do(Press(B, AXIAL, reach_mm=3.0))
    e.do(Drag((C,), AXIAL))
    e.do(Release(C, AXIAL))
    assert ruler(e).points_lps[1] == pytest.approx(C, abs=1e-5)
    e.do(Undo())
    assert ruler(e).points_lps[1] == pytest.approx(B, abs=1e-5)


def test_a_click_or_a_cancelled_stroke_places_nothing() -> None:
    e = easel("distance")
    stroke(e, A, A)
    assert ruler(e).points_lps == ()
    e.do(Press(A, AXIAL))
    e.do(Drag((B,), AXIAL))
    e.do(Cancel())
    assert ruler(e).points_lps == ()


def test_a_ruler_is_no_annotation_and_outlives_a_snapshot_and_a_replay() -> None:
    e = easel("angle")
    lines = []
    for entry in (Press(B, AXIAL), Drag((A,), AXIAL), Release(A, AXIAL), Press(C, AXIAL), Release(C, AXIAL)):
        lines.append(to_line(entry))
        e.do(from_line(lines[-1]))
    assert e.table.annotations() == [] and e.table.volume_mm3("a") == 0
    start = save(easel("angle"))
    again = replay(lambda uid: VOLUME, start, lines)
    assert save(again) == save(e) and ruler(again).points_lps == ruler(e).points_lps


def test_values_inside_a_box_are_those_of_its_voxels() -> None:
    e = easel("box")
    e.do(Press(at(4, 9, 10), AXIAL))
    e.do(Drag((at(4, 12, 14),), AXIAL))
    e.do(Release(at(4, 12, 14), AXIAL))
    found, unit = values_of_drawing(e.table, "a")
    inside = VOLUME.values[e.table.annotations()[0].mask_on(VOLUME).values]
    assert (found.count, found.low, found.high) == (inside.size, inside.min(), inside.max())
    assert found.mean == pytest.approx(inside.mean()) and found.sd == pytest.approx(inside.std(ddof=1))
    assert unit == VOLUME.attrs.get("units", "") and e.table.series_uid == SERIES
