"""A decoder of pydicom for grey JPEG-LS and JPEG 2000: imagecodecs lets other threads run while it decodes.

The packages that pydicom knows hold the interpreter's lock, and their JPEG-LS is a quarter as fast.
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
    """Return one grey frame, little endian, in words as large as the codestream's precision needs.

    Raises
    ------
    ValueError
        If the codestream has several components, or is of another size than the header says.
    """
    values = _decoder(runner.transfer_syntax)(source)
    if values.shape != (runner.rows, runner.columns) or values.dtype.kind not in "iu":
        raise ValueError("no grey frame of this size")
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


def _decoder(syntax: str) -> Any:
    import imagecodecs

    return imagecodecs.jpegls_decode if syntax in JPEGLSTransferSyntaxes else imagecodecs.jpeg2k_decode
