"""Gantry tilt: each slice keeps its own place, and what is drawn comes back on the same slice, voxel by voxel."""

import nibabel
import numpy as np
import pydicom
import pytest

import eci_annotate as eci
from eci_annotate import errors
from eci_annotate.dicom.rtstruct.dataset import structure_set
from eci_annotate.dicom.rtstruct.fidelity import receipt_of
from eci_annotate.imaging.annotations import Box, Contours, Mask
from eci_annotate.imaging.geometry import Grid
from eci_annotate.imaging.volume import like
from tests.counts import ROUND_TRIPS
from tests.dicom.series_maker import make_series
from tests.dicom.test_rtstruct import write_images
from tests.grids import rotation


def leaning(upright: Grid, shear: tuple[float, float]) -> Grid:
    """The same slices, each moved sideways by a share of its height."""
    k, j, i = np.asarray(upright.directions)
    axis = k + shear[0] * j + shear[1] * i
    length = float(np.linalg.norm(axis))
    spacing = (upright.spacing_mm[0] * length, *upright.spacing_mm[1:])
    return Grid.from_arrays(
        upright.origin_lps, (axis / length, j, i), spacing, upright.shape, upright.frame_of_reference_uid
    )


def tilted_series(folder, tilt_mm=0.7, axes=None, n=6):
    down = np.asarray(np.eye(3) if axes is None else axes)[1]

    def edit(dataset, k):
        place = np.asarray(dataset.ImagePositionPatient, float) + tilt_mm * k * down
        dataset.ImagePositionPatient = [f"{v:.6f}"[:16] for v in place]

    return make_series(folder, n, edit=edit, axes=axes)


@pytest.mark.parametrize("axes", [None, rotation(np.array([0.2, -0.5, 0.3]))], ids=["axial", "oblique"])
def test_each_slice_keeps_its_own_place(tmp_path, axes):
    paths = tilted_series(tmp_path, axes=axes)
    (stack,) = eci.load_stacks(tmp_path)
    grid, headers = eci.grid_of(stack), {d.SOPInstanceUID: d for d in map(pydicom.dcmread, paths)}
    assert stack.attrs["kind"] == "slices"
    assert stack.attrs["tilt_degrees"] == pytest.approx(np.degrees(np.arctan(0.7 / 2.5)), abs=0.01)
    for k, uid in enumerate(stack.instance_uid.values):
        header = headers[uid]
        assert np.abs(grid.reference_from_image([k, 0, 0]) - header.ImagePositionPatient).max() < 1e-3
        assert (stack.values[k] == header.pixel_array).all()
    assert grid.slice_mm == pytest.approx(2.5, abs=1e-4)
    assert grid.voxel_mm3 == pytest.approx(2.5 * 0.9 * 0.7, rel=1e-4)


def test_a_volume_is_still_refused_by_name(tmp_path):
    tilted_series(tmp_path)
    with pytest.raises(errors.UnevenSlices, match=r"sheared by 15\.6. degrees.*load_stacks"):
        eci.load_series(tmp_path)


def test_slices_on_no_straight_axis_are_given_one_by_one(tmp_path):
    make_series(tmp_path, 6, edit=lambda d, k: setattr(d, "ImagePositionPatient", [3 * k**2, k**3, 2.5 * k]))
    stacks = eci.load_stacks(tmp_path)
    assert sum(each.sizes["k"] for each in stacks) == 6
    places = {tuple(np.round(eci.grid_of(v).reference_from_image([k, 0, 0]), 3)) for v in stacks for k in range(len(v))}
    assert places == {(3.0 * k**2, float(k**3), 2.5 * k) for k in range(6)}


def test_an_upright_copy_holds_the_same_things_at_the_same_places(tmp_path):
    def edit(dataset, k):
        dataset.ImagePositionPatient = [0, 0.9 * 2 * k, 2.5 * k]  # two rows a slice
        rows, columns = np.mgrid[: dataset.Rows, : dataset.Columns]
        dataset.PixelData = (100 * k + rows + 2 * k + columns).astype(np.int16).tobytes()

    make_series(tmp_path, 4, edit=edit)
    (stack,) = eci.load_stacks(tmp_path)
    straight = eci.upright(stack)
    grid = eci.grid_of(straight)
    assert not grid.is_sheared and "gantry tilt" in straight.attrs["resampled"]
    k, j, i = np.meshgrid(*map(np.arange, straight.shape), indexing="ij")
    expected, known = 100 * k + j + i, np.isfinite(straight.values)
    assert known.sum() == stack.size
    assert np.abs(straight.values - expected)[known].max() < 1e-3


