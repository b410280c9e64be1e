"""Modality values are exact; padding is no value; a damaged image is named and never left out."""

import hashlib
import warnings
from contextlib import suppress

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.pixels import apply_modality_lut
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

import eci_annotate as eci
from eci_annotate import errors
from eci_annotate.dicom.images.series import has_pixels_of, pixel_digest
from eci_annotate.imaging.display import default_window
from tests.dicom.series_maker import SHAPE, make_series

SETS = [
    "abdomen_mr_cmb_crc_scan1/adc",
    "abdomen_mr_cmb_crc_scan1/t2",
    "liver_seg_dcmqi/ct-3slice",
    "liver_seg_dcmqi/24x38x3/image",
    "mr_multivendor_dicom2nifti/ge_anatomical_001",
    "mr_multivendor_dicom2nifti/generic_compressed_jpegls_001",
    "rtstruct_mim_phantom_rtutils/ct",
    "rtstruct_mim_phantom_rtutils/oriented_data",
    "rtstruct_mim_sts008/CT/image",
    "rtstruct_mim_sts008/PET/image",
]


@pytest.mark.parametrize("name", SETS)
def test_places_and_values_are_those_of_independent_readers(shared_data, name):
    v = eci.load_series(shared_data / name)
    files = {str(d.SOPInstanceUID): d for d in map(pydicom.dcmread, (shared_data / name).glob("*.dcm"))}
    grid = eci.grid_of(v)
    for k, uid in enumerate(v.instance_uid.values):
        header = files[uid]
        values = apply_modality_lut(header.pixel_array, header)
        assert np.array_equal(v.values[k], values.astype(v.dtype)), k
        assert np.allclose(grid.reference_from_image([k, 0, 0]), header.ImagePositionPatient, atol=0.05)


@pytest.mark.parametrize(
    "name", ["abdomen_mr_cmb_crc_scan1/adc", "liver_seg_dcmqi/ct-3slice", "rtstruct_mim_sts008/CT/image"]
)
def test_simpleitk_places_real_voxels_where_we_do(shared_data, name):
    reader, v = sitk.ImageSeriesReader(), eci.load_series(shared_data / name)
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(shared_data / name)))
    image = reader.Execute()
    last = [n - 1 for n in v.shape]
    for voxel in ([0, 0, 0], [1, 7, 11], last):
        there = image.TransformIndexToPhysicalPoint(voxel[::-1])
        assert np.allclose(there, eci.grid_of(v).reference_from_image(voxel), atol=1e-3)


def test_every_lossless_encoding_of_one_image_gives_the_same_values(shared_data):
    found = {}
    for path in (shared_data / "ct_transfer_syntaxes").glob("CTImage.dcm*"):
        header = pydicom.dcmread(path, stop_before_pixels=True)
        if (
            "RescaleSlope" in header
            and header.RescaleSlope == 1
            and "Lossy" not in path.name
            and "4.91" not in path.name
        ):
            found[path.name] = eci.load_series(path).values
    assert len(found) >= 9
    first = next(iter(found.values()))
    assert all(np.array_equal(first, values) for values in found.values())


# -- padding ------------------------------------------------------------------------
def padded(dataset, k):
    pixels = np.full(SHAPE, 40 + k, np.int16)
    pixels[:, :4] = -2000
    dataset.PixelData = pixels.tobytes()
    dataset.RescaleSlope, dataset.RescaleIntercept = "1", "-24"
    dataset.add_new("PixelPaddingValue", "SS", -2000)


def test_padding_is_no_value(tmp_path):
    make_series(tmp_path, modality="CT", edit=padded)
    v = eci.load_series(tmp_path)
    assert v.dtype == np.int16 and v.attrs["padding"] == (-2024, -2024)
    measured = eci.without_padding(v)
    assert int(np.isnan(measured).sum()) == 6 * 32 * 4 and float(measured.min()) == 16


def test_padding_ranges_are_padding_throughout(tmp_path):
    def edit(dataset, k):
        padded(dataset, k)
        pixels = np.frombuffer(dataset.PixelData, np.int16).reshape(SHAPE).copy()
        pixels[:, 2:4] = -1990
        dataset.PixelData = pixels.tobytes()
        dataset.add_new("PixelPaddingRangeLimit", "SS", -1980)

    make_series(tmp_path, modality="CT", edit=edit)
    assert int(np.isnan(eci.without_padding(eci.load_series(tmp_path))).sum()) == 6 * 32 * 4


