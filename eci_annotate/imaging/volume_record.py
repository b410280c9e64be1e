"""A volume from values and a plain header, as caches keep it and services send it."""

from __future__ import annotations

import base64
import zlib
from dataclasses import fields
from typing import Any

import numpy as np
import xarray as xr

from eci_annotate.imaging.geometry import Grid
from eci_annotate.imaging.volume import DIMS, volume_from_array


def volume_from_kept(values: np.ndarray[Any, Any], header: dict[str, Any]) -> xr.DataArray:
    """Return the volume of values and the header that was kept with them."""
    names = {field.name for field in fields(Grid) if field.init}
    grid = Grid(**{name: _tuples(value) for name, value in header["grid"].items() if name in names})
    volume = volume_from_array(
        values,
        grid,
        series_uid=header["series_uid"],
        instance_uids=header["instance_uids"],
        name=header["name"],
        attrs={name: _tuples(value) for name, value in header["attrs"].items()},
    )
    if "overlay" in header:
        volume = volume.assign_coords(overlay=(DIMS, _unpacked(header["overlay"], grid.shape)))
    numbers = header.get("frame_numbers")
    return volume if numbers is None else volume.assign_coords(frame_number=("k", numbers))


def packed_bits(bits: np.ndarray[Any, Any]) -> str:
    """Return bits as text, compressed."""
    return base64.b64encode(zlib.compress(np.packbits(bits).tobytes())).decode()


def _unpacked(text: str, shape: tuple[int, int, int]) -> np.ndarray[Any, Any]:
    count = int(np.prod(shape))
    packed = zlib.decompressobj().decompress(base64.b64decode(text), count // 8 + 1)  # never more than fits
    bits = np.frombuffer(packed, np.uint8)
    return np.unpackbits(bits, count=count).reshape(shape).astype(np.bool_)


def _tuples(value: Any) -> Any:
    return tuple(_tuples(each) for each in value) if isinstance(value, list) else value
