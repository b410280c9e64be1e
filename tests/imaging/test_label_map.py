"""NIfTI and .seg.nrrd: nibabel and SimpleITK see the same voxels at the same places, with names, colours and ids."""

import json

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

import eci_annotate as eci
from eci_annotate import errors
from eci_annotate.imaging.annotations import Box, Mask
from eci_annotate.imaging.geometry import Grid
from eci_annotate.imaging.volume import grid_of, like, volume_from_array
from tests.counts import examples
from tests.grids import SERIES, grids

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def volume_on(grid: Grid):
    return volume_from_array(np.zeros(grid.shape, np.int16), grid, series_uid=SERIES)


def masks_on(volume, seed: int, *, overlap: bool) -> list[Mask]:
    """Three masks with one label and an empty one; without overlap where that is asked for."""
    rng = np.random.default_rng(seed)
    if overlap:
        arrays = [rng.random(volume.shape) < 0.4 for _ in range(3)]
        for array in arrays:
            array[0, 0, 0] = True
    else:
        values = rng.integers(0, 4, volume.shape)
        arrays = [values == n for n in (1, 2, 3)]
    arrays.append(np.zeros(volume.shape, bool))
    colours = [(255, 0, 0), (1, 2, 3), (0, 255, 128), (9, 9, 9)]
    return [Mask.from_volume(like(volume, a), label="same", colour=c) for a, c in zip(arrays, colours, strict=True)]


def affine_ras(grid: Grid) -> np.ndarray:
    """From (i, j, k) to RAS millimetres."""
    return LPS_TO_RAS @ grid.affine[:, [2, 1, 0, 3]]


@settings(max_examples=examples(40, 5000))
@given(grids(), st.integers(0, 99))
def test_nibabel_and_simpleitk_read_the_same_nifti(tmp_path_factory, grid, seed):
    volume, folder = volume_on(grid), tmp_path_factory.mktemp("nifti")
    masks = masks_on(volume, seed, overlap=False)
    path, table = eci.write_label_map(masks, volume, folder / "x.nii.gz")
    peer = nibabel.load(path)
    assert np.allclose(peer.affine, affine_ras(grid), atol=1e-3) and peer.get_data_dtype() == np.uint8
    # near half a turn the format's 32-bit quaternion leaves a milliradian or two; readers take the sform
    assert np.allclose(peer.header.get_qform(), peer.header.get_sform(), atol=3e-3 * max(grid.spacing_mm))
    assert [int(peer.header[code]) for code in ("qform_code", "sform_code", "intent_code")] == [1, 1, 1002]
    values = np.asarray(peer.dataobj).transpose()
    image = sitk.ReadImage(str(path))
    assert np.array_equal(sitk.GetArrayFromImage(image), values)
    assert np.allclose(image.GetOrigin(), grid.origin_lps, atol=1e-3)
    assert np.allclose(image.GetSpacing(), grid.spacing_mm[::-1], atol=1e-4)
    assert np.allclose(np.reshape(image.GetDirection(), (3, 3)), np.array(grid.directions)[::-1].T, atol=1e-4)
    for row, mask in zip(json.loads(table.read_text())["labels"], masks, strict=True):
        assert np.array_equal(values == row["value"], mask.voxels_on(grid))
        assert (row["uid"], row["label"], tuple(row["colour"])) == (mask.uid, mask.label, mask.colour)


@pytest.mark.parametrize(("spacing_from", "spacing"), [("ImagerPixelSpacing", (0.25, 0.5, 1)), ("pixels", (1, 1, 1))])
def test_a_projection_gets_no_place_and_no_unit(tmp_path, spacing_from, spacing):
    attrs = {"kind": "projection", "spacing_from": spacing_from}
    grid = Grid.from_arrays((0, 0, 0), np.eye(3)[::-1], spacing[::-1], (1, 2, 3), "1.2.3")
    volume = volume_from_array(np.ones(grid.shape, bool), grid, series_uid=SERIES, attrs=attrs)
    mask = Mask.from_volume(volume, label="mass")
    path, table = eci.write_label_map([mask], volume, tmp_path / "x.nii.gz")
    header = nibabel.load(path).header
    assert [int(header[code]) for code in ("qform_code", "sform_code", "xyzt_units")] == [0, 0, 0]
    assert b"no place in space" in bytes(header["descrip"]) and "lengths in" in json.loads(table.read_text())["limits"]
    for masks in ([mask], [mask, mask]):
        (path,) = eci.write_label_map(masks, volume, tmp_path / "x.seg.nrrd")
        lines = path.read_bytes().split(b"\n\n", 1)[0].decode().splitlines()
        assert not [line for line in lines if line.startswith("space")]
        assert (f"spacings: {'nan ' * (len(masks) - 1)}0.25 0.5 nan" in lines) == (spacing_from != "pixels")
        image = sitk.ReadImage(str(path))
        assert image.GetSpacing() == spacing and image.GetOrigin() == (0, 0, 0) and sitk.GetArrayFromImage(image).all()


