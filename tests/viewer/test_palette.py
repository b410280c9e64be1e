"""Colours of annotations differ for every reader, and are seen on black."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from eci_annotate.viewer.comparison.sides import COLOURS
from eci_annotate.viewer.stage.labels import PALETTE

# Machado, Oliveira and Fernandes 2009, table 1, severity 1.0; linear RGB
VISION = {
    "usual": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
}
TO_XYZ = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
WHITE = np.array([0.95047, 1.0, 1.08883])
LEAST_DELTA_E = 15.0


def linear(colour: tuple[int, int, int]) -> np.ndarray:
    c = np.asarray(colour, float) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB of linear RGB."""
    t = np.asarray(TO_XYZ) @ rgb / WHITE
    f = np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("colours", [PALETTE, COLOURS], ids=["annotations", "readings"])
def test_colours_differ(vision: str, colours: tuple[tuple[int, int, int], ...]) -> None:
    seen = [lab(np.clip(np.asarray(VISION[vision]) @ linear(colour), 0, 1)) for colour in colours]
    closest = min(float(np.linalg.norm(a - b)) for a, b in combinations(seen, 2))
    print(f"{vision}: smallest difference {closest:.1f}")
    assert closest >= LEAST_DELTA_E


def test_colours_stand_out_on_black() -> None:
    light = [linear(colour) @ [0.2126, 0.7152, 0.0722] for colour in (*PALETTE, *COLOURS)]
    assert min((each + 0.05) / 0.05 for each in light) >= 3.0, "WCAG 2.1, 1.4.11"
