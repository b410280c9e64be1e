"""Operations on masks: smooth, fill, keep the largest piece, margins in millimetres, interpolate between slices.

Masks are bool arrays (k, j, i); nothing is written to its inputs. Distances are Euclidean, between voxel centres.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from eci_annotate.imaging.blocks import bounding_box, is_empty

Bools = NDArray[np.bool_]
Spacing = tuple[float, float, float]
EDGE = 0.5  # the edge of a mask lies half a voxel from the centre of its outermost voxel


def smooth(mask: Bools, spacing_mm: Spacing, sigma_mm: float) -> Bools:
    """Return a mask with a smoother surface: a Gaussian of its voxels, cut at one half.

    Parameters
    ----------
    mask
        Bool (k, j, i).
    spacing_mm
        Distance between voxel centres along k, j, i.
    sigma_mm
        Standard deviation of the Gaussian, millimetres.
    """
    from scipy.ndimage import gaussian_filter

    sigma = [sigma_mm / s if n > 1 else 0.0 for s, n in zip(spacing_mm, mask.shape, strict=True)]
    return np.asarray(gaussian_filter(mask.astype(np.float32), sigma, mode="nearest") >= 0.5)


def fill_holes(mask: Bools) -> Bools:
    """Return a mask without holes: what it encloses belongs to it; an axis of one voxel does not count as open."""
    from scipy.ndimage import label

    if mask.size < 2:
        return mask.copy()
    wide = [(1, 1) if n > 1 else (0, 0) for n in mask.shape]
    outside, _ = label(np.pad(~mask, wide, constant_values=True))
    inner = tuple(slice(1, -1) if n > 1 else slice(None) for n in mask.shape)
    return np.asarray(outside[inner] != outside[0, 0, 0])


def largest_piece(mask: Bools) -> Bools:
    """Return the largest 26-connected piece of a mask; of equal ones the first in memory order."""
    from scipy.ndimage import label

    pieces, count = label(mask, np.ones((3, 3, 3)))
    return mask.copy() if count < 2 else np.asarray(pieces == 1 + int(np.argmax(np.bincount(pieces.ravel())[1:])))


def with_margin(mask: Bools, spacing_mm: Spacing, margin_mm: float) -> Bools:
    """Return a mask larger (or, if negative, smaller) by a margin on all sides.

    Parameters
    ----------
    mask
        Bool (k, j, i); outside the array there is nothing.
    spacing_mm
        Distance between voxel centres along k, j, i.
    margin_mm
        Margin, millimetres.
    """
    from scipy.ndimage import distance_transform_edt

    if not mask.any():
        return mask.copy()
    if margin_mm >= 0:
        return np.asarray(distance_transform_edt(~mask, sampling=spacing_mm) <= margin_mm)
    wide = [(1, 1) if n > 1 else (0, 0) for n in mask.shape]
    depth = distance_transform_edt(np.pad(mask, wide), sampling=spacing_mm)
    inner = tuple(slice(1, -1) if n > 1 else slice(None) for n in mask.shape)
    return np.asarray(depth[inner] > -margin_mm)


def within_range(mask: Bools, values: NDArray[np.number], low: float, high: float) -> Bools:
    """Return the voxels of a mask whose values are from `low` to `high`."""
    return mask & (values >= low) & (values <= high)


def signed_distance(shape: Bools, spacing_mm: tuple[float, float]) -> NDArray[np.float64]:
    """Return the distance of each pixel of one slice to the edge of a shape, mm; positive inside."""
    from scipy.ndimage import distance_transform_edt

    half = EDGE * min(spacing_mm)
    inside = distance_transform_edt(shape, sampling=spacing_mm) - half
    return np.where(shape, inside, half - distance_transform_edt(~shape, sampling=spacing_mm))


def gaps(mask: Bools) -> list[tuple[int, int]]:
    """Return the pairs of slices (k) with something, between which all slices are empty."""
    drawn = np.flatnonzero(mask.any((1, 2)))
    return [(int(a), int(b)) for a, b in pairwise(drawn) if b - a > 1]


def interpolated(first: Bools, last: Bools, count: int, spacing_mm: tuple[float, float]) -> Bools:
    """Return the slices between two drawn ones: their signed distances are mixed, and their centres move linearly.

    Parameters
    ----------
    first, last
        Drawn slices, bool (j, i), both with something.
    count
        Number of slices between them.
    spacing_mm
        Distance between pixel centres along j, i.

    Returns
    -------
    ndarray
        Bool, (count, j, i).

    References
    ----------
    Raya and Udupa, Shape-based interpolation of multidimensional objects, IEEE Trans Med Imaging 9(1), 1990.
    """
    found = np.zeros((count, *first.shape), bool)
    _, j, i = bounding_box((first | last)[None])
    centres = [np.argwhere(shape[j, i]).mean(0) for shape in (first, last)]
    room = 2 + int(np.ceil(np.abs(centres[1] - centres[0]).max()))  # so that nothing is moved in from outside
    shapes = [np.pad(shape[j, i], room) for shape in (first, last)]
    centres = [centre + room for centre in centres]
    distances = [signed_distance(shape, spacing_mm) for shape in shapes]
    for n in range(count):
        share = (n + 1) / (count + 1)
        centre = (1 - share) * centres[0] + share * centres[1]
        near = (_shifted(d, centre - c) for d, c in zip(distances, centres, strict=True))
        found[n][j, i] = (next(near) * (1 - share) + next(near) * share > 0)[room:-room, room:-room]
    return found


def _shifted(distances: NDArray[np.float64], by: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return distances moved by a fraction of pixels; beyond the edge the nearest value."""
    from scipy.ndimage import shift

    return np.asarray(distances if not by.any() else shift(distances, by, order=1, mode="nearest"))


def interpolate(mask: Bools, spacing_mm: Spacing, between: list[tuple[int, int]] | None = None) -> Bools:
    """Fill empty slices between drawn ones.

    Parameters
    ----------
    mask
        Bool (k, j, i).
    spacing_mm
        Distance between voxel centres along k, j, i.
    between
        Pairs of drawn slices to fill between; None: all `gaps`.

    Examples
    --------
    >>> import numpy as np
    >>> from eci_annotate.imaging.mask_operations import interpolate
    >>> mask = np.zeros((5, 40, 40), bool)
    >>> mask[0, 10:20, 10:20] = mask[4, 10:30, 10:30] = True
    >>> interpolate(mask, (3.0, 1.0, 1.0)).sum((1, 2)).tolist()
    [100, 144, 221, 288, 400]
    """
    found = mask.copy()
    where = bounding_box(mask)
    if is_empty(where):
        return found
    _, j, i = where
    for a, b in gaps(mask) if between is None else between:
        found[a + 1 : b, j, i] |= interpolated(mask[a, j, i], mask[b, j, i], b - a - 1, spacing_mm[1:])
    return found
