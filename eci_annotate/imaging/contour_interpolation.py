"""Contours between two drawn slices: signed distances are mixed, and the rings of zero distance taken.

Distances are exact at the pixels of the slice and linear between them, so that rings stay finer than pixels.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
import shapely

from eci_annotate.imaging.geometry import Floats


@nb.njit("void(float64[:, ::1], float64[::1], float64[::1], float64[:, ::1])", cache=True, nogil=True)
def _to_segments(segments: Any, xs: Any, ys: Any, out: Any) -> None:
    """Write the distance from each point (ys, xs) to the nearest segment (x0, y0, x1, y1) into `out`."""
    for row in range(ys.size):
        for col in range(xs.size):
            best = np.inf
            for n in range(segments.shape[0]):
                ax, ay = segments[n, 0], segments[n, 1]
                dx, dy = segments[n, 2] - ax, segments[n, 3] - ay
                px, py = xs[col] - ax, ys[row] - ay
                length = dx * dx + dy * dy
                share = min(max((px * dx + py * dy) / length, 0.0), 1.0) if length > 0.0 else 0.0
                ex, ey = px - share * dx, py - share * dy
                best = min(best, ex * ex + ey * ey)
            out[row, col] = np.sqrt(best)


def signed_distances(region: shapely.Geometry, xs: Floats, ys: Floats) -> Floats:
    """Return the distance of points to the border of a region, positive inside.

    Parameters
    ----------
    region
        Polygons.
    xs, ys
        Coordinates of columns and rows of the points.

    Returns
    -------
    ndarray
        (rows, columns).
    """
    lines = [shapely.get_coordinates(part) for part in shapely.get_parts(shapely.boundary(region))]
    segments = np.concatenate([np.column_stack([line[:-1], line[1:]]) for line in lines])
    found = np.empty((len(ys), len(xs)))
    _to_segments(np.ascontiguousarray(segments), xs, ys, found)
    shapely.prepare(region)
    x, y = np.meshgrid(xs, ys)
    return np.where(shapely.contains_xy(region, x, y), found, -found)


def region_where_positive(field: Floats, xs: Floats, ys: Floats) -> shapely.Geometry:
    """Return where a field, linear on triangles between its points, is above zero.

    Parameters
    ----------
    field
        Values (rows, columns); negative along the border of the array.
    xs, ys
        Coordinates of columns and rows, equally spaced.
    """
    index = np.arange(field.size).reshape(field.shape)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    corners = np.concatenate([np.stack([a, b, d], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])
    flat = field.ravel()
    inside = flat[corners] > 0
    corners = corners[inside.any(1) & ~inside.all(1)]
    x, y = (each.ravel() for each in np.meshgrid(xs, ys))
    sides = corners[:, [[0, 1], [1, 2], [0, 2]]]  # ascending, so that both triangles of a side compute the same point
    crossed = (flat[sides] > 0)[..., 0] != (flat[sides] > 0)[..., 1]
    first, last = sides[crossed].T
    share = flat[first] / (flat[first] - flat[last])
    points = np.column_stack([x[first] + share * (x[last] - x[first]), y[first] + share * (y[last] - y[first])])
    faces = shapely.get_parts(shapely.polygonize(shapely.linestrings(points.reshape(-1, 2, 2))))
    return shapely.union_all([face for face in faces if _is_above(face, field, xs, ys)])


def _is_above(face: shapely.Polygon, field: Floats, xs: Floats, ys: Floats) -> bool:
    """Whether the field is above zero inside a face."""
    from scipy.ndimage import map_coordinates

    at = shapely.get_coordinates(face.representative_point())[0]
    row, col = (at[1] - ys[0]) / (ys[1] - ys[0]), (at[0] - xs[0]) / (xs[1] - xs[0])
    return bool(map_coordinates(field, [[row], [col]], order=1)[0] > 0)


def regions_between(
    first: shapely.Geometry, last: shapely.Geometry, count: int, pixel: tuple[float, float]
) -> list[shapely.Geometry]:
    """Return regions between two drawn ones; their centres move linearly.

    Parameters
    ----------
    first, last
        Regions in the plane, not empty.
    count
        Number of regions between them.
    pixel
        Distance of the points at which distances are computed, along x and y.

    References
    ----------
    Raya and Udupa, Shape-based interpolation of multidimensional objects, IEEE Trans Med Imaging 9(1), 1990.
    """
    from scipy.ndimage import shift

    centres = [shapely.get_coordinates(each.centroid)[0] for each in (first, last)]
    room = np.abs(centres[1] - centres[0]) + 3 * np.asarray(pixel)
    low_x, low_y, high_x, high_y = shapely.total_bounds([first, last])
    xs = np.arange(low_x - room[0], high_x + room[0] + pixel[0], pixel[0])
    ys = np.arange(low_y - room[1], high_y + room[1] + pixel[1], pixel[1])
    distances = [signed_distances(each, xs, ys) for each in (first, last)]
    found = []
    for share in np.arange(1, count + 1) / (count + 1):
        centre = (1 - share) * centres[0] + share * centres[1]
        moved = [
            shift(each, ((centre - own) / pixel)[::-1], order=1, mode="nearest")
            for each, own in zip(distances, centres, strict=True)
        ]
        found.append(region_where_positive((1 - share) * moved[0] + share * moved[1], xs, ys))
    return found
