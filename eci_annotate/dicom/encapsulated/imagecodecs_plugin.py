"""A decoder of pydicom for grey JPEG-LS and JPEG 2000: imagecodecs lets other threads run while it decodes.

The packages that pydicom knows hold the interpreter's lock, and their JPEG-LS is a quarter as fast. They do not undo
the transform of colours that HP's JPEG-LS has.
"""

from __future__ import annotations

import importlib.util
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.pixels.decoders import (
    HTJ2KDecoder,
    HTJ2KLosslessDecoder,
    HTJ2KLosslessRPCLDecoder,
    JPEG2000Decoder,
    JPEG2000LosslessDecoder,
    JPEGLSLosslessDecoder,
    JPEGLSNearLosslessDecoder,
)
from pydicom.pixels.decoders.base import DecodeRunner
from pydicom.uid import JPEGLSTransferSyntaxes

from eci_annotate.deid.pixel_data.codestream import codestreams_of, fragments_of

NAME = "imagecodecs"
_DECODERS = (
    HTJ2KDecoder, HTJ2KLosslessDecoder, HTJ2KLosslessRPCLDecoder, JPEG2000Decoder, JPEG2000LosslessDecoder,
    JPEGLSLosslessDecoder, JPEGLSNearLosslessDecoder,
)  # fmt: skip
SYNTAXES = frozenset(each.UID for each in _DECODERS)
DECODER_DEPENDENCIES = dict.fromkeys(SYNTAXES, ("numpy", NAME))  # pydicom asks for it


def is_available(uid: str) -> bool:
    """Whether pydicom can use it for a transfer syntax."""
    return uid in SYNTAXES and importlib.util.find_spec(NAME) is not None


def decode_frame(source: bytes, runner: DecodeRunner) -> bytearray:
    """Return one grey frame, or one of JPEG-LS colours pixel by pixel, in words as large as its precision needs.

    Raises
    ------
    ValueError
        If the codestream has other components, or is of another size than the header says.
    """
    values = _decoder(runner.transfer_syntax)(source)
    is_colour = runner.samples_per_pixel > 1 and runner.transfer_syntax in JPEGLSTransferSyntaxes
    wanted = (runner.rows, runner.columns, *((runner.samples_per_pixel,) if is_colour else ()))
    if values.shape != wanted or values.dtype.kind not in "iu":
        raise ValueError("no frame of this size")
    if is_colour:
        runner.set_option("planar_configuration", 0)
    runner.set_option("bits_allocated", 8 * values.dtype.itemsize)
    return bytearray(np.ascontiguousarray(values, values.dtype.newbyteorder("<")))


def register() -> bool:
    """Let pydicom know of this decoder; whether it can be used."""
    if not is_available(JPEG2000LosslessDecoder.UID):
        return False
    for each in _DECODERS:
        if NAME not in each.available_plugins:
            each.add_plugin(NAME, (__name__, decode_frame.__name__))
    return True


def pixels_of(dataset: Dataset) -> NDArray[Any]:
    """Return all frames of a grey image, which pydicom keeps. What this decoder cannot decode, the others try."""
    if str(dataset.file_meta.get("TransferSyntaxUID", "")) in SYNTAXES and register():
        dataset.pixel_array_options(decoding_plugin=NAME)
        with suppress(Exception):
            return np.asarray(dataset.pixel_array)
        dataset.pixel_array_options()
    return np.asarray(dataset.pixel_array)


def colours_of(dataset: Dataset) -> NDArray[Any]:
    """Return all frames of a colour image; NotImplementedError if nothing here undoes how its colours are stored."""
    if is_transformed(dataset):
        if not register():
            raise NotImplementedError
        dataset.pixel_array_options(decoding_plugin=NAME)
    return np.asarray(dataset.pixel_array)


def is_transformed(dataset: Dataset) -> bool:
    """Whether the colours of a frame are stored as HP's extension of JPEG-LS stores them."""
    if str(dataset.file_meta.get("TransferSyntaxUID", "")) not in JPEGLSTransferSyntaxes:
        return False
    content = dataset.PixelData
    return any(each.is_transformed for each in codestreams_of(content, fragments_of(content)))


def _decoder(syntax: str) -> Any:
    import imagecodecs

    return imagecodecs.jpegls_decode if syntax in JPEGLSTransferSyntaxes else imagecodecs.jpeg2k_decode
