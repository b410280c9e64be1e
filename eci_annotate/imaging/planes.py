"""Rings sorted into parallel planes, and their even-odd interior on any grid.

A slice takes the nearest contour plane within half of the plane distance, measured along the
normal, never by z alone; on a grid that is not parallel each voxel centre is tested separately.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numba as nb
import numpy as np
from numpy.typing import ArrayLike, NDArray

from eci_annotate.errors import BadAnnotation
from eci_annotate.imaging.blocks import around, is_empty
from eci_annotate.imaging.contours import fill_rings
from eci_annotate.imaging.geometry import Floats, Grid, area_vectors, unit
from eci_annotate.imaging.regions import region_of

SAME_PLANE_MM = 0.02
SAME_PLANE = 0.35  # of the distance of planes: rings closer than this are on one plane
JITTER_MM = 0.3  # planes of medical images are farther apart; contours of one plane lie closer
REPEATED = 0.9  # overlap above which a ring repeats another one
HALF_OPEN_MM = 1e-3  # a slice exactly between two planes belongs to one of them only
ALIKE = 0.99  # cosine of normals that are those of parallel planes
MOST_VOTES = 256  # largest rings that decide about the normal
BANDS = 64  # along a plane, so that a voxel is tested against the edges at its height only
PARALLEL = 1 - 1e-5
PARALLEL_SHARE = 0.25  # of the plane distance: how far rings may leave a slice that counts as parallel


@dataclass(frozen=True)
class Planes:
    """Contour planes: unit normal, in-plane axes, offsets along the normal (mm), rings by plane."""

    normal: Floats
    right: Floats
    down: Floats
    offsets_mm: Floats
    rings_lps: tuple[tuple[Floats, ...], ...]
    spacing_mm: float

    def flat(self, ring: Floats) -> Floats:
        """Return a ring in millimetres along `down` and `right`, shape (n, 2)."""
        return np.stack([ring @ self.down, ring @ self.right], -1)

    @property
    def area_mm2(self) -> Floats:
        """Even-odd area of each plane."""
        return np.array([_even_odd_area([self.flat(r) for r in rings]) for rings in self.rings_lps])

    @property
    def volume_mm3(self) -> float:
        if not self.rings_lps:
            return 0.0
        return float(self.area_mm2.sum() * self.spacing_mm)

    def nearest(self, offset_mm: float, spacing_mm: float) -> int:
        """Return the index of the plane for a slice at an offset, or -1 if none is close enough."""
        if self.offsets_mm.size == 0:
            return -1
        place = offset_mm + HALF_OPEN_MM
        best = int(np.argmin(np.abs(self.offsets_mm - place)))
        reach = 0.5 * (self.spacing_mm if np.isfinite(self.spacing_mm) else spacing_mm)
        return best if -reach <= place - self.offsets_mm[best] < reach else -1

    def voxels_on(self, grid: Grid) -> NDArray[np.bool_]:
        out = np.zeros(grid.shape, bool)
        if not self.rings_lps:
            return out
        if self._is_parallel(grid):
            self._fill_slices(grid, out)
        else:
            self._ask_voxels(grid, out)
        return out

    def _is_parallel(self, grid: Grid) -> bool:
        """Whether each ring stays on one slice; coordinates with few decimals turn the normal a little."""
        cosine = abs(float(grid.normal_lps @ self.normal))
        if cosine > PARALLEL:
            return True
        extent = max(float(np.linalg.norm(np.ptp(ring, 0))) for rings in self.rings_lps for ring in rings)
        spacing = self.spacing_mm if np.isfinite(self.spacing_mm) else grid.slice_mm
        return extent * float(np.sqrt(max(1 - cosine**2, 0))) < PARALLEL_SHARE * min(spacing, grid.slice_mm)

    def _fill_slices(self, grid: Grid, out: NDArray[np.bool_]) -> None:
        middle = np.concatenate([ring for rings in self.rings_lps for ring in rings]).mean(0)
        _, j, i = grid.image_from_reference(middle)
        for k in range(grid.shape[0]):
            centre = grid.reference_from_image([k, j, i])  # beside the rings: the normal may be turned a little
            plane = self.nearest(float(centre @ self.normal), grid.slice_mm)
            if plane >= 0:
                rings = [grid.image_from_reference(r)[:, 1:] for r in self.rings_lps[plane]]
                out[k] = fill_rings(rings, grid.shape[1:])

    def _ask_voxels(self, grid: Grid, out: NDArray[np.bool_]) -> None:
        """Test the voxels of the block around the rings, each against the edges at its height only."""
        step = float(np.abs(grid.step_lps @ self.normal).max())
        reach = 0.5 * (self.spacing_mm if np.isfinite(self.spacing_mm) else step)
        points = np.concatenate([ring for rings in self.rings_lps for ring in rings])
        ends = np.concatenate([points - reach * self.normal, points + reach * self.normal])
        where = around(grid.image_from_reference(ends), grid)
        if is_empty(where):
            return
        axes = np.stack([self.normal, self.down, self.right])
        corner = grid.reference_from_image([s.start for s in where]) @ axes.T
        corner[0] += HALF_OPEN_MM
        steps = np.ascontiguousarray(grid.step_lps @ axes.T)
        block = np.zeros(tuple(s.stop - s.start for s in where), np.uint8)
        _ask(block, corner, steps, self.offsets_mm, reach, *self._edges())
        out[where] = block.view(np.bool_)

    def _edges(self) -> tuple[Any, Any, Any, Any]:
        """Edges (n, 4) and, by plane and band along `down`, which of them cross the band.

        Returns
        -------
        edges, bands, starts, members
            Edges as (down, right, down, right); `bands` (planes, 2) = first height and bands per mm; edges of band b
            of plane p are `members[starts[p * BANDS + b]:starts[p * BANDS + b + 1]]`.
        """
        edges, bands, listed = [], np.empty((len(self.rings_lps), 2)), []
        count = 0
        for plane, rings in enumerate(self.rings_lps):
            mine = np.concatenate([np.hstack([flat, np.roll(flat, -1, 0)]) for flat in map(self.flat, rings)])
            low, high = mine[:, 0].min(), mine[:, 0].max()
            bands[plane] = low, BANDS / max(high - low, 1e-9)
            first = np.clip(((mine[:, [0, 2]].min(1) - low) * bands[plane, 1]).astype(int), 0, BANDS - 1)
            last = np.clip(((mine[:, [0, 2]].max(1) - low) * bands[plane, 1]).astype(int), 0, BANDS - 1)
            listed += [np.flatnonzero((first <= band) & (last >= band)) + count for band in range(BANDS)]
            edges.append(mine)
            count += len(mine)
        starts = np.concatenate([[0], np.cumsum([len(each) for each in listed])]).astype(np.int64)
        return np.concatenate(edges), bands, starts, np.concatenate(listed).astype(np.int64)


@nb.njit(
    "void(uint8[:, :, ::1], float64[::1], float64[:, ::1], float64[::1], float64, float64[:, ::1], float64[:, ::1],"
    " int64[::1], int64[::1])",
    cache=True,
)
def _ask(
    out: Any, corner: Any, steps: Any, offsets: Any, reach: Any, edges: Any, bands: Any, starts: Any, members: Any
) -> None:
    """Mark the voxels whose centre is inside the rings of the nearest plane (even-odd, half-open).

    `corner` and the rows of `steps` are (along the normal, down, right) in mm, of voxel 0 and per step of k, j, i.
    """
    count = starts.size - 1
    for k in range(out.shape[0]):
        for j in range(out.shape[1]):
            for i in range(out.shape[2]):
                offset = corner[0] + k * steps[0, 0] + j * steps[1, 0] + i * steps[2, 0]
                plane = np.searchsorted(offsets, offset)
                if plane == offsets.size or (plane > 0 and offset - offsets[plane - 1] <= offsets[plane] - offset):
                    plane -= 1
                apart = offset - offsets[plane]
                if apart < -reach or apart >= reach:
                    continue
                y = corner[1] + k * steps[0, 1] + j * steps[1, 1] + i * steps[2, 1]
                at = (y - bands[plane, 0]) * bands[plane, 1]
                if at < 0 or at > BANDS:
                    continue
                band = plane * BANDS + min(int(at), BANDS - 1)
                x = corner[2] + k * steps[0, 2] + j * steps[1, 2] + i * steps[2, 2]
                inside = 0
                for n in range(starts[band], starts[min(band + 1, count)]):
                    e = members[n]
                    ya, yb = edges[e, 0], edges[e, 2]
                    if (ya <= y) != (yb <= y) and edges[e, 1] + (y - ya) * (edges[e, 3] - edges[e, 1]) / (yb - ya) <= x:
                        inside ^= 1
                out[k, j, i] = inside


def _even_odd_area(rings: Sequence[Floats]) -> float:
    return float(region_of(r[:, ::-1] for r in rings).area)


def _normal(rings: Sequence[Floats]) -> Floats:
    """Return the common unit normal, weighted by area (Newell), oriented to a fixed half space."""
    areas = area_vectors(rings)
    size = np.linalg.norm(areas, axis=1)
    if size.max() < 1e-9:
        raise BadAnnotation("The contours have no area.", "Draw a closed shape.")
    some = np.argsort(-size)[:MOST_VOTES]
    directions = areas[some] / np.maximum(size[some], 1e-12)[:, None]
    votes = (np.abs(directions @ directions.T) > ALIKE) @ size[some]
    best = directions[int(np.argmax(votes))]
    turned = areas * np.where(areas @ best < 0, -1, 1)[:, None]
    normal = unit(turned[turned @ best > ALIKE * size].sum(0))
    return normal * np.sign(normal[np.argmax(np.abs(normal))])


def _spacing(offsets: Floats, given: float | None) -> float:
    if given is not None:
        return float(given)
    return float(np.percentile(np.diff(offsets), 50, method="lower")) if offsets.size > 1 else float("nan")


def _same_plane_mm(rings: Sequence[Floats], heights: Floats, given: float | None) -> float:
    """Return the distance below which rings, sorted by height, are on one plane."""
    if given is not None:
        return max(SAME_PLANE_MM, SAME_PLANE * float(given))
    gaps = np.diff(heights)
    large, small = gaps[gaps > JITTER_MM], np.flatnonzero((gaps > SAME_PLANE_MM) & (gaps <= JITTER_MM))
    alike = [_alike(rings[int(n)], rings[int(n) + 1]) for n in small]
    if not large.size or (small.size > 2 and float(np.mean(alike)) > REPEATED):  # the next plane of the same thing
        return SAME_PLANE_MM
    return max(SAME_PLANE_MM, SAME_PLANE * float(np.percentile(large, 50, method="lower")))


def _alike(one: Floats, other: Floats) -> float:
    """Return the overlap of the boxes around two rings, as a share of both together."""
    low = np.maximum(one.min(0), other.min(0))
    high = np.minimum(one.max(0), other.max(0))
    wide = np.sort(np.ptp(np.vstack([one, other]), 0))[1:]
    return float(np.prod(np.clip(np.sort(high - low)[1:], 0, None)) / max(float(np.prod(wide)), 1e-9))


def _without_repeats(rings: list[Floats], heights: Floats, flat: list[Floats]) -> tuple[Floats, ...]:
    """Leave out a ring that repeats one beside it on the same plane, as when two series were drawn on."""
    if np.ptp(heights) <= SAME_PLANE_MM:
        return tuple(rings)
    kept: list[int] = []
    for n in range(len(rings)):
        near = (m for m in kept if abs(heights[m] - heights[n]) > SAME_PLANE_MM and _alike(rings[m], rings[n]) > 0.8)
        if not any(_shared(flat[m], flat[n]) > REPEATED for m in near):
            kept.append(n)
    return tuple(rings[n] for n in kept)


def _shared(one: Floats, other: Floats) -> float:
    a, b = region_of([one]), region_of([other])
    return float(a.intersection(b).area / max(a.union(b).area, 1e-9))


def planes_of(
    rings_lps: Sequence[Floats],
    spacing_mm: float | None = None,
    normal_lps: ArrayLike | None = None,
    *,
    drawn_on: Grid | None = None,
) -> Planes:
    """Sort rings into planes.

    Parameters
    ----------
    rings_lps
        (n, 3) arrays of points, patient millimetres.
    spacing_mm
        Distance of the planes; None to take the usual one of the rings.
    normal_lps
        Normal of the planes where it is known; small rings alone give it badly.
    drawn_on
        Grid that they were drawn on: along its slices, rows or columns they fill those alone.

    Raises
    ------
    BadAnnotation
        If a ring is not planar, or the rings are not parallel.
    """
    if not rings_lps:
        none = np.empty(0)
        return Planes(np.array([0, 0, 1.0]), np.array([1.0, 0, 0]), np.array([0, 1.0, 0]), none, (), 0.0)
    normal = _normal(rings_lps) if normal_lps is None else unit(normal_lps)
    if drawn_on is not None:
        axis = drawn_on.axis_along(normal, ALIKE)
        spacing_mm = spacing_mm if axis is None else (drawn_on.slice_mm, *drawn_on.spacing_mm[1:])[axis]
    heights = [ring @ normal for ring in rings_lps]
    middle = np.array([h.mean() for h in heights])
    order = np.argsort(middle, kind="stable")
    apart = _same_plane_mm([rings_lps[n] for n in order], middle[order], spacing_mm)
    if any(np.ptp(h) > max(0.1, apart) for h in heights):
        raise BadAnnotation("The contours are not planar and parallel.", "Draw each on one plane of the series.")
    starts = np.flatnonzero(np.diff(middle[order], prepend=-np.inf) > apart)
    groups = np.split(order, starts[1:])
    offsets = np.array([middle[g].mean() for g in groups])
    seed = np.eye(3)[int(np.argmin(np.abs(normal)))]
    right = unit(np.cross(seed, normal))
    down = np.cross(normal, right)
    flat = [np.stack([ring @ down, ring @ right], -1) for ring in rings_lps]
    rings = tuple(_without_repeats([rings_lps[n] for n in g], middle[g], [flat[n] for n in g]) for g in groups)
    return Planes(normal, right, down, offsets, rings, _spacing(offsets, spacing_mm))


def parallel_rings(rings_lps: Sequence[Floats]) -> list[bool]:
    """Return which rings lie on planes parallel to most of the area."""
    if not rings_lps:
        return []
    normal = _normal(rings_lps)
    heights = [ring @ normal for ring in rings_lps]
    order = np.argsort([h.mean() for h in heights], kind="stable")
    sorted_heights = np.array([heights[n].mean() for n in order])
    apart = max(0.1, _same_plane_mm([rings_lps[n] for n in order], sorted_heights, None))
    return [bool(np.ptp(h) <= apart) for h in heights]
