"""RTSTRUCT: mask -> file -> mask is the identity, here and in plastimatch; dciodvfy finds no error;
files of other makers are read exactly."""

import io
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from rt_utils import RTStructBuilder

import eci_annotate as eci
from eci_annotate import errors
from eci_annotate.dicom import structure_set
from eci_annotate.dicom.phantom import grid_slices, phantom_lesions
from eci_annotate.dicom.rtstruct.decimals import from_decimals, to_decimals
from eci_annotate.imaging.annotations import Box, Contours, Mask
from eci_annotate.imaging.geometry import Grid
from eci_annotate.imaging.volume import like
from tests.counts import ROUND_TRIPS, examples
from tests.dicom.peers import dciodvfy_errors, plastimatch_masks
from tests.grids import grids, rotation

DATA = Path(__file__).parents[1] / "data"


def write_images(folder: Path, grid: Grid) -> None:
    """A CT series on any grid."""
    folder.mkdir(parents=True, exist_ok=True)
    for k, dataset in enumerate(grid_slices(grid, "CT", np.zeros(grid.shape, np.int16), "tiny")):
        dataset.save_as(folder / f"{k}.dcm", enforce_file_format=True)


@st.composite
def cases(draw):
    grid = draw(grids())
    return grid, [draw(hnp.arrays(bool, grid.shape)) for _ in range(draw(st.integers(1, 3)))]


def _round_trip(case, holes="keyhole"):
    grid, arrays = case
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_images(folder / "ct", grid)
        v = eci.load_series(folder / "ct")
        annotations = [Mask.from_volume(like(v, a), label="same") for a in arrays]
        eci.write_rtstruct(annotations, folder / "ct", folder / "rt.dcm", holes=holes)
        found = eci.read_rtstruct(folder / "rt.dcm")
        assert [a.uid for a in found] == [a.uid for a in annotations]
        for array, annotation in zip(arrays, found, strict=True):
            assert np.array_equal(annotation.mask_on(v).values, array)
            assert annotation.volume_mm3 == pytest.approx(array.sum() * grid.voxel_mm3)
        plain = pydicom.dcmread(folder / "rt.dcm")
        for roi in plain.StructureSetROISequence:
            del roi[0x30071001]
            roi.pop("SourcePixelPlanesCharacteristicsSequence", None)
        plain.save_as(folder / "plain.dcm")
        for array, annotation in zip(arrays, eci.read_rtstruct(folder / "plain.dcm"), strict=True):
            assert isinstance(annotation, Contours)
            assert np.array_equal(annotation.mask_on(v).values, array)


@settings(max_examples=examples(60, 600))
@given(cases(), st.sampled_from(["keyhole", "xor_nested", "closedplanar_xor"]))
def test_mask_to_file_to_mask_is_the_identity(case, holes):
    _round_trip(case, holes)


def test_an_unknown_way_to_write_holes_is_refused_by_name(tmp_path):
    eci.write_phantom(tmp_path / "ct", "tiny")
    mask = eci.Mask.from_volume(eci.load_series(tmp_path / "ct") > 200, label="bone")
    with pytest.raises(errors.BadAnnotation, match="'keyholes'"):
        eci.write_rtstruct([mask], tmp_path / "ct", tmp_path / "rt.dcm", holes="keyholes")
    assert not (tmp_path / "rt.dcm").exists()


@pytest.mark.soak
@settings(max_examples=ROUND_TRIPS)
@given(cases())
def test_mask_to_file_to_mask_is_the_identity_many_times(case):
    _round_trip(case)


def noisy_masks(shape, seed):
    """Holes, islands, single voxels, diagonals."""
    rng = np.random.default_rng(seed)
    smooth = sitk.GetArrayFromImage(sitk.DiscreteGaussian(sitk.GetImageFromArray(rng.normal(size=shape)), 3.0))
    return {"blobs": smooth > 0.02, "noise": rng.random(shape) < 0.35, "dense": rng.random(shape) < 0.8}


GRIDS = {
    "axial": Grid.from_arrays((-40, -50, 12), np.eye(3)[::-1], (2.5, 0.8, 0.8), (12, 48, 64), "2.25.7"),
    "anisotropic": Grid.from_arrays((-40, -50, 12), np.eye(3)[::-1], (5.0, 0.9, 0.7), (10, 40, 72), "2.25.7"),
    "oblique": Grid.from_arrays(
        (-40, -50, 12), rotation((0.3, -0.2, 0.5)).T[::-1], (3.1, 1.3, 0.9), (9, 56, 44), "2.25.7"
    ),
}


