"""What annotations look like while they are edited: whether two look the same, and whether one has no shape yet."""

from __future__ import annotations

import numpy as np

from eci_annotate.imaging.annotations import Box, Contours
from eci_annotate.imaging.geometry import Floats
from eci_annotate.tools.protocol import Object, Ruler


def looks_same(a: Object | None, b: Object | None) -> bool:
    """Whether two objects of one annotation look the same; contours may list their rings and corners differently."""
    if a is None or b is None or a is b:
        return a is b
    if (type(a), a.label, a.colour, a.series_uid) != (type(b), b.label, b.colour, b.series_uid):
        return False
    match a, b:
        case Box(), Box():
            return (a.centre_lps, a.size_mm, a.axes_lps) == (b.centre_lps, b.size_mm, b.axes_lps)
        case Contours(), Contours():
            return same_rings(a, b)
        case Ruler(), Ruler():
            return bool(a.points_lps == b.points_lps)
    return True


def same_rings(a: Contours, b: Contours) -> bool:
    """Whether contours have the same rings, wherever each begins and whichever way it runs."""
    return sorted(map(_ring_key, a.rings_lps)) == sorted(map(_ring_key, b.rings_lps))


def _ring_key(ring: Floats) -> tuple[tuple[float, ...], ...]:
    """Return the corners of a ring from the smallest on, towards the smaller of its neighbours."""
    corners = [tuple(corner) for corner in np.asarray(ring, float).tolist()]
    if not corners:
        return ()
    first = corners.index(min(corners))
    forward = (*corners[first:], *corners[:first])
    return min(forward, (forward[0], *reversed(forward[1:])))


def has_shape(thing: Object | None) -> bool:
    """Whether an object has a shape of its own; that of a painted annotation is its field."""
    match thing:
        case Contours(rings_lps=rings):
            return bool(rings)
        case Ruler(points_lps=points):
            return bool(points)
    return isinstance(thing, Box)
