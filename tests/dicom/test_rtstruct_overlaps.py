"""Structure sets that can be read in two ways: moved contours, and contours that overlap in part."""

import copy

import numpy as np
import pydicom
import pytest

import eci_annotate as eci
from tests.dicom.peers import plastimatch_masks
from tests.dicom.test_rtstruct_of_others import check_masks, foreign, points, types, world


@pytest.mark.parametrize("syntax", ["explicit", "undefined length"])
def test_contours_are_moved_by_their_offset_and_it_is_said(tmp_path, syntax):
    def edit(dataset):
        points(dataset, lambda p, n: p - [0, 0, 3])
        for roi in dataset.ROIContourSequence:
            roi["ContourSequence"].is_undefined_length = syntax == "undefined length"
            for item in roi.ContourSequence:
                item.add_new("ContourOffsetVector", "DS", [0, 0, 3])

    v = world(tmp_path)
    with pytest.warns(UserWarning, match="moved by their ContourOffsetVector"):
        check_masks(v, eci.read_rtstruct(foreign(tmp_path, v, edit)))


@pytest.mark.parametrize("offset", [[0, 0, 0], None])
def test_an_offset_of_nothing_is_no_note(tmp_path, offset):
    def edit(dataset):
        for item in dataset.ROIContourSequence[0].ContourSequence:
            item.add_new("ContourOffsetVector", "DS", offset)

    v = world(tmp_path)
    found = eci.read_rtstruct(foreign(tmp_path, v, edit))
    check_masks(v, found)
    assert found.notes == []


@pytest.mark.parametrize("kind", ["OPEN_PLANAR", "OPEN_NONPLANAR"])
def test_open_lines_cost_themselves_and_are_said(tmp_path, kind):
    v = world(tmp_path)
    with pytest.warns(UserWarning, match="ROI 1 holds only points, open lines"):
        check_masks(v, eci.read_rtstruct(foreign(tmp_path, v, types(kind))), wanted=(1,))


def test_a_contour_that_may_have_been_cut_is_said(tmp_path):
    def edit(dataset):
        dataset.ROIContourSequence[0].ContourSequence[0].NumberOfContourPoints += 3

    v = world(tmp_path)
    with pytest.warns(UserWarning, match="ROI 1: 1 contour\\(s\\) have another number of points"):
        check_masks(v, eci.read_rtstruct(foreign(tmp_path, v, edit)))


def rings_in_place(v, squares):
    """Put squares of pixels (slice, first row, row after, first column, column after) in place of the contours."""
    grid = eci.grid_of(v)

    def edit(dataset):
        items = dataset.ROIContourSequence[0].ContourSequence
        first = items[0]
        dataset.ROIContourSequence[0].ContourSequence = []
        for k, j0, j1, i0, i1 in squares:
            corners = [[k, j - 0.5, i - 0.5] for j, i in ((j0, i0), (j0, i1), (j1, i1), (j1, i0))]
            item = copy.deepcopy(first)
            item.ContourData = [f"{x:.4f}" for x in np.ravel(grid.reference_from_image(corners))]
            item.NumberOfContourPoints = 4
            dataset.ROIContourSequence[0].ContourSequence.append(item)

    return edit


def test_contours_that_overlap_in_part_are_said(tmp_path):
    v = world(tmp_path)
    path = foreign(tmp_path, v, rings_in_place(v, [(2, 3, 15, 3, 15), (2, 9, 21, 9, 21), (3, 4, 9, 4, 9)]))
    with pytest.warns(UserWarning, match="overlap in part on 1 plane"):
        one, _ = eci.read_rtstruct(path)
    ours, theirs = int(one.mask_on(v)[2].sum()), plastimatch_masks(path, tmp_path / "s", tmp_path / "out")["one"]
    assert (ours, int(theirs[2].sum())) == (2 * (144 - 36), 2 * 144 - 36)


@pytest.mark.parametrize("inner", [(2, 6, 12, 6, 12), (2, 3, 9, 15, 21), (3, 9, 21, 9, 21)])
def test_holes_neighbours_and_other_planes_are_no_overlap(tmp_path, inner):
    v = world(tmp_path)
    assert eci.read_rtstruct(foreign(tmp_path, v, rings_in_place(v, [(2, 3, 15, 3, 15), inner]))).notes == []


def test_a_contour_that_runs_around_a_part_twice_is_said(tmp_path):
    def edit(dataset):
        item = dataset.ROIContourSequence[0].ContourSequence[0]
        ring = np.array(item.ContourData, float).reshape(-1, 3)
        item.ContourData = [f"{x:.4f}" for x in np.ravel([ring, ring + [2, 2, 0]])]

    v = world(tmp_path)
    with pytest.warns(UserWarning, match="overlap in part on 1 plane"):
        eci.read_rtstruct(foreign(tmp_path, v, edit))


def test_real_structure_sets_have_no_overlaps(shared_data):
    for path in sorted((shared_data / "rtstruct_mim_sts008").glob("*/rtstruct/*.dcm")):
        assert pydicom.dcmread(path, stop_before_pixels=True).Modality == "RTSTRUCT"
        assert [note for note in eci.read_rtstruct(path).notes if "overlap" in note] == []


def test_a_structure_that_names_no_images_is_said_to_do_so(tmp_path):
    def edit(dataset):
        del dataset.FrameOfReferenceUID, dataset.ReferencedFrameOfReferenceSequence
        for item in dataset.StructureSetROISequence:
            del item.ReferencedFrameOfReferenceUID

    v = world(tmp_path)
    with pytest.warns(UserWarning, match="ROI 1 names no frame of reference and no series"):
        found = eci.read_rtstruct(foreign(tmp_path, v, edit))
    assert len(found.notes) == 2
