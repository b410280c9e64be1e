"""DICOM SEG: mask -> file -> mask is the identity, here and in highdicom; files of other makers are read exactly;
malformed files give named errors; dciodvfy finds no error."""

import warnings
from datetime import datetime
from io import BytesIO
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import eci_annotate as eci
from eci_annotate import errors
from eci_annotate.dicom.images.series import load_stacks
from eci_annotate.dicom.seg.cielab import colour_of, stored_of
from eci_annotate.dicom.seg.segmentation import Statement, segmentation_file
from eci_annotate.dicom.seg.source_images import images_of_structure_set
from eci_annotate.imaging.annotations import Box, Contours, Mask
from eci_annotate.imaging.geometry import Grid
from eci_annotate.imaging.measurements import Unit
from eci_annotate.imaging.volume import grid_of, instance_uids_of, like, volume_from_array
from tests.counts import examples
from tests.dicom.peers import dciodvfy_errors
from tests.dicom.series_maker import make_series
from tests.dicom.test_rtstruct import write_images
from tests.grids import grids, rotation

DATA = Path(__file__).parents[1] / "data"
SEGS = sorted(
    path
    for folder in ("liver_seg_dcmqi", "breast_mr_ucsf_br08")
    for path in (DATA / folder).rglob("*.dcm")
    if pydicom.dcmread(path, stop_before_pixels=True).Modality == "SEG"
)
WHEN = datetime(2024, 1, 2, 3, 4, 5)
pytestmark = pytest.mark.filterwarnings("ignore")


def placed(path: Path) -> dict[int, dict[tuple[float, ...], np.ndarray]]:
    """By segment and by position of the plane: the pixels of a SEG as pydicom reads them."""
    dataset = pydicom.dcmread(path)
    shared = dataset.SharedFunctionalGroupsSequence[0]
    full = int(dataset.get("MaximumFractionalValue", 1))
    found: dict[int, dict[tuple[float, ...], np.ndarray]] = {}
    pixels = dataset.pixel_array.reshape(-1, dataset.Rows, dataset.Columns)
    for item, plane in zip(dataset.PerFrameFunctionalGroupsSequence, pixels, strict=True):
        position = item.PlanePositionSequence[0].ImagePositionPatient
        if dataset.SegmentationType == "LABELMAP":
            numbers = [int(s.SegmentNumber) for s in dataset.SegmentSequence if s.SegmentNumber]
            parts = {n: plane == n for n in numbers}
        else:
            own = (item if "SegmentIdentificationSequence" in item else shared).SegmentIdentificationSequence[0]
            parts = {int(own.ReferencedSegmentNumber): plane >= 0.5 * full}
        for number, part in parts.items():
            found.setdefault(number, {})[tuple(float(v) for v in position)] = part
    return found


def on_plane(mask: Mask, position: tuple[float, ...], shape: tuple[int, int]) -> np.ndarray:
    """The voxels of a mask on one plane of its own grid."""
    grid = mask.grid
    plane = Grid.from_arrays(position, grid.directions, grid.spacing_mm, (1, *shape), grid.frame_of_reference_uid)
    return mask.voxels_on(plane)[0]


