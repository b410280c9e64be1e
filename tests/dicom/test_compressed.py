"""Compressed pixels whose header, offset tables and codestreams disagree: the right picture or a named error."""

import io
import struct

import jpeg_ls  # type: ignore[import-untyped]
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, JPEGLSLossless

import eci_annotate as eci
from eci_annotate import errors
from tests.dicom.series_maker import SHAPE, make_series

J, I = np.indices(SHAPE)  # noqa: E741
GREYS = [((5 * I + 3 * J + 17 * k) % 256).astype(np.uint8) for k in range(3)]
COLOURS = np.stack([I * 6, J * 7, 255 - I - J], -1).astype(np.uint8)
DEEP = (I * 1500 + J * 7).astype(np.uint16)


def pillow(kind, **options):
    def encode(pixels):
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, kind, **options)
        return stream.getvalue()

    return encode


CODECS = {
    "JPEG": (pillow("JPEG", quality=100), JPEGBaseline8Bit),
    "JPEG 2000": (pillow("JPEG2000", no_jp2=True, irreversible=False), JPEG2000Lossless),
    "JPEG-LS": (lambda pixels: jpeg_ls.encode(pixels).tobytes(), JPEGLSLossless),
}


def write(folder, codec, pixels, frames=None, **header):
    """Write one file; `frames` are its encoded frames in place of those of `pixels`; None deletes an element."""
    encode, syntax = CODECS[codec]

    def edit(dataset, k):
        dataset.ImageType, dataset.Modality = ["DERIVED", "SECONDARY"], "OT"
        dataset.BitsAllocated = dataset.BitsStored = 8 * pixels[0].itemsize
        dataset.HighBit, dataset.PixelRepresentation = dataset.BitsStored - 1, 0
        if pixels[0].ndim == 3:
            dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, "YBR_FULL", 0
            dataset.PhotometricInterpretation = {"JPEG 2000": "YBR_RCT", "JPEG-LS": "RGB"}.get(codec, "YBR_FULL")
        if len(pixels) > 1:
            dataset.NumberOfFrames = len(pixels)
        dataset.file_meta.TransferSyntaxUID = syntax
        dataset.PixelData = frames or encapsulate([encode(each) for each in pixels])
        dataset["PixelData"].is_undefined_length = True
        for keyword, value in header.items():
            setattr(dataset, keyword, value)
            if value is None:
                delattr(dataset, keyword)

    return make_series(folder, 1, edit=edit)[0]


def pixels_of(path):
    (stack,) = eci.load_stacks(path)
    return stack.values


def is_near(found, wanted):
    return found.shape == wanted.shape and np.abs(found.astype(int) - wanted).max() <= 6


def item(content):
    return b"\xfe\xff\x00\xe0" + struct.pack("<I", len(content)) + content


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("offsets", ["beside", "swapped", "zeros", "too few", "extended, swapped", "extended, short"])
def test_a_wrong_offset_table_misplaces_no_frame(tmp_path, codec, offsets):
    encode, _ = CODECS[codec]
    parts = [frame + bytes(len(frame) % 2) for frame in map(encode, GREYS)]
    places, sizes = np.cumsum([0, *(len(part) + 8 for part in parts)])[:-1].tolist(), [len(part) for part in parts]
    table = {"beside": [place + 8 for place in places], "swapped": [0, places[2], places[1]], "zeros": [0, 0, 0]}
    basic = table.get(offsets, [0] if offsets == "too few" else [])
    header = {}
    if offsets.startswith("extended"):
        places = [places[n] for n in ((0, 2, 1) if "swapped" in offsets else (0, 1, 2))]
        sizes = [size - 20 * ("short" in offsets) for size in sizes]
        header["ExtendedOffsetTable"] = struct.pack("<3Q", *places)
        header["ExtendedOffsetTableLengths"] = struct.pack("<3Q", *sizes)
    content = item(struct.pack(f"<{len(basic)}I", *basic)) + b"".join(map(item, parts))
    assert is_near(pixels_of(write(tmp_path, codec, GREYS, content, **header)), np.array(GREYS))


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("counts", [(2, 2, 2), (1, 2, 1)])
def test_frames_in_several_fragments_are_put_together(tmp_path, codec, counts):
    encode, _ = CODECS[codec]
    content = item(b"")
    for frame, count in zip(map(encode, GREYS), counts, strict=True):
        half = len(frame) // 4 * 2 if count == 2 else 0
        rest = frame[half:] + bytes(len(frame[half:]) % 2)
        content += (item(frame[:half]) if half else b"") + item(rest)
    assert is_near(pixels_of(write(tmp_path, codec, GREYS, content)), np.array(GREYS))


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize(
    "header", [{"Rows": 40, "Columns": 32}, {"Rows": 16, "BitsAllocated": 16}, {"SamplesPerPixel": 3}]
)
def test_another_size_than_that_of_the_codestream_is_damage(tmp_path, codec, header):
    with pytest.raises(errors.DamagedFile, match=r"another size|other samples"):
        pixels_of(write(tmp_path, codec, GREYS[:1], PlanarConfiguration=0, **header))