def test_padding_written_with_the_other_sign_is_padding(tmp_path):
    def edit(dataset, k):
        pixels = np.full(SHAPE, 1000, np.uint16)
        pixels[0] = 63536
        dataset.PixelRepresentation, dataset.PixelData = 0, pixels.tobytes()
        dataset.add_new("PixelPaddingValue", "SS", -2000)

    make_series(tmp_path, edit=edit)
    assert int(np.isnan(eci.without_padding(eci.load_series(tmp_path))).sum()) == 6 * 40


@pytest.mark.parametrize("name", ["scaled", "another value in one image"])
def test_padding_that_is_not_one_whole_number_is_nan(tmp_path, name):
    def edit(dataset, k):
        padded(dataset, k)
        if name == "scaled":
            dataset.RescaleSlope = f"1.{k}5"
        elif k == 2:
            dataset.PixelPaddingValue = 42
            dataset.PixelData = np.full(SHAPE, 42, np.int16).tobytes()

    make_series(tmp_path, modality="CT", edit=edit)
    v = eci.load_series(tmp_path)
    wanted = 6 * 32 * 4 if name == "scaled" else 5 * 32 * 4 + 32 * 40
    assert int(np.isnan(v).sum()) == wanted and "padding" not in v.attrs


def test_a_window_from_the_values_leaves_padding_out(tmp_path):
    make_series(tmp_path, edit=padded)
    assert default_window(eci.load_series(tmp_path)).low > 0


# -- large and odd values -------------------------------------------------------------
def test_whole_numbers_beyond_32_bits_do_not_wrap(tmp_path):
    def edit(dataset, k):
        dataset.BitsAllocated = dataset.BitsStored = 32
        dataset.HighBit, dataset.PixelRepresentation = 31, 0
        dataset.add_new("PixelData", "OW", np.full(SHAPE, 4_000_000_000 + k, np.uint32).tobytes())

    make_series(tmp_path, edit=edit)
    assert eci.load_series(tmp_path).values[:, 0, 0].tolist() == [4_000_000_000 + k for k in range(6)]


def test_a_philips_window_in_stored_values_is_found(tmp_path):
    def edit(dataset, k):
        dataset.Manufacturer, dataset.RescaleSlope, dataset.RescaleIntercept = "Philips", "4", "0"
        dataset.WindowCenter, dataset.WindowWidth = "500", "1000"
        dataset.PixelData = np.linspace(0, 1000, 1280).astype(np.int16).tobytes()

    make_series(tmp_path, edit=edit)
    assert eci.load_series(tmp_path).attrs["window"] == (0.0, 4000.0)


def test_all_windows_of_a_file_are_given(tmp_path):
    def edit(dataset, k):
        dataset.WindowCenter, dataset.WindowWidth = ["40", "-600"], ["400", "1500"]
        dataset.WindowCenterWidthExplanation = ["soft", "lung"]

    make_series(tmp_path, modality="CT", edit=edit)
    assert eci.load_series(tmp_path).attrs["windows"] == (("soft", -160.0, 240.0), ("lung", -1350.0, 150.0))


@pytest.mark.parametrize("kind", ["PALETTE COLOR", "RGB", "YBR_FULL"])
def test_colour_is_not_read_as_grey(tmp_path, kind):
    make_series(tmp_path, edit=lambda d, k: setattr(d, "PhotometricInterpretation", kind))
    with pytest.raises(errors.UnsupportedImages, match="Colour"):
        eci.load_series(tmp_path)


# -- damaged files ------------------------------------------------------------------------
@pytest.mark.parametrize(
    "syntax", [None, DeflatedExplicitVRLittleEndian, RLELossless, JPEGLSLossless, JPEG2000Lossless]
)
def test_a_file_cut_anywhere_is_damaged_by_name(tmp_path, syntax):
    paths = make_series(tmp_path)
    for path in paths if syntax else ():
        dataset = pydicom.dcmread(path)
        if syntax == DeflatedExplicitVRLittleEndian:
            dataset.file_meta.TransferSyntaxUID = syntax
        else:
            dataset.compress(syntax, generate_instance_uid=False)
        dataset.save_as(path)
    whole, content = eci.load_series(tmp_path), paths[-1].read_bytes()
    for cut in range(140, len(content), 29):
        paths[-1].write_bytes(content[:cut])
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            with suppress(errors.DamagedFile):
                assert np.array_equal(eci.load_series(tmp_path), whole), cut
        assert not [each for each in said if str(tmp_path) in str(each.message)]