@pytest.mark.needs_debian
@pytest.mark.parametrize("name", GRIDS)
def test_plastimatch_reads_the_same_masks(tmp_path, name):
    write_images(tmp_path / "ct", GRIDS[name])
    v = eci.load_series(tmp_path / "ct")
    masks = noisy_masks(v.shape, 3)
    annotations = [Mask.from_volume(like(v, m), label=label) for label, m in masks.items()]
    (path,) = eci.write_rtstruct(annotations, tmp_path / "ct", tmp_path / "rt.dcm")
    assert dciodvfy_errors(path) == []
    seen = plastimatch_masks(path, tmp_path / "ct", tmp_path / "out")
    assert {label: int((seen[label] != m).sum()) for label, m in masks.items()} == dict.fromkeys(masks, 0)


def test_rt_utils_reads_the_same_masks(tmp_path):
    grid = Grid.from_arrays((-40, -50, 12), np.eye(3)[::-1], (2.5, 0.8, 0.8), (12, 48, 48), "2.25.7")
    write_images(tmp_path / "ct", grid)
    v = eci.load_series(tmp_path / "ct")
    masks = noisy_masks(v.shape, 4)
    annotations = [Mask.from_volume(like(v, m), label=label) for label, m in masks.items()]
    eci.write_rtstruct(annotations, tmp_path / "ct", tmp_path / "rt.dcm")
    peer = RTStructBuilder.create_from(str(tmp_path / "ct"), str(tmp_path / "rt.dcm"))
    for label, mask in masks.items():
        assert np.array_equal(np.moveaxis(peer.get_roi_mask_by_name(label), -1, 0), mask)


