"""Grey JPEG-LS and JPEG 2000: the fast decoder gives what the others give, and what it refuses they decode."""

from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest

from eci_annotate.dicom.images.pixels import stored_values

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
