"""A series as the tools see it: integer intensities, lightly smoothed intensities, and the grid."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from eci_annotate.imaging.geometry import Grid
from eci_annotate.imaging.volume import colours_kji, filled, grid_of, is_colour, values_kji
from eci_annotate.tools.smartpaint.dabs import smoothed

LEAST, MOST = -32768, 32767


class Sheet:
    """One series, read-only.

    Attributes
    ----------
    volume, grid
        The volume as loaded, and its grid.
    values
        int16 (k, j, i): the modality values themselves if they are integers that fit, else scaled; the brightness of
        colour images, which strokes and clicks follow, and which is never reported as a value.
    scale, origin
        Integer steps per modality unit, and the modality value of the integer 0.
    """

    def __init__(self, volume: xr.DataArray) -> None:
        self.volume = volume
        self.grid: Grid = grid_of(volume)
        numbers = brightness_of(volume) if is_colour(volume) else values_kji(volume)
        self.values, self.scale, self.origin = _whole(numbers)
        self.values.flags.writeable = False

    @cached_property
    def smooth(self) -> NDArray[np.int16]:
        """Lightly smoothed values, for the barrier rule."""
        smooth = smoothed(self.values, self.grid.spacing_mm)
        smooth.flags.writeable = False
        return smooth


def brightness_of(volume: xr.DataArray) -> NDArray[np.int16]:
    """Return the luma of colour images, 0..255 (ITU-R BT.601), in whole numbers."""
    red, green, blue = np.moveaxis(colours_kji(volume).astype(np.int32), -1, 0)
    return ((77 * red + 150 * green + 29 * blue) >> 8).astype(np.int16)


def _whole(values: NDArray[np.generic]) -> tuple[NDArray[np.int16], float, float]:
    if np.issubdtype(values.dtype, np.integer) or values.dtype == bool:
        low, high = (int(values.min()), int(values.max())) if values.size else (0, 0)
        if low >= LEAST and high <= MOST:
            return np.ascontiguousarray(values, np.int16).view(), 1.0, 0.0
    numbers = filled(values)
    low_f, high_f = float(numbers.min()), float(numbers.max())
    scale = (MOST - LEAST) / (high_f - low_f) if high_f > low_f else 1.0
    whole = np.floor((numbers - low_f) * scale + LEAST + 0.5).clip(LEAST, MOST).astype(np.int16)
    return whole, scale, low_f - LEAST / scale
