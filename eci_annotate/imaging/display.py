"""How values become grey: windows, presets and the default shared by viewer, thumbnails and signing page."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from eci_annotate.imaging.volume import DIMS, colours_kji, filled, is_colour, measured, values_kji

AIR_HU = -500.0  # values below this occur in CT only


class VoiFunction(StrEnum):
    """How values between black and white become grey (PS3.3 C.11.2.1.2 and C.11.2.1.3).

    LINEAR, which files mean that say nothing, is white one value before LINEAR_EXACT is. What people choose, and what
    is computed, is exact.
    """

    LINEAR = "LINEAR"
    LINEAR_EXACT = "LINEAR_EXACT"
    SIGMOID = "SIGMOID"


Voi = VoiFunction | tuple[int, ...]  # or a table: grey levels at even distances from black to white


class Window(NamedTuple):
    """Modality values that are displayed black (`low`) and white (`high`)."""

    low: float
    high: float

    @classmethod
    def from_centre_width(cls, centre: float, width: float) -> Window:
        """Return the window for DICOM Window Center and Window Width (PS3.3 C.11.2.1.2, linear exact)."""
        return cls(centre - width / 2, centre + width / 2)


PRESETS: Mapping[str, Window] = {
    "liver": Window(-15, 175),
    "soft tissue": Window(-160, 240),
    "lung": Window(-1350, 150),
    "bone": Window(-450, 1050),
}


def default_window(volume: xr.DataArray) -> Window:
    """Return the window of the file, else soft tissue for CT, else the central 98 % of the values."""
    if is_colour(volume):
        return Window(0.0, 255.0)  # colours are shown as they are
    given = volume.attrs.get("window")
    if isinstance(given, (tuple, list)) and len(given) == 2:
        return Window(float(given[0]), float(given[1]))
    part = volume.transpose(*DIMS)[:: max(volume.sizes["k"] // 16, 1), ::4, ::4]
    some = np.asarray(part.values, float)[measured(part)]
    if not some.size:
        return Window(0.0, 1.0)
    if volume.attrs.get("modality") == "CT" or float(some.min()) < AIR_HU:
        return PRESETS["soft tissue"]
    low, high = np.percentile(some, [1, 99])
    return Window(float(low), float(max(high, low + 1)))


def is_inverted(volume: xr.DataArray) -> bool:
    """Whether low values are displayed white (MONOCHROME1)."""
    return bool(volume.attrs.get("inverted", False))


def voi_of(volume: xr.DataArray, place: int = 0) -> Voi:
    """Return how a window of the file is shown, by its place among `attrs["windows"]`; exact by default."""
    given = volume.attrs.get("voi", ())
    if place >= len(given):
        return VoiFunction.LINEAR_EXACT
    return VoiFunction(given[place]) if isinstance(given[place], str) else tuple(int(level) for level in given[place])


def grey(
    values: ArrayLike, window: Window, inverted: bool = False, voi: Voi = VoiFunction.LINEAR_EXACT
) -> NDArray[np.uint8]:
    """Convert values to grey levels 0..255 of the same shape."""
    low, high = window
    if voi == VoiFunction.LINEAR:
        high = max(high - 1, low)
    share = (np.asarray(values, np.float64) - low) / max(high - low, 1e-6)
    if isinstance(voi, tuple):
        share = np.asarray(voi)[np.rint(np.clip(share, 0, 1) * (len(voi) - 1)).astype(int)] / 255
    elif voi == VoiFunction.SIGMOID:
        share = 1 / (1 + np.exp(np.clip(-4 * (share - 0.5), -60, 60)))
    share = np.clip(share, 0, 1)
    return np.asarray(np.floor((1 - share if inverted else share) * 255 + 0.5), np.uint8)


def picture_of(volume: xr.DataArray, slice_k: int, window: Window | None = None) -> NDArray[np.uint8]:
    """Return one slice as displayed, shape (rows, columns, 3): in its colours, or grey in a window.

    Parameters
    ----------
    volume
        Any volume.
    slice_k
        Which slice.
    window
        Values displayed black and white; None for the default of the volume.
    """
    one = volume.isel(k=[slice_k])
    if is_colour(volume):
        return colours_kji(one)[0]
    voi = VoiFunction.LINEAR_EXACT if window else voi_of(volume)
    levels = grey(filled(values_kji(one)[0]), window or default_window(volume), is_inverted(volume), voi)
    return np.repeat(levels[..., None], 3, axis=2)
