"""A series is split into the stacks that a radiologist would name; no frame moves into another stack."""

import copy
import gc
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import EnhancedMRImageStorage

import eci_annotate as eci
from eci_annotate import errors
from eci_annotate.dicom import structure_set
from eci_annotate.dicom.images.series import load_stacks
from eci_annotate.imaging.measurements import Unit, unit_of
from eci_annotate.imaging.volume import series_uid_of
from eci_annotate.repository.local.proposal import _row
from eci_annotate.repository.tables import annotation_table
from eci_annotate.tools.editing.table import Table
from tests.dicom.series_maker import SHAPE, make_series


def phases(folder: Path, count: int, edit, gone=(), **more) -> Path:
    """Several volumes at the same positions in one series; phase p holds the values 100 * p + k."""
    first = None
    for p in range(count):
        paths = make_series(
            folder, value=100 * (p + 1), like=first, name=f"p{p}_", edit=lambda d, k, p=p: edit(d, k, p), **more
        )
        first = first or pydicom.dcmread(paths[0])
        for phase, k in gone:
            if phase == p:
                paths[k].unlink()
    return folder


def contents(stacks):
    """For each stack its name and the phases that its slices came from."""
    return [(v.attrs.get("stack", ""), sorted({int(x) // 100 for x in v.values[:, 0, 0]})) for v in stacks]


def temporal(d, k, p):
    d.TemporalPositionIdentifier, d.InstanceNumber = p + 1, 10 * p + k + 1


def times(d, k, p):
    d.AcquisitionTime = ("235900", "000030", "000200")[p]


def echoes(d, k, p):
    d.EchoTime, d.AcquisitionTime = (4.6, 2.3)[(p + k) % 2], "101010"  # order alternates
    d.PixelData = np.full(SHAPE, 100 * ((p + k) % 2 + 1) + k, np.int16).tobytes()


def diffusion(d, k, p):
    d.DiffusionBValue = (0, 800, 800)[p]
    if p:
        d.DiffusionGradientOrientation = [[1.0, 0, 0], [0, 1.0, 0]][p - 1]


def siemens(d, k, p):
    d.add_new(0x00190010, "LO", "SIEMENS MR HEADER")
    d.add_new(0x0019100C, "IS", str((0, 50, 800)[p]))


def ge(d, k, p):
    d.add_new(0x00430010, "LO", "GEMS_PARM_01")
    d.add_new(0x00431039, "IS", [1_000_000_000 + (0, 50, 800)[p], 8, 0, 0])


def triggered(d, k, p):
    d.TriggerTime, d.InstanceNumber = 17.0 * k + 350 * p, 10 * p + k + 1  # another time on each slice


def water_and_fat(d, k, p):
    d.ImageType = ["ORIGINAL", "PRIMARY", "M", ("WATER", "FAT")[p]]


SPLITS = {
    "temporal position": (3, temporal, ["phase 1 of 3", "phase 2 of 3", "phase 3 of 3"]),
    "time over midnight": (3, times, ["phase 1 of 3", "phase 2 of 3", "phase 3 of 3"]),
    "echoes in alternating order": (2, echoes, ["TE 2.3 ms", "TE 4.6 ms"]),
    "b-values and directions": (3, diffusion, ["b 0", "b 800, direction 1 of 2", "b 800, direction 2 of 2"]),
    "b-values of Siemens": (3, siemens, ["b 0", "b 50", "b 800"]),
    "b-values of GE": (3, ge, ["b 0", "b 50", "b 800"]),
    "kinds of picture": (2, water_and_fat, ["water", "fat"]),
    "order alone": (2, triggered, ["repetition 1 of 2", "repetition 2 of 2"]),
}


@pytest.mark.parametrize("name", SPLITS)
def test_stacks_are_named_by_what_differs(tmp_path, name):
    count, edit, names = SPLITS[name]
    stacks = eci.load_stacks(phases(tmp_path, count, edit))
    found = contents(stacks)
    assert [each for each, _ in found] == names
    assert all(len(phase) == 1 for _, phase in found), found
    with pytest.raises(errors.BadImages, match="load_stacks"):
        eci.load_series(tmp_path)
    assert len({series_uid_of(v) for v in stacks}) == len(stacks)


@pytest.mark.parametrize("gone", [[(0, 3)], [(1, 4), (1, 5)], [(0, 0)]], ids=str)
@pytest.mark.parametrize("edit", [temporal, times, diffusion])
def test_no_slice_moves_into_the_place_of_a_missing_one(tmp_path, edit, gone):
    stacks = eci.load_stacks(phases(tmp_path, 3, edit, gone))
    assert all(len(phase) == 1 for _, phase in contents(stacks)), contents(stacks)
    assert sum(v.sizes["k"] for v in stacks) == 18 - len(gone)


def test_what_cannot_be_told_apart_is_refused(tmp_path):
    with pytest.raises(errors.MissingSlice, match="1 of 6 positions have fewer than 2 images"):
        eci.load_stacks(phases(tmp_path, 2, triggered, [(0, 3)]))


def test_interleaved_acquisitions_are_two_volumes(tmp_path):
    """Half a slice apart: they would make one even volume of twice as many slices."""

    def edit(d, k, p):
        d.AcquisitionNumber = p + 1
        x, y, z = d.ImagePositionPatient
        d.ImagePositionPatient = [x, y, float(z) + 1.25 * p]

    found = contents(eci.load_stacks(phases(tmp_path, 2, edit, modality="CT")))
    assert found == [("acquisition 1", [1]), ("acquisition 2", [2])]


def test_acquisition_numbers_of_single_slices_split_nothing(tmp_path):
    make_series(tmp_path, modality="CT", edit=lambda d, k: setattr(d, "AcquisitionNumber", k + 1))
    assert eci.load_series(tmp_path).shape == (6, *SHAPE)


# -- tolerances --------------------------------------------------------------------
@pytest.mark.parametrize("apart", [1e-6, 1e-5])
def test_cosines_about_a_border_of_rounding_are_equal(tmp_path, apart):
    a = np.arcsin(0.1235)

    def edit(d, k):
        v = [float(x) for x in d.ImageOrientationPatient]
        d.ImageOrientationPatient = [f"{x + (apart if k % 2 else -apart) * (n in (1, 3)):.8f}" for n, x in enumerate(v)]

    make_series(tmp_path, axes=[[np.cos(a), np.sin(a), 0], [-np.sin(a), np.cos(a), 0]], edit=edit)
    assert eci.load_series(tmp_path).shape == (6, *SHAPE)


def test_spacings_written_with_fewer_digits_are_equal(tmp_path):
    make_series(
        tmp_path, edit=lambda d, k: setattr(d, "PixelSpacing", ["0.70315"] * 2 if k % 2 else ["0.70314999"] * 2)
    )
    assert eci.load_series(tmp_path).shape == (6, *SHAPE)


def test_orientations_a_tenth_of_a_degree_apart_are_two(tmp_path):
    def edit(d, k):
        a = np.radians(0.5) * (k % 2)
        d.ImageOrientationPatient = [f"{v:.10f}"[:16] for v in (np.cos(a), np.sin(a), 0, -np.sin(a), np.cos(a), 0)]

    make_series(tmp_path, edit=edit)
    with pytest.raises(errors.MixedSeries, match="orientations"):
        eci.load_series(tmp_path)


@pytest.mark.parametrize("step", [0.625, 1.25, 0.8])
def test_positions_rounded_to_a_decimal_are_even(tmp_path, step):
    def edit(d, k):
        d.ImagePositionPatient = ["-31.7", "12.3", f"{55 + step * k:.1f}"]

    make_series(tmp_path, 24, spacing=(step, 0.9, 0.7), edit=edit)
    assert eci.grid_of(eci.load_series(tmp_path)).spacing_mm[0] == pytest.approx(step, abs=0.005)


def test_a_slice_out_of_its_place_is_found_though_positions_are_whole_numbers(tmp_path):
    make_series(tmp_path, edit=lambda d, k: setattr(d, "ImagePositionPatient", [0, 0, 5 * k + (k == 3)]))
    with pytest.raises(errors.UnevenSlices):
        eci.load_series(tmp_path)


# -- multi-frame files -------------------------------------------------------------
def multi_frame(path: Path, b_values=(0, 800), n: int = 4) -> None:
    """An enhanced MR file: b-values interleaved, frames in no order."""
    (first,) = make_series(path.parent / "parts", 1)
    dataset = pydicom.dcmread(first)
    first.unlink()
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness", "PixelData"):
        delattr(dataset, keyword)
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = EnhancedMRImageStorage
    dataset.NumberOfFrames = n * len(b_values)
    measures, orientation, shared = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = [0.9, 0.7], 3
    orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = Sequence([measures]), Sequence([orientation])
    dataset.SharedFunctionalGroupsSequence = Sequence([shared])
    frames, pixels = [], []
    for k in reversed(range(n)):
        for b, value in enumerate(b_values):
            position, weighting, scale, group = Dataset(), Dataset(), Dataset(), Dataset()
            position.ImagePositionPatient = [0, 0, 3 * k]
            weighting.DiffusionBValue = float(value)
            scale.RescaleSlope, scale.RescaleIntercept = "2", str(b)
            group.PlanePositionSequence, group.MRDiffusionSequence = Sequence([position]), Sequence([weighting])
            group.PixelValueTransformationSequence = Sequence([scale])
            frames.append(group)
            pixels.append(np.full(SHAPE, 100 * (b + 1) + k, np.int16))
    dataset.PerFrameFunctionalGroupsSequence = Sequence(frames)
    dataset.add_new("PixelData", "OW", np.stack(pixels).tobytes())
    dataset.save_as(path, enforce_file_format=True)


def test_frames_of_a_multi_frame_file_make_stacks(tmp_path):
    multi_frame(tmp_path / "enhanced.dcm")
    stacks = eci.load_stacks(tmp_path / "enhanced.dcm")
    assert [v.attrs["stack"] for v in stacks] == ["b 0", "b 800"]
    for b, v in enumerate(stacks):
        assert v.values[:, 0, 0].tolist() == [2 * (100 * (b + 1) + k) + b for k in range(4)]
        assert eci.grid_of(v).spacing_mm == (3.0, 0.9, 0.7)
    assert stacks[1].frame_number.values.tolist() == [8, 6, 4, 2]


def test_half_of_a_scaling_is_not_completed_by_that_of_other_frames(tmp_path):
    """The macro of one frame stands in place of the shared one (PS3.3 C.7.6.16.1.1), whatever it lacks."""
    multi_frame(tmp_path / "enhanced.dcm", (0,))
    dataset = pydicom.dcmread(tmp_path / "enhanced.dcm")
    frames = dataset.PerFrameFunctionalGroupsSequence
    dataset.SharedFunctionalGroupsSequence[0].PixelValueTransformationSequence = [
        copy.deepcopy(frames[0].PixelValueTransformationSequence[0])
    ]
    for group in frames[1:]:
        del group.PixelValueTransformationSequence
    del frames[0].PixelValueTransformationSequence[0].RescaleIntercept
    dataset.save_as(tmp_path / "enhanced.dcm")
    with pytest.raises(errors.DamagedFile, match="RescaleIntercept is missing from 1 of 4"):
        eci.load_series(tmp_path / "enhanced.dcm")


def test_a_structure_set_names_the_frames(tmp_path):
    multi_frame(tmp_path / "enhanced.dcm", (0,))
    v = eci.load_series(tmp_path / "enhanced.dcm")
    mask = eci.Mask.from_volume((v > 0) & (v.k == 3.0), label="x")
    (path,) = eci.write_rtstruct([mask], tmp_path / "enhanced.dcm", tmp_path / "rt.dcm")
    item = pydicom.dcmread(path).ROIContourSequence[0].ContourSequence[0]
    assert item.ContourImageSequence[0].ReferencedFrameNumber == 3
    (back,) = eci.read_rtstruct(path)
    assert np.array_equal(back.mask_on(v), mask.mask_on(v))


def test_a_multi_frame_file_of_ct_is_the_same_volume_as_its_slices(shared_data):
    folder = shared_data / "liver_seg_dcmqi/23x38x3"
    whole, parts = eci.load_series(folder / "mf.dcm"), eci.load_series(folder / "image")
    assert np.array_equal(whole, parts.values) and eci.grid_of(whole).same_voxels(eci.grid_of(parts))


def test_frames_belong_to_their_own_file_whatever_else_it_names(shared_data):
    """Functional groups name other instances, and private ones repeat elements of the single-frame original."""
    (path,) = (shared_data / "mr_multivendor_dicom2nifti/philips_enhanced_anatomical_001_implicit").glob("*.dcm")
    v = eci.load_series(path)
    assert set(v.instance_uid.values) == {str(pydicom.dcmread(path).SOPInstanceUID)}
    assert sorted(v.frame_number.values) == list(range(1, 9))


# -- pictures without a place ------------------------------------------------------
def test_a_mammogram_is_one_picture_on_its_own_plane(shared_data, tmp_path):
    (path,) = (shared_data / "mammo_ffdm_siemens_overlay").glob("*.dcm")
    with pytest.raises(errors.UnsupportedImages, match="projections"):
        eci.load_series(path)
    (picture,) = eci.load_stacks(path)
    header = pydicom.dcmread(path)
    assert picture.shape == (1, 788, 1318) and picture.attrs["spacing_from"] == "ImagerPixelSpacing"
    assert np.array_equal(picture.values[0], header.pixel_array)
    box = eci.Box((10, 8, 0), (5, 6, 0), label="mass", frame_uid=eci.grid_of(picture).frame_of_reference_uid)
    (written,) = eci.write_rtstruct([box], path, tmp_path / "rt.dcm")
    said = pydicom.dcmread(written).StructureSetROISequence[0].ROIDescription
    assert said == "no place in space, lengths in mm at the detector"
    (back,) = eci.read_rtstruct(written)
    assert np.array_equal(back.mask_on(picture), box.mask_on(picture)) and int(back.mask_on(picture).sum()) > 1000


def test_without_a_frame_of_reference_a_series_has_one_of_its_own(tmp_path):
    for name in "ab":
        make_series(tmp_path / name, edit=lambda d, k: delattr(d, "FrameOfReferenceUID"))
    a, b = eci.load_series(tmp_path / "a"), eci.load_series(tmp_path / "b")
    assert a.attrs["private_frame"] and eci.grid_of(a).frame_of_reference_uid != eci.grid_of(b).frame_of_reference_uid
    assert structure_set([eci.Mask.from_volume(a > 2)], tmp_path / "a")


# -- a study by mistake ------------------------------------------------------------
def test_a_study_is_refused_with_the_way_to_one_series(tmp_path):
    for name in "ab":
        make_series(tmp_path / name, name=name)
    with pytest.raises(errors.MixedSeries, match="2 series"):
        eci.load_series(tmp_path)
    table = eci.series_in(tmp_path)
    assert len(table) == 2 and set(table.files) == {6} and set(table["size"]) == {"6 x 32 x 40"}
    assert eci.load_series(tmp_path, series_uid=table.index[1]).shape == (6, *SHAPE)


def test_a_series_number_that_is_none_costs_no_row(tmp_path):
    make_series(tmp_path / "a", name="a", edit=lambda d, k: d.add_new("SeriesNumber", "LO", "x"))
    make_series(tmp_path / "b", name="b")
    table = eci.series_in(tmp_path)
    assert table.number.tolist() == [0, 1] and set(table.files) == {6}


def inverted_from(place):
    def edit(dataset, k):
        dataset.PhotometricInterpretation = "MONOCHROME1" if k >= place else "MONOCHROME2"

    return edit


@pytest.mark.parametrize("place", [1, 2, 3])
def test_slices_that_are_shown_inverted_are_a_stack_of_their_own(tmp_path, place):
    make_series(tmp_path, 4, edit=inverted_from(place))
    with pytest.raises(errors.MixedSeries):
        eci.load_series(tmp_path)
    found = {bool(each.attrs.get("inverted")): len(each) for each in eci.load_stacks(tmp_path)}
    assert found == {False: place, True: 4 - place}
    assert "inverted" in {each.attrs["stack"].split(",")[0] for each in eci.load_stacks(tmp_path)}


def test_two_modalities_are_never_one_volume(tmp_path):
    make_series(tmp_path, 6, edit=lambda d, k: setattr(d, "Modality", "CT" if k < 3 else "PT"))
    with pytest.raises(errors.MixedSeries):
        eci.load_series(tmp_path)
    found = [(each.attrs["modality"], each.attrs.get("units")) for each in eci.load_stacks(tmp_path)]
    assert {each.attrs["stack"] for each in eci.load_stacks(tmp_path)} == {"CT", "PT"}
    assert ("CT", "HU") in found and ("PT", "HU") not in found and len(found) == 2


def test_the_window_of_the_middle_slice_is_the_series_window(tmp_path):
    def edit(dataset, k):
        if k:
            dataset.WindowCenter, dataset.WindowWidth = 100 * k, 80
        else:
            for keyword in ("WindowCenter", "WindowWidth"):
                dataset.pop(keyword, None)

    make_series(tmp_path, 5, edit=edit)
    assert eci.load_series(tmp_path).attrs["window"] == (160.0, 240.0)


@pytest.mark.parametrize(("ratio", "stretched"), [([2, 1], True), ([1, 1], False), ([3, 3], False)])
def test_pixels_that_are_not_square_are_known(tmp_path, ratio, stretched):
    def edit(dataset, k):
        del dataset.PixelSpacing, dataset.ImagePositionPatient, dataset.ImageOrientationPatient
        dataset.PixelAspectRatio = ratio

    make_series(tmp_path, 1, edit=edit)
    (picture,) = load_stacks(tmp_path)
    assert picture.attrs["spacing_from"] == "pixels" and bool(picture.attrs.get("is_stretched")) is stretched


def region(delta_cm, kind=1, units=3):
    item = pydicom.Dataset()
    item.RegionSpatialFormat, item.PhysicalUnitsXDirection, item.PhysicalUnitsYDirection = kind, units, units
    item.PhysicalDeltaX, item.PhysicalDeltaY = delta_cm, 2 * delta_cm
    return item


@pytest.mark.parametrize(
    ("given", "unit", "spacing"),
    [
        ({"ImagerPixelSpacing": [0.1, 0.2], "PixelSpacing": [0.05, 0.1]}, Unit.DETECTOR, (0.1, 0.2)),
        ({"PixelSpacing": [0.1, 0.2]}, Unit.STATED, (0.1, 0.2)),
        ({"PixelSpacing": [0.1, 0.2], "PixelSpacingCalibrationType": "FIDUCIAL"}, Unit.CALIBRATED, (0.1, 0.2)),
        ({"NominalScannedPixelSpacing": [0.1, 0.2]}, Unit.FILM, (0.1, 0.2)),
        ({"SequenceOfUltrasoundRegions": [region(0.02), region(-0.02)]}, Unit.REGION, (0.4, 0.2)),
        ({"SequenceOfUltrasoundRegions": [region(0.02)], "PixelSpacing": [1, 1]}, Unit.REGION, (0.4, 0.2)),
        ({"SequenceOfUltrasoundRegions": [region(0.02), region(0.03)], "PixelSpacing": [1, 2]}, Unit.PIXEL, (1, 1)),
        ({"SequenceOfUltrasoundRegions": [region(0.02), region(0.02, kind=2)]}, Unit.PIXEL, (1, 1)),
        ({"SequenceOfUltrasoundRegions": [region(0.02, units=4)], "PixelSpacing": [1, 2]}, Unit.PIXEL, (1, 1)),
        ({"SequenceOfUltrasoundRegions": [region(0)]}, Unit.PIXEL, (1, 1)),
        ({"SequenceOfUltrasoundRegions": [pydicom.Dataset()]}, Unit.PIXEL, (1, 1)),
    ],
)
def test_where_the_spacing_of_a_picture_holds(tmp_path, given, unit, spacing):
    def edit(dataset, k):
        del dataset.PixelSpacing, dataset.ImagePositionPatient, dataset.ImageOrientationPatient
        for keyword, value in given.items():
            setattr(dataset, keyword, value)

    make_series(tmp_path, 1, edit=edit, value=7)
    (picture,) = load_stacks(tmp_path)
    assert (unit_of(picture), eci.grid_of(picture).spacing_mm[1:]) == (unit, spacing)
    mask = eci.Mask.from_volume(picture > 0)
    assert _row(mask, Table(lambda uid: picture))["volume_mm3"] is None
    (row,) = annotation_table([{"volume_mm3": None, "superseded": False}])["volume_mm3"]
    assert np.isnan(row)


def test_private_groups_of_frames_change_neither_place_nor_values(tmp_path, shared_data):
    source = shared_data / "liver_seg_dcmqi/24x38x3/mf.dcm"
    dataset, whole = pydicom.dcmread(source), eci.load_series(source)
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        item = pydicom.Dataset()
        item.PixelSpacing, item.ImagePositionPatient, item.SpacingBetweenSlices = [9, 9], [1, 2, 3], 7
        item.RescaleSlope, item.RescaleIntercept, item.WindowCenter, item.WindowWidth = 7, 3, 5, 6
        frame.add_new(0x20050014, "LO", "Philips MR Imaging DD 005")
        frame.add_new(0x2005140F, "SQ", [item])
    dataset.save_as(tmp_path / "mf.dcm")
    found = eci.load_series(tmp_path / "mf.dcm")
    assert eci.grid_of(found).same_voxels(eci.grid_of(whole)) and np.array_equal(found.values, whole.values)
    assert found.attrs["window"] == whole.attrs["window"]


def edited(path, change):
    dataset = pydicom.dcmread(path)
    change(dataset)
    dataset.save_as(path)
    return path


@pytest.mark.parametrize(("number", "total", "good"), [(1, 1, True), (1, None, True), (1, 2, False), (2, None, False)])
def test_a_missing_part_of_a_multi_frame_image_is_named(tmp_path, number, total, good):
    def part(dataset):
        dataset.ConcatenationUID, dataset.InConcatenationNumber = "1.2.3.4", number
        if total:
            dataset.InConcatenationTotalNumber = total

    multi_frame(tmp_path / "enhanced.dcm", (0,))
    path = edited(tmp_path / "enhanced.dcm", part)
    for load in (eci.load_series, eci.load_stacks):
        if good:
            load(path)
            continue
        with pytest.raises(errors.MissingSlice, match="1 of 2 files"):
            load(path)


@pytest.mark.parametrize("slopes", [(1.0, 1.0, 1.0, 1.0), (1.0, 2.0, 1.0, 2.0)])
def test_values_that_only_a_mapping_makes_comparable_are_said_not_to_be(tmp_path, slopes, recwarn):
    def mapped(dataset):
        for group, slope in zip(dataset.PerFrameFunctionalGroupsSequence, slopes, strict=True):
            mapping = Dataset()
            mapping.RealWorldValueSlope, mapping.RealWorldValueIntercept = slope, 0.0
            group.RealWorldValueMappingSequence = Sequence([mapping])

    multi_frame(tmp_path / "enhanced.dcm", (0,))
    eci.load_series(edited(tmp_path / "enhanced.dcm", mapped))
    assert any("cannot be compared" in str(each.message) for each in recwarn) is (len(set(slopes)) > 1)


def test_a_damaged_file_costs_no_other_series_its_row(tmp_path):
    make_series(tmp_path / "a", 3)
    for n, path in enumerate(make_series(tmp_path / "b", 2)):
        path.write_bytes(path.read_bytes()[: 300 + n])
    table = eci.series_in(tmp_path)
    assert table["files"].tolist() == [3, 2] and table.index[1] == "" and table["remark"].iloc[0] == ""
    assert "truncated" in table["remark"].iloc[1] and "1 more" in table["remark"].iloc[1]
    with pytest.raises(errors.DamagedFile):
        eci.series_in(tmp_path / "b")
    with pytest.raises(errors.DamagedFile):  # a slice of it may be the damaged file
        eci.load_series(tmp_path, series_uid=table.index[0])


def test_a_list_of_series_leaves_the_search_for_garbage_as_it_was(tmp_path):
    make_series(tmp_path, 2)
    for _ in range(2):
        eci.series_in(tmp_path)
        assert gc.isenabled()
    with pytest.raises(errors.EciError):
        eci.series_in(tmp_path / "nothing")
    assert gc.isenabled()


def test_images_without_a_series_keep_their_row_beside_damaged_files(tmp_path):
    make_series(tmp_path / "a", 3, edit=lambda d, k: delattr(d, "SeriesInstanceUID"))
    (path,) = make_series(tmp_path / "b", 1)
    path.write_bytes(path.read_bytes()[:300])
    assert eci.series_in(tmp_path)["files"].tolist() == [3, 1]
