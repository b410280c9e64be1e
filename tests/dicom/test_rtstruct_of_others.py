"""Structure sets as vendors write them: one bad item costs that item, and contours near a slice belong to it."""

import copy
import warnings

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian

import eci_annotate as eci
from eci_annotate import errors
from eci_annotate.imaging.volume import series_uid_of
from tests.dicom.series_maker import SHAPE, make_series


def regions(v):
    """Two masks; the first has a hole, a second part and a speck."""
    one, two = np.zeros(v.shape, bool), np.zeros(v.shape, bool)
    one[1:5, 3:14, 4:20] = True
    one[2:4, 6:10, 8:14] = False
    one[1:5, 20:28, 22:34] = True
    one[3, 29, 2] = True
    two[2:4, 15:19, 30:36] = True
    return one, two


def world(tmp_path, degrees=0.0, **more):
    a = np.radians(degrees)
    make_series(tmp_path / "s", axes=[[1, 0, 0], [0, np.cos(a), -np.sin(a)]], spacing=(3, 0.8, 0.8), **more)
    return eci.load_series(tmp_path / "s")


def foreign(tmp_path, v, edit, holes="keyhole"):
    """Write the two regions, take out what is ours, and edit the dataset."""
    masks = [eci.Mask.from_volume(v.copy(data=m), label=n) for m, n in zip(regions(v), ("one", "two"), strict=True)]
    (path,) = eci.write_rtstruct(masks, tmp_path / "s", tmp_path / "rt.dcm", holes=holes)
    dataset = pydicom.dcmread(path)
    for roi in dataset.StructureSetROISequence:
        roi.remove_private_tags()
        del roi.SourcePixelPlanesCharacteristicsSequence
    for roi in dataset.ROIContourSequence:
        for item in roi.ContourSequence:
            item.ContourData = list(item.ContourData)
    edit(dataset)
    dataset.save_as(tmp_path / "other.dcm")
    return tmp_path / "other.dcm"


def points(dataset, change):
    for roi in dataset.ROIContourSequence:
        for n, item in enumerate(roi.ContourSequence):
            changed = change(np.array(item.ContourData, float).reshape(-1, 3), n)
            item.ContourData = [f"{x:.6f}".rstrip("0").rstrip(".") for x in np.ravel(changed)]


def check_masks(v, found, wanted=(0, 1)):
    assert len(found) == len(wanted)
    for annotation, n in zip(found, wanted, strict=True):
        assert np.array_equal(annotation.mask_on(v).values, regions(v)[n])


@pytest.mark.parametrize("decimals", [3, 1])
@pytest.mark.parametrize("degrees", [0, 2, 10, 30])
def test_rounded_coordinates_stay_on_their_slices(tmp_path, degrees, decimals):
    v = world(tmp_path, degrees)
    path = foreign(tmp_path, v, lambda d: points(d, lambda p, n: np.round(p, decimals)), "nested")
    found = eci.read_rtstruct(path)
    check_masks(v, found)
    assert found[0].volume_mm3 == pytest.approx(regions(v)[0].sum() * 3 * 0.64, rel=0.03)


@pytest.mark.parametrize("holes", ["nested", "keyhole"])
@pytest.mark.parametrize("jitter", [0.03, 0.1])
def test_contours_a_little_beside_their_slice_belong_to_it(tmp_path, jitter, holes):
    v, random = world(tmp_path), np.random.default_rng(0)
    shift = lambda p, n: p + [0, 0, random.uniform(-jitter, jitter)]  # noqa: E731
    found = eci.read_rtstruct(foreign(tmp_path, v, lambda d: points(d, shift), holes))
    check_masks(v, found)
    assert found[0].volume_mm3 == pytest.approx(regions(v)[0].sum() * 3 * 0.64, rel=0.03)


def test_a_contour_repeated_beside_its_slice_changes_nothing(tmp_path):
    def edit(dataset):
        items = dataset.ROIContourSequence[0].ContourSequence
        extra = copy.deepcopy(items[-1])
        extra.ContourData = [float(x) + 0.5 * (n % 3 == 2) for n, x in enumerate(extra.ContourData)]
        items.append(extra)

    v = world(tmp_path)
    check_masks(v, eci.read_rtstruct(foreign(tmp_path, v, edit)))