@pytest.mark.parametrize(
    ("codec", "planar"), [*((codec, n) for codec in CODECS for n in (0, 1)), ("JPEG", None), ("JPEG 2000", None)]
)
def test_colours_of_pixels_are_not_taken_for_colours_of_planes(tmp_path, codec, planar):
    assert is_near(pixels_of(write(tmp_path, codec, [COLOURS], PlanarConfiguration=planar))[0], COLOURS)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("pixels", [GREYS[0], COLOURS], ids=["grey", "colour"])
@pytest.mark.parametrize("stored", [16, 12])
def test_eight_bits_in_words_of_sixteen_are_what_they_are(tmp_path, codec, pixels, stored):
    path = write(tmp_path, codec, [pixels], BitsAllocated=16, BitsStored=stored, HighBit=stored - 1)
    assert is_near(pixels_of(path)[0], pixels)


@pytest.mark.parametrize("codec", ["JPEG 2000", "JPEG-LS"])
@pytest.mark.parametrize("signed", [0, 1])
def test_numbers_beyond_the_stored_bits_are_never_cut(tmp_path, codec, signed):
    more = {"BitsStored": 12, "HighBit": 11, "PixelRepresentation": signed}
    with pytest.raises(errors.DamagedFile, match="BitsStored"):
        pixels_of(write(tmp_path / "large", codec, [DEEP], **more))
    truth = DEEP.astype(int) % 2048 - 1000 * signed
    path = write(tmp_path / "small", codec, [truth.astype(np.uint16)], **more)  # the sign repeats above
    assert np.array_equal(pixels_of(path)[0], truth)


def test_a_sign_that_the_codestream_has_no_bit_for_is_never_guessed(tmp_path):
    more = {"BitsAllocated": 16, "BitsStored": 16, "HighBit": 15, "PixelRepresentation": 1}
    with pytest.raises(errors.DamagedFile, match="negative"):
        pixels_of(write(tmp_path / "large", "JPEG 2000", GREYS[:1], **more))
    for codec, pixels in (("JPEG 2000", GREYS[0] // 3), ("JPEG-LS", GREYS[0]), ("JPEG-LS", GREYS[0] // 3)):
        assert is_near(pixels_of(write(tmp_path / f"{codec}{pixels.max()}", codec, [pixels], **more))[0], pixels)


@pytest.mark.parametrize("codec", [*CODECS, "JPEG Lossless"])
@pytest.mark.parametrize("share", [0.5, 0.9, 1])
def test_a_codestream_that_is_cut_in_a_whole_fragment_is_damage(tmp_path, codec, share):
    if codec == "JPEG Lossless":
        dataset = pydicom.dcmread(get_testdata_file("SC_rgb_jpeg_gdcm.dcm"))
        whole = next(generate_frames(dataset.PixelData, number_of_frames=1))
    else:
        whole = CODECS[codec][0](GREYS[0])
    cut = whole[: max(int(len(whole) * share) // 2 * 2 - 4, 4)]
    if codec == "JPEG Lossless":
        dataset.PixelData = item(b"") + item(cut)
        dataset.save_as(tmp_path / "cut.dcm")
    else:
        write(tmp_path, codec, GREYS[:1], item(b"") + item(cut))
    with pytest.raises(errors.DamagedFile):
        pixels_of(tmp_path)


@pytest.mark.parametrize("codec", CODECS)
def test_zeros_behind_a_codestream_are_padding(tmp_path, codec):
    whole = CODECS[codec][0](GREYS[0])
    path = write(tmp_path, codec, GREYS[:1], item(b"") + item(whole + bytes(1000 + len(whole) % 2)))
    assert is_near(pixels_of(path)[0], GREYS[0])


def test_colours_of_jpeg_2000_in_a_jpeg_are_those_of_the_jpeg(tmp_path):
    path = write(tmp_path, "JPEG", [COLOURS], PhotometricInterpretation="YBR_ICT")
    assert is_near(pixels_of(path)[0], COLOURS)
