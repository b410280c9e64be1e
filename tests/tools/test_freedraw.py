"""FreeDraw: boolean strokes with vertices between voxels, on acquired slices only."""

import numpy as np
import pytest
import shapely

from eci_annotate.errors import WrongPlane
from eci_annotate.imaging.annotations import Contours
from eci_annotate.tools.editing.entries import SetOption
from eci_annotate.tools.freedraw import region_on, slice_of
from eci_annotate.tools.gestures import Cancel, Drag, Press, Release
from tests.tools.scenes import GRID, VOLUME, at, easel, plane

PLANE = plane("axial")


def draw(e, k, points, name="axial"):
    path = [at(k, j, i) for j, i in points]
    e.do(Press(path[0], plane(name)))
    e.do(Drag(tuple(path[1:]), plane(name)))
    e.do(Release(path[-1], plane(name)))


def square(j0, i0, size):
    return [(j0, i0), (j0, i0 + size), (j0 + size, i0 + size), (j0 + size, i0)]


def test_a_stroke_adds_its_area_with_sub_voxel_vertices():
    e = easel("freedraw")
    draw(e, 3, square(4.25, 5.75, 8.5))
    (contours,) = e.table.annotations()
    assert contours.volume_mm3 == pytest.approx(8.5 * 8.5 * GRID.voxel_mm3, rel=1e-3)
    assert contours.mask_on(VOLUME).values.sum() == contours.mask_on(VOLUME).values[3].sum() == 72


def test_holes_and_islands_come_from_boolean_operations():
    e = easel("freedraw")
    draw(e, 3, square(3.3, 3.3, 12))
    e.do(SetOption("erase", True))
    draw(e, 3, square(6.3, 6.3, 5))
    e.do(SetOption("erase", False))
    draw(e, 3, square(7.4, 7.4, 2))
    (contours,) = e.table.annotations()
    expected = (
        shapely.box(3.3, 3.3, 15.3, 15.3)
        .difference(shapely.box(6.3, 6.3, 11.3, 11.3))
        .union(shapely.box(7.4, 7.4, 9.4, 9.4))
    )
    assert contours.volume_mm3 == pytest.approx(expected.area * GRID.voxel_mm3, rel=1e-3)
    j, i = np.indices(GRID.shape[1:])
    inside = shapely.contains_xy(expected, i, j)
    assert np.array_equal(contours.mask_on(VOLUME).values[3], inside)


def test_slices_are_independent():
    e = easel("freedraw")
    draw(e, 2, square(3, 3, 6))
    draw(e, 5, square(3, 3, 6))
    e.do(SetOption("erase", True))
    draw(e, 2, square(0, 0, 18))
    (contours,) = e.table.annotations()
    assert contours.mask_on(VOLUME).values.any((1, 2)).nonzero()[0].tolist() == [5]


def test_a_reformatted_pane_says_why_not_and_what_instead():
    e = easel("freedraw")
    with pytest.raises(WrongPlane, match=r"acquired slices.*SmartPaint"):
        e.do(Press(at(3, 3, 3), plane("coronal")))
    assert e.table.annotations() == []


def test_a_line_and_a_crossing_stroke_make_no_trouble():
    e = easel("freedraw")
    draw(e, 3, [(4, 4), (4, 12), (4, 4)])
    assert e.table.annotations() == []
    draw(e, 3, [(4, 4), (12, 12), (4, 12), (12, 4)])
    (contours,) = e.table.annotations()
    assert contours.volume_mm3 == pytest.approx(32 * GRID.voxel_mm3, rel=0.02)


def crossed(path, j, i):
    """How often a ray from a point crosses a closed path."""
    (y0, x0), (y1, x1) = path.T, np.roll(path, -1, 0).T
    at_j = (y0 > j) != (y1 > j)
    return int((at_j & (i < x0 + (j - y0) / np.where(at_j, y1 - y0, 1) * (x1 - x0))).sum())