def one_twice(dataset):
    items = dataset.ROIContourSequence[0].ContourSequence
    extra = copy.deepcopy(items[0])
    again = np.roll(np.array(extra.ContourData, float).reshape(-1, 3)[::-1], 2, axis=0)
    extra.ContourData = [float(x) for x in np.ravel(again)]
    items.append(extra)


def all_twice(dataset):
    dataset.ROIContourSequence.append(copy.deepcopy(dataset.ROIContourSequence[0]))


@pytest.mark.parametrize("edit", [one_twice, all_twice])
def test_a_contour_that_is_there_twice_counts_once_and_is_told(tmp_path, edit):
    v = world(tmp_path)
    with pytest.warns(UserWarning, match="repeat others"):
        found = eci.read_rtstruct(foreign(tmp_path, v, edit))
    check_masks(v, found)


def test_planes_much_closer_than_usual_are_planes():
    rings = [np.array([[0, 0, z], [5, 0, z], [5, 5, z], [0, 5, z]], float) for z in (0, 0.05, 0.1, 0.15, 9, 9.05, 9.1)]
    assert eci.Contours(tuple(rings)).volume_mm3 == pytest.approx(7 * 25 * 0.05)


# -- items that are wrong ----------------------------------------------------------------
def put(keyword, value, roi=0, sequence="ROIContourSequence"):
    def edit(dataset):
        if value is None:
            delattr(dataset[sequence][roi], keyword)
        else:
            dataset[sequence][roi].add_new(keyword, "LO", value)

    return edit


def number_twice(dataset):
    for roi, contour in zip(dataset.StructureSetROISequence, dataset.ROIContourSequence, strict=True):
        roi.ROINumber = contour.ReferencedROINumber = 1


def two_items(dataset):
    first = dataset.ROIContourSequence[0]
    rest = Dataset()
    rest.ReferencedROINumber, rest.ContourSequence = first.ReferencedROINumber, first.ContourSequence[3:]
    first.ContourSequence = first.ContourSequence[:3]
    dataset.ROIContourSequence.append(rest)


def types(text):
    def edit(dataset):
        for item in dataset.ROIContourSequence[0].ContourSequence:
            item.ContourGeometricType = text

    return edit


def without_types(dataset):
    for item in dataset.ROIContourSequence[0].ContourSequence:
        del item.ContourGeometricType


def without_images(dataset):
    for roi in dataset.ROIContourSequence:
        for item in roi.ContourSequence:
            del item.ContourImageSequence
    del dataset.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence


def orphan(dataset):
    extra = copy.deepcopy(dataset.ROIContourSequence[0])
    extra.ReferencedROINumber = 99
    dataset.ROIContourSequence.append(extra)


def closed(dataset):
    points(dataset, lambda p, n: np.vstack([p, p[:1]]))


SAME = {
    "colour with slashes": put("ROIDisplayColor", "255/0/0"),
    "colour of one value": put("ROIDisplayColor", "7"),
    "colour out of range": put("ROIDisplayColor", ["300", "0", "0"]),
    "colour missing": put("ROIDisplayColor", None),
    "number twice": number_twice,
    "number empty": put("ROINumber", "", sequence="StructureSetROISequence"),
    "reference missing": put("ReferencedROINumber", None),
    "two items for one": two_items,
    "types in lower case": types("closed_planar"),
    "types empty": types(""),
    "types missing": without_types,
    "no references": without_images,
    "an orphan": orphan,
    "points repeated": closed,
}


NOTED = {"number twice", "number empty", "reference missing", "two items for one", "an orphan"}


@pytest.mark.parametrize("name", SAME)
def test_what_can_be_understood_is_understood(tmp_path, name):
    v = world(tmp_path)
    path = foreign(tmp_path, v, SAME[name])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = eci.read_rtstruct(path)
    check_masks(v, found)
    assert bool(found.notes) == (
        name in {"number twice", "number empty", "reference missing", "two items for one", "an orphan"}
    )


