"""Similarity of two masks: Dice, and distances between their surfaces in millimetres.

A surface consists of the voxels of a mask with a face on the background; distances are between voxel centres. Where
slices are infinitely far apart (pictures, a slice alone) each slice has an outline of its own, and nothing beyond.
Notation follows Taha and Hanbury, BMC Med Imaging 2015;15:29, and, for surface Dice, Nikolov et al., arXiv:1809.04430.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


def dice(a: Bools, b: Bools) -> float:
    """Return 2 |A and B| / (|A| + |B|); 1 if both are empty."""
    total = int(a.sum()) + int(b.sum())
    return 2 * int((a & b).sum()) / total if total else 1.0


def surface_distances(a: Bools, b: Bools, spacing_mm: tuple[float, float, float]) -> tuple[Floats, Floats]:
    """Return distances from each surface voxel of `a` to the nearest of `b`, and the reverse.

    Parameters
    ----------
    a, b
        Boolean masks (k, j, i) on the same grid.
    spacing_mm
        Distance between voxel centres along k, j, i; along k infinite if slices have nothing to do with each other.

    Returns
    -------
    tuple of ndarray
        Millimetres; infinite where the other mask is empty.

    References
    ----------
    Taha and Hanbury, BMC Med Imaging 2015;15:29.
    """
    flat = not np.isfinite(spacing_mm[0])
    inner_a, inner_b = _surface(a, flat), _surface(b, flat)
    return _to(inner_b, spacing_mm)[inner_a], _to(inner_a, spacing_mm)[inner_b]


def _surface(mask: Bools, flat: bool) -> Bools:
    from scipy.ndimage import binary_erosion, generate_binary_structure

    around = generate_binary_structure(2, 1)[None] if flat else None
    return mask & ~binary_erosion(mask, around)


def _to(surface: Bools, spacing_mm: tuple[float, float, float]) -> Floats:
    from scipy.ndimage import distance_transform_edt

    if not surface.any():
        return np.full(surface.shape, np.inf)
    if not np.isfinite(spacing_mm[0]):
        return np.stack([_to(each[None], (1.0, *spacing_mm[1:]))[0] for each in surface])
    return np.asarray(distance_transform_edt(~surface, sampling=spacing_mm), np.float64)


def hd95(a: Bools, b: Bools, spacing_mm: tuple[float, float, float]) -> float:
    """Return the larger of the two 95th percentiles of `surface_distances`, mm; 0 if both are empty."""
    found = [each for each in surface_distances(a, b, spacing_mm) if each.size]
    if not all(np.isfinite(each).all() for each in found):
        return float("inf")
    return max((float(np.percentile(each, 95)) for each in found), default=0.0)


def mean_distance(a: Bools, b: Bools, spacing_mm: tuple[float, float, float]) -> float:
    """Return the mean of all surface distances in both directions, mm; 0 if both are empty."""
    pooled = np.concatenate(surface_distances(a, b, spacing_mm))
    return float(pooled.mean()) if pooled.size else 0.0


def surface_dice(a: Bools, b: Bools, spacing_mm: tuple[float, float, float], tolerance_mm: float) -> float:
    """Return the share of both surfaces within a tolerance of each other; 1 if both are empty.

    Parameters
    ----------
    a, b
        Boolean masks (k, j, i) on the same grid.
    spacing_mm
        Distance between voxel centres along k, j, i.
    tolerance_mm
        Largest distance that still counts as agreement, millimetres.

    References
    ----------
    Nikolov et al., arXiv:1809.04430.
    """
    pooled = np.concatenate(surface_distances(a, b, spacing_mm))
    return float((pooled <= tolerance_mm).mean()) if pooled.size else 1.0
