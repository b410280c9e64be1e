"""Colour is shown as it was stored, never as values; what is drawn on it comes back."""

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

import eci_annotate as eci
from eci_annotate import errors
from eci_annotate.dicom.images.series import pixel_digest
from eci_annotate.imaging.annotations import Box, Contours, Mask
from eci_annotate.imaging.volume import like
from tests.dicom.colour_maker import KINDS, colour_file

NEAR = {"YBR_FULL": 2, "YBR_FULL_422": 2, "JPEG": 3}  # grey levels: other rounding, other upsampling at the borders


def largest_difference(one, other):
    return int(np.abs(one.astype(int) - other.astype(int)).max())


@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_colours_are_those_of_the_file(tmp_path, kind, frames):
    shown = colour_file(tmp_path / "us.dcm", kind, frames)
    (stack,) = eci.load_stacks(tmp_path)
    assert stack.dims == ("k", "j", "i", "rgb") and stack.dtype == np.uint8
    assert stack.attrs["colour"] == "RGB" and ("reduced_from_bits" in stack.attrs) == ("16" in kind)
    if kind != "JPEG":
        assert largest_difference(stack.values, shown) <= NEAR.get(kind, 0)
    else:  # decoders smooth borders of colours differently
        assert np.abs(stack.values.astype(int) - shown).mean() < NEAR[kind]


@pytest.mark.parametrize("kind", ["RGB 0", "RGB 1", "PALETTE 8", "PALETTE 16"])
def test_simpleitk_sees_the_same_colours(tmp_path, kind):
    colour_file(tmp_path / "us.dcm", kind)
    (stack,) = eci.load_stacks(tmp_path)
    theirs = sitk.GetArrayFromImage(sitk.ReadImage(tmp_path / "us.dcm"))
    if theirs.dtype == np.uint16:
        theirs = (theirs >> 8).astype(np.uint8)
    assert largest_difference(stack.values, theirs.reshape(stack.shape)) == 0


def test_colours_never_pass_for_values(tmp_path):
    colour_file(tmp_path / "us.dcm", "RGB 0")
    (stack,) = eci.load_stacks(tmp_path)
    with pytest.raises(errors.UnsupportedImages, match="load_stacks"):
        eci.load_series(tmp_path)
    with pytest.raises(errors.BadVolume, match="colour"):
        Mask.from_volume(stack > 100)
    red = stack.sel(rgb="r") > 100
    assert (Mask.from_volume(red).mask_on(stack).values == red.values).all()


def test_colour_slices_with_places_are_a_volume(tmp_path):
    first = None
    for k in (2, 0, 3, 1):
        colour_file(tmp_path / f"{k}.dcm", "RGB 1", place=(10, 20, 3.0 * k), like=first, seed=k)
        first = first or pydicom.dcmread(tmp_path / f"{k}.dcm")
    (stack,) = eci.load_stacks(tmp_path)
    assert stack.shape[0] == 4 and eci.grid_of(stack).spacing_mm == (3.0, 0.8, 0.6)
    for k, uid in enumerate(stack.instance_uid.values):
        assert uid == pydicom.dcmread(tmp_path / f"{k}.dcm").SOPInstanceUID


def test_grey_and_colour_of_one_series_are_two_stacks(tmp_path):
    colour_file(tmp_path / "a.dcm", "RGB 0")
    header = pydicom.dcmread(tmp_path / "a.dcm")
    colour_file(tmp_path / "b.dcm", "PALETTE 8", like=header)
    grey = pydicom.dcmread(tmp_path / "b.dcm")
    grey.PhotometricInterpretation = "MONOCHROME2"
    grey.save_as(tmp_path / "b.dcm")
    assert sorted(each.ndim for each in eci.load_stacks(tmp_path)) == [3, 4]


@pytest.mark.parametrize("frames", [1, 3])
def test_what_is_drawn_on_colour_comes_back(tmp_path, frames):
    colour_file(tmp_path / "us" / "us.dcm", "RGB 1", frames)
    (stack,) = eci.load_stacks(tmp_path / "us")
    series = stack.frame.attrs["series_uid"]
    inside = np.random.default_rng(0).random(stack.shape[:3]) > 0.5
    ring = eci.grid_of(stack).reference_from_image(
        [[frames - 1, 5.3, 5.2], [frames - 1, 5.1, 25.4], [frames - 1, 15.6, 25]]
    )
    box = Box((20.2, 15.3, 0.0), (9.0, 7.0, 0.0), series_uid=series)
    drawn = [Mask.from_volume(like(stack, inside)), Contours((ring,), 1.0, series_uid=series), box]
    (path,) = eci.write_rtstruct(drawn, tmp_path / "us", tmp_path / "rt.dcm")
    for before, after in zip(drawn, eci.read_rtstruct(path), strict=True):
        assert (after.mask_on(stack).values == before.mask_on(stack).values).all() and before.mask_on(
            stack
        ).values.any()
    contours = pydicom.dcmread(path).ROIContourSequence[0].ContourSequence
    if frames > 1:
        assert {c.ContourImageSequence[0].ReferencedFrameNumber for c in contours} == {1, 2, 3}


