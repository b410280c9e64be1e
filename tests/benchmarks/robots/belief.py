"""What a robot takes for the truth: the reference, displaced smoothly and made a little larger or smaller.

The displacement is Gaussian noise smoothed with a Gaussian; its standard deviation and the bias of size are the robot.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter

Bools = NDArray[np.bool_]
SMOOTH_MM = 8.0  # sigma of the displacement along the border


@dataclass(frozen=True)
class Character:
    """How a robot errs.

    Attributes
    ----------
    name
        Its name in the tables.
    displacement_mm
        Standard deviation of the displacement of the border that it sees.
    bias_mm
        How far outside the border it sees the border on average.
    tremor_mm
        Standard deviation of its hand, millimetres on the screen.
    """

    name: str
    displacement_mm: float
    bias_mm: float
    tremor_mm: float


CHARACTERS = (
    Character("careful", 0.3, 0.0, 0.3),
    Character("usual", 0.6, 0.2, 0.5),
    Character("hasty, large", 1.0, 0.4, 0.8),
    Character("hasty, small", 1.0, -0.4, 0.8),
)


def generator(*parts: object) -> np.random.Generator:
    """Return random numbers that depend on names and numbers only, the same on every machine."""
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


def signed_mm(mask: Bools, spacing_mm: tuple[float, float, float]) -> NDArray[np.float64]:
    """Return the distance to the border of a mask (k, j, i) in millimetres, negative inside."""
    if not mask.any() or mask.all():
        return np.full(mask.shape, -np.inf if mask.all() else np.inf)
    outside = np.asarray(distance_transform_edt(~mask, sampling=spacing_mm))
    inside = np.asarray(distance_transform_edt(mask, sampling=spacing_mm))
    half = min(spacing_mm) / 2
    return np.where(mask, half - inside, outside - half)


def belief_of(
    reference: Bools, spacing_mm: tuple[float, float, float], character: Character, rng: np.random.Generator
) -> Bools:
    """Return what a robot takes for the truth.

    Parameters
    ----------
    reference
        The reference mask (k, j, i), bool.
    spacing_mm
        Distance between voxel centres along k, j, i.
    character
        How the robot errs.
    rng
        Its random numbers.
    """
    noise = gaussian_filter(rng.normal(size=reference.shape), [SMOOTH_MM / s for s in spacing_mm], mode="wrap")
    displacement = noise / max(float(noise.std()), 1e-12) * character.displacement_mm
    return signed_mm(reference, spacing_mm) <= displacement + character.bias_mm