def test_a_slice_of_unknown_thickness_says_so(tmp_path):
    grid = Grid.from_arrays((1, 2, 3), np.eye(3)[::-1], (1, 0.5, 0.5), (1, 2, 3), "1.2.3")
    volume = volume_from_array(np.ones(grid.shape, bool), grid, series_uid=SERIES, attrs={"kind": "slice"})
    path, table = eci.write_label_map([Mask.from_volume(volume)], volume, tmp_path / "x.nii.gz")
    header = nibabel.load(path).header
    assert int(header["sform_code"]) == 1 and b"thickness unknown" in bytes(header["descrip"])
    assert "thickness unknown" in json.loads(table.read_text())["limits"]
    (path,) = eci.write_label_map([Mask.from_volume(volume)], volume, tmp_path / "x.seg.nrrd")
    assert b"# slice thickness unknown" in path.read_bytes() and sitk.ReadImage(str(path)).GetOrigin() == (1, 2, 3)


@settings(max_examples=examples(40, 5000))
@given(grids(), st.integers(0, 99), st.booleans())
def test_simpleitk_reads_the_same_seg_nrrd(tmp_path_factory, grid, seed, overlap):
    volume, folder = volume_on(grid), tmp_path_factory.mktemp("nrrd")
    masks = masks_on(volume, seed, overlap=overlap)
    (path,) = eci.write_label_map(masks, volume, folder / "x.seg.nrrd")
    image = sitk.ReadImage(str(path))
    assert image.GetNumberOfComponentsPerPixel() == (3 if overlap else 1)
    assert np.allclose(image.GetOrigin(), grid.origin_lps, atol=1e-4)
    assert np.allclose(image.GetSpacing(), grid.spacing_mm[::-1], atol=1e-5)
    assert np.allclose(np.reshape(image.GetDirection(), (3, 3)), np.array(grid.directions)[::-1].T, atol=1e-5)
    layers = sitk.GetArrayFromImage(image).reshape(*grid.shape, -1)
    for n, mask in enumerate(masks):
        field = {key: image.GetMetaData(f"Segment{n}_{key}") for key in ("ID", "Name", "Color", "LabelValue", "Layer")}
        found = layers[..., int(field["Layer"])] == int(field["LabelValue"])
        assert np.array_equal(found, mask.voxels_on(grid))
        assert (field["ID"], field["Name"]) == (mask.uid, "same" if n == 0 else f"same ({n + 1})")
        assert np.allclose(np.array(field["Color"].split(), float) * 255, mask.colour, atol=0.01)
        first = next(m for m in range(len(masks)) if image.GetMetaData(f"Segment{m}_Layer") == field["Layer"])
        i0, i1, j0, j1, k0, k1 = map(int, image.GetMetaData(f"Segment{first}_Extent").split())
        kept = found[k0 : k1 + 1, j0 : j1 + 1, i0 : i1 + 1]
        assert int(kept.sum()) == int(found.sum()), "3D Slicer crops a layer to the extent of its first segment"


def test_the_header_is_as_3d_slicer_writes_it(tmp_path):
    volume = volume_on(Grid.from_arrays((1, 2, 3), np.eye(3)[::-1], (3, 0.5, 0.25), (2, 4, 5), "1.2"))
    masks = [m.with_label("a\nb \\ ä") for m in masks_on(volume, 1, overlap=True)]
    (path,) = eci.write_label_map(masks, volume, tmp_path / "x.seg.nrrd")
    lines = path.read_bytes().split(b"\n\n", 1)[0].decode().splitlines()
    assert lines[:4] == ["NRRD0004", "type: unsigned char", "dimension: 4", "space: left-posterior-superior"]
    assert "sizes: 3 5 4 2" in lines and "kinds: list domain domain domain" in lines
    assert "space directions: none (0.25,0,0) (0,0.5,0) (0,0,3)" in lines and "space origin: (1,2,3)" in lines
    assert "encoding: gzip" in lines and "Segment0_Name:=a b \\\\ ä" in lines


