"""Operations on contours and boxes: interpolation stays finer than voxels, boxes snap outward and fit tightly."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from eci_annotate.errors import Refused
from eci_annotate.imaging.annotations import Box
from eci_annotate.imaging.contour_interpolation import region_where_positive, regions_between, signed_distances
from eci_annotate.tools.editing.acceptance import acceptance
from eci_annotate.tools.editing.entries import Add, Undo
from eci_annotate.tools.gestures import Drag, Press, Release
from eci_annotate.tools.protocol import FULL, ArrayEdit, ObjectEdit
from eci_annotate.tools.shape_edit import ShapeOperation, around_voxels, fitted, slices_of, snapped, suggested_shape
from tests.grids import SERIES
from tests.tools.scenes import GRID, SHAPE, at, easel, plane


def circle(x, y, r, n=200):
    angle = np.linspace(0, 2 * np.pi, n, endpoint=False)
    return shapely.Polygon(np.column_stack([x + r * np.cos(angle), y + r * np.sin(angle)]))


def test_distances_are_those_of_shapely_with_a_sign():
    region = shapely.difference(circle(20, 15, 9), circle(20, 15, 4))
    xs, ys = np.arange(0.0, 40, 3), np.arange(0.0, 30, 2)
    found = signed_distances(region, xs, ys)
    for row, col in np.ndindex(found.shape):
        point = shapely.Point(xs[col], ys[row])
        expected = region.boundary.distance(point) * (1 if region.contains(point) else -1)
        assert found[row, col] == pytest.approx(expected, abs=1e-9)


def test_the_region_of_a_field_is_finer_than_its_points():
    region = shapely.difference(circle(20.3, 15.7, 9.4), circle(20, 15, 4.2))
    xs, ys = np.arange(0.0, 40), np.arange(0.0, 32)
    found = region_where_positive(signed_distances(region, xs, ys), xs, ys)
    assert shapely.symmetric_difference(found, region).area / region.area < 0.02
    assert shapely.hausdorff_distance(found, region) < 0.15


def test_between_two_circles_are_circles():
    found = regions_between(circle(20, 20, 6), circle(30, 24, 12), 5, (0.8, 1.0))
    for n, region in enumerate(found, 1):
        expected = circle(20 + 10 * n / 6, 20 + 4 * n / 6, 6 + n)
        assert shapely.hausdorff_distance(region, expected) < 0.25


def ring(e, k, radius):
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    points = [at(k, 9 + radius * np.sin(a), 11 + radius * np.cos(a)) for a in angle]
    for gesture in (
        Press(points[0], plane("axial")), Drag(tuple(points), plane("axial")), Release(points[-1], plane("axial"))
    ):  # fmt: skip
        e.do(gesture)


def test_contours_are_interpolated_over_all_gaps_or_one():
    e = easel("freedraw")
    for k, radius in ((1, 3.0), (3, 5.0), (7, 4.0)):
        ring(e, k, radius)
    before = e.table.objects["a"]
    found = suggested_shape(e.table, "a", ShapeOperation.INTERPOLATE)
    assert [title for title, _ in found.choices] == ["Gap 1 of 2 (1 slice)", "Gap 2 of 2 (3 slices)"]
    (whole,) = found.objects
    assert list(slices_of(whole, GRID)) == [1, 2, 3, 4, 5, 6, 7]
    assert list(slices_of(found.choices[0][1], GRID)) == [1, 2, 3, 7]
    assert e.table.objects["a"] is before
    e.do(acceptance(found, SHAPE))
    assert e.table.undo_name == "Undo “interpolate between slices” on lesion 1"
    radii = [np.ptp(GRID.image_from_reference(rings[0])[:, 2]) / 2 for rings in slices_of(whole, GRID).values()]
    np.testing.assert_allclose(radii, [3, 4, 5, 4.75, 4.5, 4.25, 4], atol=0.15)
    e.do(Undo())
    assert len(e.table.objects["a"].rings_lps) == 3
    with pytest.raises(Refused, match="No slice between"):
        suggested_shape(easel("freedraw").table, "a", ShapeOperation.INTERPOLATE)


def test_a_box_snaps_outward_to_voxels_and_stays():
    box = Box(tuple(GRID.reference_from_image([4, 9.3, 11.2])), (5.0, 4.0, 3.0), GRID.directions[::-1])
    found = snapped(box, GRID)
    low = (
        GRID.image_from_reference(np.asarray(found.centre_lps)) - np.asarray(found.size_mm)[::-1] / 2 / GRID.spacing_mm
    )
    np.testing.assert_allclose(low - 0.5, np.round(low - 0.5), atol=1e-4)
    again = snapped(found, GRID)
    np.testing.assert_allclose(again.size_mm, found.size_mm, atol=1e-4)
    assert all(a >= b - 1e-6 for a, b in zip(found.size_mm, box.size_mm, strict=True))


def test_a_box_fits_a_mask_tightly():
    e = easel("smartpaint")
    where = (slice(2, 5), slice(5, 12), slice(6, 14))
    e.table.history.apply(
        [ArrayEdit("a", where, e.table.field("a")[where].copy(), np.full((3, 7, 8), FULL, np.uint16))]
    )
    e.table.history.commit("filling")
    e.do(Add("box", "box", "box 1", (0, 0, 0), SERIES))
    placed = Box((0, 0, 0), (9, 9, 9), **e.table.objects["box"].header)
    e.table.history.apply([ObjectEdit("box", e.table.objects["box"], placed)])
    e.table.history.commit("placing")
    e.do(acceptance(suggested_shape(e.table, "box", ShapeOperation.FIT, "a"), SHAPE))
    box = e.table.objects["box"]
    np.testing.assert_allclose(box.size_mm, np.array([8, 7, 3]) * np.array(GRID.spacing_mm)[::-1], atol=1e-6)
    np.testing.assert_allclose(GRID.image_from_reference(box.centre_lps), [3, 8, 9.5], atol=1e-4)
    voxels = np.zeros(SHAPE, bool)
    voxels[where] = True
    assert (box.voxels_on(GRID) == voxels).all()
    with pytest.raises(Refused, match="nothing would change"):
        suggested_shape(e.table, "box", ShapeOperation.FIT, "a")
    e.do(acceptance(suggested_shape(e.table, "box", ShapeOperation.SIZE, "40 x 30.5 × 20 mm"), SHAPE))
    assert e.table.objects["box"].size_mm == (40.0, 30.5, 20.0) and e.table.objects["box"].centre_lps == box.centre_lps
    for wrong in ("", "4 5", "a x b x c", "0 x 1 x 1", "1 x 1 x 9999", "nan x 1 x 1"):
        with pytest.raises(Refused, match="is not a size"):
            suggested_shape(e.table, "box", ShapeOperation.SIZE, wrong)
    with pytest.raises(Refused, match="nothing to fit"):
        fitted(box, np.zeros(SHAPE, bool), GRID)
    with pytest.raises(Refused, match="does not fit"):
        suggested_shape(e.table, "a", ShapeOperation.SNAP)
    assert isinstance(around_voxels(box, np.zeros(3), np.ones(3), GRID), Box)


def test_a_flat_box_stays_flat_when_it_snaps_and_has_no_depth_on_a_projection():
    e = easel("box")
    e.do(Add("box", "box", "box 1", (0, 0, 0), SERIES))
    centre = tuple(GRID.reference_from_image([4, 9.3, 11.2]))
    flat = Box(centre, (5.0, 4.0, 0.0), GRID.directions[::-1], **e.table.objects["box"].header)
    e.table.history.apply([ObjectEdit("box", e.table.objects["box"], flat)])
    e.table.history.commit("placing")
    (found,) = suggested_shape(e.table, "box", ShapeOperation.SNAP).objects
    assert found.is_flat and min(found.size_mm[:2]) >= 4 and found.size_mm[2] == 0
    assert (found.voxels_on(GRID).any((1, 2)).nonzero()[0] == [4]).all()
    e.do(acceptance(suggested_shape(e.table, "box", ShapeOperation.SIZE, "4 x 3 x 2"), SHAPE))
    e.table.volume.attrs["kind"] = "projection"
    with pytest.raises(Refused, match="no depth"):
        suggested_shape(e.table, "box", ShapeOperation.SIZE, "4 x 3 x 2")
    assert suggested_shape(e.table, "box", ShapeOperation.SIZE, "4 x 3 x 0").objects[0].is_flat
