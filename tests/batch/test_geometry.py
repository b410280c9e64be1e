"""Affine and values of the images are those that SimpleITK reads from the DICOM files."""

import os

import nibabel
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from tests.batch.cohort_world import (
    DATA,
    assert_same_image,
    images,
    prepared_here,
    read_by_nibabel,
    read_by_simpleitk,
    sidecar,
    source_files,
    tree,
)
from tests.dicom.series_maker import SHAPE, make_series

VOLUMES = (
    "abdomen_mr_cmb_crc_scan1/t2", "abdomen_mr_cmb_crc_scan1/adc", "breast_mr_ucsf_br08/dce",
    "rtstruct_mim_phantom_rtutils/ct", "rtstruct_mim_sts008/CT/image", "rtstruct_mim_sts008/MR_T1/image",
    "liver_seg_dcmqi/ct-3slice", "mr_multivendor_dicom2nifti/ge_anatomical_001",
    "mr_multivendor_dicom2nifti/generic_compressed_j2k_001", "mr_multivendor_dicom2nifti/generic_compressed_rle_001",
)  # fmt: skip


@pytest.mark.parametrize("name", VOLUMES)
def test_real_series_are_as_simpleitk_reads_them(name, tmp_path):
    assert [record.why for record in prepared_here(DATA / name, tmp_path / "out")] == [""]
    slices = 0
    for image in images(tmp_path / "out"):
        files = source_files(image, DATA / name, tmp_path / "out")
        slices += len(files)
        assert_same_image(read_by_nibabel(image), read_by_simpleitk(files))
    assert slices == len([*(DATA / name).glob("*.dcm")])


def test_a_pet_with_a_slope_per_slice_is_as_simpleitk_reads_it(tmp_path):
    folder = DATA / "rtstruct_mim_sts008/PET/image"
    prepared_here(folder, tmp_path / "out")
    (image,) = images(tmp_path / "out")
    assert image.parent.name == "pet"
    values, affine = read_by_nibabel(image)
    assert_same_image((values, affine), read_by_simpleitk(source_files(image, folder, tmp_path / "out")))
    assert values.dtype == np.float32


@pytest.mark.parametrize("name", ["abdomen_mr_cmb_crc_scan1/adc", "rtstruct_mim_sts008/PET/image"])
def test_images_are_the_same_whether_all_of_a_header_is_deidentified_or_a_part(name, tmp_path):
    for folder, kept in (("part", False), ("whole", True)):
        prepared_here(DATA / name, tmp_path / folder, keep_dicom=kept)
    part, whole = (tree(tmp_path / folder) for folder in ("part", "whole"))
    assert [path for path in part if path.endswith(".json") and path.startswith("sub-")]
    assert all(whole[path] == content for path, content in part.items() if path.startswith("sub-"))


TURNS = [(0, 0, 0), (25, 0, 0), (10, -35, 60), (90, 0, 90), (170, 5, -3)]


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize(("slope", "intercept"), [(None, None), (1, -1024), (0.00732, -3.25), (2.5, 0)])
def test_oblique_anisotropic_and_scaled_series_are_as_simpleitk_reads_them(turn, slope, intercept, tmp_path):
    axes = Rotation.from_euler("xyz", turn, degrees=True).as_matrix()
    rng = np.random.default_rng(5)

    def edit(dataset, k):
        dataset.PixelData = rng.integers(-2000, 30000, SHAPE).astype(np.int16).tobytes()
        if slope is not None:
            dataset.RescaleSlope, dataset.RescaleIntercept = slope, intercept

    files = make_series(tmp_path / "in", 7, axes=axes, spacing=(3.7, 0.9, 0.7), edit=edit, modality="CT")
    prepared_here(tmp_path / "in", tmp_path / "out")
    (image,) = images(tmp_path / "out")
    values, affine = read_by_nibabel(image)
    assert_same_image((values, affine), read_by_simpleitk(files))
    whole = slope is None or (float(slope).is_integer() and float(intercept).is_integer())
    assert values.dtype == (np.int16 if whole else np.float32)


def test_each_stack_of_a_series_is_an_image_of_its_own(tmp_path):
    def phase(dataset, k):
        dataset.TemporalPositionIdentifier = 1

    first = make_series(tmp_path / "in", 5, edit=phase, value=100)
    from pydicom import dcmread

    def second(dataset, k):
        dataset.TemporalPositionIdentifier = 2

    make_series(tmp_path / "in", 5, edit=second, value=200, like=dcmread(first[0]), name="t")
    prepared_here(tmp_path / "in", tmp_path / "out")
    one, two = images(tmp_path / "out")
    assert "_run-1_" in one.name and "_run-2_" in two.name
    assert [sidecar(each)["Stack"] for each in (one, two)] == ["phase 1 of 2", "phase 2 of 2"]
    assert [read_by_nibabel(each)[0][0, 0].tolist() for each in (one, two)] == [
        [100, 101, 102, 103, 104],
        [200, 201, 202, 203, 204],
    ]


def test_private_b_values_separate_stacks_although_they_are_removed(tmp_path):
    prepared_here(DATA / "mr_multivendor_dicom2nifti/ge_dti_001", tmp_path / "out")
    found = images(tmp_path / "out")
    assert len(found) == 2 and len({sidecar(each)["Stack"] for each in found}) == 2


def test_a_gap_splits_the_series_and_each_part_is_where_it_was(tmp_path):
    files = make_series(tmp_path / "in", 9, spacing=(2.0, 1.0, 1.0))
    files[5].unlink()
    prepared_here(tmp_path / "in", tmp_path / "out")
    parts = [read_by_nibabel(each) for each in images(tmp_path / "out")]
    assert [values.shape[2] for values, _ in parts] == [5, 3]
    for values, affine in parts:
        z = affine @ np.array([[0, 0, k, 1] for k in range(values.shape[2])]).T
        np.testing.assert_allclose(z[2], 55.1 + 2.0 * values[0, 0], atol=1e-3)  # slice n holds the value n
    assert [sidecar(each)["Stack"] for each in images(tmp_path / "out")] == ["part 1 of 2", "part 2 of 2"]


def test_a_tilted_series_keeps_each_slice_at_its_place(tmp_path):
    def tilt(dataset, k):
        x, y, z = (float(v) for v in dataset.ImagePositionPatient)
        dataset.ImagePositionPatient = [x, y + 0.6 * k, z]

    make_series(tmp_path / "in", 6, edit=tilt)
    prepared_here(tmp_path / "in", tmp_path / "out")
    (image,) = images(tmp_path / "out")
    opened = nibabel.load(image)
    firsts = opened.affine @ np.array([[0, 0, k, 1] for k in range(opened.shape[2])]).T
    np.testing.assert_allclose(np.diff(firsts[1]), -0.6, atol=1e-4)  # LPS to RAS turns y
    assert int(opened.header["qform_code"]) == 0 and int(opened.header["sform_code"]) > 0, "a rotation cannot say it"


def test_projections_are_refused_and_their_dicom_kept(tmp_path):
    (record,) = prepared_here(DATA / "mammo_ffdm_siemens_overlay", tmp_path / "out", keep_dicom=True)
    assert record.outcome == "refused" and not images(tmp_path / "out")
    assert "projection" in record.why and record.dicom_files == 1


def test_only_regular_files_are_read(tmp_path):
    make_series(tmp_path / "in", 6)
    os.mkfifo(tmp_path / "in" / "0.dcm")  # reading it would wait for ever
    (record,) = prepared_here(tmp_path / "in", tmp_path / "out")
    assert record.outcome == "taken" and len(images(tmp_path / "out")) == 1
