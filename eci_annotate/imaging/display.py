"""How values become grey: windows, presets and the default shared by viewer, thumbnails and signing page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from eci_annotate.imaging.volume import DIMS, colours_kji, filled, is_colour, measured, values_kji

AIR_HU = -500.0  # values below this occur in CT only


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


def grey(values: ArrayLike, window: Window, inverted: bool = False) -> NDArray[np.uint8]:
    """Convert values to grey levels 0..255 of the same shape."""
    low, high = window
    share = np.clip((np.asarray(values, np.float32) - low) / max(high - low, 1e-6), 0, 1)
    return np.asarray((1 - share if inverted else share) * 255, np.uint8)


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
    levels = grey(filled(values_kji(one)[0]), window or default_window(volume), is_inverted(volume))
    return np.repeat(levels[..., None], 3, axis=2)
