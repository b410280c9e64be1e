"""Colours of DICOM: CIELab scaled to 16 bits, from and to sRGB, under D65 as dcmqi, 3D Slicer, OHIF and highdicom do.

The standard names the D50 profile connection space; files in use are made under D65, and colours are to survive.
References: PS3.3 C.10.7.1.1 (encoding), IEC 61966-2-1 (sRGB).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from eci_annotate.imaging.annotation import Colour
from eci_annotate.imaging.geometry import Floats

# from linear sRGB to XYZ; the rows add up to the white point D65
XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
WHITE = XYZ.sum(1)
RGB = np.linalg.inv(XYZ)
EDGE = 6 / 29
MOST = 65535


def lab_from_rgb(colour: Colour) -> tuple[float, float, float]:
    """Return L* (0 to 100), a* and b* of an sRGB colour (0 to 255)."""
    encoded = np.asarray(colour, float) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    ratio = XYZ @ linear / WHITE
    x, y, z = np.where(ratio > EDGE**3, np.cbrt(ratio), ratio / (3 * EDGE**2) + 4 / 29)
    return float(116 * y - 16), float(500 * (x - y)), float(200 * (y - z))


def rgb_from_lab(lab: Sequence[float] | Floats) -> Colour:
    """Return the nearest sRGB colour of L*, a* and b*; colours that no screen shows are clipped."""
    lightness, a, b = (float(value) for value in lab)
    y = (lightness + 16) / 116
    steps = np.array([y + a / 500, y, y - b / 200])
    ratio = np.where(steps > EDGE, steps**3, 3 * EDGE**2 * (steps - 4 / 29))
    linear = np.clip(RGB @ (ratio * WHITE), 0, 1)
    encoded = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    red, green, blue = (int(value) for value in np.round(encoded * 255))
    return red, green, blue


def colour_of(stored: Sequence[int] | Floats) -> Colour:
    """Return the sRGB colour of a RecommendedDisplayCIELabValue (three values, 0 to 65535)."""
    lightness, a, b = (float(value) / MOST for value in stored)
    return rgb_from_lab((lightness * 100, a * 255 - 128, b * 255 - 128))


def stored_of(colour: Colour) -> list[int]:
    """Return the RecommendedDisplayCIELabValue of an sRGB colour."""
    lightness, a, b = lab_from_rgb(colour)
    parts = (lightness / 100, (a + 128) / 255, (b + 128) / 255)
    return [int(min(max(round(part * MOST), 0), MOST)) for part in parts]
