"""A series as it is sent to lie over others: sampled at the patient position of each displayed pixel, in 16 bits.

0 means that nothing is known there; 1 to 65535 divide the range of the values evenly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from eci_annotate.imaging.registration.registration import Registration
from eci_annotate.imaging.sections.raster import Raster, readable
from eci_annotate.imaging.volume import grid_of, padding_of, values_kji, without_padding
from eci_annotate.viewer.stage.pane_geometry import PlaneStack

STEPS = 65534
REDUCE: Mapping[str, Callable[..., Any]] = {"max": np.fmax.reduce, "min": np.fmin.reduce}
Codes = NDArray[np.uint16]


def raster_of(stack: PlaneStack, index: int) -> Raster:
    """Return the displayed pixels of one slice."""
    origin = stack.origin_lps + stack.grid.step_lps[stack.axis] * index
    return Raster(origin, stack.right_lps * stack.du_mm, stack.down_lps * stack.dv_mm, stack.rows, stack.cols)


class OverlayPictures:
    """One series, ready to be sampled.

    Attributes
    ----------
    slope, intercept
        Modality value = code * slope + intercept, for codes from 1.
    """

    def __init__(self, volume: xr.DataArray) -> None:
        self.grid = grid_of(volume)
        self.values = readable(values_kji(volume if padding_of(volume) is None else without_padding(volume)))
        numbers = self.values[np.isfinite(self.values)] if self.values.dtype.kind == "f" else self.values
        low, high = (float(numbers.min()), float(numbers.max())) if numbers.size else (0.0, 0.0)
        self.slope = (high - low) / STEPS if high > low else 1.0
        self.intercept = low - self.slope

    def codes(
        self, stack: PlaneStack, index: int, slab: tuple[str, int] = ("mean", 1), found: Registration | None = None
    ) -> Codes:
        """Return the codes at the displayed pixels of a slice, shape (rows, columns).

        Parameters
        ----------
        stack, index
            Planes below, and the one that is shown.
        slab
            `mean`, `max` or `min` of how many slices around it.
        found
            From the frame of reference of this series to that of the planes; None if they have the same.
        """
        from eci_annotate.imaging.sections.plane_sample import coded, sample  # compiled when it is needed first

        mode, count = slab
        near = range(max(index - count // 2, 0), min(index + count // 2 + 1, stack.count))
        planes = [sample(self.values, self.grid, raster_of(stack, n), found) for n in near]
        values = planes[0] if count == 1 else REDUCE.get(mode, _mean)(np.stack(planes))
        return coded(values, self.intercept, self.slope)


def _mean(planes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean of what is known; NaN where nothing is."""
    known = np.isfinite(planes)
    count = known.sum(0)
    total = np.where(known, planes, 0).sum(0, dtype=np.float64)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)
