"""Even-odd regions of rings in a plane: a point is inside if an odd number of rings contains it."""

from __future__ import annotations

from collections.abc import Iterable

import shapely

from eci_annotate.imaging.geometry import Floats


def region_of(rings: Iterable[Floats]) -> shapely.Geometry:
    """Return the region of rings, each (n, 2), not closed, in any axis order; self-crossings are even-odd too."""
    region: shapely.Geometry = shapely.Polygon()
    for ring in rings:
        region = shapely.symmetric_difference(region, shapely.make_valid(shapely.Polygon(ring)))
    return region


def polygons_of(region: shapely.Geometry, least_area: float = 0.0) -> list[shapely.Polygon]:
    """Return the polygons of a region with their holes, without lines, points and areas up to `least_area`."""
    parts = shapely.get_parts(shapely.make_valid(region))
    return [part for part in parts if part.geom_type == "Polygon" and part.area > least_area]
