"""Boxes, contours and masks say the same on every grid of their frame, and refuse other frames."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eci_annotate.errors import BadAnnotation, FrameMismatch
from eci_annotate.imaging.annotations import Box, Contours, Mask
from eci_annotate.imaging.geometry import Grid
from eci_annotate.imaging.volume import grid_of, like, volume_from_array
from tests.grids import ANGLES, FRAME, SERIES, masks, rotation, volume

FINE = volume_from_array(
    np.zeros((40, 50, 60), np.int16),
    Grid.from_arrays((-30.0, -25.0, -20.0), np.eye(3)[::-1], (1.0, 1.0, 1.0), (40, 50, 60), FRAME),
    series_uid=SERIES,
)


@given(masks())
def test_a_mask_is_itself_on_its_own_grid_and_on_parts_of_it(mask):
    annotation = Mask.from_volume(mask, label="a")
    assert np.array_equal(annotation.mask_on(mask).values, mask.values)
    assert np.array_equal(annotation.mask_on(mask[1:]).values, mask[1:].values)
    for part in (mask[1:], mask[::-1], mask[:, ::2], mask.transpose("i", "k", "j")):
        picked = part.where(annotation.mask_on(part))
        assert picked.notnull().sum() == part.sum() and bool((picked.fillna(1) == 1).all())
    assert annotation.volume_mm3 == pytest.approx(mask.values.sum() * grid_of(mask).voxel_mm3)
    assert (annotation.series_uid, annotation.frame_uid) == (SERIES, FRAME)


def test_a_mask_on_a_finer_grid_keeps_its_volume():
    coarse = volume((6, 8, 8), (4.0, 4.0, 4.0))
    mask = Mask.from_volume(coarse > 100)
    grid = grid_of(coarse)
    fine = volume_from_array(
        np.zeros((24, 32, 32)),
        Grid.from_arrays(np.array(grid.origin_lps) - 1.5, grid.directions, (1, 1, 1), (24, 32, 32), FRAME),
    )
    assert mask.mask_on(fine).values.sum() == pytest.approx(mask.volume_mm3)


def test_a_mask_on_another_plane_needs_no_more_memory_than_the_result():
    axial = volume((20, 64, 64), (3.0, 1.0, 1.0))
    mask = Mask.from_volume(like(axial, np.ones(axial.shape, bool)))
    grid = grid_of(axial)
    turned = Grid.from_arrays(grid.origin_lps, np.asarray(grid.directions)[[1, 0, 2]], (1, 1, 1), (64, 60, 64), FRAME)
    other = volume_from_array(np.zeros(turned.shape, np.int16), turned)
    mask.mask_on(other)  # compiles
    tracemalloc.start()
    found = mask.mask_on(other)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.values.any() and most < 1.5 * found.nbytes


@given(ANGLES, st.tuples(*[st.floats(6, 18)] * 3))
def test_a_rotated_box_holds_exactly_the_voxels_whose_centres_lie_in_it(angles, size):
    box = Box((0.0, 0.0, 0.0), size, rotation(angles), frame_uid=FRAME)
    points = grid_of(FINE).reference_from_image(np.moveaxis(np.indices(FINE.shape), 0, -1))
    outside_by = (np.abs(points @ np.array(box.axes_lps).T) - np.array(box.size_mm) / 2).max(-1)
    mask = box.mask_on(FINE).values
    assert mask[outside_by < -1e-4].all() and not mask[outside_by > 1e-4].any()
    shell = np.sqrt(3)  # a voxel of 1 mm reaches half its diagonal beyond its centre
    assert np.prod(np.array(size) - shell) <= mask.sum() <= np.prod(np.array(size) + shell)


@given(ANGLES, st.tuples(*[st.floats(6, 18)] * 3))
def test_sections_of_a_box_add_up_to_its_volume(angles, size):
    box = Box((0.0, 0.0, 0.0), size, rotation(angles))
    step, total = 0.25, 0.0
    for z in np.arange(-25, 25, step):
        polygon = box.section((0, 0, z), (0, 0, 1))
        if len(polygon) > 2:
            x, y = polygon[:, 0], polygon[:, 1]
            total += abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2 * step
    assert total == pytest.approx(box.volume_mm3, rel=0.05)


def test_a_flat_box_takes_the_slice_it_lies_in():
    box = Box((0.0, 0.0, 0.3), (10, 8, 0), frame_uid=FRAME)
    mask = box.mask_on(FINE).values
    assert mask.any((1, 2)).sum() == 1 and mask[20].sum() == 80
    assert box.volume_mm3 == 0
    assert len(box.section((0, 0, 0), (0, 0, 1), 1.0)) == 4
    assert len(box.section((0, 0, 5), (0, 0, 1), 1.0)) == 0
    assert len(box.section((0, 0, 0), (1, 0, 0), 1.0)) == 2


SQUARE = np.array([[0.0, 0, 0], [10, 0, 0], [10, 10, 0], [0, 10, 0]])


def test_contours_take_half_a_plane_distance_on_either_side():
    contours = Contours((SQUARE, SQUARE + [0, 0, 4]), frame_uid=FRAME)
    assert contours.volume_mm3 == pytest.approx(800)
    mask = contours.mask_on(FINE).values
    assert mask.any((1, 2)).sum() == 8 and mask[20].sum() == 100


def test_a_ring_inside_another_is_a_hole():
    hole = SQUARE * 0.5 + [2, 2, 0]
    contours = Contours((SQUARE, hole), 2.0, frame_uid=FRAME)
    assert contours.volume_mm3 == pytest.approx(150)


def test_contours_ask_voxels_one_by_one_on_a_grid_that_is_not_parallel():
    stack = tuple(SQUARE + [0, 0, z] for z in range(0, 12, 2))
    contours = Contours(stack, frame_uid=FRAME)
    sagittal = volume_from_array(
        np.zeros((30, 30, 30)),
        Grid.from_arrays((-5.5, -5.5, -5.5), [[1, 0, 0], [0, 0, 1], [0, 1, 0]], (1, 1, 1), (30, 30, 30), FRAME),
    )
    assert contours.mask_on(sagittal).values.sum() == pytest.approx(contours.volume_mm3, rel=0.1)


def test_a_single_plane_of_unknown_thickness_has_no_volume():
    assert np.isnan(Contours((SQUARE,)).volume_mm3)
    assert Contours(()).volume_mm3 == 0


def test_another_frame_of_reference_is_refused():
    for annotation in (Box((0, 0, 0), (1, 1, 1), frame_uid="2.25.9"), Contours((SQUARE,), frame_uid="2.25.9")):
        with pytest.raises(FrameMismatch, match="another frame of reference"):
            annotation.mask_on(FINE)


@pytest.mark.parametrize("size", [(1, 0, 0), (-1, 1, 1), (np.nan, 1, 1), (1, 1)])
def test_sizes_that_make_no_box_are_refused(size):
    with pytest.raises(BadAnnotation):
        Box((0, 0, 0), size)


def test_other_nonsense_is_refused():
    with pytest.raises(BadAnnotation):
        Box((0, 0, 0), (1, 1, 1), ((1, 0, 0), (1, 1, 0), (0, 0, 1)))
    with pytest.raises(BadAnnotation):
        Box((0, 0, 0), (1, 1, 1), colour=(0, 0, 300))
    with pytest.raises(BadAnnotation):
        Contours((SQUARE[:2],))
    crooked = SQUARE.copy()
    crooked[2, 2] = 5
    with pytest.raises(BadAnnotation, match="not planar"):
        _ = Contours((crooked,), 1.0).volume_mm3


def test_values_are_made_anew_never_changed():
    box = Box((0, 0, 0), (1, 1, 1), label="a")
    other = box.with_label("b").with_colour((0, 255, 0))
    assert (box.label, other.label, other.colour, other.uid) == ("a", "b", (0, 255, 0), box.uid)


def test_masks_are_tied_to_what_they_were_computed_from():
    v = volume()
    mask = Mask.from_volume(like(v, v.values > 50), label="bright")
    assert float(v.where(mask.mask_on(v)).min()) == 51
