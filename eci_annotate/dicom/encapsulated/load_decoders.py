"""Loading in advance of all that decoding needs, for processes that can load nothing later."""

from __future__ import annotations

import codecs
import importlib
from contextlib import suppress

from pydicom.charset import python_encoding

_LIBRARIES = (
    *(f"pydicom.pixels.decoders.{name}" for name in ("gdcm", "pillow", "pyjpegls", "pylibjpeg", "rle")),
    *("pylibjpeg", "libjpeg", "openjpeg", "jpeg_ls", "PIL.Image", "PIL.JpegImagePlugin", "PIL.Jpeg2KImagePlugin"),
    *("pydicom.pixels.processing", "lzma", "encodings.idna"),
    *("imagecodecs._jpegls", "imagecodecs._jpeg2k"),
)


def load_decoders() -> None:
    """Load all that decoding may need later, pixel decoders and character sets; what is not installed is left out."""
    for module in _LIBRARIES:
        with suppress(ImportError):
            importlib.import_module(module)
    for value in python_encoding.values():
        for name in [value] if isinstance(value, str) else value:
            with suppress(LookupError):
                codecs.lookup(name)