def tilted(dataset):
    item = dataset.ROIContourSequence[0].ContourSequence[0]
    extra = copy.deepcopy(item)
    extra.ContourData = [0, 0, 55, 20, 0, 75, 20, 20, 75, 0, 20, 55]
    dataset.ROIContourSequence[0].ContourSequence.append(extra)


def short(dataset):
    extra = copy.deepcopy(dataset.ROIContourSequence[0].ContourSequence[0])
    extra.ContourData = [0, 0, 55, 20, 0, 55]
    dataset.ROIContourSequence[0].ContourSequence.append(extra)


def not_triplets(dataset):
    extra = copy.deepcopy(dataset.ROIContourSequence[0].ContourSequence[0])
    extra.ContourData = [0, 0, 55, 20]
    dataset.ROIContourSequence[0].ContourSequence.append(extra)


ONE_ITEM = {"tilted": (tilted, "parallel"), "two points": (short, "points"), "four numbers": (not_triplets, "cannot")}


@pytest.mark.parametrize("name", ONE_ITEM)
def test_one_bad_contour_costs_that_contour_and_is_said(tmp_path, name):
    edit, text = ONE_ITEM[name]
    v = world(tmp_path)
    with pytest.warns(UserWarning, match=text):
        found = eci.read_rtstruct(foreign(tmp_path, v, edit))
    check_masks(v, found)
    assert len(found.notes) == 1


def test_an_roi_of_points_is_left_out_and_said(tmp_path):
    v = world(tmp_path)
    with pytest.warns(UserWarning, match="ROI 1 holds only points"):
        check_masks(v, eci.read_rtstruct(foreign(tmp_path, v, types("POINT"))), wanted=(1,))


# -- frames ------------------------------------------------------------------------------
def test_the_series_counts_before_a_frame_that_the_maker_invented(shared_data):
    v = eci.load_series(shared_data / "rtstruct_mim_phantom_rtutils/ct")
    (ring,) = eci.read_rtstruct(shared_data / "rtstruct_mim_phantom_rtutils/rtstruct/RS_rtutils_hole.dcm")
    assert int(ring.mask_on(v).sum()) == 1443


def test_without_a_frame_of_its_own_an_roi_is_in_the_frame_of_the_file(tmp_path, shared_data):
    dataset = pydicom.dcmread(shared_data / "rtstruct_mim_sts008/CT/rtstruct/RS.dcm")
    for roi in dataset.StructureSetROISequence:
        del roi.ReferencedFrameOfReferenceUID
    dataset.save_as(tmp_path / "rt.dcm")
    (tumour,) = eci.read_rtstruct(tmp_path / "rt.dcm")
    assert int(tumour.mask_on(eci.load_series(shared_data / "rtstruct_mim_sts008/CT/image")).sum()) > 1000
    with pytest.raises(errors.FrameMismatch):
        tumour.mask_on(eci.load_series(shared_data / "liver_seg_dcmqi/ct-3slice"))


# -- other planes --------------------------------------------------------------------------
ACROSS = {
    "sagittal": ([[0, 1, 0], [0, 0, -1]], (-4, 13, 73)),
    "oblique": ([[1, 0, 0], [0, 0.6, -0.8]], (-31.03, 8.07, 73.013)),
}


