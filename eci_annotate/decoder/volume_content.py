"""A volume as plain values: a header of JSON values, and the bytes of its array."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr

from eci_annotate.decoder.file_reader import VolumeContent
from eci_annotate.imaging.geometry import Grid
from eci_annotate.imaging.volume import (
    DIMS,
    colours_kji,
    grid_of,
    instance_uids_of,
    is_colour,
    series_uid_of,
    values_kji,
    volume_from_array,
)
from eci_annotate.imaging.volume_record import packed_bits
from eci_annotate.workflow.codec import to_json

BLOCK = 1 << 20


def content_of(volume: xr.DataArray) -> VolumeContent:
    """Return a volume as plain values."""
    values = np.ascontiguousarray(colours_kji(volume) if is_colour(volume) else values_kji(volume))
    header: dict[str, Any] = {
        "grid": to_json(grid_of(volume)),
        "series_uid": series_uid_of(volume),
        "instance_uids": instance_uids_of(volume),
        "name": volume.name,
        "attrs": volume.attrs,
    }
    if "frame_number" in volume.coords:
        header["frame_numbers"] = [int(n) for n in volume.frame_number.values]
    if "overlay" in volume.coords:
        header["overlay"] = packed_bits(volume.overlay.transpose(*DIMS).values)
    return VolumeContent(to_json(header), values.dtype.str, values.shape, _blocks(values))


def load_libraries() -> None:
    """Make a volume of zeros, for all that is loaded by it."""
    volume = volume_from_array(
        np.zeros((2, 2, 2), np.int16),
        Grid.from_arrays((0, 0, 0), np.eye(3)[::-1], (1, 1, 1), (2, 2, 2), "1.2.3"),
        series_uid="1.2",
        instance_uids=["1.2.1", "1.2.2"],
    )
    content_of(volume.assign_coords(overlay=(DIMS, np.zeros((2, 2, 2), np.bool_))))


def _blocks(values: np.ndarray[Any, Any]) -> Iterator[memoryview]:
    whole = values.reshape(-1).view(np.uint8).data
    return (whole[at : at + BLOCK] for at in range(0, len(whole), BLOCK))
