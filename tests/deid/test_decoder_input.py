"""Compressed pixels whose header contradicts them: shown, searched and blanked as they are, or refused by name."""

from __future__ import annotations

import io
import random
import struct
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import ExplicitVRBigEndian, JPEG2000Lossless, JPEGBaseline8Bit, JPEGLSLossless, RLELossless

from eci_annotate.deid.deidentify import deidentify
from eci_annotate.deid.pixel_data.decoder_input import frames_to_show
from eci_annotate.deid.policy import BurnedInRule, Policy
from eci_annotate.deid.pseudonymiser import Pseudonymiser
from eci_annotate.deid.quarantine import Cause
from tests.deid.planted import KEY, image, reread

ROWS, COLUMNS, FRAMES = 24, 40, 3
RULE = BurnedInRule("acme", "", 0, 0, ((4, 2, 19, 9),), True)  # left, top, right, bottom
INSIDE = np.zeros((ROWS, COLUMNS), bool)
INSIDE[2:10, 4:20] = True
WORDS = {"BitsAllocated": 16, "BitsStored": 16, "HighBit": 15}


def greys() -> NDArray[np.uint8]:
    k, j, i = np.indices((FRAMES, ROWS, COLUMNS))
    return (60 + 40 * k + 2 * i + 3 * j).clip(0, 255).astype(np.uint8)


