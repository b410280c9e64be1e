"""Grey JPEG-LS and JPEG 2000: the fast decoder gives what the others give, and what it refuses they decode."""

from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGLSLossless

import eci_annotate as eci
from eci_annotate.deid.pixel_data.decoder_input import frames_to_show
from eci_annotate.dicom.images.pixels import stored_values
from eci_annotate.errors import UnsupportedImages
from tests.dicom.series_maker import make_series

DATA = Path(__file__).parents[1] / "data"
FILES = {
    "JPEG-LS": next((DATA / "ct_transfer_syntaxes").glob("*JPEGLSLossless*")),
    "JPEG-LS, near lossless": next((DATA / "ct_transfer_syntaxes").glob("*JPEGLSLossy*")),
    "JPEG 2000": next((DATA / "ct_transfer_syntaxes").glob("*JPEG2000LosslessOnly*")),
    "JPEG 2000, lossy": next((DATA / "ct_transfer_syntaxes").glob("*JPEG2000TransferSyntax*")),
}


def of_others(path: Path) -> np.ndarray:
    dataset = pydicom.dcmread(path)
    plugin = "pyjpegls" if "JPEGLS" in path.name else "pylibjpeg"
    dataset.pixel_array_options(decoding_plugin=plugin)
    return dataset.pixel_array


@pytest.mark.parametrize("path", FILES.values(), ids=FILES)
def test_values_are_those_of_other_decoders(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, name = [], "jpegls_decode" if "JPEGLS" in path.name else "jpeg2k_decode"
    decode = getattr(imagecodecs, name)
    monkeypatch.setattr(imagecodecs, name, lambda stream: asked.append(len(stream)) or decode(stream))
    found, expected = stored_values(pydicom.dcmread(path)), of_others(path)
    assert len(asked) == 1 and found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("path", FILES.values(), ids=FILES)
def test_what_it_refuses_others_decode(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(stream: bytes) -> np.ndarray:
        raise ValueError("not this one")

    monkeypatch.setattr(imagecodecs, "jpegls_decode", refuse)
    monkeypatch.setattr(imagecodecs, "jpeg2k_decode", refuse)
    np.testing.assert_array_equal(stored_values(pydicom.dcmread(path)), of_others(path))


COLOURS = np.random.default_rng(5).integers(0, 256, (2, 32, 40, 3), np.uint8)


def as_differences(colours: np.ndarray) -> np.ndarray:
    """HP's first transform: red and blue less green, and 128 (CharLS, color_transform.h)."""
    red, green, blue = np.moveaxis(colours, -1, 0)
    return np.ascontiguousarray(np.stack([red - green + np.uint8(128), green, blue - green + np.uint8(128)], -1))


def write_colours(folder: Path, kind: int) -> Path:
    """JPEG-LS whose APP8 segment names the transform; 0 for none."""
    streams = [imagecodecs.jpegls_encode(as_differences(each) if kind else each) for each in COLOURS]
    marked = [each[:2] + b"\xff\xe8\x00\x07mrfx" + bytes([kind]) + each[2:] for each in streams]

    def edit(image: pydicom.Dataset, _: int) -> None:
        image.SamplesPerPixel, image.PhotometricInterpretation, image.PlanarConfiguration = 3, "RGB", 0
        image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 8, 8, 7, 0
        image.NumberOfFrames, image.PixelData = len(marked), encapsulate(marked)
        image.file_meta.TransferSyntaxUID = JPEGLSLossless
        image["PixelData"].is_undefined_length = True

    return make_series(folder, 1, edit=edit)[0]


@pytest.mark.parametrize("kind", [0, 1])
def test_colours_are_those_that_were_stored_as_differences(tmp_path: Path, kind: int) -> None:
    np.testing.assert_array_equal(eci.load_stacks([write_colours(tmp_path, kind)])[0].values, COLOURS)


def test_where_nothing_undoes_the_differences_they_are_not_taken_for_colours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = pydicom.dcmread(write_colours(tmp_path, 1))
    with pytest.raises(ValueError, match="colours"):
        frames_to_show(image, [0])
    monkeypatch.setattr("eci_annotate.dicom.encapsulated.imagecodecs_plugin.register", lambda: False)
    with pytest.raises(UnsupportedImages):
        stored_values(image)
