"""BoundingBox: placed from the middle outward, each side alone, moved and rotated in the plane of the pane."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eci_annotate.imaging.annotations import Box
from eci_annotate.tools.boundingbox import grips, resized, rotated
from eci_annotate.tools.editing.entries import Undo
from eci_annotate.tools.gestures import Drag, Press, Release
from tests.grids import ANGLES, rotation
from tests.tools.scenes import at, easel, plane


def drag(e, start, end, name="axial", **press):
    e.do(Press(start, plane(name), **press))
    e.do(Drag((tuple((np.array(start) + np.array(end)) / 2), end), plane(name)))
    e.do(Release(end, plane(name)))


def placed(**options):
    e = easel("box", **options)
    drag(e, at(4, 10, 12), at(4, 14, 18))
    return e


def test_pressing_and_dragging_outward_places_it():
    (box,) = placed().table.annotations()
    assert np.allclose(box.centre_lps, at(4, 10, 12), atol=1e-4)
    assert np.allclose(box.size_mm[:2], (12 * 0.9, 8 * 1.1), atol=1e-4)
    assert box.size_mm[2] == pytest.approx(np.mean(box.size_mm[:2]), abs=1e-3)


def test_two_dimensional_boxes_are_flat():
    (box,) = placed(dimension=2).table.annotations()
    assert box.is_flat and box.size_mm[2] == 0


@pytest.mark.parametrize("name", ["axial", "sagittal", "coronal"])
def test_each_side_moves_alone_in_every_pane(name):
    e = placed()
    (box,) = e.table.annotations()
    for grip in grips(box, plane_at(box, name), 1.0):
        if grip.kind != "side":
            continue
        (before,) = e.table.annotations()
        outward = grip.at - np.array(before.centre_lps)
        end = tuple(grip.at + 2.0 * outward / np.linalg.norm(outward))
        e.do(Press(tuple(grip.at), plane_at(box, name), 1.0))
        e.do(Drag((end,), plane_at(box, name)))
        e.do(Release(end, plane_at(box, name)))
        (after,) = e.table.annotations()
        grown = np.array(after.size_mm) - np.array(before.size_mm)
        assert sorted(np.round(grown, 4)) == [0, 0, 2.0]
        assert np.linalg.norm(np.array(after.centre_lps) - before.centre_lps) == pytest.approx(1.0, abs=1e-4)
        e.do(Undo())


def plane_at(box, name):
    from dataclasses import replace

    return replace(plane(name), origin_lps=box.centre_lps)


def test_the_centre_moves_it_in_the_plane():
    e = placed()
    drag(e, at(4, 10, 12), at(4, 13, 11))
    (box,) = e.table.annotations()
    assert np.allclose(box.centre_lps, at(4, 13, 11), atol=1e-4)
    assert e.table.undo_name == "Undo BoundingBox moved on lesion 1"


@pytest.mark.parametrize("how", ["alt and corner", "handle"])
def test_it_rotates_about_its_centre_around_the_normal_of_the_view(how):
    e = placed()
    (box,) = e.table.annotations()
    view = plane_at(box, "axial")
    kind = "corner" if how == "alt and corner" else "rotate"
    grip = next(g for g in grips(box, view, 1.0) if g.kind == kind)
    arm = grip.at - np.array(box.centre_lps)
    n = view.normal_lps
    end = tuple(np.array(box.centre_lps) + arm * np.cos(0.5) + np.cross(n, arm) * np.sin(0.5))
    modifiers = frozenset({"alt"}) if kind == "corner" else frozenset()
    e.do(Press(tuple(grip.at), view, 1.0, modifiers=modifiers))
    e.do(Drag((end,), view))
    e.do(Release(end, view))
    (after,) = e.table.annotations()
    assert np.allclose(after.centre_lps, box.centre_lps) and np.allclose(after.size_mm, box.size_mm)
    assert np.degrees(np.arccos(np.dot(after.axes_lps[0], box.axes_lps[0]))) == pytest.approx(np.degrees(0.5), abs=0.01)
    assert np.allclose(after.axes_lps[2], box.axes_lps[2], atol=1e-6)


def test_a_press_elsewhere_changes_nothing():
    e = placed()
    (box,) = e.table.annotations()
    drag(e, at(4, 1, 1), at(4, 3, 3))
    assert e.table.annotations() == [box]


@given(
    ANGLES, st.tuples(*[st.floats(2, 30)] * 3), st.sampled_from([(1, 0, 0), (0, -1, 0), (1, 0, -1)]), st.floats(-20, 20)
)
def test_opposite_sides_stay_where_they_are(angles, size, sides, shift):
    box = Box((1.0, 2.0, 3.0), size, rotation(angles))
    new = resized(box, sides, shift * np.array([0.3, 0.5, 0.8]))
    axes = np.array(box.axes_lps)
    for axis in range(3):
        side = -sides[axis] or 1
        old_face = np.array(box.centre_lps) @ axes[axis] + side * box.size_mm[axis] / 2
        new_face = np.array(new.centre_lps) @ axes[axis] + side * new.size_mm[axis] / 2
        assert new_face == pytest.approx(old_face, abs=1e-4)


@given(ANGLES, st.floats(-3, 3), st.integers(1, 40))
def test_many_rotations_keep_right_angles(angles, angle, times):
    box = Box((0, 0, 0), (10, 20, 30), rotation(angles))
    normal = rotation(angles)[:, 0]
    for _ in range(times):
        box = rotated(box, normal, angle)
    axes = np.array(box.axes_lps)
    assert np.allclose(axes @ axes.T, np.eye(3), atol=1e-6)


def test_small_boxes_show_only_handles_that_leave_their_content_visible():
    e = placed()  # 10.8 x 8.8 mm
    kinds = {handle.kind for handle in e.overlay(plane_at(e.table.annotations()[0], "axial"), 1.0).handles}
    assert kinds == {"rotate", "corner", "side", "centre"}
    small = {handle.kind for handle in e.overlay(plane_at(e.table.annotations()[0], "axial"), 2.0).handles}
    assert small == {"rotate", "corner"}
