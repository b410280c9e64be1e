"""Where a hand goes: along the middle of a region, or around it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, distance_transform_edt, gaussian_filter1d, label
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from eci_annotate.imaging.contours import trace
from tests.benchmarks.robots.belief import Bools

Points = NDArray[np.float64]
SMOOTH_PX = 1.5  # a hand cuts the corners of pixels: sigma along the outline


def depth_of(mask: Bools, spacing_mm: tuple[float, ...]) -> NDArray[np.float64]:
    """Return how deep each voxel of a mask lies, millimetres; the end of the volume is no border."""
    return np.asarray(distance_transform_edt(mask, sampling=spacing_mm))


def largest(mask: Bools) -> Bools:
    """Return the largest piece of a mask of any dimension."""
    pieces, count = label(mask, np.ones((3,) * mask.ndim))
    return pieces == 1 + int(np.argmax(np.bincount(pieces.ravel())[1:])) if count else mask


def middle_path(region: Bools, spacing_mm: tuple[float, float], inset_mm: float) -> Points:
    """Return a path along the middle of a region that stays away from its border.

    Parameters
    ----------
    region
        Region on one slice (j, i), not empty.
    spacing_mm
        Distance between pixel centres along j, i.
    inset_mm
        Distance from the border; in a narrow region at most half of its greatest depth.

    Returns
    -------
    ndarray
        Pixel indices (n, 2): the shortest path between the two ends that are farthest apart inside the region, where
        a step costs more the nearer it is to the border.
    """
    depth = depth_of(np.pad(region, 1), spacing_mm)[1:-1, 1:-1]
    inner = largest(depth >= min(inset_mm, depth.max() / 2))
    pixels = np.argwhere(inner)
    graph = _graph(inner, spacing_mm, np.ones(len(pixels)))
    start = int(np.argmax(_finite(dijkstra(graph, indices=0))))
    ends = start, int(np.argmax(_finite(dijkstra(graph, indices=start))))
    middle = _graph(inner, spacing_mm, 1 / depth[inner] ** 2)
    _, before = dijkstra(middle, indices=ends[0], return_predecessors=True)
    order = [ends[1]]
    while order[-1] != ends[0]:
        order.append(int(before[order[-1]]))
    path = pixels[order].astype(float)
    return path if len(path) < 3 else np.asarray(gaussian_filter1d(path, SMOOTH_PX, axis=0, mode="nearest"))


def _finite(distances: Points) -> Points:
    return np.where(np.isfinite(distances), distances, -1.0)


def _graph(inner: Bools, spacing_mm: tuple[float, float], cost: Points) -> csr_matrix:
    """Return the graph of neighbouring pixels; an edge is as long as the distance times the mean cost of its ends."""
    number = np.full(inner.shape, -1)
    number[inner] = np.arange(len(cost))
    number = np.pad(number, 1, constant_values=-1)
    rows, columns, lengths = [], [], []
    for dj, di in ((0, 1), (1, 0), (1, 1), (1, -1)):
        other = np.roll(number, (-dj, -di), axis=(0, 1))
        both = (number >= 0) & (other >= 0)
        a, b = number[both], other[both]
        rows.append(a)
        columns.append(b)
        lengths.append(np.hypot(dj * spacing_mm[0], di * spacing_mm[1]) * (cost[a] + cost[b]) / 2)
    shape = (len(cost), len(cost))
    found = csr_matrix((np.concatenate(lengths), (np.concatenate(rows), np.concatenate(columns))), shape=shape)
    return found + found.T


def around(region: Bools, distance_px: int = 0) -> Points:
    """Return the longest outline of a region on one slice, pixel indices (n, 2), closed.

    Parameters
    ----------
    region
        Region (j, i), not empty.
    distance_px
        How far outside it.
    """
    grown = binary_dilation(region, iterations=distance_px) if distance_px else region
    ring = max(trace(grown), key=len)
    closed = np.concatenate([ring, ring[:1]])
    at = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    even = np.linspace(0, at[-1], max(int(at[-1]), 8), endpoint=False)
    smooth = [gaussian_filter1d(np.interp(even, at, closed[:, n]), SMOOTH_PX, mode="wrap") for n in (0, 1)]
    points = np.column_stack(smooth)
    return np.concatenate([points, points[:1]])
