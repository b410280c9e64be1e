"""Even-odd regions of rings in a plane: a point is inside when it is within an odd number of them."""

from __future__ import annotations

from collections.abc import Iterable

import shapely

from eci_annotate.imaging.geometry import Floats


def region_of(rings: Iterable[Floats]) -> shapely.Geometry:
    """The region of rings, each (n, 2) in any order of axes, not closed; self-crossings are resolved even-odd too."""
    region: shapely.Geometry = shapely.Polygon()
    for ring in rings:
        region = shapely.symmetric_difference(region, shapely.make_valid(shapely.Polygon(ring)))
    return region


def polygons_of(region: shapely.Geometry, least_area: float = 0.0) -> list[shapely.Polygon]:
    """The polygons of a region, with their holes; lines, points and areas not above `least_area` are left out."""
    parts = shapely.get_parts(shapely.make_valid(region))
    return [part for part in parts if part.geom_type == "Polygon" and part.area > least_area]
