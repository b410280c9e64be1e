"""An annotation is a box, contours or a mask in patient millimetres (LPS), tied to its series.

Annotations are values: they never change; `with_*` returns a new one with the same uid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from eci_annotate.errors import BadAnnotation
from eci_annotate.imaging.annotation import Annotation, AnnotationKind, Colour, new_uid
from eci_annotate.imaging.blocks import bounding_box, paste
from eci_annotate.imaging.geometry import Floats, Grid, Vector, tuple3, unit
from eci_annotate.imaging.volume import grid_of, like, series_uid_of, values_kji

__all__ = ["Annotation", "AnnotationKind", "Box", "Colour", "Contours", "Mask", "new_uid"]

FLAT_MM = 1e-6

MOST_LEAN = 0.5  # of the distance of slices: a ring that rises more lies in another plane


@dataclass(frozen=True, eq=False)
class Box(Annotation):
    """A box in any orientation; a flat one (one size zero) is a rectangle on one slice.

    Parameters
    ----------
    centre_lps
        Centre, patient millimetres.
    size_mm
        Full edge lengths along the three axes.
    axes_lps
        Rows are orthogonal unit vectors; None for the patient axes.

    Examples
    --------
    >>> import eci_annotate as eci
    >>> box = eci.Box((10, 20, 30), (4, 5, 6), label="lesion 1")
    >>> box.volume_mm3
    120.0
    """

    kind: ClassVar[AnnotationKind] = AnnotationKind.BOX

    centre_lps: Vector
    size_mm: Vector
    axes_lps: tuple[Vector, Vector, Vector] = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))

    def __post_init__(self) -> None:
        super().__post_init__()
        axes = np.eye(3) if self.axes_lps is None else np.asarray(self.axes_lps, float)
        if axes.shape != (3, 3) or not np.allclose(axes @ axes.T, np.eye(3), atol=1e-4):
            raise BadAnnotation("The axes of a box are not at right angles.", "Give three orthogonal unit vectors.")
        size = np.asarray(self.size_mm, float)
        if not np.isfinite(np.asarray(self.centre_lps, float)).all():
            raise BadAnnotation("The centre of a box is not a number.", "Give three finite coordinates.")
        if size.shape != (3,) or not np.isfinite(size).all() or (size < 0).any() or (size > FLAT_MM).sum() < 2:
            raise BadAnnotation(f"{self.size_mm} mm is not the size of a box.", "At most one size may be zero.")
        object.__setattr__(self, "axes_lps", tuple(tuple3(a, 9) for a in axes))
        object.__setattr__(self, "size_mm", tuple3(size, 6))
        object.__setattr__(self, "centre_lps", tuple3(self.centre_lps, 6))

    @property
    def is_flat(self) -> bool:
        """Whether one of the sizes is zero."""
        return min(self.size_mm) <= FLAT_MM

    @property
    def corners_lps(self) -> Floats:
        """The eight corners, shape (8, 3)."""
        signs = np.array([[a, b, c] for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)], float)
        return np.asarray(self.centre_lps) + signs * np.asarray(self.size_mm) / 2 @ np.asarray(self.axes_lps)

    @property
    def volume_mm3(self) -> float:
        return float(np.prod(self.size_mm))

    def voxels_on(self, grid: Grid) -> NDArray[np.bool_]:
        """Return the voxels whose centre is inside; a flat box takes the slice it lies on."""
        axes = np.asarray(self.axes_lps)
        along = axes @ grid.step_lps.T  # row a: change along box axis a per step of k, j, i
        start = axes @ (np.asarray(grid.origin_lps) - np.asarray(self.centre_lps))
        inside = np.ones(grid.shape, bool)
        for axis, half in enumerate(np.asarray(self.size_mm) / 2):
            reach = half if half > FLAT_MM / 2 else np.abs(along[axis]).sum() / 2
            k, j, i = (n * s for n, s in zip(np.ogrid[tuple(map(slice, grid.shape))], along[axis], strict=True))
            place = np.round(start[axis] + k + j + i, 6)
            inside &= (place >= -round(reach, 6)) & (place < round(reach, 6))
        return inside

    def section(self, point_lps: ArrayLike, normal_lps: ArrayLike, thickness_mm: float = 0.0) -> Floats:
        """Return the convex polygon in which a plane cuts the box, shape (n, 3), n = 0 or 2..6.

        A box parallel to the plane and within half of `thickness_mm` of it gives its own rectangle; a flat
        box that crosses the plane gives a line (n = 2).
        """
        normal = unit(normal_lps)
        corners = self.corners_lps
        height = (corners - np.asarray(point_lps, float)) @ normal
        if self.is_flat and np.ptp(height) < 1e-3:
            flat = np.unique(np.round(corners, 5), axis=0)
            return _around(flat, normal) if abs(height.mean()) <= max(thickness_mm / 2, 1e-3) else np.empty((0, 3))
        pairs = [(a, b) for a in range(8) for b in range(a + 1, 8) if (a ^ b).bit_count() == 1]
        cuts = [
            corners[a] + (corners[b] - corners[a]) * height[a] / (height[a] - height[b])
            for a, b in pairs
            if (height[a] < 0) != (height[b] < 0)
        ]
        if not cuts:
            return np.empty((0, 3))
        found = np.asarray(cuts)
        _, first = np.unique(np.round(found, 5), axis=0, return_index=True)
        return _around(found[np.sort(first)], normal)


def _around(points: Floats, normal: Floats) -> Floats:
    """Sort coplanar points by their angle around the normal."""
    if len(points) < 3:
        return points
    middle = points.mean(0)
    right = unit(points[0] - middle)
    down = np.cross(normal, right)
    return points[np.argsort(np.arctan2((points - middle) @ down, (points - middle) @ right))]


@dataclass(frozen=True, eq=False)
class Contours(Annotation):
    """Closed planar rings, combined by the even-odd rule on each plane.

    Parameters
    ----------
    rings_lps
        (n, 3) arrays of points in patient millimetres; first point not repeated.
    spacing_mm
        Distance between neighbouring planes; None to derive it from the rings.

    Examples
    --------
    >>> import numpy as np
    >>> import eci_annotate as eci
    >>> square = np.array([[0, 0, 5], [10, 0, 5], [10, 10, 5], [0, 10, 5]], float)
    >>> eci.Contours((square,), spacing_mm=3, label="lesion 1").volume_mm3
    300.0
    """

    kind: ClassVar[AnnotationKind] = AnnotationKind.CONTOURS

    rings_lps: tuple[Floats, ...]
    spacing_mm: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        rings = tuple(np.asarray(r, float) for r in self.rings_lps)
        if any(r.ndim != 2 or r.shape[1] != 3 or len(r) < 3 or not np.isfinite(r).all() for r in rings):
            raise BadAnnotation("A contour needs at least three points (x, y, z).", "Leave out rings without area.")
        if self.spacing_mm is not None and not 0 < self.spacing_mm < np.inf:
            raise BadAnnotation("The spacing of contours is not a distance.", "Give millimetres above 0, or None.")
        object.__setattr__(self, "rings_lps", rings)

    @property
    def volume_mm3(self) -> float:
        """Sum of plane areas times plane spacing; nan for a single plane of unknown thickness."""
        from eci_annotate.imaging.planes import planes_of

        return planes_of(self.rings_lps, self.spacing_mm).volume_mm3

    def mask_on(self, volume: xr.DataArray) -> xr.DataArray:
        """Return which voxels belong to it; on its own series, only on the slices it was drawn on."""
        if self.series_uid and self.series_uid == series_uid_of(volume):
            grid = self.grid_for(volume)
            return like(volume, self.voxels_drawn(grid), name="mask")
        return super().mask_on(volume)

    def lies_across(self, grid: Grid) -> bool:
        """Whether it lies in other planes than the slices of a grid."""
        return any(np.ptp(grid.image_from_reference(ring)[:, 0]) > MOST_LEAN for ring in self.rings_lps)

    def voxels_drawn(self, grid: Grid) -> NDArray[np.bool_]:
        """As `voxels_on`, on the grid that it was drawn on: in its slices, or in planes across them."""
        from eci_annotate.imaging.planes import planes_of

        return planes_of(self.rings_lps, self.spacing_mm, drawn_on=grid).voxels_on(grid)

    def voxels_on(self, grid: Grid) -> NDArray[np.bool_]:
        """Return the voxels whose centre is inside; each slice takes the nearest contour plane."""
        from eci_annotate.imaging.planes import planes_of

        return planes_of(self.rings_lps, self.spacing_mm).voxels_on(grid)


@dataclass(frozen=True, eq=False)
class Mask(Annotation):
    """A set of voxels, stored as the smallest block that contains them and the grid of that block.

    Build it with `Mask.from_volume`.

    Examples
    --------
    >>> import numpy as np
    >>> import eci_annotate as eci
    >>> grid = eci.Grid.from_arrays((0, 0, 0), np.eye(3)[::-1], (3, 1, 1), (2, 4, 4), "1.2.3")
    >>> volume = eci.volume_from_array(np.arange(32).reshape(2, 4, 4), grid)
    >>> mask = eci.Mask.from_volume(volume > 29, label="lesion 1")
    >>> mask.volume_mm3, int(mask.mask_on(volume).sum())
    (6.0, 2)
    """

    kind: ClassVar[AnnotationKind] = AnnotationKind.MASK

    voxels: NDArray[np.bool_]
    grid: Grid

    @classmethod
    def from_volume(cls, mask: xr.DataArray, *, label: str = "", colour: Colour = (255, 0, 0), **more: Any) -> Mask:
        """Build a mask from a boolean volume, which provides frame of reference and series.

        Parameters
        ----------
        mask
            Boolean DataArray following the volume convention, for instance `ct > 100`.
        """
        grid = grid_of(mask)
        where = bounding_box(np.asarray(values_kji(mask), bool))
        voxels = np.asarray(values_kji(mask), bool)[where].copy()
        corner = tuple(s.start for s in where)
        more = {"frame_uid": grid.frame_of_reference_uid, "series_uid": series_uid_of(mask), **more}
        return cls(voxels, grid.cropped(corner, voxels.shape), label=label, colour=colour, **more)  # type: ignore[arg-type]

    @property
    def volume_mm3(self) -> float:
        return float(self.voxels.sum()) * self.grid.voxel_mm3

    def voxels_on(self, grid: Grid) -> NDArray[np.bool_]:
        """Return exactly its own voxels on its own grid, and the nearest own voxel on any other grid."""
        if self.voxels.size == 0:
            return np.zeros(grid.shape, bool)
        offset = grid.image_from_reference(self.grid.origin_lps)
        if grid.aligned(self.grid) and np.abs(offset - np.round(offset)).max() < 0.01:
            out = np.zeros(grid.shape, bool)
            paste(out, self.voxels, np.round(offset).astype(int))
            return out
        from eci_annotate.imaging.reslice import nearest

        return nearest(self.voxels.view(np.uint8), self.grid, grid).view(bool)


def shape_of(annotation: Annotation) -> tuple[Any, ...]:
    """Return what is equal for two annotations of one kind that cover exactly the same."""
    match annotation:
        case Box():
            return annotation.centre_lps, annotation.size_mm, annotation.axes_lps
        case Contours():
            return tuple(sorted(ring.tobytes() for ring in annotation.rings_lps))
        case Mask():
            return annotation.grid.origin_lps, annotation.voxels.shape, annotation.voxels.tobytes()
    return ()
