"""Places that a reviewer marks with remarks, shown as numbered rings in the panes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eci_annotate.imaging.annotations import Colour
from eci_annotate.imaging.geometry import Vector, tuple3
from eci_annotate.viewer.stage.orders import Mark
from eci_annotate.viewer.stage.pane_geometry import PlaneStack, View

COLOUR: Colour = (250, 204, 21)
WIDTH_PX = 2.0
PLACE = "place"


@dataclass(frozen=True)
class Place:
    """A point in patient millimetres (LPS) with a remark."""

    point_lps: Vector
    remark: str = ""

    def to_command(self) -> tuple[float, float, float, str]:
        """Return it in the format of `Sign`."""
        return (*self.point_lps, self.remark)

    def to_row(self) -> dict[str, Any]:
        """Return it in the format of drafts and versions."""
        return {"point_lps": list(self.point_lps), "remark": self.remark}


def from_rows(rows: Iterable[Mapping[str, Any]]) -> tuple[Place, ...]:
    """Return places from the format of drafts and versions."""
    return tuple(Place(tuple3(row["point_lps"]), str(row["remark"])) for row in rows)


def place_marks(places: Sequence[Place], stack: PlaneStack, view: View) -> tuple[Mark, ...]:
    """Return a numbered ring for each place on the slice of a view."""
    plane = stack.plane(view.index)
    return tuple(
        Mark(view.px_from_lps(stack, each.point_lps), COLOUR, WIDTH_PX * view.ratio, spot=PLACE, text=str(number))
        for number, each in enumerate(places, 1)
        if abs(float((np.asarray(each.point_lps) - plane.origin_lps) @ plane.normal_lps)) <= plane.thickness_mm / 2
    )
