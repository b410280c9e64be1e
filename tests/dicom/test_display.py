"""What a file says about its display is what is shown: windows, sigmoid, tables. pydicom is the oracle."""

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels import apply_voi_lut

import eci_annotate as eci
from eci_annotate.imaging.display import Window, grey, is_inverted, picture_of, voi_of
from tests.dicom.series_maker import make_series


def series_with(folder, edit):
    def ramp(dataset, k):
        dataset.PixelData = np.linspace(-1500, 2500, dataset.Rows * dataset.Columns).astype(np.int16).tobytes()
        edit(dataset)

    make_series(folder, 2, modality="CT", edit=ramp)
    return eci.load_series(folder), pydicom.dcmread(folder / "s000.dcm")


def table(dataset, count=300, first=-100, bits=12, fall=False):
    item = Dataset()
    item.add_new("LUTDescriptor", "US" if first >= 1 << 15 else "SS", [count, first, bits])
    entries = (np.linspace(0, 1, count) ** 2 * ((1 << bits) - 1)).astype("<u2")[:: -1 if fall else 1]
    item.add_new("LUTData", "OW", entries.tobytes())
    item.LUTExplanation = "contrast"
    dataset.VOILUTSequence = [item]


def window(dataset, function=None):
    dataset.WindowCenter, dataset.WindowWidth = [200, 40], [600, 80]
    dataset.WindowCenterWidthExplanation = ["wide", "narrow"]
    if function:
        dataset.VOILUTFunction = function


def test_a_function_in_small_letters_is_that_function(tmp_path):
    volume, _ = series_with(tmp_path, lambda d: window(d, "sigmoid"))
    assert volume.attrs["voi"] == ("SIGMOID", "SIGMOID")


@pytest.mark.parametrize("function", [None, "LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize("place", [0, 1])
def test_windows_are_shown_as_pydicom_shows_them(tmp_path, function, place):
    volume, header = series_with(tmp_path, lambda d: window(d, function))
    name, low, high = volume.attrs["windows"][place]
    assert name == ("wide", "narrow")[place]
    shown = grey(volume.values[0], Window(low, high), voi=voi_of(volume, place))
    theirs = apply_voi_lut(header.pixel_array, header, index=place)
    theirs = (
        (theirs - theirs.min()) / (theirs.max() - theirs.min()) if function != "SIGMOID" else (theirs + 32768) / 65535
    )
    assert np.abs(shown.astype(float) - theirs * 255).max() < 0.6


@pytest.mark.parametrize("fall", [False, True])
@pytest.mark.parametrize("count", [300, 3000])
def test_tables_are_shown_as_pydicom_shows_them(tmp_path, fall, count):
    volume, header = series_with(tmp_path, lambda d: table(d, count, fall=fall))
    shown = grey(volume.values[0], Window(*volume.attrs["window"]), voi=voi_of(volume))
    theirs = apply_voi_lut(header.pixel_array, header) / 4095 * 255
    assert np.abs(shown.astype(float) - theirs).max() < 1.5


def test_a_file_with_windows_and_a_table_gives_all(tmp_path):
    volume, _ = series_with(tmp_path, lambda d: (window(d), table(d)))
    assert [name for name, *_ in volume.attrs["windows"]] == ["wide", "narrow", "contrast"]
    assert volume.attrs["voi"][:2] == ("LINEAR", "LINEAR") and len(volume.attrs["voi"][2]) == 300


@pytest.mark.parametrize("size", [6, 400])  # of 600 bytes
def test_a_table_that_cannot_be_read_is_no_window(tmp_path, size):
    def edit(dataset):
        table(dataset)
        dataset.VOILUTSequence[0].LUTData = dataset.VOILUTSequence[0].LUTData[:size]

    volume, _ = series_with(tmp_path, edit)
    assert "window" not in volume.attrs


@pytest.mark.parametrize(("width", "function", "levels"), [
    (1, None, [0, 255, 255, 255]), (2, None, [0, 255, 255, 255]), (3, None, [64, 191, 255, 255]),
    (1, "LINEAR_EXACT", [0, 128, 255, 255]), (4, "LINEAR_EXACT", [64, 128, 191, 255]), (0.5, None, [0, 128, 255, 255]),
])  # fmt: skip
def test_narrow_windows_are_those_of_the_formula(tmp_path, width, function, levels):
    def edit(dataset):
        dataset.PixelData = np.resize([99, 100, 101, 102], (dataset.Rows, dataset.Columns)).astype(np.int16).tobytes()
        dataset.WindowCenter, dataset.WindowWidth = 100, width
        if function:
            dataset.VOILUTFunction = function

    volume, _ = series_with(tmp_path, edit)
    assert picture_of(volume, 0)[0, :4, 0].tolist() == levels


def test_a_table_may_begin_below_zero_in_unsigned_pixels(tmp_path):
    def edit(dataset):
        dataset.PixelRepresentation, dataset.RescaleIntercept, dataset.RescaleSlope = 0, -1024, 1
        dataset.PixelData = np.full((dataset.Rows, dataset.Columns), 24, np.uint16).tobytes()
        table(dataset, 2001, 64536)

    assert series_with(tmp_path, edit)[0].attrs["window"] == (-1000, 1000)


@pytest.mark.parametrize(("photometric", "shape", "inverted"), [
    ("MONOCHROME2", "IDENTITY", False), ("MONOCHROME2", "INVERSE", True), ("MONOCHROME1", "INVERSE", True),
])  # fmt: skip
def test_an_inverse_presentation_is_shown_inverted(tmp_path, photometric, shape, inverted):
    def edit(dataset):
        dataset.PhotometricInterpretation, dataset.PresentationLUTShape = photometric, shape

    assert is_inverted(series_with(tmp_path, edit)[0]) is inverted
