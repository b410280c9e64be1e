"""What was written is read again before it is signed; a loss of a voxel or of 0.01 mm is found."""

from io import BytesIO

import numpy as np
import pydicom
import pytest

import eci_annotate as eci
from eci_annotate import errors
from eci_annotate.dicom import structure_set
from eci_annotate.dicom.phantom import phantom_lesions
from eci_annotate.dicom.rtstruct.fidelity import receipt_of


@pytest.fixture
def drawn(phantoms):
    """A volume, annotations of each kind on it, and the file of them."""
    v = eci.load_series(phantoms["tiny"])
    grid = eci.grid_of(v)
    uids = {"frame_uid": grid.frame_of_reference_uid, "series_uid": str(v.frame.attrs["series_uid"])}
    centre = tuple(grid.reference_from_image([3, 20, 28]))
    star = [[j, i] for j, i in ((10, 10), (30, 12), (12, 40), (31, 38), (8, 25))]  # crosses itself
    ring = grid.reference_from_image([[2.0, j, i] for j, i in star])
    annotations = [
        *phantom_lesions("tiny"),
        eci.Box(centre, (9, 7, 8), label="box", **uids),
        eci.Box(tuple(grid.reference_from_image([3, 10, 10])), (6, 5, 0), label="flat", **uids),
        eci.Contours((ring,), grid.spacing_mm[0], label="star", **uids),
    ]
    return annotations, structure_set(annotations, phantoms["tiny"]), grid


def test_a_receipt_says_what_readers_get(drawn):
    annotations, content, grid = drawn
    rows = receipt_of(annotations, content, grid)
    assert [row["uid"] for row in rows] == [each.uid for each in annotations]
    masks = [row for row in rows if row["kind"] == "mask"]
    assert masks and all(row["voxels"] and row["missing"] == row["extra"] == 0 for row in masks)
    assert all(row["vertex_mm"] <= 0.001 for row in rows if row["kind"] != "mask")
    for row, annotation in zip(rows, annotations, strict=True):
        assert row["voxels"] == annotation.voxels_on(grid).sum()
        assert row["volume_mm3"] == pytest.approx(row["read_volume_mm3"], rel=1e-4)


def changed(content, change):
    dataset = pydicom.dcmread(BytesIO(content))
    change(dataset)
    out = BytesIO()
    dataset.save_as(out)
    return out.getvalue()


def move_mask(dataset):
    for item in dataset.ROIContourSequence[0].ContourSequence:
        item.ContourData = (np.array(item.ContourData, float) + 4.0).round(3).tolist()


def move_contour(dataset):
    for item in dataset.ROIContourSequence[-1].ContourSequence:
        item.ContourData = (
            np.array(item.ContourData, float) + np.array([0.02, 0, 0] * (len(item.ContourData) // 3))
        ).tolist()


def lose_contour(dataset):
    del dataset.ROIContourSequence[0].ContourSequence[0]


def lose_one(dataset):
    del dataset.StructureSetROISequence[0]


@pytest.mark.parametrize("change", [move_mask, move_contour, lose_contour, lose_one], ids=lambda f: f.__name__)
def test_a_loss_is_found(drawn, change):
    annotations, content, grid = drawn
    with pytest.raises(errors.BadStructureSet):
        receipt_of(annotations, changed(content, change), grid)
