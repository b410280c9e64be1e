"""The display windows that a file proposes (VOI LUT module, PS3.3 C.11.2), in modality values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from eci_annotate.dicom.images.dicom_frames import Frame
from eci_annotate.dicom.images.element_values import numbers
from eci_annotate.dicom.stored.lookup_table import descriptor_of, entries_of
from eci_annotate.errors import BadImages
from eci_annotate.imaging.display import Voi, VoiFunction, Window

MOST_LEVELS = 4096


def window_attrs(frame: Frame, values: NDArray[Any]) -> dict[str, Any]:
    """Return `window` (low, high), and `windows` (explanation, low, high) where the file gives several.

    `voi` has for each window how it is shown between black and white, unless all are exact. A file whose windows
    cannot be read has none.
    """
    try:
        found = [*_given(frame, values), *_tables(frame, values)]
    except BadImages:
        return {}
    if not found:
        return {}
    attrs: dict[str, Any] = {"window": tuple(found[0][1])}
    if any(voi != VoiFunction.LINEAR_EXACT for _, _, voi in found):
        attrs["voi"] = tuple(voi if isinstance(voi, tuple) else str(voi) for _, _, voi in found)
    return attrs | ({"windows": tuple((name, *window) for name, window, _ in found)} if len(found) > 1 else {})


def _given(frame: Frame, values: NDArray[Any]) -> Iterator[tuple[str, Window, Voi]]:
    centres, widths = frame.get("WindowCenter"), frame.get("WindowWidth")
    if centres is None or widths is None:
        return
    names = frame.get("WindowCenterWidthExplanation")
    texts = [names] if isinstance(names, str) else list(names or ())
    pairs = zip(numbers(centres, "WindowCenter"), numbers(widths, "WindowWidth"), strict=False)
    for n, (centre, width) in enumerate(pairs):
        if width > 0:
            window = Window.from_centre_width(float(centre), float(width))
            shown = _function(frame, float(width))
            modality = _in_modality_values(frame, window, values)
            if modality != window and shown is VoiFunction.LINEAR:
                shown = VoiFunction.LINEAR_EXACT  # one value there is not one value here
            yield (str(texts[n]) if n < len(texts) else "", modality, shown)


def _function(frame: Frame, width: float) -> VoiFunction:
    """Return how values become grey; LINEAR is not defined for a width below one."""
    stated = frame.text("VOILUTFunction").strip().upper()
    if stated in (VoiFunction.SIGMOID, VoiFunction.LINEAR_EXACT):
        return VoiFunction(stated)
    return VoiFunction.LINEAR if width >= 1 else VoiFunction.LINEAR_EXACT


def _in_modality_values(frame: Frame, window: Window, values: NDArray[Any]) -> Window:
    """Convert a window in stored values, as Philips writes for MR, where it does not meet the values otherwise."""
    slope, intercept = frame.number_of("RescaleSlope") or 1.0, frame.number_of("RescaleIntercept") or 0.0
    if not frame.text("Manufacturer").upper().startswith("PHILIPS") or frame.modality != "MR" or slope == 1.0:
        return window
    middle = values[len(values) // 2]
    low, high = float(np.nanmin(middle)), float(np.nanmax(middle))
    scaled = Window(window.low * slope + intercept, window.high * slope + intercept)
    return scaled if _share(scaled, low, high) > 2 * _share(window, low, high) else window


def _share(window: Window, low: float, high: float) -> float:
    """Return the overlap of a window with a range of values, as a share of both together."""
    together = max(window.high, high) - min(window.low, low)
    return max(min(window.high, high) - max(window.low, low), 0.0) / together if together > 0 else 0.0


def _tables(frame: Frame, values: NDArray[Any]) -> Iterator[tuple[str, Window, Voi]]:
    """Return each VOI lookup table: the range of its input, and the grey levels of its output."""
    for item in frame.get("VOILUTSequence") or ():
        signed = bool(frame.whole("PixelRepresentation")) or float(np.nanmin(values)) < 0
        count, first, bits = descriptor_of(item, signed)
        window = Window(float(first), float(first + count - 1))
        yield str(item.get("LUTExplanation", "") or ""), window, _levels(item, count, bits)


def _levels(item: Dataset, count: int, bits: int) -> Voi:
    """Return the output of a table as grey levels 0..255, at most `MOST_LEVELS` at even distances."""
    levels = entries_of(item, count, bits) * 255 / ((1 << bits) - 1)
    if count > MOST_LEVELS:
        levels = np.interp(np.linspace(0, count - 1, MOST_LEVELS), np.arange(count), levels)
    return tuple(int(level) for level in np.rint(levels.clip(0, 255)))