@pytest.mark.parametrize("name", ACROSS)
def test_masks_on_other_planes_are_those_of_a_slow_test_of_each_voxel(tmp_path, name):
    (axes, start), v = ACROSS[name], world(tmp_path)
    first = pydicom.dcmread(next((tmp_path / "s").iterdir()))
    first.SeriesInstanceUID = "2.25.7"
    make_series(tmp_path / "t", 12, axes=axes, spacing=(1.9, 0.7, 1.1), like=first, start=start)
    w = eci.load_series(tmp_path / "t")
    (one, _) = eci.read_rtstruct(foreign(tmp_path, v, lambda dataset: None))
    found = one.mask_on(w).values
    grid = eci.grid_of(v)
    voxels = eci.grid_of(w).reference_from_image(np.moveaxis(np.indices(w.shape), 0, -1)).reshape(-1, 3)
    k, j, i = np.floor(grid.image_from_reference(voxels) + 0.5).astype(int).T
    inside = (k >= 0) & (k < v.shape[0]) & (j >= 0) & (j < SHAPE[0]) & (i >= 0) & (i < SHAPE[1])
    slow = np.zeros(len(voxels), bool)
    slow[inside] = regions(v)[0][k[inside], j[inside], i[inside]]
    assert found.sum() > 100 and (found != slow.reshape(w.shape)).mean() < 0.002  # borders are inset by 0.01 pixel


@pytest.mark.parametrize("form", ["explicit", "implicit", "undefined length"])
def test_of_several_series_in_one_frame_the_images_that_contours_name_decide(tmp_path, form):
    v = world(tmp_path)
    other = make_series(tmp_path / "b", 3)

    def name_both(dataset):
        study = dataset.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence[0]
        series = copy.deepcopy(study.RTReferencedSeriesSequence[0])
        series.SeriesInstanceUID = "1.2.3"
        series.ContourImageSequence = [Dataset() for _ in other]
        for item, path in zip(series.ContourImageSequence, other, strict=True):
            image = pydicom.dcmread(path)
            item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = image.SOPClassUID, image.SOPInstanceUID
        study.RTReferencedSeriesSequence.insert(0, series)
        for item in dataset.ROIContourSequence[1].ContourSequence:
            del item.ContourImageSequence

    path = foreign(tmp_path, v, name_both)
    dataset = pydicom.dcmread(path)
    if form == "implicit":
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    for roi in dataset.ROIContourSequence:
        roi["ContourSequence"].is_undefined_length = form == "undefined length"
    dataset.save_as(path, implicit_vr=form == "implicit", enforce_file_format=True)
    found = eci.read_rtstruct(path)
    assert [each.series_uid for each in found] == [series_uid_of(v), ""]
    assert len(found.notes) == 1 and "ROI 2" in found.notes[0] and "series" in found.notes[0]
    check_masks(v, found)


def sagittal(v):
    """Contours in planes along the columns, of another size in each, one with a hole; and their voxels."""
    rings, wanted, grid = [], np.zeros(v.shape, bool), eci.grid_of(v)
    for i, (j0, j1, k0, k1), inside in (
        (10, (4, 12, 1, 5), True), (11, (2, 5, 2, 4), True), (12, (10, 20, 1, 5), True),
        (20, (1, 9, 0, 6), True), (20, (3, 6, 2, 4), False),
    ):  # fmt: skip
        corners = [[k - 0.5, j - 0.5, i] for k, j in ((k0, j0), (k0, j1), (k1, j1), (k1, j0))]
        rings.append(grid.reference_from_image(corners))
        wanted[k0:k1, j0:j1, i] = inside
    return rings, wanted


def test_contours_across_the_slices_of_their_series_keep_their_planes(tmp_path):
    v = world(tmp_path, 10)
    rings, wanted = sagittal(v)

    def edit(dataset):
        item = dataset.ROIContourSequence[0]
        first = item.ContourSequence[0]
        item.ContourSequence = [copy.deepcopy(first) for _ in rings]
        for contour, ring in zip(item.ContourSequence, rings, strict=True):
            contour.ContourData = [f"{x:.4f}" for x in ring.ravel()]
            contour.NumberOfContourPoints = len(ring)

    found = eci.read_rtstruct(foreign(tmp_path, v, edit))[:1]
    assert found[0].series_uid == series_uid_of(v)
    (path,) = eci.write_rtstruct(found, tmp_path / "s", tmp_path / "again.dcm")
    (seg,) = eci.write_segmentation(found, tmp_path / "s", tmp_path / "seg.dcm")
    for each in (*found, *eci.read_rtstruct(path), *eci.read_segmentation(seg)):
        assert np.array_equal(each.mask_on(v).values, wanted)