def test_a_scribble_that_crosses_itself_150_times_covers_what_lies_inside_and_is_drawn_on_further():
    turn = np.linspace(0, 2 * np.pi, 1500, endpoint=False)
    path = np.stack([9.5 + 8.3 * np.sin(9 * turn), 11.5 + 9.2 * np.sin(10 * turn + 0.3)], 1)
    e = easel("freedraw")
    draw(e, 3, path.tolist())
    (contours,) = e.table.annotations()
    assert isinstance(contours, Contours) and len(contours.rings_lps) > 60
    inside = np.array([[crossed(path, j, i) % 2 for i in range(24)] for j in range(20)], np.bool_)
    assert (contours.mask_on(VOLUME).values[3] == inside).mean() > 0.99
    draw(e, 3, square(0.25, 0.25, 3))
    drawn = e.table.annotations()[0].mask_on(VOLUME).values[3]
    assert drawn[1:4, 1:4].all() and (drawn == inside)[5:, 5:].mean() > 0.99


def area_on(e, k=4):
    rings = [r for r in e.table.objects["a"].rings_lps if slice_of(r, GRID) == k]
    return region_on(rings, GRID).area


def ten_by_ten(e):
    corners = [at(4, 5, 6), at(4, 5, 16), at(4, 15, 16), at(4, 15, 6)]
    for gesture in (Press(corners[0], PLANE), Drag(tuple(corners), PLANE), Release(corners[-1], PLANE)):
        e.do(gesture)
    assert area_on(e) == pytest.approx(100, abs=0.5)
    return e


def test_a_polygon_is_clicked_and_closed_at_its_first_corner():
    e = easel("freedraw", pen="polygon")
    for corner in [at(4, 5, 6), at(4, 5, 16), at(4, 15, 16)]:
        e.do(Press(corner, PLANE, reach_mm=1.0))
        e.do(Release(corner, PLANE))
    assert not e.table.objects["a"].rings_lps and len(e.overlay(PLANE, 1.0).lines[0]) == 3
    e.do(Press(at(4, 5.2, 6.2), PLANE, reach_mm=1.0))
    e.do(Release(at(4, 5, 6), PLANE))
    assert area_on(e) == pytest.approx(50, abs=0.5) and e.table.undo_name == "Undo FreeDraw contour drawn on lesion 1"
    e.do(Press(at(4, 5, 6), PLANE))
    e.do(Cancel())
    assert e.table.undo_name == "Undo FreeDraw contour drawn on lesion 1"


@pytest.mark.parametrize(("begin", "grows"), [(13, True), (18, False)])
def test_a_contour_is_nudged_from_inside_and_from_outside(begin, grows):
    e = ten_by_ten(easel("freedraw"))
    before = area_on(e)
    for name, value in (("pen", "nudge"), ("radius_mm", 2.0)):
        e.do(SetOption(name, value))
    end = 16 if grows else 15.5
    for gesture in (Press(at(4, 10, begin), PLANE), Drag((at(4, 10, end),), PLANE), Release(at(4, 10, end), PLANE)):
        e.do(gesture)
    assert (area_on(e) > before + 3) if grows else (area_on(e) < before - 3)
    assert e.table.undo_name == "Undo FreeDraw contour pushed on lesion 1"


def test_a_line_cuts_off_the_smaller_part_and_a_line_that_ends_inside_does_nothing():
    e = ten_by_ten(easel("freedraw"))
    e.do(SetOption("pen", "cut"))
    for gesture in (Press(at(4, 2, 8), PLANE), Drag((at(4, 10, 8),), PLANE), Release(at(4, 10, 8), PLANE)):
        e.do(gesture)
    assert area_on(e) == pytest.approx(100, abs=0.5)
    for gesture in (Press(at(4, 2, 8), PLANE), Drag((at(4, 18, 8),), PLANE), Release(at(4, 18, 8), PLANE)):
        e.do(gesture)
    assert area_on(e) == pytest.approx(80, abs=0.5)
