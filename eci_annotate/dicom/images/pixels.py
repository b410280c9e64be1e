"""Stored pixels and modality values of a frame: scaling, lookup tables, padding, unused bits."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.pixels import pixel_array
from pydicom.tag import Tag
from pydicom.uid import UID, ExplicitVRBigEndian, RLELossless

from eci_annotate.deid.quiet import quiet
from eci_annotate.dicom.encapsulated.decodable import decodable, require_stored_bits
from eci_annotate.dicom.encapsulated.imagecodecs_plugin import colours_of, pixels_of
from eci_annotate.dicom.frame_bytes import (
    AGAIN,
    frame_bits,
    frame_bytes,
    high_bit_is_usual,
    is_packed,
    pixel_bytes,
    plain_type,
    without_unused_bits,
)
from eci_annotate.dicom.images.dicom_frames import Frame
from eci_annotate.dicom.images.element_values import number_in, value_of
from eci_annotate.dicom.stored.lookup_table import looked_up
from eci_annotate.dicom.stored.plain_header import tag_of_number
from eci_annotate.errors import DamagedFile, EciError, UnsupportedImages

MOST_BYTES = 8 << 30
WORDS = {1, 8, 16, 32, 64}  # bits of a pixel; others were packed without gaps (retired)
PIXEL_KEYWORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
PIXEL_TAGS = tuple(tag_of_number(int(Tag(keyword))) for keyword in PIXEL_KEYWORDS)


def has_pixels(dataset: Dataset) -> bool:
    """Whether a file holds pixels."""
    return bool(pixel_elements(dataset))


def pixel_elements(dataset: Dataset) -> list[str]:
    """Return the keywords of the elements that hold pixels (PS3.3 C.7.6.3, C.7.6.24, C.7.6.25): one of a whole file."""
    return [keyword for keyword, tag in zip(PIXEL_KEYWORDS, PIXEL_TAGS, strict=True) if tag in dataset._dict]


def stored_values(dataset: Dataset, number: int = 0) -> NDArray[Any]:
    """Return the stored pixels of one frame.

    Parameters
    ----------
    dataset
        A file with its pixels.
    number
        Frame, counted from 0.

    Returns
    -------
    array
        Shape (rows, columns), or (rows, columns, samples) for colour.

    Raises
    ------
    UnsupportedImages
        If no decoder for the encoding is installed.
    DamagedFile
        If they cannot be decoded.
    """
    frames = number_in(dataset, "NumberOfFrames", 1) or 1
    if (bits := number_in(dataset, "BitsAllocated", 16)) not in WORDS:
        raise UnsupportedImages(f"The pixels of an image have {bits} bits each.", "Convert the series first.")
    if pixel_bytes(dataset, frames) > MOST_BYTES:
        raise DamagedFile("The size of an image is not believable.", AGAIN)
    try:
        plain = frame_bits(dataset, number) if is_packed(dataset) else _plain(dataset, number)
        return _decoded(dataset, number, frames) if plain is None else plain
    except EciError:
        raise
    except NotImplementedError as error:
        raise UnsupportedImages("This pixel encoding cannot be decoded here.", "Convert the series first.") from error
    except Exception as error:  # decoders raise many kinds
        raise DamagedFile(
            f"The pixels of image {_label(dataset)} cannot be decoded.",
            "Copy the file again, or convert it to another transfer syntax.",
        ) from error


def _label(dataset: Dataset) -> str:
    try:
        return str(number_in(dataset, "InstanceNumber"))
    except DamagedFile:
        return "?"


def _plain(dataset: Dataset, number: int) -> NDArray[Any] | None:
    kind = plain_type(dataset)
    if kind is None or "PixelData" not in dataset:
        return None
    size, content = frame_bytes(dataset), dataset.PixelData
    if len(content) < size * (number + 1):
        raise DamagedFile("The pixels of an image end too early.", AGAIN)
    shape = (number_in(dataset, "Rows"), number_in(dataset, "Columns"))
    return without_unused_bits(
        dataset, np.frombuffer(content, kind, size // kind.itemsize, size * number).reshape(shape)
    )


def is_unscaled(frame: Frame) -> bool:
    """Whether stored values are modality values."""
    return (
        not value_of(frame.dataset, "ModalityLUTSequence")
        and frame.number_of("RescaleSlope") in (None, 1.0)
        and frame.number_of("RescaleIntercept") in (None, 0.0)
    )


def _decoded(dataset: Dataset, number: int, frames: int) -> NDArray[Any]:
    samples = number_in(dataset, "SamplesPerPixel", 1)
    is_usual = samples > 1 or high_bit_is_usual(dataset)
    ready = _ready(dataset, frames)
    with quiet():
        if is_usual:
            every = pixels_of(ready) if samples == 1 else colours_of(ready)
            one = every[number] if frames > 1 else every
        else:  # pydicom takes the lowest bits for the stored ones
            one = np.asarray(pixel_array(ready, index=number, correct_unused_bits=False))
    wanted = (number_in(dataset, "Rows"), number_in(dataset, "Columns"), *((samples,) if samples > 1 else ()))
    if one.shape != wanted:
        raise DamagedFile("The pixels of an image do not have the shape that its header says.", AGAIN)
    if samples > 1 or (not is_usual and _are_numbers(dataset, one)):
        return one
    require_stored_bits(dataset, ready, one)
    return without_unused_bits(dataset, one)


def _ready(dataset: Dataset, frames: int) -> Dataset:
    """Return what the decoder is given, made once for all frames of a file."""
    if "_ready" not in dataset.__dict__:
        ready = decodable(dataset, frames)
        dataset.__dict__["_ready"] = None if ready is dataset else ready
    return dataset.__dict__["_ready"] or dataset


def _are_numbers(dataset: Dataset, decoded: NDArray[Any]) -> bool:
    """Whether a codec gave numbers of the stored bits, as JPEG and its kin do, and not words with a high bit."""
    syntax, bits = UID(str(dataset.file_meta.get("TransferSyntaxUID", ""))), number_in(dataset, "BitsStored")
    if not syntax.is_compressed or syntax == RLELossless or decoded.dtype.kind not in "iu":
        return False
    least, most = (-(1 << bits - 1), (1 << bits - 1) - 1) if decoded.dtype.kind == "i" else (0, (1 << bits) - 1)
    return bool(decoded.min() >= least and decoded.max() <= most)


def modality_values(frame: Frame, *, nan: bool = False) -> NDArray[Any]:
    """Return the modality values of a grey frame (PS3.3 C.11.1).

    Whole numbers stay whole: int16, int32, or float64 beyond. Padding of other numbers is NaN.

    Parameters
    ----------
    frame
        Frame with pixels.
    nan
        Give whole numbers with padding as floating-point numbers with NaN, too.
    """
    raw = frame.pixels()
    if raw.ndim != 2:
        raise UnsupportedImages("An image has no single value per pixel.", "Load it with load_stacks, in colour.")
    values = _scaled(frame, raw)
    if nan and values.dtype.kind == "i" and _padding(frame) is not None:
        values = values.astype(np.float32 if values.dtype == np.int16 else np.float64)
    if values.dtype.kind == "f" and (found := _padding(frame)) is not None:
        values[(raw >= found[0]) & (raw <= found[1])] = np.nan
    return values


def _scaled(frame: Frame, raw: NDArray[Any]) -> NDArray[Any]:
    if value_of(frame.dataset, "ModalityLUTSequence"):
        return scaled(_looked_up(frame, raw), 1, 0)
    slope, intercept = frame.number_of("RescaleSlope"), frame.number_of("RescaleIntercept")
    slope, intercept = (1.0 if slope is None else slope), intercept or 0.0
    if slope == 0:
        raise DamagedFile("RescaleSlope of an image is zero.", AGAIN)
    if slope.is_integer() and intercept.is_integer() and np.issubdtype(raw.dtype, np.integer):
        return scaled(raw, int(slope), int(intercept))
    values = raw.astype(np.float64) * slope + intercept
    return values if raw.dtype == np.float64 else values.astype(np.float32)


def _looked_up(frame: Frame, raw: NDArray[Any]) -> NDArray[Any]:
    try:
        little = frame.dataset.file_meta.get("TransferSyntaxUID") != ExplicitVRBigEndian
        table = value_of(frame.dataset, "ModalityLUTSequence")[0]
        return looked_up(table, raw, bool(frame.whole("PixelRepresentation")), little)
    except Exception as error:  # malformed tables raise many kinds
        raise DamagedFile("The modality lookup table of an image cannot be read.", AGAIN) from error


def scaled(raw: NDArray[Any], slope: int, intercept: int) -> NDArray[Any]:
    """Return scaled integers as int16 if they fit, else int32, else float64."""
    if not raw.size:
        raise DamagedFile("An image has no pixels.", AGAIN)
    ends = [int(end) * slope + intercept for end in (raw.min(), raw.max())]
    if min(ends) < -(2**31) or max(ends) >= 2**31:
        return raw.astype(np.float64) * slope + intercept
    kind: Any = np.int16 if min(ends) >= -32768 and max(ends) <= 32767 else np.int32
    out = raw.astype(kind, copy=(slope, intercept) != (1, 0))
    if slope != 1:
        out *= np.int64(slope).astype(kind)  # intermediate results may wrap around; the final value fits and is exact
    if intercept:
        out += np.int64(intercept).astype(kind)
    return out


def _padding(frame: Frame) -> tuple[float, float] | None:
    """Return the first and the last stored value that are padding (PS3.3 C.7.5.1.1.2, C.7.6.24); None if none is."""
    kind = next((key.removesuffix("Data") for key in PIXEL_KEYWORDS if key in frame.dataset), "Pixel")
    low, limit = (frame.number_of(f"{kind}Padding{end}") for end in ("Value", "RangeLimit"))
    if low is None:
        return None
    ends = (low, low if limit is None else limit)
    first, last = sorted(_as_stored(int(end), frame) if kind == "Pixel" else end for end in ends)
    return first, last


def has_uniform_padding(frames: Sequence[Frame]) -> bool:
    """Whether padding is the same modality value in all frames, which a lookup table may give measured values too."""
    padding = {_padding(frame) for frame in frames}
    if padding == {None}:
        return True
    has_table = any(value_of(frame.dataset, "ModalityLUTSequence") for frame in frames)
    return not has_table and len(padding) == len({_rescale(frame) for frame in frames}) == 1


def padding_range(frame: Frame, values: NDArray[Any]) -> tuple[int, int] | None:
    """Return the first and the last modality value that are padding in whole numbers; None if no voxel is."""
    stored = _padding(frame)
    if values.dtype.kind != "i" or stored is None:
        return None
    first, last = sorted(int(end) for end in _scaled(frame, np.array(stored, np.int64)))
    return (first, last) if ((values >= first) & (values <= last)).any() else None


def _rescale(frame: Frame) -> tuple[float | None, float | None]:
    return frame.number_of("RescaleSlope"), frame.number_of("RescaleIntercept")


def _as_stored(value: int, frame: Frame) -> int:
    """Read a value of unknown sign as the pixels are read."""
    bits = frame.whole("BitsAllocated", 16)
    half, whole = 1 << bits - 1, 1 << bits
    if frame.whole("PixelRepresentation"):
        return value - whole if half <= value < whole else value
    return value + whole if -half <= value < 0 else value


def pixels_digest(dataset: Dataset) -> str:
    """SHA-256 over matrix and decoded stored pixels of all frames: the same for any lossless encoding."""
    count = number_in(dataset, "NumberOfFrames", 1) or 1
    frames = [stored_values(dataset, n) for n in range(count)]
    return _digest(dataset, np.ascontiguousarray(frames[0] if count == 1 else np.stack(frames)))


def digest_of_0_1(dataset: Dataset) -> str:
    """As release 0.1 sealed it: of uncompressed files with several frames or samples, the first plane of pixels only.

    Unused bits of compressed pixels count there.
    """
    stored_values(dataset)  # what cannot be decoded is named
    kind = plain_type(dataset, samples=None)
    if kind is None or "PixelData" not in dataset:
        return _digest(dataset, np.ascontiguousarray(dataset.pixel_array))
    rows, columns = number_in(dataset, "Rows"), number_in(dataset, "Columns")
    raw = np.frombuffer(dataset.PixelData, kind, rows * columns).reshape(rows, columns)
    spare = kind.itemsize * 8 - number_in(dataset, "BitsStored", kind.itemsize * 8)
    return _digest(dataset, raw if spare == 0 else (raw << spare) >> spare)


def _digest(dataset: Dataset, pixels: NDArray[Any]) -> str:
    head = f"{pixels.shape}|{number_in(dataset, 'PixelRepresentation')}|{number_in(dataset, 'BitsStored')}|"
    return hashlib.sha256(head.encode() + pixels.astype("<i4").tobytes()).hexdigest()
