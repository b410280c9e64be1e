"""The values of a stack in one array: each slice read straight into its place where that is possible."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eci_annotate.dicom.images.colour import is_colour
from eci_annotate.dicom.images.dicom_frames import Frame
from eci_annotate.dicom.images.element_values import REMEDY
from eci_annotate.dicom.images.pixels import has_uniform_padding, is_unscaled, modality_values
from eci_annotate.dicom.images.stacks import Stack
from eci_annotate.dicom.stored.room import Room
from eci_annotate.errors import DamagedFile

SCALING = ("RescaleSlope", "RescaleIntercept")
MOST_FLOAT32 = 1 << 24


def _wider(kinds: Sequence[np.dtype[Any]], most: float) -> type[Any]:
    """Return the smallest type that holds values of all these kinds exactly."""
    if any(kind == np.float64 for kind in kinds):
        return np.float64
    if not any(kind.kind == "f" for kind in kinds):
        return np.int32
    return np.float64 if most > MOST_FLOAT32 else np.float32


def values_of(stack: Stack, room: Room | None = None) -> NDArray[Any]:
    """Return all slices in one array of the smallest exact type: int16, int32, float32 or float64.

    Padding becomes NaN where it is not one range of whole numbers. Colours are 8 bits each, in a fourth axis.

    Raises
    ------
    DamagedFile
        If only some of the images say how stored values are scaled.
    """
    _require_scaling(stack.frames)
    _warn_of_mappings(stack.frames)
    if is_colour(stack.frames[0].dataset):
        with ThreadPoolExecutor(2) as pool:
            return np.stack(list(pool.map(lambda frame: frame.pixels(), stack.frames)))
    out: NDArray[Any] = (room or Room()).take(stack.grid.shape)
    put = partial(_put, out, not has_uniform_padding(stack.frames))
    numbered = list(enumerate(stack.frames))
    with ThreadPoolExecutor(2) as pool:  # each its half: a task for each slice would cost more than reading it
        halves = list(pool.map(put, (numbered[::2], numbered[1::2])))
    wide = dict(sorted((halves[0] | halves[1]).items()))
    if not wide:
        return out
    whole = [float(np.abs(values.astype(np.int64)).max()) for values in wide.values() if values.dtype == np.int32]
    out = out.astype(_wider([values.dtype for values in wide.values()], max(whole, default=0.0)))
    for k, values in wide.items():
        out[k] = values
    return out


def _require_scaling(frames: Sequence[Frame]) -> None:
    """Refuse a stack in which only some images say how stored values are scaled, or one says it twice."""
    for keyword in SCALING:
        if any(np.size(frame.get(keyword)) > 1 for frame in frames):
            raise DamagedFile(f"{keyword} of an image has several values.", REMEDY)
        without = sum(frame.get(keyword) is None for frame in frames)
        if 0 < without < len(frames):
            raise DamagedFile(f"{keyword} is missing from {without} of {len(frames)} images of a stack.", REMEDY)


def _warn_of_mappings(frames: Sequence[Frame]) -> None:
    """Say so where each slice needs another Real World Value Mapping, which is not applied, to be compared."""
    mappings = {(frame.get("RealWorldValueSlope"), frame.get("RealWorldValueIntercept")) for frame in frames}
    scalings = {tuple(frame.get(keyword) for keyword in SCALING) for frame in frames}
    if len(mappings) > 1 and len(scalings) == 1:
        warnings.warn(
            "Each slice has a Real World Value Mapping of its own, and none is applied: values of two slices cannot be"
            " compared.",
            stacklevel=4,
        )


def _put(out: NDArray[Any], nan: bool, numbered: Sequence[tuple[int, Frame]]) -> dict[int, NDArray[Any]]:
    """Write slices to their places while they are in memory; return those that need a wider type."""
    wide = {}
    for k, frame in numbered:
        if not nan and is_unscaled(frame) and frame.fill(out[k]):
            continue
        values = modality_values(frame, nan=nan)
        if values.dtype == np.int16:
            out[k] = values
        else:
            wide[k] = values
    return wide
