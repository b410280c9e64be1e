"""Polygons with holes as single rings: a horizontal keyhole joins each hole to the ring at its left."""

from __future__ import annotations

import numpy as np
import shapely

from eci_annotate.imaging.geometry import Floats


def _hit(ring: Floats, y: float, x: float) -> tuple[float, int]:
    """Return where the horizontal ray to the left of (x, y) meets a ring: (its x, index of the edge)."""
    after = np.roll(ring, -1, 0)
    ya, yb = ring[:, 1], after[:, 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = ring[:, 0] + (y - ya) * (after[:, 0] - ring[:, 0]) / (yb - ya)
    hits = np.flatnonzero(((ya <= y) != (yb <= y)) & (crossing < x))
    if hits.size == 0:
        return -np.inf, -1
    best = hits[np.argmax(crossing[hits])]
    return float(crossing[best]), int(best)


def keyholed(polygon: shapely.Polygon) -> Floats:
    """Return one closed ring, (n, 2), first point not repeated, that includes the holes."""
    ring = shapely.get_coordinates(polygon.exterior)[:-1]
    holes = [shapely.get_coordinates(h)[:-1] for h in polygon.interiors]
    for hole in sorted(holes, key=lambda h: float(h[:, 0].min())):
        start = int(np.argmin(hole[:, 0]))
        x, y = hole[start]
        x_hit, at = _hit(ring, float(y), float(x))
        bridge = np.array([[x_hit, y]])
        around = np.roll(hole, -start, 0)
        ring = np.vstack([ring[: at + 1], bridge, around, around[:1], bridge, ring[at + 1 :]])
    return ring


def halves(polygon: shapely.Polygon) -> list[shapely.Polygon]:
    """Split a polygon into two bands of equal height."""
    left, low, right, high = polygon.bounds
    middle = (low + high) / 2
    bands = (shapely.box(left, low, right, middle), shapely.box(left, middle, right, high))
    parts = [p for band in bands for p in shapely.get_parts(shapely.intersection(polygon, band))]
    return [p for p in parts if p.geom_type == "Polygon" and p.area > 0]