def test_repeated_uids_and_distant_segments_keep_their_own(tmp_path):
    volume = volume_on(Grid.from_arrays((1, 2, 3), np.eye(3)[::-1], (3, 0.5, 0.25), (4, 9, 9), "1.2"))
    near, far = np.zeros(volume.shape, bool), np.zeros(volume.shape, bool)
    near[0, :2, :2], far[3, 7:, 7:] = True, True
    masks = [Mask.from_volume(like(volume, a), label="x", uid="2.25.1") for a in (near, far)]
    (path,) = eci.write_label_map(masks, volume, tmp_path / "x.seg.nrrd")
    image = sitk.ReadImage(str(path))
    assert [image.GetMetaData(f"Segment{n}_ID") for n in (0, 1)] == ["2.25.1", "2.25.1 (2)"]
    assert [image.GetMetaData(f"Segment{n}_Extent") for n in (0, 1)] == ["0 8 0 8 0 3"] * 2


def test_many_annotations_take_two_bytes(tmp_path):
    volume = volume_on(Grid.from_arrays((1, 2, 3), np.eye(3)[::-1], (3, 0.5, 0.25), (3, 10, 10), "1.2"))
    numbers = np.arange(300).reshape(volume.shape)
    masks = [Mask.from_volume(like(volume, numbers == n), label="x") for n in range(300)]
    path, _ = eci.write_label_map(masks, volume, tmp_path / "x.nii.gz")
    peer = nibabel.load(path)
    assert peer.get_data_dtype() == np.uint16
    assert np.array_equal(np.asarray(peer.dataobj).transpose(), numbers + 1)
    (path,) = eci.write_label_map(masks, volume, tmp_path / "x.seg.nrrd")
    assert np.array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(path))), numbers + 1)


def test_overlaps_are_refused_or_go_to_the_first(tmp_path):
    volume = volume_on(Grid.from_arrays((1, 2, 3), np.eye(3)[::-1], (3, 0.5, 0.25), (2, 4, 5), "1.2"))
    masks = masks_on(volume, 1, overlap=True)
    with pytest.raises(errors.BadSegmentation, match="Annotations 1 and 2 overlap"):
        eci.write_label_map(masks, volume, tmp_path / "x.nii.gz")
    assert not list(tmp_path.iterdir())
    path, _ = eci.write_label_map(masks, volume, tmp_path / "x.nii.gz", overlap="priority")
    first, second = (mask.voxels_on(masks[0].grid) for mask in masks[:2])
    values = np.asarray(nibabel.load(path).dataobj).transpose()
    assert np.array_equal(values == 1, masks[0].mask_on(volume)) and (values == 2).sum() < second.sum() + first.sum()
    assert np.array_equal(values == 2, masks[1].mask_on(volume).values & (values != 1))


def test_files_are_the_same_again_and_errors_are_named(tmp_path):
    volume = volume_on(Grid.from_arrays((1, 2, 3), np.eye(3)[::-1], (3, 0.5, 0.25), (2, 4, 5), "1.2"))
    masks = masks_on(volume, 1, overlap=False)
    for suffix in (".nii.gz", ".seg.nrrd"):
        one = [path.read_bytes() for path in eci.write_label_map(masks, volume, tmp_path / f"a{suffix}")]
        assert one == [path.read_bytes() for path in eci.write_label_map(masks, volume, tmp_path / f"b{suffix}")]
    for wrong, kept in ((tmp_path / "x.mha", masks), (tmp_path / "x.nii.gz", [])):
        with pytest.raises(errors.BadSegmentation):
            eci.write_label_map(kept, volume, wrong)
    elsewhere = volume_on(Grid.from_arrays((1, 2, 3), np.eye(3)[::-1], (3, 0.5, 0.25), (2, 4, 5), "9.9"))
    moved = Mask.from_volume(elsewhere >= 0, series_uid="4.5")
    with pytest.raises(errors.FrameMismatch):
        eci.write_label_map([moved], volume, tmp_path / "x.nii.gz")


@pytest.mark.parametrize("name", ["x.nii.gz", "x.seg.nrrd", "x.dcm"])
def test_what_covers_no_voxel_is_told(tmp_path, name):
    eci.write_phantom(tmp_path / "dicom", "tiny")
    ct = eci.load_series(tmp_path / "dicom")
    centre = grid_of(ct).reference_from_image(np.array([2.5, 5.5, 5.5]))
    between = Box(tuple(centre), (0.5, 0.5, 0.5), label="speck")
    bone = Mask.from_volume(ct > 200, label="bone")
    with pytest.warns(UserWarning, match="'speck' covers no voxel") as warned:
        if name.endswith(".dcm"):
            eci.write_segmentation([bone, between], tmp_path / "dicom", tmp_path / name)
        else:
            eci.write_label_map([bone, between], ct, tmp_path / name)
    assert len(warned) == 1
