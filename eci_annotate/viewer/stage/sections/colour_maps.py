"""Colour maps of series laid over others: their lightness rises all the way, so that any colour vision reads them.

Inferno and Viridis: S. van der Walt and N. Smith, matplotlib; Cividis: J. Nuñez et al., PLoS ONE 13:e0199239 (2018);
each at sixteen even places. Hot iron: DICOM PS3.6 annex B.1.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eci_annotate.imaging.annotations import Colour


@dataclass(frozen=True)
class ColourMap:
    """Colours at even places from the lowest to the highest value; linear between them."""

    title: str
    colours: tuple[Colour, ...]

    def to_wire(self) -> dict[str, Any]:
        """Return what the browser needs."""
        return {"title": self.title, "colours": [list(each) for each in self.colours]}


COLOUR_MAPS: Mapping[str, ColourMap] = {
    "inferno": ColourMap("Inferno", (
        (0, 0, 4), (12, 8, 38), (36, 12, 79), (66, 10, 104), (93, 18, 110), (120, 28, 109), (147, 38, 103),
        (174, 48, 92), (199, 62, 76), (221, 81, 58), (237, 105, 37), (248, 133, 15), (252, 165, 10), (250, 198, 45),
        (242, 230, 97), (252, 255, 164),
    )),
    "viridis": ColourMap("Viridis", (
        (68, 1, 84), (72, 26, 108), (71, 47, 125), (65, 68, 135), (57, 86, 140), (49, 104, 142), (42, 120, 142),
        (35, 136, 142), (31, 152, 139), (34, 168, 132), (53, 183, 121), (84, 197, 104), (122, 209, 81), (165, 219, 54),
        (210, 226, 27), (253, 231, 37),
    )),
    "cividis": ColourMap("Cividis", (
        (0, 34, 78), (0, 46, 108), (30, 58, 111), (53, 69, 108), (71, 81, 108), (87, 93, 109), (102, 105, 112),
        (117, 117, 117), (132, 130, 121), (148, 142, 119), (165, 156, 116), (183, 169, 110), (200, 184, 102),
        (219, 199, 90), (238, 214, 73), (254, 232, 56),
    )),
    "hot-iron": ColourMap("Hot iron", ((0, 0, 0), (128, 0, 0), (255, 0, 0), (255, 128, 0), (255, 255, 255))),
}  # fmt: skip
