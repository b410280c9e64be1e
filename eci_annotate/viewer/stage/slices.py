"""Slices as sent to the browser, as displayed: 16 bits, with their conversion to modality values; or RGB."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from eci_annotate.errors import Refused
from eci_annotate.imaging.display import VoiFunction, Window, default_window, is_inverted, voi_of
from eci_annotate.imaging.volume import DIMS, colours_kji, filled, is_colour, values_kji
from eci_annotate.viewer.stage import messages
from eci_annotate.viewer.stage.browser_messages import Want
from eci_annotate.viewer.stage.orders import Send
from eci_annotate.viewer.stage.pane_geometry import PANES, PlaneStack

SLAB = re.compile(r"(mean|max|min)([1-9]\d{0,3})")
REDUCE: Mapping[str, Callable[..., NDArray[np.generic]]] = {"max": np.max, "min": np.min, "mean": np.mean}


class Pictures:
    """One series, ready to be sent slice by slice.

    Attributes
    ----------
    slope, intercept
        Modality value = stored * slope + intercept; exact for 16-bit integers.
    in_colour
        Whether slices are sent as red, green and blue, 8 bits each.
    """

    def __init__(self, volume: xr.DataArray, window: Window | None = None) -> None:
        self.in_colour = is_colour(volume)
        self.slope, self.intercept, self.stored = _stored(volume)
        self.invert = is_inverted(volume)
        self.window = window or default_window(volume)
        self.voi = VoiFunction.LINEAR_EXACT if window else voi_of(volume)
        self.choices = choices_of(volume)
        self.overlay = volume.overlay.transpose(*DIMS).values if "overlay" in volume.coords else None

    def slice_order(self, want: Want, stack: PlaneStack) -> Send | None:
        """Return the order that answers a request; None if the slice does not exist."""
        if not 0 <= want.index < stack.count:
            return None
        plane = np.ascontiguousarray(self._plane(want, stack))
        dtype = messages.RGB if self.in_colour else self.stored.dtype.name
        message = messages.slice_message(want, dtype, self.slope, self.intercept)
        pixels = plane.astype(plane.dtype.newbyteorder("<"), copy=False).tobytes()
        graphics = self._graphics(want, stack)
        return Send(message, (pixels, graphics) if graphics else (pixels,))

    def _graphics(self, want: Want, stack: PlaneStack) -> bytes:
        """Return the overlay of a single acquired slice as bits, the lowest first; empty if there is none."""
        if self.overlay is None or stack.axis != 0 or slab_of(want.plane)[2] > 1:
            return b""
        bits = stack.slice_of(self.overlay, want.index)
        return np.packbits(bits, bitorder="little").tobytes() if bits.any() else b""

    def _plane(self, want: Want, stack: PlaneStack) -> NDArray[np.generic]:
        """Return a slice as displayed, or the mean, maximum or minimum of those around it."""
        _, mode, count = slab_of(want.plane)
        if count == 1:
            return stack.slice_of(self.stored, want.index)
        near = [slice(None)] * 3
        near[stack.axis] = slice(max(want.index - count // 2, 0), want.index + count // 2 + 1)
        reduced = REDUCE[mode](self.stored[tuple(near)], axis=stack.axis, keepdims=True)
        return stack.slice_of(np.rint(reduced).astype(self.stored.dtype), 0)


def choices_of(volume: xr.DataArray) -> list[dict[str, Any]]:
    """Return the windows that a file gives, with a name for each."""
    given = volume.attrs.get("windows") or [("", *volume.attrs["window"])] if "window" in volume.attrs else []
    return [
        {"name": f"File: {name or n}", "window": [float(low), float(high)], "voi": voi_of(volume, n - 1)}
        for n, (name, low, high) in enumerate(given, 1)
    ]


def slab_of(plane: str) -> tuple[str, str, int]:
    """Return plane, mode and number of slices of a plane's name: ``axial~max5`` is the maximum of five axial slices.

    Raises
    ------
    Refused
        If it is no such name.
    """
    name, _, slab = plane.partition("~")
    found = SLAB.fullmatch(slab or "mean1")
    if not (name in PANES or name.startswith("oblique:")) or found is None:
        raise Refused("The browser asked for an unknown plane.", "Reload the page.")
    return name, found[1], int(found[2])


def _stored(volume: xr.DataArray) -> tuple[float, float, NDArray[Any]]:
    return (1.0, 0.0, colours_kji(volume)) if is_colour(volume) else _sixteen_bits(values_kji(volume))


def _sixteen_bits(values: NDArray[np.generic]) -> tuple[float, float, NDArray[np.int16] | NDArray[np.uint16]]:
    if values.dtype in (np.dtype(np.int16), np.dtype(np.uint16)):
        return 1.0, 0.0, values  # type: ignore[return-value]
    numbers = filled(values)
    low, high = float(numbers.min()), float(numbers.max())
    whole = bool((numbers == np.round(numbers)).all())
    if whole and low >= -32768 and high <= 32767:
        return 1.0, 0.0, numbers.astype(np.int16)
    slope = (high - low) / 65535 if high > low else 1.0
    return slope, low, np.round((numbers - low) / slope).astype(np.uint16)