WRONG = {
    "spacing of three": ("PixelSpacing", "DS", ["1", "1", "1"]),
    "spacing zero": ("PixelSpacing", "DS", ["0", "0"]),
    "spacing text": ("PixelSpacing", "LO", ["a", "b"]),
    "spacing with underscores": ("PixelSpacing", "LO", ["1_0", "0.7"]),
    "position of two": ("ImagePositionPatient", "DS", ["1", "1"]),
    "position not a number": ("ImagePositionPatient", "LO", ["nan", "1", "2"]),
    "orientation of five": ("ImageOrientationPatient", "DS", ["1", "0", "0", "0", "1"]),
    "rows 65535": ("Rows", "US", 65535),
    "no rows": ("Rows", "US", 0),
    "frames a million": ("NumberOfFrames", "IS", "1000000"),
    "slope text": ("RescaleSlope", "LO", "x"),
    "slope zero": ("RescaleSlope", "DS", "0"),
    "slope of two": ("RescaleSlope", "DS", ["2", "1"]),
    "samples three": ("SamplesPerPixel", "US", 3),
    "bits allocated 12": ("BitsAllocated", "US", 12),
    "window text": ("WindowCenter", "LO", "x"),
    "acquisition text": ("AcquisitionNumber", "LO", "x"),
    "echo text": ("EchoTime", "LO", "x"),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("only", [None, 2])
def test_values_of_the_wrong_kind_are_a_named_error_or_no_change(tmp_path, name, only):
    keyword, vr, value = WRONG[name]
    make_series(tmp_path / "true")

    def edit(dataset, k):
        dataset.WindowWidth = "10"
        if only is None or k == only:
            dataset.add_new(keyword, vr, value)

    make_series(tmp_path / "bad", edit=edit)
    for load in (eci.load_series, lambda folder: eci.load_stacks(folder)[0]):
        try:
            found = load(tmp_path / "bad")
        except errors.BadImages:
            continue
        assert np.array_equal(found, eci.load_series(tmp_path / "true").values)


def test_pixels_that_release_0_1_sealed_are_still_those(shared_data, tmp_path):
    """It took the first frame of an uncompressed multi-frame file for the whole."""
    source = shared_data / "liver_seg_dcmqi/24x38x3/mf.dcm"
    dataset = pydicom.dcmread(source)
    first = dataset.pixel_array[0]
    head = f"{first.shape}|{dataset.PixelRepresentation}|{dataset.BitsStored}|".encode()
    before = hashlib.sha256(head + np.ascontiguousarray(first).astype("<i4").tobytes()).hexdigest()
    assert (
        has_pixels_of(source, before) and has_pixels_of(source, pixel_digest(source)) and before != pixel_digest(source)
    )
    pixels = dataset.pixel_array.copy()
    pixels[0, 5, 5] += 1
    dataset.PixelData = pixels.tobytes()
    dataset.save_as(tmp_path / "changed.dcm")
    assert not has_pixels_of(tmp_path / "changed.dcm", before)
    assert not has_pixels_of(tmp_path / "changed.dcm", pixel_digest(source))


@pytest.mark.parametrize("more", [b"\1\0", bytes(SHAPE[0] * SHAPE[1] * 2)], ids=["pixels", "a frame of zeros"])
def test_more_pixels_than_the_header_says_are_damage(tmp_path, more):
    def edit(dataset, k):
        dataset.PixelData += more

    make_series(tmp_path, 2, edit=edit)
    with pytest.raises(errors.DamagedFile, match="more pixels"):
        eci.load_stacks(tmp_path)


def test_a_row_that_the_header_lost_is_damage_and_zeros_are_padding(tmp_path):
    def shorten(dataset, k):
        dataset.Rows -= 1

    make_series(tmp_path / "rows", 2, edit=shorten, value=1)
    with pytest.raises(errors.DamagedFile, match="more pixels"):
        eci.load_stacks(tmp_path / "rows")

    def pad(dataset, k):
        dataset.PixelData += bytes(64)

    make_series(tmp_path / "padded", 2, edit=pad)
    assert eci.load_stacks(tmp_path / "padded")[0].shape == (2, *SHAPE)


@pytest.mark.parametrize("name", ["examples_ybr_color.dcm", "SC_rgb_rle_16bit_2frame.dcm"])
def test_a_compressed_frame_that_the_header_lost_is_damage(tmp_path, name):
    dataset = pydicom.dcmread(get_testdata_file(name))
    dataset.NumberOfFrames -= 1
    dataset.save_as(tmp_path / "short.dcm")
    with pytest.raises(errors.DamagedFile, match="more pixels"):
        eci.load_stacks(tmp_path)


@pytest.mark.parametrize(
    ("stated", "units"), [(None, "HU"), ("HU", "HU"), ("MGML", "mg/ml"), ("US", None), ("Z_EFF", "Z_EFF")]
)
def test_a_ct_is_in_hounsfield_units_unless_it_says_otherwise(tmp_path, stated, units):
    def edit(dataset, k):
        if stated is not None:
            dataset.RescaleType = stated

    make_series(tmp_path, 3, modality="CT", edit=edit)
    assert eci.load_series(tmp_path).attrs.get("units") == units


def test_slices_in_different_units_are_no_volume(tmp_path):
    make_series(
        tmp_path, 6, modality="CT", edit=lambda dataset, k: setattr(dataset, "RescaleType", "HU" if k < 3 else "MGML")
    )
    with pytest.raises(errors.MixedSeries):
        eci.load_series(tmp_path)
    assert sorted(each.attrs["units"] for each in eci.load_stacks(tmp_path)) == ["HU", "mg/ml"]


@pytest.mark.parametrize("keyword", ["RescaleSlope", "RescaleIntercept"])
def test_a_scaling_that_some_images_lack_is_never_guessed(tmp_path, keyword):
    def edit(dataset, k):
        dataset.RescaleSlope, dataset.RescaleIntercept = 2.5, -1024
        if k == 3:
            setattr(dataset, keyword, None)

    make_series(tmp_path, 6, edit=edit)
    for load in (eci.load_series, eci.load_stacks):
        with pytest.raises(errors.DamagedFile, match=f"{keyword} is missing from 1 of 6"):
            load(tmp_path)


@pytest.mark.parametrize("signed", [0, 1])
@pytest.mark.parametrize(
    ("syntax", "allocated", "stored", "high"),
    [
        *((RLELossless, 16, *bits) for bits in ((12, 11), (12, 15), (10, 12))),
        *((ExplicitVRBigEndian, 16, *bits) for bits in ((12, 11), (12, 15), (10, 12))),
        *((ExplicitVRBigEndian, 32, *bits) for bits in ((24, 23), (20, 31))),
        *((ExplicitVRLittleEndian, 32, *bits) for bits in ((24, 23), (20, 31))),
        (ExplicitVRLittleEndian, 16, 12, 15),
    ],
)
def test_values_are_in_the_bits_that_the_header_names(tmp_path, syntax, allocated, stored, high, signed):
    """The other bits hold anything, also in encodings that a library decodes."""
    rng = np.random.default_rng(3)
    low = -(1 << stored - 1) if signed else 0
    truth = rng.integers(low, low + (1 << stored), SHAPE)
    mask = ((1 << stored) - 1) << (high + 1 - stored)
    words = ((truth << (high + 1 - stored)) & mask) | (rng.integers(0, 1 << allocated, SHAPE) & ~mask)
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    for path in make_series(tmp_path, 2):
        dataset = pydicom.dcmread(path)
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = allocated, allocated, allocated - 1
        dataset.PixelRepresentation, dataset.PixelData = signed, words.astype(f"{order}u{allocated // 8}").tobytes()
        if syntax == RLELossless:
            dataset.compress(RLELossless, generate_instance_uid=False)
        dataset.file_meta.TransferSyntaxUID, dataset.BitsStored, dataset.HighBit = syntax, stored, high
        pydicom.dcmwrite(path, dataset, implicit_vr=False, little_endian=order == "<", force_encoding=True)
    assert np.array_equal(eci.load_series(tmp_path).values, [truth, truth])


@pytest.mark.parametrize("syntax", [JPEGLSLossless, JPEG2000Lossless])
def test_numbers_of_a_codec_have_no_high_bit(tmp_path, syntax):
    truth = np.random.default_rng(3).integers(0, 4096, SHAPE)
    for path in make_series(tmp_path, 2):
        dataset = pydicom.dcmread(path)
        dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 12, 11, 0
        dataset.PixelData = truth.astype("<u2").tobytes()
        dataset.compress(syntax, generate_instance_uid=False)
        dataset.HighBit = 15  # as the encoder found it
        dataset.save_as(path)
    assert np.array_equal(eci.load_series(tmp_path).values, [truth, truth])


@pytest.mark.parametrize(("keyword", "kind"), [("FloatPixel", np.float32), ("DoubleFloatPixel", np.float64)])
def test_padding_of_floating_point_pixels_is_no_value(tmp_path, keyword, kind):
    def edit(dataset, k):
        pixels = np.full(SHAPE, 1.1, kind)
        pixels[0], pixels[1], pixels[2, 0] = -999, -1005, 1e30 if kind == np.float32 else 1e300
        del dataset.PixelData, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation
        dataset.BitsAllocated = 8 * pixels.itemsize
        for name, value in (("Data", pixels.tobytes()), ("PaddingValue", -999.0), ("PaddingRangeLimit", -1010.0)):
            setattr(dataset, f"{keyword}{name}", value)

    make_series(tmp_path, edit=edit)
    values = eci.load_series(tmp_path).values
    assert values.dtype == kind and np.isnan(values[:, :2]).all() and not np.isnan(values[:, 2:]).any()
    assert values[0, 2, 0] == kind(1e30 if kind == np.float32 else 1e300) and values[0, 3, 0] == kind(1.1)


def test_values_that_a_table_gives_padding_too_are_values(tmp_path):
    """The table maps all stored values up to 100 to one number; only the stored 0 is padding."""

    def edit(dataset, k):
        pixels = np.full(SHAPE, 50, np.uint16)
        pixels[0], pixels[1] = 0, 101
        table = Dataset()
        table.add_new("LUTDescriptor", "US", [16, 100, 16])
        table.add_new("LUTData", "US", list(range(7, 23)))
        dataset.PixelRepresentation, dataset.PixelData, dataset.ModalityLUTSequence = 0, pixels.tobytes(), [table]
        dataset.add_new("PixelPaddingValue", "US", 0)

    make_series(tmp_path, edit=edit)
    values = eci.without_padding(eci.load_series(tmp_path)).values
    assert np.isnan(values[:, 0]).all() and (values[:, 1] == 8).all() and (values[:, 2:] == 7).all()


@pytest.mark.parametrize("sign", [None, 2])
@pytest.mark.parametrize("bits", [12, 16])
def test_whether_pixels_are_negative_is_never_guessed(tmp_path, bits, sign):
    def edit(dataset, k):
        dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = bits, bits - 1, sign
        dataset.PixelData = np.full(SHAPE, value & ((1 << bits) - 1), np.uint16).tobytes()

    value = 5
    make_series(tmp_path / "a", edit=edit)
    if sign is None:
        assert (eci.load_series(tmp_path / "a") == 5).all()  # whatever it is
    value = -5
    make_series(tmp_path / "b", edit=edit)
    with pytest.raises(errors.DamagedFile, match="PixelRepresentation"):
        eci.load_series(tmp_path / "b")


def test_a_ct_with_a_mapping_to_other_values_is_not_said_to_be_in_hounsfield_units(tmp_path):
    def edit(dataset, k):
        mapping, unit = Dataset(), Dataset()
        unit.CodeValue, unit.CodingSchemeDesignator, unit.CodeMeaning = "mg/cm3", "UCUM", "mg/cm3"
        mapping.MeasurementUnitsCodeSequence, mapping.LUTLabel = [unit], "iodine"
        mapping.RealWorldValueSlope, mapping.RealWorldValueIntercept = 0.1, 0.0
        dataset.RealWorldValueMappingSequence = [mapping]

    make_series(tmp_path, 3, modality="CT", edit=edit)
    assert "units" not in eci.load_series(tmp_path).attrs


@pytest.mark.parametrize(
    ("kind", "is_slice"), [("STATIC", False), ("WHOLE BODY", False), ("TOMO", False), ("RECON TOMO", True)]
)
def test_a_view_of_a_gamma_camera_is_no_slice_though_it_has_a_place(tmp_path, kind, is_slice):
    make_series(
        tmp_path, 1, modality="NM", edit=lambda dataset, k: setattr(dataset, "ImageType", ["ORIGINAL", "PRIMARY", kind])
    )
    assert (eci.load_stacks(tmp_path)[0].attrs.get("kind") == "projection") is not is_slice
    if not is_slice:
        with pytest.raises(errors.UnsupportedImages, match="views from outside"):
            eci.load_series(tmp_path)


def test_an_orientation_that_is_a_number_says_no_side(tmp_path):
    def edit(dataset, k):
        del dataset.ImagePositionPatient
        dataset.add_new("PatientOrientation", "IS", "3")

    make_series(tmp_path, 1, edit=edit)
    assert "sides" not in eci.load_stacks(tmp_path)[0].attrs


def test_a_class_in_an_unknown_encoding_is_damage(tmp_path):
    (path,) = make_series(tmp_path, 1, edit=lambda dataset, k: delattr(dataset, "SOPClassUID"))
    content = path.read_bytes()
    path.write_bytes(content.replace(b"\x02\x00\x02\x00UI", b"\x02\x00\x02\x00EI", 1))
    with pytest.raises(errors.DamagedFile):
        eci.load_stacks(tmp_path)


def table(first, entries, bits, vr="US", data=None):
    def edit(dataset, k):
        item = pydicom.Dataset()
        item.add_new("LUTDescriptor", vr, [len(entries), first, bits])
        item.ModalityLUTType = "HU"
        item.add_new("LUTData", "OW", entries.tobytes() if data is None else data)
        dataset.ModalityLUTSequence = [item]

    return edit


WORDS = np.arange(200, dtype=np.uint16) * 3 + 7
TABLES = {
    "a negative first value": (table(-100, WORDS, 16, "SS"), -100),
    "a negative first value, written unsigned": (table(65436, WORDS, 16), -100),
    "a range beyond that of the pixels": (table(-30_000, np.arange(60_000, dtype=np.uint16), 16, "SS"), -30_000),
    "entries of 10 bits": (table(-100, WORDS, 10, "SS"), -100),
    "entries in bytes": (table(0, np.arange(200, dtype=np.uint8), 8), 0),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_modality_lookup_table_gives_its_entries(tmp_path, name):
    """Also where an 8- or 16-bit difference of value and first value would wrap around."""
    (edit, first), stored = TABLES[name], np.linspace(-32_768, 32_767, 1280).astype(np.int16).reshape(32, 40)
    stored.flat[:300] = np.arange(-150, 150)

    def change(dataset, k):
        edit(dataset, k)
        dataset.PixelData = stored.tobytes()

    make_series(tmp_path, 2, modality="CT", edit=change)
    item = pydicom.dcmread(next(tmp_path.iterdir())).ModalityLUTSequence[0]
    entries = np.frombuffer(item.LUTData, np.uint8 if "bytes" in name else np.uint16).astype(int)
    wanted = entries[(stored.astype(int) - first).clip(0, len(entries) - 1)]
    assert np.array_equal(eci.load_series(tmp_path).values, np.stack([wanted] * 2))


@pytest.mark.parametrize("bits", [8, 12])
def test_a_modality_lookup_table_that_is_another_than_it_states_is_damage(tmp_path, bits):
    make_series(tmp_path, 2, modality="CT", edit=table(0, WORDS * 20, bits))
    with pytest.raises(errors.DamagedFile, match="lookup table"):
        eci.load_series(tmp_path)


def test_pixels_of_two_types_are_never_chosen_from(tmp_path):
    def edit(dataset, k):
        dataset.FloatPixelData = np.zeros((32, 40), np.float32).tobytes()

    make_series(tmp_path, 2, modality="CT", edit=edit)
    with pytest.raises(errors.DamagedFile, match="two types"):
        eci.load_series(tmp_path)


def test_pixels_of_twelve_bits_without_gaps_are_named(tmp_path):
    def edit(dataset, k):
        dataset.BitsAllocated = dataset.BitsStored = 12
        dataset.HighBit, dataset.PixelData = 11, bytes(32 * 40 * 3 // 2)

    make_series(tmp_path, 2, modality="CT", edit=edit)
    with pytest.raises(errors.UnsupportedImages, match="12 bits"):
        eci.load_series(tmp_path)
