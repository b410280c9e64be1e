"""A series becomes a true volume, or a named error that says why and what to do."""

import shutil
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless, generate_uid

import eci_annotate as eci
from eci_annotate import errors
from eci_annotate.dicom import pixel_digest, scan
from eci_annotate.dicom.images.pixels import scaled
from eci_annotate.dicom.phantom import KINDS, phantom_grid, phantom_values
from eci_annotate.imaging.volume import instance_uids_of
from tests.dicom.series_maker import SHAPE, make_series

SAMPLE = Path(__file__).parents[2] / "notebooks/sample/liver_ct_crlm_1004/ct"


@pytest.mark.parametrize("kind", KINDS)
def test_a_phantom_comes_back_as_it_was_made(phantoms, kind):
    v = eci.load_series(phantoms[kind])
    assert np.array_equal(v.values, phantom_values(kind)) and v.dtype == np.int16
    assert eci.grid_of(v).same_voxels(phantom_grid(kind))
    assert len(instance_uids_of(v)) == v.sizes["k"]


@pytest.mark.parametrize("kind", ["oblique", "anisotropic"])
def test_simpleitk_places_every_voxel_where_we_do(phantoms, kind):
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(phantoms[kind])))
    image, v = reader.Execute(), eci.load_series(phantoms[kind])
    assert np.array_equal(sitk.GetArrayFromImage(image), v.values)
    for voxel in ([0, 0, 0], [3, 7, 11], [20, 90, 60]):
        there = image.TransformIndexToPhysicalPoint(voxel[::-1])
        assert np.allclose(there, eci.grid_of(v).reference_from_image(voxel), atol=1e-3)


def test_the_sample_is_a_liver_ct_in_hounsfield_units():
    v = eci.load_series(SAMPLE)
    assert v.shape == (41, 512, 512) and v.dtype == np.int16 and v.attrs["units"] == "HU"
    assert eci.grid_of(v).spacing_mm == (5.0, 0.796875, 0.796875)
    assert v.attrs["window"] == (-160.0, 240.0)
    assert 80 < float(v[20, 200:260, 120:180].mean()) < 140


def test_values_are_scaled_exactly(phantoms, tmp_path):
    for n, path in enumerate(sorted(phantoms["tiny"].iterdir())):
        dataset = pydicom.dcmread(path)
        dataset.RescaleSlope, dataset.RescaleIntercept = ("0.5", "3") if n else ("2", "-7")
        dataset.save_as(tmp_path / path.name)
    v = eci.load_series(tmp_path)
    raw = phantom_values("tiny").astype(float)
    assert v.dtype == np.float32
    assert np.array_equal(v.values[0], raw[0] * 2 - 7) and np.array_equal(v.values[1], raw[1] * 0.5 + 3)


def test_unused_high_bits_are_not_grey_values(phantoms, tmp_path):
    for path in phantoms["tiny"].iterdir():
        dataset = pydicom.dcmread(path)
        pixels = np.clip(dataset.pixel_array + 1024, 0, 4095).astype(np.uint16)
        dataset.PixelData = (pixels | 0x7000).tobytes()
        dataset.PixelRepresentation, dataset.BitsStored, dataset.HighBit, dataset.RescaleIntercept = 0, 12, 11, "-1024"
        dataset.save_as(tmp_path / path.name)
    assert np.array_equal(eci.load_series(tmp_path).values, np.clip(phantom_values("tiny"), -1024, 3071))


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless])
def test_lossless_encodings_give_the_same_pixels_and_digests(phantoms, tmp_path, syntax):
    for path in phantoms["tiny"].iterdir():
        dataset = pydicom.dcmread(path)
        dataset.compress(syntax, generate_instance_uid=False)
        dataset.save_as(tmp_path / path.name)
        assert pixel_digest(tmp_path / path.name) == pixel_digest(path)
    assert np.array_equal(eci.load_series(tmp_path).values, phantom_values("tiny"))


# -- bad input --------------------------------------------------------------------
def changed(source, target, edit, only=None):
    """Copy a series, editing each dataset (or only one of them)."""
    for n, path in enumerate(sorted(source.iterdir())):
        dataset = pydicom.dcmread(path)
        if only is None or n == only:
            edit(dataset)
        dataset.save_as(target / path.name)


