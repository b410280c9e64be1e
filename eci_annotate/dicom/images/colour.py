"""Colour images as red, green and blue (PS3.3 C.7.6.3.1.2): RGB, YBR, and palettes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.pixels import apply_color_lut
from pydicom.uid import UID, RLELossless

from eci_annotate.dicom.frame_bytes import AGAIN
from eci_annotate.dicom.images.element_values import number_in, value_of
from eci_annotate.errors import DamagedFile, UnsupportedImages

COLOUR = ("RGB", "YBR", "PALETTE")
PALETTE = "PALETTE"
RETIRED = ("HSV", "ARGB", "CMYK")
OF_CODECS = ("YBR_ICT", "YBR_RCT", "YBR_PARTIAL")  # PS3.3 C.7.6.3.1.2: of JPEG 2000 and MPEG


def is_colour(dataset: Dataset) -> bool:
    """Whether an image has colours; grey with a supplemental palette has values."""
    photometric = str(value_of(dataset, "PhotometricInterpretation") or "")
    return number_in(dataset, "SamplesPerPixel", 1) != 1 or photometric.startswith(COLOUR)


def coloured(dataset: Dataset, stored: Callable[[int], NDArray[Any]]) -> Callable[[int], NDArray[np.uint8]]:
    """Return what gives the colours of frame n, counted from 0: shape (rows, columns, 3), 8 bits each.

    Parameters
    ----------
    dataset
        Header of the file.
    stored
        Gives its decoded pixels; YBR is RGB already.
    """

    def colours(number: int) -> NDArray[np.uint8]:
        _require_known(dataset)
        return _eight_bits(dataset, _rgb(dataset, stored(number)))

    return colours


def _require_known(dataset: Dataset) -> None:
    """Refuse colours that no reader converts to red, green and blue."""
    photometric = str(value_of(dataset, "PhotometricInterpretation") or "")
    syntax = UID(str(value_of(dataset.file_meta, "TransferSyntaxUID") or ""))
    without_codec = not syntax or not syntax.is_transfer_syntax or not syntax.is_compressed or syntax == RLELossless
    if photometric in RETIRED or (photometric.startswith(OF_CODECS) and without_codec):
        raise UnsupportedImages(
            f"The colours of an image are {photometric}{' without a codec' * (photometric not in RETIRED)}.",
            "Convert the series to RGB first.",
        )


def bits_of(dataset: Dataset) -> int:
    """Return the bits of each colour as stored; more than 8 are reduced to 8."""
    if not str(value_of(dataset, "PhotometricInterpretation") or "").startswith(PALETTE):
        return number_in(dataset, "BitsStored", 8)
    descriptor = value_of(dataset, "RedPaletteColorLookupTableDescriptor")
    try:
        bits = int(descriptor[2]) if descriptor is not None else 8
    except (TypeError, ValueError, IndexError) as error:
        raise DamagedFile("The palette of an image cannot be read.", AGAIN) from error
    return 8 if bits > 8 and _has_small_entries(dataset) else bits


def _has_small_entries(dataset: Dataset) -> bool:
    """Whether all entries of a palette of 16 bits are 8-bit colours, as some writers store them."""
    tables = [dataset.get(f"{colour}PaletteColorLookupTableData") for colour in ("Red", "Green", "Blue")]
    if not all(isinstance(table, bytes) and len(table) % 2 == 0 for table in tables):
        return False
    return max(int(np.frombuffer(table, "<u2").max(initial=0)) for table in tables) <= 255


def _rgb(dataset: Dataset, pixels: NDArray[Any]) -> NDArray[Any]:
    if str(value_of(dataset, "PhotometricInterpretation") or "").startswith(PALETTE):
        try:
            pixels = np.asarray(apply_color_lut(pixels, dataset))
        except Exception as error:  # malformed palettes raise many kinds
            raise DamagedFile("The palette of an image cannot be read.", AGAIN) from error
    if pixels.ndim != 3 or pixels.shape[2] not in (3, 4):
        raise UnsupportedImages("The colours of an image are not red, green and blue.", "Convert the series first.")
    return pixels[..., :3]


def _eight_bits(dataset: Dataset, pixels: NDArray[Any]) -> NDArray[np.uint8]:
    if pixels.dtype == np.uint8:
        most = (1 << bits_of(dataset)) - 1
        return np.ascontiguousarray(pixels if most >= 255 or pixels.max() > most else _stretched(pixels, most))
    if pixels.dtype.kind != "u":
        raise UnsupportedImages("The colours of an image are signed numbers.", "Convert the series first.")
    spare = max(max(bits_of(dataset), 8) - 8, 0)
    return np.ascontiguousarray((pixels >> spare).clip(0, 255).astype(np.uint8))


def _stretched(pixels: NDArray[Any], most: int) -> NDArray[np.uint8]:
    """Return colours of fewer than 8 bits at the brightness that they mean."""
    return np.rint(pixels * (255 / most)).astype(np.uint8)


def colour_attrs(dataset: Dataset) -> dict[str, Any]:
    """Return the attributes of a colour volume; deeper colours are reduced to 8 bits, which is said."""
    bits = bits_of(dataset)
    return {"colour": "RGB"} | ({"reduced_from_bits": bits} if bits > 8 else {})