@pytest.mark.parametrize("seed", range(max(ROUND_TRIPS // 4, 12)))
def test_masks_come_back_voxel_by_voxel(tmp_path, seed):
    rng = np.random.default_rng(seed)
    spacing, turn = rng.uniform(0.4, 6, 3).round(4), rotation(rng.uniform(-1, 1, 3))
    shape = (int(rng.integers(2, 7)), int(rng.integers(1, 30)), int(rng.integers(1, 30)))
    upright = Grid.from_arrays(rng.uniform(-200, 200, 3), turn, spacing, shape, "1.2.3.4")
    grid, folder = leaning(upright, rng.choice([-1, 1], 2) * rng.uniform(0.3, 0.6, 2)), tmp_path
    write_images(folder / "ct", grid)
    (stack,) = eci.load_stacks(folder / "ct")
    masks = [Mask.from_volume(like(stack, rng.random(grid.shape) > level), label="m") for level in (0.3, 0.8)]
    content = structure_set(masks, sorted((folder / "ct").iterdir()))
    receipt = receipt_of(masks, content, eci.grid_of(stack))  # also without our private block
    assert all(row["missing"] == row["extra"] == 0 for row in receipt)
    for drawn, read in zip(masks, eci.read_rtstruct(content), strict=True):
        assert (read.mask_on(stack).values == drawn.mask_on(stack).values).all()
        assert read.volume_mm3 == pytest.approx(drawn.volume_mm3, rel=1e-4)
    eci.write_segmentation(masks, folder / "ct", folder / "seg.dcm")
    for drawn, read in zip(masks, eci.read_segmentation(folder / "seg.dcm"), strict=True):
        assert (read.mask_on(stack).values == drawn.mask_on(stack).values).all()


def test_contours_lie_on_the_planes_of_their_own_images(tmp_path):
    tilted_series(tmp_path / "ct")
    (stack,) = eci.load_stacks(tmp_path / "ct")
    grid = eci.grid_of(stack)
    mask = np.zeros(stack.shape, bool)
    mask[1:5, 10:20, 12:30] = True
    ring = grid.reference_from_image([[2, 5.3, 5.2], [2, 5.1, 25.4], [2, 15.6, 25.3]])
    box = Box(
        tuple(grid.reference_from_image([3, 16, 20])), (9.0, 7.0, 6.0), series_uid=stack.frame.attrs["series_uid"]
    )
    drawn = [Mask.from_volume(like(stack, mask)), Contours((ring,), grid.slice_mm), box]
    (path,) = eci.write_rtstruct(drawn, tmp_path / "ct", tmp_path / "rt.dcm")
    origins = {
        d.SOPInstanceUID: np.array(d.ImagePositionPatient) for d in map(pydicom.dcmread, (tmp_path / "ct").iterdir())
    }
    for item in pydicom.dcmread(path).ROIContourSequence:
        for contour in item.ContourSequence:
            points = np.reshape(contour.ContourData, (-1, 3)).astype(float)
            origin = origins[contour.ContourImageSequence[0].ReferencedSOPInstanceUID]
            assert np.abs(points[:, 2] - origin[2]).max() < 1e-3
    first = pydicom.dcmread(path).ROIContourSequence[0].ContourSequence[0]  # rows 10..19 of its own slice
    top = min(float(y) for y in first.ContourData[1::3])
    own = origins[first.ContourImageSequence[0].ReferencedSOPInstanceUID]
    assert top == pytest.approx(own[1] + 9.51 * 0.9, abs=1e-3)
    read = eci.read_rtstruct(path)
    assert [(a.mask_on(stack).values == b.mask_on(stack).values).all() for a, b in zip(drawn, read, strict=True)] == [
        True
    ] * 3


def test_nifti_says_how_slices_lean(tmp_path):
    tilted_series(tmp_path / "ct")
    (stack,) = eci.load_stacks(tmp_path / "ct")
    mask = Mask.from_volume(stack > 3)
    (path, *_) = eci.write_label_map([mask], stack, tmp_path / "m.nii.gz")
    image = nibabel.load(path)
    place = image.affine @ [7, 11, 4, 1]
    assert np.abs(place[:3] * [-1, -1, 1] - eci.grid_of(stack).reference_from_image([4, 11, 7])).max() < 1e-3
    assert int(image.header["qform_code"]) == 0
    assert (np.asarray(image.dataobj).T.astype(bool) == mask.mask_on(stack).values).all()