def test_the_digest_is_that_of_the_colours_not_of_their_order(tmp_path):
    shown = colour_file(tmp_path / "a.dcm", "RGB 0")
    again = colour_file(tmp_path / "b.dcm", "RGB 1")
    assert (shown == again).all() and pixel_digest(tmp_path / "a.dcm") == pixel_digest(tmp_path / "b.dcm")
    other = pydicom.dcmread(tmp_path / "a.dcm")
    other.PixelData = bytes([other.PixelData[0] ^ 1]) + other.PixelData[1:]
    other.save_as(tmp_path / "a.dcm")
    assert pixel_digest(tmp_path / "a.dcm") != pixel_digest(tmp_path / "b.dcm")


@pytest.mark.parametrize("keyword", ["RedPaletteColorLookupTableData", "RedPaletteColorLookupTableDescriptor"])
def test_a_palette_that_is_incomplete_is_named(tmp_path, keyword):
    colour_file(tmp_path / "us.dcm", "PALETTE 8")
    dataset = pydicom.dcmread(tmp_path / "us.dcm")
    delattr(dataset, keyword)
    dataset.save_as(tmp_path / "us.dcm")
    with pytest.raises(errors.DamagedFile, match="palette"):
        eci.load_stacks(tmp_path)


@pytest.mark.parametrize("photometric", ["HSV", "ARGB", "CMYK"])
def test_retired_colours_are_no_red_green_and_blue(tmp_path, photometric):
    colour_file(tmp_path / "us.dcm", "RGB 0")
    dataset = pydicom.dcmread(tmp_path / "us.dcm")
    dataset.PhotometricInterpretation = photometric
    dataset.save_as(tmp_path / "us.dcm")
    with pytest.raises(errors.UnsupportedImages, match=photometric):
        eci.load_stacks(tmp_path)


@pytest.mark.parametrize("photometric", ["YBR_ICT", "YBR_RCT", "YBR_PARTIAL_420", "YBR_PARTIAL_422"])
def test_colours_of_a_codec_without_the_codec_are_no_red_green_and_blue(tmp_path, photometric):
    colour_file(tmp_path / "us.dcm", "RGB 0")
    dataset = pydicom.dcmread(tmp_path / "us.dcm")
    dataset.PhotometricInterpretation = photometric
    if photometric.endswith("422"):
        dataset.PixelData = dataset.PixelData[: len(dataset.PixelData) * 2 // 3]
    dataset.save_as(tmp_path / "us.dcm")
    with pytest.raises(errors.UnsupportedImages, match=f"{photometric} without"):
        eci.load_stacks(tmp_path)


def test_colours_of_few_bits_are_as_bright_as_they_mean(tmp_path):
    shown = colour_file(tmp_path / "us.dcm", "RGB 0")
    dataset = pydicom.dcmread(tmp_path / "us.dcm")
    dataset.BitsStored, dataset.HighBit = 6, 5
    dataset.PixelData = (np.frombuffer(dataset.PixelData, np.uint8) >> 2).tobytes()
    dataset.save_as(tmp_path / "us.dcm")
    assert largest_difference(eci.load_stacks(tmp_path)[0].values, shown) <= 4


def test_a_palette_of_bytes_in_words_is_not_black(tmp_path):
    shown = colour_file(tmp_path / "us.dcm", "PALETTE 8")
    dataset = pydicom.dcmread(tmp_path / "us.dcm")
    for colour in ("Red", "Green", "Blue"):
        keyword = f"{colour}PaletteColorLookupTableData"
        count, first, _ = dataset[f"{colour}PaletteColorLookupTableDescriptor"].value
        setattr(dataset, f"{colour}PaletteColorLookupTableDescriptor", [count, first, 16])
        setattr(dataset, keyword, np.frombuffer(dataset[keyword].value, np.uint8)[:count].astype("<u2").tobytes())
    dataset.save_as(tmp_path / "us.dcm")
    (stack,) = eci.load_stacks(tmp_path)
    assert largest_difference(stack.values, shown) == 0 and "reduced_from_bits" not in stack.attrs