def drop(keyword):
    return lambda dataset: delattr(dataset, keyword)


def put(**values):
    return lambda dataset: [setattr(dataset, k, v) for k, v in values.items()]


def tilt(dataset):
    x, y, z = dataset.ImagePositionPatient
    dataset.ImagePositionPatient = [x, y + 0.2 * z, z]


def shift(dataset):
    x, y, z = dataset.ImagePositionPatient
    dataset.ImagePositionPatient = [x, y, z + 1.3]


def thrice(keyword):
    """Three frames or samples, with pixels for them."""

    def edit(dataset):
        setattr(dataset, keyword, 3)
        dataset.PixelData = dataset.PixelData * 3

    return edit


BAD = {
    "spacing missing": (drop("PixelSpacing"), None, errors.MissingGeometry, "PixelSpacing"),
    "orientation missing": (drop("ImageOrientationPatient"), 3, errors.MissingGeometry, "ImageOrientationPatient"),
    "position missing": (drop("ImagePositionPatient"), 3, errors.MissingGeometry, "ImagePositionPatient"),
    "crooked axes": (put(ImageOrientationPatient=[1, 0, 0, 1, 0, 0]), None, errors.MissingGeometry, "unit vectors"),
    "two series": (put(SeriesInstanceUID="2.25.5"), 2, errors.MixedSeries, "2 series"),
    "two frames": (put(FrameOfReferenceUID="2.25.5"), 2, errors.MixedSeries, "different"),
    "two spacings": (put(PixelSpacing=[1, 1]), 2, errors.MixedSeries, "different"),
    "gantry tilt": (tilt, None, errors.UnevenSlices, "11.31 degrees"),
    "uneven": (shift, 4, errors.UnevenSlices, "apart"),
    "multi-frame": (thrice("NumberOfFrames"), None, errors.UnsupportedImages, "multi-frame"),
    "colour": (thrice("SamplesPerPixel"), None, errors.UnsupportedImages, "Colour"),
    "no pixels": (drop("PixelData"), 3, errors.DamagedFile, "no pixels"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_series_are_refused_by_name(phantoms, tmp_path, name):
    edit, only, kind, text = BAD[name]
    changed(phantoms["tiny"], tmp_path, edit, only)
    with pytest.raises(kind, match=text) as caught:
        eci.load_series(tmp_path)
    assert caught.value.remedy
    assert "PHANTOM" not in str(caught.value)


def test_a_missing_slice_is_named_with_its_place(phantoms, tmp_path):
    shutil.copytree(phantoms["tiny"], tmp_path / "gap")
    sorted((tmp_path / "gap").iterdir())[3].unlink()
    with pytest.raises(errors.MissingSlice, match=r"1 slice\(s\) are missing between -7.50 mm and 2.50 mm"):
        eci.load_series(tmp_path / "gap")
    assert [s.sizes["k"] for s in eci.load_stacks(tmp_path / "gap")] == [3, 4]


def test_time_points_are_refused_and_can_be_had_one_by_one(phantoms, tmp_path):
    for phase in range(3):
        for path in phantoms["tiny"].iterdir():
            dataset = pydicom.dcmread(path)
            dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
            dataset.AcquisitionTime = f"10000{phase}"
            dataset.PixelData = (dataset.pixel_array + phase).tobytes()
            dataset.save_as(tmp_path / f"{phase}-{path.name}")
    with pytest.raises(errors.UnevenSlices, match="3 slices lie at the same position"):
        eci.load_series(tmp_path)
    stacks = eci.load_stacks(tmp_path)
    assert [int((s.values - phantom_values("tiny")).max()) for s in stacks] == [0, 1, 2]


def test_copies_of_an_image_are_refused(phantoms, tmp_path):
    shutil.copytree(phantoms["tiny"], tmp_path / "twice")
    first = min((tmp_path / "twice").iterdir())
    shutil.copy(first, first.with_name("copy.dcm"))
    with pytest.raises(errors.MixedSeries, match="more than once"):
        eci.load_series(tmp_path / "twice")


def test_an_empty_folder_a_text_file_and_nothing_at_all(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "note.txt").write_text("hello")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/a.dcm").write_text("hello")
    with pytest.raises(errors.NoImages):
        eci.load_series(tmp_path / "empty")
    with pytest.raises(errors.NotDicom):
        eci.load_series(tmp_path / "note.txt")
    with pytest.raises(errors.NotDicom):
        eci.load_series(tmp_path / "folder")
    with pytest.raises(errors.NoImages):
        eci.load_series(tmp_path / "nothing")


@pytest.mark.parametrize("keep", [0.3, 0.7, 0.99])
@pytest.mark.parametrize("syntax", [None, RLELossless, JPEGLSLossless])
def test_a_truncated_file_is_never_a_picture(phantoms, tmp_path, keep, syntax):
    shutil.copytree(phantoms["tiny"], tmp_path / "cut")
    path = sorted((tmp_path / "cut").iterdir())[4]
    if syntax:
        dataset = pydicom.dcmread(path)
        dataset.compress(syntax, generate_instance_uid=False)
        dataset.save_as(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    with warnings.catch_warnings(), pytest.raises(errors.BadImages):
        warnings.simplefilter("ignore")
        eci.load_series(tmp_path / "cut")


def test_other_objects_of_the_study_are_passed_over(phantoms, tmp_path):
    shutil.copytree(phantoms["tiny"], tmp_path / "study")
    v = eci.load_series(phantoms["tiny"])
    eci.write_rtstruct([eci.Mask.from_volume(v > 0)], phantoms["tiny"], tmp_path / "study/rtss.dcm")
    (tmp_path / "study/README").write_text("notes")
    assert eci.load_series(tmp_path / "study").identical(v)


def test_scan_tells_no_patient(phantoms):
    found = scan(sorted(phantoms["tiny"].iterdir()))
    assert len(found) == 8 and len({f.patient_key for f in found}) == 1
    assert found[0].modality == "CT" and found[0].identity_removed
    assert "PHANTOM" not in repr(found).replace("phantoms", "")


@given(hnp.arrays(np.uint16, 5), st.integers(-5, 5), st.integers(-70_000, 70_000), st.booleans())
def test_scaling_is_exact_and_as_small_as_it_can_be(raw, slope, intercept, signed):
    raw, slope = raw.view(np.int16) if signed else raw, slope or 1
    found, true = scaled(raw, slope, intercept), raw.astype(np.int64) * slope + intercept
    assert np.array_equal(found, true)
    assert (found.dtype == np.int16) == (true.min() >= -32768 and true.max() <= 32767)


def test_images_of_several_patients_in_one_series_are_told(tmp_path):
    make_series(tmp_path, 4, edit=lambda dataset, k: setattr(dataset, "PatientID", "A" if k < 2 else "B"))
    with pytest.warns(UserWarning, match="2 patients"):
        eci.load_series(tmp_path)


@pytest.mark.parametrize(("across", "digits", "good"), [(5e-3, 8, False), (5e-4, 8, True), (2e-3, 3, True)])
def test_rows_and_columns_that_are_not_at_right_angles_are_refused(tmp_path, across, digits, good):
    """The geometry is not changed silently, except as far as the digits of the cosines may be rounded."""
    turned = [*(f"{v:.{digits}f}" for v in (1, 0, 0)), *(f"{v:.{digits}f}" for v in (across, 1, 0))]
    make_series(tmp_path, edit=lambda d, k: setattr(d, "ImageOrientationPatient", turned))
    if good:
        assert eci.load_series(tmp_path).shape == (6, *SHAPE)
        return
    for load in (eci.load_series, eci.load_stacks):
        with pytest.raises(errors.MissingGeometry, match="unit vectors"):
            load(tmp_path)


def test_a_series_in_two_studies_is_told(tmp_path):
    other = generate_uid()
    make_series(tmp_path, edit=lambda d, k: setattr(d, "StudyInstanceUID", other if k > 2 else d.StudyInstanceUID))
    for load in (eci.load_series, eci.load_stacks):
        with pytest.warns(UserWarning, match="2 studies"):
            load(tmp_path)