@pytest.mark.parametrize("path", SEGS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_real_files_are_read_voxel_for_voxel(path):
    found = eci.read_segmentation(path)
    expected = placed(path)
    labels = [str(s.SegmentLabel) for s in pydicom.dcmread(path).SegmentSequence if s.SegmentNumber]
    assert [mask.label for mask in found] == labels and len(found) == len(expected)
    for mask, planes in zip(found, expected.values(), strict=True):
        assert int(mask.voxels.sum()) == sum(int(p.sum()) for p in planes.values())
        for position, plane in planes.items():
            assert np.array_equal(on_plane(mask, position, plane.shape), plane)


@pytest.mark.parametrize("path", [p for p in SEGS if "breast" not in str(p)], ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_highdicom_places_real_files_at_the_same_points(path):
    """The breast file lacks the dimension indices that highdicom's volumes need."""
    seg = hd.seg.segread(path)
    for number, mask in zip([n for n in seg.segment_numbers if n], eci.read_segmentation(path), strict=True):
        volume = seg.get_volume(
            segment_numbers=[number], combine_segments=False, allow_missing_positions=True, rescale_fractional=False
        )
        voxels = volume.array.reshape(volume.spatial_shape) > 0
        assert index_of(mask) == index_of_peer(volume, voxels, mask.grid)


def index_of_peer(volume: hd.Volume, voxels: np.ndarray, grid: Grid) -> set[tuple[int, ...]]:
    """Where the voxels of a highdicom volume lie on a grid, as whole indices."""
    points = np.argwhere(voxels) @ volume.affine[:3, :3].T + volume.affine[:3, 3]
    index = grid.image_from_reference(points)
    assert np.abs(index - np.round(index)).max(initial=0) < 0.01
    return set(map(tuple, np.round(index).astype(int).tolist()))


def index_of(mask: Mask) -> set[tuple[int, ...]]:
    """The indices of the voxels of a mask."""
    return set(map(tuple, np.argwhere(mask.voxels).tolist()))


def test_the_liver_lies_on_its_images():
    liver = eci.read_segmentation(DATA / "liver_seg_dcmqi/seg/liver.dcm")[0]
    ct = eci.load_series(DATA / "liver_seg_dcmqi/ct-3slice")
    assert liver.series_uid and int(liver.mask_on(ct).sum()) == int(liver.voxels.sum()) == 107098
    assert 0 < float(ct.where(liver.mask_on(ct)).mean()) < 200


def test_a_threshold_is_noted_and_counts():
    path = DATA / "breast_mr_ucsf_br08/seg/seg.dcm"
    found = eci.read_segmentation(path)
    assert "at least 0.5 of the full occupancy" in found.notes[0]
    dataset = pydicom.dcmread(path)
    pixels = dataset.pixel_array.copy()
    pixels[pixels == 255] = 100
    dataset.PixelData = pixels.tobytes()
    content = written(dataset)
    assert eci.read_segmentation(content)[0].voxels.size == 0
    assert int(eci.read_segmentation(content, threshold=100 / 255)[0].voxels.sum()) == int(found[0].voxels.sum())
    for wrong in (0, 1.5, float("nan")):
        with pytest.raises(errors.BadSegmentation, match="threshold"):
            eci.read_segmentation(path, threshold=wrong)


def written(dataset: pydicom.Dataset) -> bytes:
    out = BytesIO()
    dataset.save_as(out)
    return out.getvalue()


GRIDS = {
    "axial": Grid.from_arrays((-40, -50, 12), np.eye(3)[::-1], (2.5, 0.8, 0.8), (6, 24, 32), "2.25.7"),
    "anisotropic": Grid.from_arrays((-40, -50, 12), np.eye(3)[::-1], (5.0, 0.9, 0.7), (5, 20, 36), "2.25.7"),
    "oblique": Grid.from_arrays(
        (-40, -50, 12), rotation((0.3, -0.2, 0.5)).T[::-1], (3.1, 1.3, 0.9), (5, 28, 22), "2.25.7"
    ),
    "sagittal": Grid.from_arrays(
        (-40.25, 50, 12), [[-1, 0, 0], [0, 0, -1], [0, 1, 0]], (2.2, 0.5, 0.5), (4, 9, 7), "2.25.7"
    ),
    "one slice": Grid.from_arrays((1, 2, 3), np.eye(3)[::-1], (4.0, 1.5, 0.5), (1, 9, 13), "2.25.7"),
}


def arrays_on(grid: Grid, seed: int) -> list[np.ndarray]:
    """Noise, an empty mask, a full slice with empty ones around it, a lone voxel at the far corner, everything."""
    rng = np.random.default_rng(seed)
    found = [rng.random(grid.shape) < share for share in (0.35, 0.0, 0.0, 0.0, 1.0)]
    found[2][grid.shape[0] // 2] = True
    found[3][-1, -1, -1] = True
    return found


def _round_trip(grid, arrays, folder, kind="binary"):
    write_images(folder / "ct", grid)
    volume = eci.load_series(folder / "ct")
    masks = [Mask.from_volume(like(volume, a), label="same", colour=(10 * n, 200, 7)) for n, a in enumerate(arrays)]
    (path,) = eci.write_segmentation(masks, folder / "ct", folder / "seg.dcm", kind=kind, when=WHEN)
    found = eci.read_segmentation(path)
    assert [(a.uid, a.label, a.colour) for a in found] == [(a.uid, a.label, a.colour) for a in masks]
    assert found.notes == [] and {a.series_uid for a in found} == {masks[0].series_uid}
    for array, mask in zip(arrays, found, strict=True):
        assert np.array_equal(mask.mask_on(volume).values, array)
        assert mask.volume_mm3 == pytest.approx(array.sum() * grid.voxel_mm3)
    return path, volume, masks


@pytest.mark.parametrize("name", GRIDS)
def test_mask_to_file_to_mask_is_the_identity(name, tmp_path):
    path, _, masks = _round_trip(GRIDS[name], arrays_on(GRIDS[name], 1), tmp_path)
    seg = hd.seg.segread(path)
    assert seg.SegmentsOverlap == "YES"
    volume = seg.get_volume(combine_segments=False, allow_missing_positions=True)
    for n, mask in enumerate(masks):
        assert index_of(mask) == index_of_peer(volume, volume.array[..., n] > 0, mask.grid)


@settings(max_examples=15, deadline=None)
@given(st.data(), st.integers(0, 99), st.sampled_from(["binary", "labelmap"]))
def test_mask_to_file_to_mask_is_the_identity_on_any_grid(tmp_path_factory, data, seed, kind):
    shape = data.draw(st.tuples(st.integers(1, 5), st.integers(3, 12), st.integers(3, 14)))
    grid = data.draw(grids(shape))
    arrays = arrays_on(grid, seed)
    if kind == "labelmap":
        arrays = [arrays[0], ~arrays[0], arrays[1]]
    _round_trip(grid, arrays, tmp_path_factory.mktemp("any"), kind)


@settings(max_examples=examples(12, 500), deadline=None)
@example(shape=(5, 2, 2), segments=1, seed=0)
@example(shape=(3, 1, 1), segments=2, seed=1)
@given(
    st.tuples(st.integers(1, 6), st.integers(1, 5), st.integers(1, 5)),
    st.integers(1, 3),
    st.integers(0, 99),
)
def test_frames_that_begin_within_a_byte_are_read(tmp_path_factory, shape, segments, seed):
    """The bits of all frames follow each other without a gap (PS3.5 8.1.1): numpy and highdicom see the same."""
    folder = tmp_path_factory.mktemp("bits")
    grid = Grid.from_arrays((-4, 5, 12), np.eye(3)[::-1], (2.5, 0.8, 0.8), shape, "2.25.7")
    rng = np.random.default_rng(seed)
    arrays = [rng.random(shape) < 0.6 for _ in range(segments)]
    arrays[0][0, 0, 0] = True
    path, volume, _ = _round_trip(grid, arrays, folder)
    volume_grid, dataset = grid_of(volume), pydicom.dcmread(path)
    frames, size = int(dataset.NumberOfFrames), shape[1] * shape[2]
    bits = np.unpackbits(np.frombuffer(dataset.PixelData, np.uint8), bitorder="little")[: frames * size]
    plain = np.zeros((segments, *shape), bool)
    shared = dataset.SharedFunctionalGroupsSequence[0]
    for frame, plane in zip(dataset.PerFrameFunctionalGroupsSequence, bits.reshape(frames, *shape[1:]), strict=True):
        k = round((float(frame.PlanePositionSequence[0].ImagePositionPatient[2]) - 12) / 2.5)
        item = (frame if "SegmentIdentificationSequence" in frame else shared).SegmentIdentificationSequence[0]
        plain[item.ReferencedSegmentNumber - 1, k] = plane
    peer = hd.seg.segread(path).get_volume(combine_segments=False, allow_missing_positions=True)
    for n, array in enumerate(arrays):
        assert np.array_equal(plain[n], array)
        assert index_of_peer(peer, peer.array[..., n] > 0, volume_grid) == set(map(tuple, np.argwhere(array).tolist()))
    if size < 8 and frames > (frames * size + 7) // 8 + 1:
        gaps = np.packbits(bits.reshape(frames, size), axis=1, bitorder="little").tobytes()
        dataset.PixelData = gaps + b"\0" * (frames % 2)
        with pytest.raises(errors.EciError, match=r"gaps|more pixels"):
            eci.read_segmentation(written(dataset))
        dataset.PixelData = np.packbits(bits, bitorder="little").tobytes()
    dataset.PixelData = dataset.PixelData[: ((frames * size + 7) // 8 - 1) // 2 * 2]
    with pytest.raises(errors.EciError):
        eci.read_segmentation(written(dataset))


@pytest.mark.needs_debian
@pytest.mark.parametrize("name", GRIDS)
def test_dciodvfy_finds_no_error(name, tmp_path):
    path, _, masks = _round_trip(GRIDS[name], arrays_on(GRIDS[name], 1), tmp_path)
    assert dciodvfy_errors(path) == []
    box = Box(masks[0].grid.reference_from_image([0, 2, 2]), (3, 3, 3), label="ä \\ 肝", uid="not-a-uid")
    (path,) = eci.write_segmentation([box], tmp_path / "ct", tmp_path / "box.dcm")
    assert dciodvfy_errors(path) == []
    (back,) = eci.read_segmentation(path)
    assert (back.label, back.uid) == ("ä \\ 肝", "not-a-uid")


def test_the_file_lies_in_the_study_and_refers_to_its_images(tmp_path):
    path, volume, masks = _round_trip(GRIDS["oblique"], arrays_on(GRIDS["oblique"], 2)[:1], tmp_path)
    seg, image = pydicom.dcmread(path), pydicom.dcmread(tmp_path / "ct/0.dcm")
    for keyword in ("StudyInstanceUID", "PatientID", "FrameOfReferenceUID"):
        assert seg[keyword].value == image[keyword].value
    (series,) = seg.ReferencedSeriesSequence
    uids = [str(item.ReferencedSOPInstanceUID) for item in series.ReferencedInstanceSequence]
    assert uids == volume.instance_uid.values.tolist() and series.SeriesInstanceUID == image.SeriesInstanceUID
    for frame in seg.PerFrameFunctionalGroupsSequence:
        position = np.array(frame.PlanePositionSequence[0].ImagePositionPatient, float)
        k = int(eci.grid_of(volume).voxel_from_reference(position)[0])
        (source,) = frame.DerivationImageSequence[0].SourceImageSequence
        assert source.ReferencedSOPInstanceUID == uids[k]
    item = seg.SegmentSequence[0]
    assert item.TrackingUID == item.TrackingID == masks[0].uid


def test_frames_of_a_multi_frame_image_are_named(tmp_path):
    folder = DATA / "liver_seg_dcmqi/24x38x3"
    (volume,) = load_stacks(folder / "mf.dcm")
    values = np.zeros(volume.shape, bool)
    values[0, 1, 2] = values[2, 3:5, 6] = True
    mask = Mask.from_volume(like(volume, values), label="x")
    (path,) = eci.write_segmentation([mask], folder / "mf.dcm", tmp_path / "seg.dcm")
    assert np.array_equal(eci.read_segmentation(path)[0].mask_on(volume).values, values)
    seg = pydicom.dcmread(path)
    image = pydicom.dcmread(folder / "mf.dcm")
    assert len(seg.PerFrameFunctionalGroupsSequence) == 2
    for frame in seg.PerFrameFunctionalGroupsSequence:
        (source,) = frame.DerivationImageSequence[0].SourceImageSequence
        own = image.PerFrameFunctionalGroupsSequence[int(source.ReferencedFrameNumber) - 1]
        places = [item.PlanePositionSequence[0].ImagePositionPatient for item in (frame, own)]
        assert np.allclose(*(np.array(place, float) for place in places))
    assert len(seg.ReferencedSeriesSequence[0].ReferencedInstanceSequence) == 1


def test_a_structure_set_stands_in_for_the_image_files(tmp_path):
    folder = DATA / "liver_seg_dcmqi/24x38x3"
    for source in (folder / "mf.dcm", folder / "image"):
        (volume,) = load_stacks(source)
        values = np.zeros(volume.shape, bool)
        values[0, 1, 2] = values[2, 3:5, 6] = True
        mask = Mask.from_volume(like(volume, values), label="x")
        (rtstruct,) = eci.write_rtstruct([mask], source, tmp_path / "rt.dcm")
        (seg,) = eci.write_segmentation([mask], source, tmp_path / "seg.dcm", when=WHEN)
        uids = instance_uids_of(volume)
        images = images_of_structure_set(rtstruct.read_bytes(), mask.series_uid, grid_of(volume), uids)
        content = segmentation_file([mask], images, Statement(when=WHEN))
        one, two = pydicom.dcmread(seg), pydicom.dcmread(BytesIO(content))
        for keyword in ("ReferencedSeriesSequence", "PerFrameFunctionalGroupsSequence", "SegmentSequence"):
            assert one[keyword].value == two[keyword].value
        assert one.PixelData == two.PixelData and one.StudyInstanceUID == two.StudyInstanceUID


def test_a_stack_of_a_series_keeps_its_uid(tmp_path):
    first = None
    for phase in (1, 2):
        paths = make_series(
            tmp_path / "ct",
            5,
            value=100 * phase,
            like=first,
            name=f"p{phase}-",
            edit=lambda dataset, k, phase=phase: setattr(dataset, "TemporalPositionIdentifier", phase),
        )
        first = first or pydicom.dcmread(paths[0])
    one, two = load_stacks(tmp_path / "ct")
    masks = [Mask.from_volume(v > 101, label="x") for v in (one, two)]
    with pytest.raises(errors.BadSegmentation, match="2 stacks"):
        eci.write_segmentation(masks, tmp_path / "ct", tmp_path / "one.dcm")
    files = eci.write_segmentation(masks, tmp_path / "ct", tmp_path / "out")
    for path, volume, mask in zip(files, (one, two), masks, strict=True):
        (back,) = eci.read_segmentation(path)
        assert back.series_uid == mask.series_uid
        assert np.array_equal(back.mask_on(volume).values, mask.mask_on(volume).values)
        assert len(pydicom.dcmread(path).ReferencedSeriesSequence[0].ReferencedInstanceSequence) == 5


def test_boxes_and_contours_take_the_voxels_inside(tmp_path):
    grid = GRIDS["axial"]
    write_images(tmp_path / "ct", grid)
    volume = eci.load_series(tmp_path / "ct")
    centre = grid.reference_from_image([2, 10, 12])
    box = Box(centre, (6, 4, 5), label="box")
    ring = centre + np.array([[-4, -4, 0], [4, -4, 0], [4, 4, 0], [-4, 4, 0]], float)
    place = {"frame_uid": "2.25.7", "series_uid": volume.coords["frame"].attrs["series_uid"]}
    contours = Contours((ring,), None, label="ring", **place)
    (path,) = eci.write_segmentation([box, contours], tmp_path / "ct", tmp_path / "seg.dcm")
    for drawn, mask in zip((box, contours), eci.read_segmentation(path), strict=True):
        assert drawn.mask_on(volume).any() and np.array_equal(mask.mask_on(volume), drawn.mask_on(volume))


def test_overlaps_have_a_stated_rule(tmp_path):
    grid = GRIDS["axial"]
    write_images(tmp_path / "ct", grid)
    volume = eci.load_series(tmp_path / "ct")
    low, both = np.zeros(grid.shape, bool), np.zeros(grid.shape, bool)
    low[:3], both[2:5] = True, True
    masks = [Mask.from_volume(like(volume, a), label="same") for a in (low, both)]
    (path,) = eci.write_segmentation(masks, tmp_path / "ct", tmp_path / "a.dcm")
    assert [int(m.voxels.sum()) for m in eci.read_segmentation(path)] == [int(low.sum()), int(both.sum())]
    for write in (
        lambda: eci.write_segmentation(masks, tmp_path / "ct", tmp_path / "b.dcm", kind="labelmap"),
        lambda: eci.write_label_map(masks, volume, tmp_path / "b.nii.gz"),
    ):
        with pytest.raises(errors.BadSegmentation, match="Annotations 1 and 2 overlap"):
            write()
    assert not list(tmp_path.glob("b.*"))
    (path,) = eci.write_segmentation(masks, tmp_path / "ct", tmp_path / "b.dcm", kind="labelmap", overlap="priority")
    first, second = eci.read_segmentation(path)
    assert np.array_equal(first.mask_on(volume).values, low)
    assert np.array_equal(second.mask_on(volume).values, both & ~low)
    assert [first.label, second.label] == ["same", "same"]


def test_the_same_annotations_give_the_same_bytes(tmp_path):
    grid = GRIDS["axial"]
    write_images(tmp_path / "ct", grid)
    volume = eci.load_series(tmp_path / "ct")
    masks = [Mask.from_volume(like(volume, a)) for a in arrays_on(grid, 3)[:2]]

    def content(name, when=WHEN):
        return eci.write_segmentation(masks, tmp_path / "ct", tmp_path / name, when=when)[0].read_bytes()

    assert content("a.dcm") == content("b.dcm") != content("c.dcm", datetime(2025, 1, 1))


def test_what_cannot_be_written_is_refused_by_name(tmp_path):
    write_images(tmp_path / "ct", GRIDS["axial"])
    mask = Mask.from_volume(eci.load_series(tmp_path / "ct") >= 0)
    for options in ({"kind": "surface"}, {"overlap": "union"}):
        with pytest.raises(errors.BadSegmentation, match="Choose"):
            eci.write_segmentation([mask], tmp_path / "ct", tmp_path / "x.dcm", **options)
    with pytest.raises(errors.BadSegmentation, match="No annotations"):
        eci.write_segmentation([], tmp_path / "ct", tmp_path / "x.dcm")
    elsewhere = volume_from_array(np.ones((2, 3, 4), bool), GRIDS["axial"].cropped((0, 0, 0), (2, 3, 4)))
    lost = Mask.from_volume(elsewhere, frame_uid="1.2.3", series_uid="4.5.6")
    with pytest.raises(errors.BadSegmentation, match="not given"):
        eci.write_segmentation([lost], tmp_path / "ct", tmp_path / "x.dcm")
    assert not list(tmp_path.glob("x*"))


def test_labels_with_a_palette_and_planes_without_a_distance(tmp_path):
    grid = GRIDS["axial"]
    write_images(tmp_path / "ct", grid)
    volume = eci.load_series(tmp_path / "ct")
    values = np.zeros(volume.shape, bool)
    values[[1, 3], 2:5, 3:6] = True
    mask = Mask.from_volume(like(volume, values), label="a")
    (path,) = eci.write_segmentation([mask], tmp_path / "ct", tmp_path / "x.dcm", kind="labelmap")
    dataset = pydicom.dcmread(path)
    dataset.PhotometricInterpretation = "PALETTE COLOR"
    for colour in ("Red", "Green", "Blue"):
        dataset.add_new(f"{colour}PaletteColorLookupTableDescriptor", "US", [256, 0, 16])
        setattr(dataset, f"{colour}PaletteColorLookupTableData", bytes(512))
    assert np.array_equal(eci.read_segmentation(written(dataset))[0].mask_on(volume), values)
    (measures,) = dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence
    del measures.SliceThickness, measures.SpacingBetweenSlices
    with pytest.warns(UserWarning, match="distance of its planes"):
        eci.read_segmentation(written(dataset))


def test_sequences_of_unknown_vr_are_no_truncation():
    content = (DATA / "liver_seg_dcmqi/24x38x3/label_seg.dcm").read_bytes()
    at = content.index(b"\x10\x00\x10\x00PN")
    inner = b"\x20\x00\x32\x00\x06\x00\x00\x001\\2\\3 "  # implicit VR, whatever the file has
    ends = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    unknown = b"\x09\x00\x10\x10UN\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" + inner + ends
    (found,) = eci.read_segmentation(content[:at] + unknown + content[at:])
    assert np.array_equal(found.voxels, eci.read_segmentation(content)[0].voxels)


PICTURES = ["mammo_cbis_4view_quarter/LCC.dcm", "mammo_ffdm_siemens_overlay/OutOfBoundsOverlay.dcm"]


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_without_a_place_are_segmented_pixel_by_pixel(name, tmp_path):
    (picture,) = load_stacks(DATA / name)
    values = picture.values > picture.values.mean()
    values[:, :4, :7] = np.arange(28).reshape(4, 7) % 3 == 0
    mask = Mask.from_volume(like(picture, values), label="mass")
    (path,) = eci.write_segmentation([mask, mask.with_label("again")], DATA / name, tmp_path / "x.dcm")
    dataset = pydicom.dcmread(path)
    assert "FrameOfReferenceUID" not in dataset
    assert "PixelMeasuresSequence" not in dataset.SharedFunctionalGroupsSequence[0]
    assert np.array_equal(dataset.pixel_array[0], values[0])
    source = dataset.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence[0].SourceImageSequence[0]
    assert source.ReferencedSOPInstanceUID == pydicom.dcmread(DATA / name, stop_before_pixels=True).SOPInstanceUID
    back = eci.read_segmentation(path)[0]
    assert (back.series_uid, back.frame_uid) == (mask.series_uid, mask.frame_uid)
    assert np.array_equal(back.mask_on(picture).values, values)
    (rtstruct,) = eci.write_rtstruct([mask], DATA / name, tmp_path / "rt.dcm")
    where = (mask.series_uid, grid_of(picture), instance_uids_of(picture))
    images = images_of_structure_set(rtstruct.read_bytes(), *where, unit=Unit.DETECTOR)
    content = segmentation_file([mask], images, Statement(when=WHEN))
    assert np.array_equal(eci.read_segmentation(content)[0].mask_on(picture).values, values)
    for item in dataset.SegmentSequence:
        del item[0x30071001]
    with pytest.raises(errors.MissingGeometry):
        eci.read_segmentation(written(dataset))


@pytest.mark.needs_debian
@pytest.mark.parametrize("name", PICTURES)
def test_dciodvfy_finds_no_error_in_pictures(name, tmp_path):
    (picture,) = load_stacks(DATA / name)
    mask = Mask.from_volume(picture > picture.values.mean(), label="mass")
    assert dciodvfy_errors(eci.write_segmentation([mask], DATA / name, tmp_path / "x.dcm")[0]) == []


def test_without_highdicom_the_extra_is_named(tmp_path, monkeypatch):
    write_images(tmp_path / "ct", GRIDS["axial"])
    mask = Mask.from_volume(eci.load_series(tmp_path / "ct") >= 0)
    monkeypatch.setitem(__import__("sys").modules, "highdicom", None)
    with pytest.raises(errors.NotInstalled, match=r"eci-annotate\[export\]"):
        eci.write_segmentation([mask], tmp_path / "ct", tmp_path / "x.dcm")
    assert len(eci.read_segmentation(DATA / "liver_seg_dcmqi/seg/liver.dcm")) == 1


def test_colours_survive_exactly_and_highdicom_sees_them_alike():
    rng = np.random.default_rng(0)
    colours = [
        *rng.integers(0, 256, (300, 3)).tolist(),
        [0, 0, 0],
        [255, 255, 255],
        [255, 0, 0],
        [0, 0, 255],
        [0, 255, 0],
    ]
    for colour in colours:
        assert list(colour_of(stored_of(tuple(colour)))) == colour
        assert np.abs(np.array(hd.color.CIELabColor.from_rgb(*colour).value) - stored_of(tuple(colour))).max() <= 40
    assert eci.read_segmentation(written(liver()))[0].colour == (221, 130, 101), "3D Slicer's liver, as dcmqi wrote it"


def liver() -> pydicom.Dataset:
    return pydicom.dcmread(DATA / "liver_seg_dcmqi/24x38x3/label_seg.dcm")


def overlaps() -> pydicom.Dataset:
    return pydicom.dcmread(DATA / "liver_seg_dcmqi/seg/partial_overlaps.dcm")


def test_one_bad_segment_costs_that_segment():
    dataset = overlaps()
    del dataset.SegmentSequence[1].SegmentNumber
    del dataset.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence
    dataset.SegmentSequence[4].RecommendedDisplayCIELabValue = [1, 2]
    with pytest.warns(UserWarning) as told:
        found = eci.read_segmentation(written(dataset))
    assert [mask.label for mask in found] == ["PURPLE", "LIGHT_BLUE", "DARK_BLUE"]
    assert [str(each.message) for each in told] == found.notes and len(found.notes) == 3
    whole = {mask.label: mask for mask in eci.read_segmentation(written(overlaps()))}
    for mask in found:
        assert np.array_equal(mask.voxels, whole[mask.label].voxels)
    assert not any(word in note for note in found.notes for word in ("GREEN", "ORANGE"))


def test_a_repeated_tracking_uid_is_not_two_identities():
    dataset = overlaps()
    for item in dataset.SegmentSequence[:2]:
        item.TrackingUID, item.TrackingID = "2.25.5", "x"
    found = eci.read_segmentation(written(dataset))
    assert found[0].uid == "2.25.5" and len({mask.uid for mask in found}) == 5 and len(found.notes) == 1


def test_the_series_is_named_only_where_it_is_certain():
    dataset = liver()
    (series,) = dataset.ReferencedSeriesSequence
    other = pydicom.Dataset()
    other.SeriesInstanceUID, other.ReferencedInstanceSequence = "1.2.3", [pydicom.Dataset()]
    other.ReferencedInstanceSequence[0].ReferencedSOPInstanceUID = "1.2.3.4"
    dataset.ReferencedSeriesSequence = [other, series]
    assert eci.read_segmentation(written(dataset))[0].series_uid == series.SeriesInstanceUID
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        del frame.DerivationImageSequence
    assert eci.read_segmentation(written(dataset))[0].series_uid == ""
    del dataset.ReferencedSeriesSequence
    assert eci.read_segmentation(written(dataset))[0].series_uid == ""


def test_segments_on_different_grids_are_read_on_their_own():
    dataset = overlaps()
    dataset.PerFrameFunctionalGroupsSequence[6].PlanePositionSequence[0].ImagePositionPatient[2] = -100.3
    found = eci.read_segmentation(written(dataset))
    assert len(found) == 5 and found.notes == []
    assert [found[n].grid.origin_lps[2] for n in (3, 4)] == [-128.69, -100.3]


@pytest.mark.parametrize("kind", ["binary", "labelmap"])
def test_masks_without_voxels_are_kept(kind, tmp_path):
    write_images(tmp_path / "ct", GRIDS["axial"])
    volume = eci.load_series(tmp_path / "ct")
    masks = [Mask.from_volume(volume > 1e6, label=label) for label in "ab"]
    (path,) = eci.write_segmentation(masks, tmp_path / "ct", tmp_path / "x.dcm", kind=kind)
    found = eci.read_segmentation(path)
    assert [(mask.label, mask.voxels.size) for mask in found] == [("a", 0), ("b", 0)]


@pytest.mark.parametrize(("thickness", "wanted"), [(2.5, 2.5), (7, 5), (None, 5)])
def test_gaps_without_a_stated_spacing_are_measured(thickness, wanted):
    """Planes that the thickness fits are as far apart as it says, so that no empty plane is filled."""
    dataset = liver()
    measures = dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    measures.SpacingBetweenSlices, measures.SliceThickness = None, thickness
    for n, height in enumerate((10.0, -5.0, 0.0)):  # steps of 5 and 10 mm, out of order
        dataset.PerFrameFunctionalGroupsSequence[n].PlanePositionSequence[0].ImagePositionPatient[2] = height
    dataset.PixelData = np.packbits(np.ones(3 * 38 * 24, bool), bitorder="little").tobytes()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = eci.read_segmentation(written(dataset))
    (mask,) = found
    assert mask.grid.spacing_mm[0] == wanted and mask.grid.origin_lps[2] == -5
    planes = [1, 1, 0, 1] if wanted == 5 else [1, 0, 1, 0, 0, 0, 1]
    assert mask.voxels.any(axis=(1, 2)).tolist() == [bool(each) for each in planes]
    assert bool(found.notes) is (wanted != thickness)


def moved(axis: int, to: float):
    """Puts the last plane elsewhere."""

    def move(dataset: pydicom.Dataset) -> None:
        dataset.PerFrameFunctionalGroupsSequence[2].PlanePositionSequence[0].ImagePositionPatient[axis] = to

    return move


DAMAGE = {
    "no segments": lambda d: d.__delitem__("SegmentSequence"),
    "empty segments": lambda d: setattr(d, "SegmentSequence", []),
    "no type": lambda d: d.__delitem__("SegmentationType"),
    "unknown type": lambda d: setattr(d, "SegmentationType", "SURFACE"),
    "no pixels": lambda d: d.__delitem__("PixelData"),
    "few pixels": lambda d: setattr(d, "PixelData", d.PixelData[:-100]),
    "no frames": lambda d: d.__delitem__("PerFrameFunctionalGroupsSequence"),
    "few frames": lambda d: setattr(d, "PerFrameFunctionalGroupsSequence", d.PerFrameFunctionalGroupsSequence[:2]),
    "wrong count": lambda d: setattr(d, "NumberOfFrames", 7),
    "count of no number": lambda d: d.add_new("NumberOfFrames", "LO", "many"),
    "no shared groups": lambda d: d.__delitem__("SharedFunctionalGroupsSequence"),
    "no rows": lambda d: d.__delitem__("Rows"),
    "no columns": lambda d: setattr(d, "Columns", 0),
    "other class": lambda d: setattr(d, "SOPClassUID", "1.2.840.10008.5.1.4.1.1.2"),
    "no orientation": lambda d: d.SharedFunctionalGroupsSequence[0].__delitem__("PlaneOrientationSequence"),
    "no spacing": lambda d: d.SharedFunctionalGroupsSequence[0].__delitem__("PixelMeasuresSequence"),
    "negative spacing": lambda d: setattr(
        d.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0], "PixelSpacing", [-1, 1]
    ),
    "uneven": moved(2, 12.345),
    "sheared": moved(0, 12.345),
    "far away": moved(2, 2.5e9),
    "fractional without maximum": lambda d: setattr(d, "SegmentationType", "FRACTIONAL"),
    "segments are text": lambda d: d.add_new("SegmentSequence", "LO", "none"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_malformed_files_give_named_errors(name):
    dataset = liver()
    DAMAGE[name](dataset)
    with pytest.raises(errors.EciError) as caught:
        eci.read_segmentation(written(dataset))
    assert "MADE" not in str(caught.value) and str(dataset.get("PatientID", "?")) not in str(caught.value)


@pytest.mark.parametrize("header", [{"TotalPixelMatrixColumns": 400}, {"DimensionOrganizationType": "TILED_FULL"}])
def test_tiles_of_a_slide_are_no_planes(header):
    dataset = liver()
    for keyword, value in header.items():
        setattr(dataset, keyword, value)
    with pytest.raises(errors.BadSegmentation, match="whole-slide"):
        eci.read_segmentation(written(dataset))


def test_a_plane_out_of_its_place_makes_no_slivers(tmp_path):
    """Two planes 0.4 mm apart in a file of planes 5 mm apart are no reason for voxels of 0.2 mm."""
    grid = next(iter(GRIDS.values()))
    path, *_ = _round_trip(grid, arrays_on(grid, 1), tmp_path)
    dataset = pydicom.dcmread(path)
    position = dataset.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence[0]
    shift = 0.08 * grid.spacing_mm[0] * np.asarray(grid.directions[0])
    position.ImagePositionPatient = [round(float(v), 6) for v in np.array(position.ImagePositionPatient, float) + shift]
    with pytest.warns(UserWarning, match="not evenly spaced"):
        found = eci.read_segmentation(written(dataset))
    assert all(mask.grid.spacing_mm[0] == pytest.approx(grid.spacing_mm[0]) for mask in found)


def test_truncated_files_give_named_errors(tmp_path):
    content = (DATA / "liver_seg_dcmqi/24x38x3/label_seg.dcm").read_bytes()
    for end in [*range(0, len(content) - 1, 97), len(content) - 1]:
        with pytest.raises(errors.EciError):
            eci.read_segmentation(content[:end])
    with pytest.raises(errors.NoImages):
        eci.read_segmentation(tmp_path / "nothing.dcm")


@pytest.mark.parametrize("name", ["label_seg", "sparse-labelmap-ppv5"])
def test_files_with_changed_bytes_are_read_or_refused_by_name(name):
    content = (DATA / f"liver_seg_dcmqi/24x38x3/{name}.dcm").read_bytes()
    rng = np.random.default_rng(5)
    refused = 0
    for _ in range(150):
        changed = bytearray(content)
        for at in rng.integers(132, len(content), 4):
            changed[at] = rng.integers(256)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                eci.read_segmentation(bytes(changed))
        except errors.EciError:
            refused += 1
    assert 0 < refused < 150


def test_a_segmentation_of_nothing_known_is_said_to_be_that():
    dataset = liver()
    del dataset.FrameOfReferenceUID, dataset.ReferencedSeriesSequence
    with pytest.warns(UserWarning, match="no frame of reference and no series"):
        eci.read_segmentation(written(dataset))


def fractions(**header):
    """The liver in pixels of 8 bits: 0, and some of 1 to 3 of at most 3."""
    dataset = liver()
    dataset.SegmentationType, dataset.SegmentationFractionalType = "FRACTIONAL", "OCCUPANCY"
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.MaximumFractionalValue = 7, 3
    count = int(dataset.NumberOfFrames) * dataset.Rows * dataset.Columns
    dataset.PixelData = (np.arange(count) % 4).astype(np.uint8).tobytes()
    for keyword, value in header.items():
        setattr(dataset, keyword, value)
    return dataset


CONTRADICTIONS = {
    "called binary": lambda: fractions(SegmentationType="BINARY"),
    "larger than Max": lambda: fractions(MaximumFractionalValue=2),
    "none that its pixels": lambda: fractions(MaximumFractionalValue=256),
    "one bit, and says that it is FRACTIONAL": lambda: called("FRACTIONAL"),
    "one bit, and says that it is LABELMAP": lambda: called("LABELMAP"),
    "is a label map": lambda: fractions(SOPClassUID="1.2.840.10008.5.1.4.1.1.66.7"),
}


def called(kind):
    dataset = liver()
    dataset.SegmentationType, dataset.MaximumFractionalValue = kind, 255
    return dataset


@pytest.mark.parametrize("why", CONTRADICTIONS)
def test_pixels_that_contradict_their_type_are_no_voxels(why):
    with pytest.raises(errors.BadSegmentation, match=why):
        eci.read_segmentation(written(CONTRADICTIONS[why]()))


def test_fractions_are_taken_from_the_threshold_on():
    with pytest.warns(UserWarning, match="fractional"):
        (half,) = eci.read_segmentation(written(fractions()))
        (third,) = eci.read_segmentation(written(fractions()), threshold=0.3)
    assert int(half.voxels.sum()) * 3 == int(third.voxels.sum()) * 2