def colours() -> NDArray[np.uint8]:
    grey = greys().astype(int)
    return np.stack([grey, 255 - grey, grey // 2 + 90], -1).astype(np.uint8)


def encoded_by_pillow(kind: str, pixels: NDArray[np.uint8]) -> bytes:
    out = io.BytesIO()
    options: dict[str, Any] = {"quality": 100, "subsampling": 0} if kind == "JPEG" else {"no_jp2": True}
    Image.fromarray(pixels).save(out, kind, **options)
    return out.getvalue()


def plain(pixels: NDArray[Any], **header: Any) -> Dataset:
    dataset = image(random.Random(1))
    dataset.Rows, dataset.Columns = ROWS, COLUMNS
    dataset.BitsAllocated = dataset.BitsStored = 8 * pixels.itemsize
    dataset.HighBit = dataset.BitsStored - 1
    if len(pixels) > 1:
        dataset.NumberOfFrames = len(pixels)
    if pixels.ndim == 4:
        dataset.SamplesPerPixel, dataset.PlanarConfiguration, dataset.PhotometricInterpretation = 3, 0, "RGB"
    dataset.PixelData = pixels.tobytes()
    dataset["PixelData"].VR = "OB" if pixels.itemsize == 1 else "OW"
    for keyword, value in header.items():
        setattr(dataset, keyword, value)
    return dataset


def compressed(codec: str, pixels: NDArray[np.uint8], **header: Any) -> Dataset:
    dataset = plain(pixels)
    if codec in ("JPEG", "JPEG2000"):
        streams = [encoded_by_pillow(codec, each) for each in pixels]
        dataset.PixelData = encapsulate(streams)
        dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit if codec == "JPEG" else JPEG2000Lossless
        if pixels.ndim == 4:
            dataset.PhotometricInterpretation = "YBR_FULL" if codec == "JPEG" else "YBR_RCT"
    else:
        dataset.compress(JPEGLSLossless if codec == "JPEG-LS" else RLELossless, generate_instance_uid=False)
    dataset["PixelData"].is_undefined_length = True
    for keyword, value in header.items():
        setattr(dataset, keyword, value)
    return reread(dataset)


def blanked(dataset: Dataset) -> Dataset | None:
    return deidentify(dataset, Policy(burned_in=(RULE,)), Pseudonymiser(KEY)).dataset


def is_near(found: NDArray[Any], wanted: NDArray[Any]) -> bool:
    return found.shape == wanted.shape and np.abs(found.astype(int) - wanted).max() <= 6


def require_right(dataset: Dataset, wanted: NDArray[Any]) -> None:
    """The frames shown, and those blanked: nothing of the rectangle, and everything around it."""
    before = {element.tag: element.value for element in dataset}
    for number, frame in enumerate(frames_to_show(dataset, range(len(wanted)))):
        assert is_near(frame, wanted[number])
    assert {element.tag: element.value for element in dataset} == before
    made = blanked(dataset)
    assert made is not None
    every = reread(made).pixel_array.reshape(wanted.shape)
    assert not every[:, INSIDE].any() and is_near(every[:, ~INSIDE], wanted[:, ~INSIDE])


@pytest.mark.parametrize("codec", ["JPEG", "JPEG2000", "JPEG-LS", "RLE"])
@pytest.mark.parametrize("planar", [0, 1])
def test_colours_by_pixel_are_not_taken_for_colours_by_plane(codec: str, planar: int) -> None:
    require_right(compressed(codec, colours(), PlanarConfiguration=planar), colours())


@pytest.mark.parametrize("codec", ["JPEG", "JPEG2000", "JPEG-LS"])
@pytest.mark.parametrize("pixels", [greys(), colours(), greys()[:1]], ids=["grey", "colour", "one"])
def test_eight_bits_in_words_of_sixteen_are_what_they_are(codec: str, pixels: NDArray[np.uint8]) -> None:
    require_right(compressed(codec, pixels, **WORDS), pixels)


@pytest.mark.parametrize("codec", ["JPEG", "JPEG2000", "JPEG-LS", "RLE"])
def test_a_wrong_offset_table_misplaces_no_frame(codec: str) -> None:
    dataset = compressed(codec, greys())
    streams = [*generate_frames(dataset.PixelData, number_of_frames=FRAMES)]
    items = b"".join(b"\xfe\xff\x00\xe0" + struct.pack("<I", len(each)) + each for each in streams)
    table = struct.pack("<3I", 0, len(streams[0]) + len(streams[1]) + 16, len(streams[0]) + 8)
    dataset.PixelData = b"\xfe\xff\x00\xe0\x0c\x00\x00\x00" + table + items
    require_right(dataset, greys())


@pytest.mark.parametrize("codec", ["JPEG", "JPEG2000", "JPEG-LS"])
@pytest.mark.parametrize(
    "header",
    [{"Rows": COLUMNS, "Columns": ROWS}, {"Columns": COLUMNS - 4}, {"NumberOfFrames": 2}, {"SamplesPerPixel": 3}],
)
def test_what_contradicts_its_header_is_neither_shown_nor_blanked(codec: str, header: dict[str, int]) -> None:
    dataset = compressed(codec, greys(), **header)
    with pytest.raises(ValueError, match="than the header says"):
        frames_to_show(dataset, [0])
    result = deidentify(dataset, Policy(burned_in=(RULE,)), Pseudonymiser(KEY))
    assert result.dataset is None and result.causes == (Cause.PIXELS,)


@pytest.mark.parametrize("bits", [8, 16])
def test_a_palette_is_shown_in_its_colours(bits: int) -> None:
    dataset = plain(np.full((1, ROWS, COLUMNS), 7, np.uint8), PhotometricInterpretation="PALETTE COLOR")
    for colour, value in (("Red", 10), ("Green", 200), ("Blue", 90)):
        setattr(dataset, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, bits])
        table = np.full(256, value << bits - 8, "u1" if bits == 8 else "<u2")
        setattr(dataset, f"{colour}PaletteColorLookupTableData", table.tobytes())
    (shown,) = frames_to_show(dataset, [0])
    assert shown.dtype == np.uint8 and (shown == (10, 200, 90)).all()


def test_deep_colours_and_values_in_high_bits_are_shown_by_what_they_mean() -> None:
    deep = colours().astype("<u2") << 4
    assert (np.array(frames_to_show(plain(deep, BitsStored=12, HighBit=11), range(FRAMES))) == colours()).all()
    high = (greys().astype("<u2") << 4) | 0xF000 | 5  # other bits above and below
    assert (np.array(frames_to_show(plain(high, BitsStored=8, HighBit=11), range(FRAMES))) == greys()).all()


def test_bytes_in_big_endian_words_are_blanked_where_they_are() -> None:
    dataset = plain(greys())
    dataset.PixelData = greys().view("<u2").astype(">u2").tobytes()
    dataset["PixelData"].VR = "OW"
    dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    made = blanked(dataset)
    assert made is not None
    after = reread(made).pixel_array
    assert not after[:, INSIDE].any() and (after[:, ~INSIDE] == greys()[:, ~INSIDE]).all()


@pytest.mark.needs_debian
@pytest.mark.parametrize("words", [["+eb"], ["+eb", "+cr"], ["+e1"], ["+ee"]], ids=" ".join)
@pytest.mark.parametrize("planar", [0, 1])
@pytest.mark.parametrize("is_grey", [False, True], ids=["colour", "grey"])
def test_jpeg_of_dcmtk_is_shown_and_blanked(tmp_path: Path, words: list[str], planar: int, is_grey: bool) -> None:
    pixels = greys() if is_grey else colours()
    plain(pixels).save_as(tmp_path / "a.dcm", enforce_file_format=True)
    subprocess.run(["dcmcjpeg", "+un", *words, tmp_path / "a.dcm", tmp_path / "b.dcm"], check=True)
    dataset = dcmread(tmp_path / "b.dcm")
    assert dataset.file_meta.TransferSyntaxUID.is_compressed
    if not is_grey:
        dataset.PlanarConfiguration = planar
    subprocess.run(["dcmdjpeg", tmp_path / "b.dcm", tmp_path / "c.dcm"], check=True)
    require_right(dataset, dcmread(tmp_path / "c.dcm").pixel_array)
