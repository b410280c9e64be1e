"""GrowCut as a function of arrays: intensities and seeds in, labels out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eci_annotate.errors import Refused
from eci_annotate.imaging.blocks import bounding_box
from eci_annotate.tools.growcut.growth import FINE_STEPS, Growth
from eci_annotate.tools.growcut.region import RATIO, region_around


def whole_numbers(values: NDArray[np.generic]) -> NDArray[np.integer]:
    """Return intensities as integers: themselves, or 16384 steps between the lowest and the highest finite one."""
    if np.issubdtype(values.dtype, np.integer) or values.dtype == bool:
        return values.astype(np.int64)
    finite = np.isfinite(values)
    if not finite.any():
        return np.zeros(values.shape, np.int64)
    low, high = float(values[finite].min()), float(values[finite].max())
    scale = FINE_STEPS / (high - low) if high > low else 1.0
    return np.floor((np.where(finite, values, low) - low) * scale + 0.5).astype(np.int64)


def grow(
    values: ArrayLike,
    seeds: ArrayLike,
    *,
    spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0),
    locality: float = 0.0,
    walls: ArrayLike | None = None,
    margin: float | None = RATIO,
    go_on: Callable[[float], bool] = lambda share: True,
) -> NDArray[np.uint8]:
    """Grow labelled seeds through a volume: each voxel gets the label of the seed with the cheapest path.

    A path costs the sum of the absolute intensity differences between its 26-neighbours, and `locality` for each
    millimetre. Where two labels are equally near, the lowest one wins, so that the result does not depend on the
    machine. Paths do not lead through seeds or walls.

    Parameters
    ----------
    values
        Intensities (k, j, i). Numbers with a fraction are rounded to 16384 steps of their range.
    seeds
        Labels (k, j, i), 0 where there is no seed, otherwise 1, 2, ….
    spacing_mm
        Distance between voxel centres along k, j, i.
    locality
        Cost of one millimetre, in units of `values` (integers) or steps.
    walls
        Voxels to leave out, such as padding; voxels without a finite value are left out in any case.
    margin
        Work only in the box of all seeds, larger by this share of its extent on each side (at least three voxels);
        None: in the whole volume.
    go_on
        Is asked now and then, with the share that is done; False ends the work.

    Returns
    -------
    ndarray
        uint8 (k, j, i): labels, 0 outside the box, in walls, and where no path leads.

    Raises
    ------
    Refused
        If there are seeds of fewer than two labels, of more than 255, or if `go_on` ended the work.

    References
    ----------
    Vezhnevets and Konouchine, GrowCut, GraphiCon 2005. Zhu et al., An effective interactive medical image
    segmentation method using Fast GrowCut, MICCAI-IMIC 2014.

    Examples
    --------
    >>> from eci_annotate.tools.growcut import grow
    >>> grow([[[10, 11, 12, 90, 91, 90]]], [[[1, 0, 0, 0, 0, 2]]]).tolist()
    [[[1, 1, 1, 2, 2, 2]]]
    """
    given, planted = np.asarray(values), np.asarray(seeds)
    if len(np.unique(planted[planted != 0])) < 2 or planted.max(initial=0) > 255 or planted.min(initial=0) < 0:
        raise Refused("GrowCut needs seeds of at least two labels.", "Add seeds, for example for the background.")
    where = bounding_box(planted != 0)
    where = (slice(None),) * 3 if margin is None else region_around(where, planted.shape, margin)
    blocked = ~np.isfinite(given[where]) if given.dtype.kind == "f" else np.zeros(given[where].shape, bool)
    blocked = blocked if walls is None else blocked | np.asarray(walls, bool)[where]
    growth = Growth(whole_numbers(given[where]), int(planted.max()), blocked, spacing_mm, locality)
    growth.plant(planted[where])
    if not growth.spread(go_on):
        raise Refused("GrowCut was cancelled.")
    found = np.zeros(planted.shape, np.uint8)
    found[where] = growth.label_map()
    return found
