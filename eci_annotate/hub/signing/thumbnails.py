"""Pictures of the service's own draft for confirmation: each annotation on the slice where it is largest."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr
from PIL import Image

from eci_annotate.imaging.annotations import Annotation
from eci_annotate.imaging.display import Window, picture_of
from eci_annotate.imaging.volume import grid_of, values_kji

MARGIN, LARGEST_PX = 24, 320


def picture(annotation: Annotation, volume: xr.DataArray, window: Window | None) -> str:
    """Return a PNG as a data URL: the slice with the largest area, cropped, with a coloured outline."""
    mask = values_kji(annotation.mask_on(volume)).astype(bool)
    if not mask.any():
        return ""
    k = int(np.argmax(mask.sum((1, 2))))
    rows, columns = (np.flatnonzero(mask[k].any(axis)) for axis in (1, 0))
    cut = tuple(slice(max(int(each[0]) - MARGIN, 0), int(each[-1]) + MARGIN + 1) for each in (rows, columns))
    shown = picture_of(volume, k, window)[cut].copy()
    shown[_outline(mask[k][cut])] = annotation.colour
    y, x = (float(each) for each in grid_of(volume).spacing_mm[1:])
    return _png(shown, y / x)


def _outline(mask: Any) -> Any:
    padded = np.pad(mask, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return mask & ~inner


def _png(shown: Any, aspect: float) -> str:
    height, width = shown.shape[0] * aspect, shown.shape[1]
    scale = min(LARGEST_PX / max(height, width), 4.0)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    out = io.BytesIO()
    Image.fromarray(shown).resize(size, Image.Resampling.NEAREST).save(out, "PNG")
    return f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"


def pictures(
    annotations: tuple[Annotation, ...],
    volume: Callable[[str], xr.DataArray],
    window: Callable[[str], Window | None],
) -> list[str]:
    """Return one picture for each annotation."""
    return [picture(each, volume(each.series_uid), window(each.series_uid)) for each in annotations]