@pytest.mark.needs_debian
@pytest.mark.parametrize("kind", ["axial", "oblique", "anisotropic", "mr"])
def test_a_signed_structure_set_conforms(phantoms, tmp_path, kind):
    files = sorted(phantoms[kind].iterdir())
    when = datetime(2026, 1, 1, 12, tzinfo=UTC)
    grid = eci.grid_of(eci.load_series(phantoms[kind]))
    common = {"frame_uid": grid.frame_of_reference_uid}
    square = grid.reference_from_image([[9, 10.2, 10.3], [9, 10.2, 20.6], [9, 20.25, 20.6], [9, 20.2, 10.3]])
    hole = grid.reference_from_image([[9, 12.1, 12.2], [9, 12.1, 15.6], [9, 16.25, 15.6]])
    middle = tuple(grid.reference_from_image(np.array(grid.shape) // 2))
    annotations = [
        *phantom_lesions(kind),
        Box(middle, (40, 30, 25), rotation((0.3, 0.2, 0.5)), label="box " + "x" * 80, **common),
        Box(middle, (40, 30, 0), grid.directions[::-1], label="flat \\ läsion", **common),
        Box(middle, (40, 0, 30), grid.directions[::-1], label="across", **common),
        Contours((square, hole), grid.spacing_mm[0], label="", **common),
    ]
    first = structure_set(annotations, files, version=1, signer="anna", when=when, meaning="I drew this")
    second = structure_set(annotations, files, version=2, signer="anna", when=when, predecessor=first)
    for n, content in enumerate((first, second)):
        path = tmp_path / f"{n}.dcm"
        path.write_bytes(content)
        assert dciodvfy_errors(path) == []
    one, two = (pydicom.dcmread(io.BytesIO(c)) for c in (first, second))
    assert two.PredecessorStructureSetSequence[0].ReferencedSOPInstanceUID == one.SOPInstanceUID
    assert one.SeriesInstanceUID == two.SeriesInstanceUID and one.SOPInstanceUID != two.SOPInstanceUID
    image = pydicom.dcmread(files[0], stop_before_pixels=True)
    assert (one.StudyInstanceUID, one.PatientID) == (image.StudyInstanceUID, image.PatientID)
    assert (one.ApprovalStatus, str(one.ReviewerName)) == ("APPROVED", "anna")
    assert structure_set(annotations, files, version=1, signer="anna", when=when, meaning="I drew this") == first
    _same(annotations, eci.read_rtstruct(first), eci.load_series(phantoms[kind]))


def _same(annotations, found, v):
    assert [(a.label, a.colour, a.uid, a.kind) for a in found] == [
        (a.label, a.colour, a.uid, a.kind) for a in annotations
    ]
    for before, after in zip(annotations, found, strict=True):
        assert np.array_equal(before.mask_on(v).values, after.mask_on(v).values), before.label
        assert after.volume_mm3 == pytest.approx(before.volume_mm3, rel=1e-3, abs=1e-6)
        if isinstance(before, Box):
            assert (after.centre_lps, after.size_mm, after.axes_lps) == (
                before.centre_lps,
                before.size_mm,
                before.axes_lps,
            )


@pytest.mark.needs_debian
def test_long_contours_are_split_and_still_the_same(tmp_path):
    grid = Grid.from_arrays((0, 0, 0), np.eye(3)[::-1], (3, 0.7, 0.7), (2, 256, 300), "2.25.7")
    write_images(tmp_path / "ct", grid)
    v = eci.load_series(tmp_path / "ct")
    comb = np.zeros(v.shape, bool)
    comb[0, 1:-1, 1] = True
    comb[0, 1:-1:2, 1:-1] = True
    comb[0, 2:-1:2, 5:-3:2] = np.random.default_rng(0).random((127, 146)) < 0.5
    angle = np.linspace(0, 2 * np.pi, 9000, endpoint=False)
    wheel = np.column_stack([np.zeros(9000), 128 + 90.3 * np.cos(angle), 150 + 90.3 * np.sin(angle)])
    drawn = Contours((grid.reference_from_image(wheel),), 3.0, frame_uid="2.25.7")
    (path,) = eci.write_rtstruct([Mask.from_volume(like(v, comb)), drawn], tmp_path / "ct", tmp_path / "rt.dcm")
    rois = pydicom.dcmread(path).ROIContourSequence
    lengths = [len(c.get_item(0x30060050).value) for roi in rois for c in roi.ContourSequence]
    assert max(lengths) <= 65_000 and len(rois[0].ContourSequence) > 1 and len(rois[1].ContourSequence) > 1
    mask, wheel_read = eci.read_rtstruct(path)
    assert np.array_equal(mask.mask_on(v).values, comb)
    assert np.array_equal(wheel_read.mask_on(v).values, drawn.mask_on(v).values)
    assert dciodvfy_errors(path) == []


def test_every_decimal_string_fits(phantoms, tmp_path):
    (path,) = eci.write_rtstruct(phantom_lesions("oblique"), phantoms["oblique"], tmp_path / "rt.dcm")
    for roi in pydicom.dcmread(path).ROIContourSequence:
        for contour in roi.ContourSequence:
            parts = contour.get_item(0x30060050).value.decode().strip().split("\\")
            assert len(parts) == 3 * contour.NumberOfContourPoints and max(map(len, parts)) <= 16


@given(st.lists(st.floats(-99999, 99999), max_size=20), st.sampled_from([4, 6]))
def test_decimals_come_back_rounded_once(values, digits):
    text = to_decimals(values, digits)
    assert len(text) % 2 == 0
    assert np.allclose(from_decimals(text), np.array(values), atol=0.51 * 10.0**-digits)
    assert [float(t) for t in text.decode().strip().split("\\") if t] == from_decimals(text).tolist()


@pytest.mark.parametrize("text", ["1e3\\-2.5E-2\\+7 ", " 12.50 \\ -0\\.5", "123456789012.345\\1\\2\0"])
def test_decimals_of_other_makers(text):
    assert from_decimals(text.encode()).tolist() == [float(t.strip(" \0")) for t in text.split("\\")]


# -- files of others -----------------------------------------------------------------
def test_mim_contours_give_the_mask_that_ibsi_made_of_them():
    v = eci.load_series(DATA / "rtstruct_mim_sts008/MR_T1/image")
    (tumour,) = eci.read_rtstruct(DATA / "rtstruct_mim_sts008/MR_T1/rtstruct/RS.dcm")
    reference = sitk.GetArrayFromImage(sitk.ReadImage(str(DATA / "rtstruct_mim_sts008/MR_T1/MR_T1_mask.nii.gz"))) > 0
    assert np.array_equal(tumour.mask_on(v).values, reference)
    assert tumour.volume_mm3 == pytest.approx(27_570, abs=20)


def test_volumes_need_no_images():
    volumes = [a.volume_mm3 for a in eci.read_rtstruct(DATA / "rtstruct_mim_phantom_rtutils/rtstruct/RS_mim.dcm")]
    assert np.allclose(volumes, [6507.0, 6006.9, 5735.8, 10964.8], atol=0.1)


def test_nested_contours_of_rt_utils_are_a_hole():
    (ring,) = eci.read_rtstruct(DATA / "rtstruct_mim_phantom_rtutils/rtstruct/RS_rtutils_hole.dcm")
    assert isinstance(ring, eci.Contours)
    outer, inner = sorted((np.ptp(r[:, 0]) for r in ring.rings_lps), reverse=True)
    areas = eci.Contours(ring.rings_lps, 1.0).volume_mm3
    assert outer > inner and 0 < areas < sum(eci.Contours((r,), 1.0).volume_mm3 for r in ring.rings_lps)


def other_maker(phantoms, tmp_path, edit):
    (path,) = eci.write_rtstruct(phantom_lesions("tiny"), phantoms["tiny"], tmp_path / "rt.dcm")
    dataset = pydicom.dcmread(path)
    for roi in dataset.StructureSetROISequence:
        del roi[0x30071001]
        del roi.SourcePixelPlanesCharacteristicsSequence
    for contour in dataset.ROIContourSequence:
        for item in contour.ContourSequence:
            item.ContourData = list(item.ContourData)
    edit(dataset)
    dataset.save_as(tmp_path / "other.dcm", enforce_file_format=True)
    return tmp_path / "other.dcm"


def test_empty_rois_points_and_missing_parts_are_understood(phantoms, tmp_path):
    def edit(dataset):
        del dataset.ROIContourSequence[0].ContourSequence  # Eclipse writes ROIs that nobody drew
        del dataset.ROIContourSequence[1].ROIDisplayColor
        for item in dataset.ROIContourSequence[2].ContourSequence:
            item.ContourGeometricType = "POINT"

    path = other_maker(phantoms, tmp_path, edit)
    with pytest.warns(UserWarning, match="ROI 3 holds only points"):
        empty, plain = eci.read_rtstruct(path)
    assert empty.volume_mm3 == 0 and plain.volume_mm3 > 0


def test_explicit_vr_and_closing_points(phantoms, tmp_path):
    def edit(dataset):
        for contour in dataset.ROIContourSequence:
            for item in contour.ContourSequence:
                item.ContourData = [*item.ContourData, *item.ContourData[:3]]
                item.NumberOfContourPoints += 1
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian

    v = eci.load_series(phantoms["tiny"])
    for before, after in zip(
        phantom_lesions("tiny"), eci.read_rtstruct(other_maker(phantoms, tmp_path, edit)), strict=True
    ):
        assert np.array_equal(before.mask_on(v).values, after.mask_on(v).values)


def test_bad_structure_sets_are_refused_by_name(phantoms, tmp_path):
    with pytest.raises(errors.BadStructureSet, match="not an RTSTRUCT"):
        eci.read_rtstruct(next(phantoms["tiny"].iterdir()))
    (tmp_path / "x.txt").write_text("hello")
    with pytest.raises(errors.NotDicom):
        eci.read_rtstruct(tmp_path / "x.txt")
    with pytest.raises(errors.BadStructureSet):
        eci.read_rtstruct(b"hello")
    (path,) = eci.write_rtstruct(phantom_lesions("tiny"), phantoms["tiny"], tmp_path / "rt.dcm")
    (tmp_path / "cut.dcm").write_bytes(path.read_bytes()[:3000])
    with pytest.raises(errors.EciError):
        eci.read_rtstruct(tmp_path / "cut.dcm")


def test_another_frame_of_reference_is_refused(phantoms, tmp_path):
    v = eci.load_series(phantoms["tiny"])
    (path,) = eci.write_rtstruct(phantom_lesions("axial"), phantoms["axial"], tmp_path / "rt.dcm")
    for annotation in eci.read_rtstruct(path):
        with pytest.raises(errors.FrameMismatch):
            annotation.mask_on(v)
    with pytest.raises((errors.FrameMismatch, errors.BadStructureSet)):
        eci.write_rtstruct(phantom_lesions("axial"), phantoms["tiny"], tmp_path / "x.dcm")
    with pytest.raises(errors.BadStructureSet, match="No annotations to write"):
        eci.write_rtstruct([], phantoms["tiny"], tmp_path / "x.dcm")
