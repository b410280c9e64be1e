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
from numpy.typing import NDArray

from eci_annotate.errors import BadAnnotation
from eci_annotate.imaging.contours import fill_rings
from eci_annotate.imaging.geometry import Floats, Grid, unit
from eci_annotate.imaging.regions import region_of

SAME_PLANE_MM = 0.02
HALF_OPEN_MM = 1e-3  # a slice exactly between two planes belongs to one of them only
PARALLEL = 1 - 1e-5


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
        if abs(float(np.asarray(grid.directions[0]) @ self.normal)) > PARALLEL:
            self._fill_slices(grid, out)
        else:
            self._ask_voxels(grid, out)
        return out

    def _fill_slices(self, grid: Grid, out: NDArray[np.bool_]) -> None:
        for k in range(grid.shape[0]):
            centre = grid.reference_from_image([k, 0, 0])
            plane = self.nearest(float(centre @ self.normal), grid.spacing_mm[0])
            if plane >= 0:
                rings = [grid.image_from_reference(r)[:, 1:] for r in self.rings_lps[plane]]
                out[k] = fill_rings(rings, grid.shape[1:])

    def _ask_voxels(self, grid: Grid, out: NDArray[np.bool_]) -> None:
        points = grid.reference_from_image(np.moveaxis(np.indices(grid.shape), 0, -1).reshape(-1, 3))
        offset, flat = points @ self.normal + HALF_OPEN_MM, self.flat(points)
        step = float(np.abs(grid.step_lps @ self.normal).max())
        chosen = np.abs(offset[:, None] - self.offsets_mm[None]).argmin(1)
        reach = 0.5 * (self.spacing_mm if np.isfinite(self.spacing_mm) else step)
        apart = offset - self.offsets_mm[chosen]
        near = (-reach <= apart) & (apart < reach)
        found = np.zeros(len(points), np.uint8)
        for plane, rings in enumerate(self.rings_lps):
            mine = np.flatnonzero(near & (chosen == plane))
            inside = np.zeros(mine.size, np.uint8)
            for ring in rings:
                _inside(np.ascontiguousarray(flat[mine]), np.ascontiguousarray(self.flat(ring)), inside)
            found[mine] = inside
        out[...] = found.view(bool).reshape(grid.shape)


@nb.njit("void(float64[:, ::1], float64[:, ::1], uint8[::1])", cache=True)
def _inside(points: Any, ring: Any, inside: Any) -> None:
    """Toggle each point once per ring edge to its left (even-odd, half-open)."""
    n = ring.shape[0]
    for p in range(points.shape[0]):
        y, x = points[p, 0], points[p, 1]
        for a in range(n):
            b = a + 1 if a + 1 < n else 0
            ya, yb = ring[a, 0], ring[b, 0]
            if (ya <= y) != (yb <= y) and ring[a, 1] + (y - ya) * (ring[b, 1] - ring[a, 1]) / (yb - ya) <= x:
                inside[p] ^= 1


def _even_odd_area(rings: Sequence[Floats]) -> float:
    return float(region_of(r[:, ::-1] for r in rings).area)


def _normal(rings: Sequence[Floats]) -> Floats:
    """Return the unit normal of the ring with the largest area (Newell), oriented to a fixed half space."""
    areas = [np.cross(r, np.roll(r, -1, 0)).sum(0) for r in rings]
    largest = max(areas, key=lambda a: float(np.linalg.norm(a)))
    if np.linalg.norm(largest) < 1e-9:
        raise BadAnnotation("The contours have no area.", "Draw a closed shape.")
    normal = unit(largest)
    return normal * np.sign(normal[np.argmax(np.abs(normal))])


def _spacing(offsets: Floats, given: float | None) -> float:
    if given is not None:
        return float(given)
    return float(np.diff(offsets).min()) if offsets.size > 1 else float("nan")


def planes_of(rings_lps: Sequence[Floats], spacing_mm: float | None = None) -> Planes:
    """Sort rings into planes.

    Raises
    ------
    BadAnnotation
        If a ring is not planar, or the rings are not parallel.
    """
    if not rings_lps:
        none = np.empty(0)
        return Planes(np.array([0, 0, 1.0]), np.array([1.0, 0, 0]), np.array([0, 1.0, 0]), none, (), 0.0)
    normal = _normal(rings_lps)
    heights = [ring @ normal for ring in rings_lps]
    if any(np.ptp(h) > 0.1 for h in heights):
        raise BadAnnotation("The contours are not planar and parallel.", "Draw each on one plane of the series.")
    middle = np.array([h.mean() for h in heights])
    order = np.argsort(middle, kind="stable")
    starts = np.flatnonzero(np.diff(middle[order], prepend=-np.inf) > SAME_PLANE_MM)
    groups = np.split(order, starts[1:])
    offsets = np.array([middle[g].mean() for g in groups])
    seed = np.eye(3)[int(np.argmin(np.abs(normal)))]
    right = unit(np.cross(seed, normal))
    rings = tuple(tuple(rings_lps[n] for n in group) for group in groups)
    return Planes(normal, right, np.cross(normal, right), offsets, rings, _spacing(offsets, spacing_mm))
