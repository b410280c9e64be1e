"""A grid places voxels in the patient; only this file converts between voxels and millimetres.

Three terms, never mixed: *reference* is patient millimetres (LPS), *image* is a fractional
index (k, j, i), *voxel* an integer one. Index 0 is the centre of the first voxel.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eci_annotate.errors import BadVolume

Vector = tuple[float, float, float]
Floats = NDArray[np.float64]

ROUND_MM = 4  # canonical number of decimals for positions and axis coordinates
ROUND_COSINE = 7  # decimals of direction cosines
SHEARED = 1e-5  # cosine between the axis of the stack and a direction in its slices
APART_MM = 1e6
SAME_PLACE_MM = 1e-3  # two positions closer than this are considered equal


def unit(vector: ArrayLike) -> Floats:
    """Scale a vector to length one."""
    array = np.asarray(vector, float)
    return array / np.linalg.norm(array)


def tuple3(vector: ArrayLike, digits: int = ROUND_MM) -> Vector:
    """Round to a plain tuple; negative zero becomes zero, so that equal positions have equal values."""
    x, y, z = (round(float(v), digits) + 0.0 for v in np.asarray(vector, float))
    return x, y, z


def frame_digest(origin_lps: Vector, directions: tuple[Vector, Vector, Vector], uid: str) -> str:
    """Return a digest of a coordinate frame: equal frames have equal digests."""
    text = json.dumps([origin_lps, directions, uid])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Grid:
    """Positions of the voxels of a volume: parallel slices, right-angled or sheared (gantry tilt).

    Attributes
    ----------
    origin_lps
        Centre of voxel (0, 0, 0), patient millimetres.
    directions
        Unit vectors along k (slice), j (row), i (column), each in LPS. j and i are at right angles; k leans in a
        sheared grid, from the first voxel of a slice to that of the next.
    spacing_mm
        Distance between voxel centres along k, j, i. `spacing_mm[1]` is DICOM's PixelSpacing[0].
    shape
        Number of voxels along k, j, i.
    frame_of_reference_uid
        DICOM Frame of Reference UID (0020,0052).

    Examples
    --------
    >>> import numpy as np
    >>> import eci_annotate as eci
    >>> grid = eci.Grid.from_arrays((-10, -20, 5), np.eye(3)[::-1], (3, 0.5, 0.5), (2, 4, 4), "1.2.3")
    >>> grid.reference_from_image([1, 0, 2]).tolist()
    [-9.0, -20.0, 8.0]
    """

    origin_lps: Vector
    directions: tuple[Vector, Vector, Vector]
    spacing_mm: Vector
    shape: tuple[int, int, int]
    frame_of_reference_uid: str

    @classmethod
    def from_arrays(
        cls,
        origin_lps: ArrayLike,
        directions: ArrayLike,
        spacing_mm: ArrayLike,
        shape: tuple[int, ...],
        frame_of_reference_uid: str,
    ) -> Grid:
        """Build a grid from array-like values, rounded canonically.

        Parameters
        ----------
        origin_lps
            Centre of voxel (0, 0, 0), patient millimetres.
        directions
            Unit vectors along k, j, i, each in LPS; shape (3, 3).
        spacing_mm
            Distance between voxel centres along k, j, i.
        shape
            Number of voxels along k, j, i.
        frame_of_reference_uid
            DICOM Frame of Reference UID (0020,0052).
        """
        k, j, i = (tuple3(d, ROUND_COSINE) for d in np.asarray(directions, float))
        nk, nj, ni = shape
        spacing = tuple3(spacing_mm, 7)
        if min(spacing) <= 0:
            raise BadVolume(f"{spacing} mm is not a voxel spacing.", "Give three positive numbers.")
        return cls(tuple3(origin_lps), (k, j, i), spacing, (nk, nj, ni), frame_of_reference_uid)

    @property
    def digest(self) -> str:
        """Digest of origin, directions and frame of reference (not of shape or spacing)."""
        return frame_digest(self.origin_lps, self.directions, self.frame_of_reference_uid)

    @cached_property
    def step_lps(self) -> Floats:
        """3 x 3 matrix: row n is the step in LPS from one voxel to the next along axis n of (k, j, i)."""
        return np.asarray(self.directions) * np.asarray(self.spacing_mm)[:, None]

    @cached_property
    def affine(self) -> Floats:
        """4 x 4 matrix from (k, j, i, 1) to (x, y, z, 1) in LPS."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.step_lps.T
        matrix[:3, 3] = self.origin_lps
        return matrix

    @cached_property
    def _inverse(self) -> Floats:
        return np.asarray(np.linalg.inv(self.step_lps.T))

    @cached_property
    def is_sheared(self) -> bool:
        """Whether the slices are not stacked along their normal (gantry tilt)."""
        k, j, i = np.asarray(self.directions)
        return bool(max(abs(k @ j), abs(k @ i)) > SHEARED)

    @cached_property
    def normal_lps(self) -> Floats:
        """Unit normal of the slices, on the side of direction k; direction k itself unless the grid is sheared."""
        k, j, i = np.asarray(self.directions)
        if not self.is_sheared:
            return k
        normal = unit(np.cross(i, j))
        return normal if normal @ k > 0 else -normal

    @property
    def slice_mm(self) -> float:
        """Distance between neighbouring slices along their normal."""
        step = self.spacing_mm[0]
        return step * float(np.asarray(self.directions[0]) @ self.normal_lps) if self.is_sheared else step

    @property
    def tilt_degrees(self) -> float:
        """Angle between the axis of the stack and the normal of its slices; 0 unless the grid is sheared."""
        cosine = float(np.asarray(self.directions[0]) @ self.normal_lps)
        return float(np.degrees(np.arccos(min(cosine, 1.0)))) if self.is_sheared else 0.0

    @property
    def metric_mm(self) -> Vector:
        """Spacing along k, j, i for what assumes right angles; slices of a sheared grid count as far apart."""
        return (APART_MM, *self.spacing_mm[1:]) if self.is_sheared else self.spacing_mm

    @property
    def voxel_mm3(self) -> float:
        """Volume of one voxel, cubic millimetres."""
        return float(np.prod((self.slice_mm, *self.spacing_mm[1:])))

    def reference_from_image(self, points_kji: ArrayLike) -> Floats:
        """Convert fractional indices, shape (..., 3), to patient millimetres (LPS)."""
        return np.asarray(points_kji, float) @ self.step_lps + np.asarray(self.origin_lps)

    def image_from_reference(self, points_lps: ArrayLike) -> Floats:
        """Convert patient millimetres (LPS), shape (..., 3), to fractional indices (k, j, i).

        Written out term by term, so that the bits do not depend on a matrix library.
        """
        d = np.asarray(points_lps, float) - np.asarray(self.origin_lps)
        m = self._inverse
        return np.stack([d[..., 0] * m[n, 0] + d[..., 1] * m[n, 1] + d[..., 2] * m[n, 2] for n in range(3)], -1)

    def voxel_from_reference(self, points_lps: ArrayLike) -> NDArray[np.int64]:
        """Convert patient millimetres to the nearest voxel (may be outside the grid)."""
        return np.floor(self.image_from_reference(points_lps) + 0.5).astype(np.int64)

    def contains(self, point_lps: ArrayLike) -> bool:
        """Whether a point, patient millimetres, is in a voxel of the grid."""
        return all(0 <= n < m for n, m in zip(self.voxel_from_reference(point_lps), self.shape, strict=True))

    def cropped(self, corner: tuple[int, int, int], shape: tuple[int, int, int]) -> Grid:
        """Return the grid of a sub-block that starts at voxel `corner`."""
        return replace(self, origin_lps=tuple3(self.reference_from_image(corner)), shape=shape)

    def same_voxels(self, other: Grid) -> bool:
        """Whether both grids place the same voxels at the same positions."""
        return self.shape == other.shape and self.aligned(other) and self.digest_close(other)

    def digest_close(self, other: Grid) -> bool:
        """Whether the origins coincide within a micrometre."""
        return bool(np.allclose(self.origin_lps, other.origin_lps, atol=SAME_PLACE_MM))

    def aligned(self, other: Grid) -> bool:
        """Whether frame of reference, directions and spacing agree (the origin may differ)."""
        return (
            self.frame_of_reference_uid == other.frame_of_reference_uid
            and bool(np.allclose(self.directions, other.directions, atol=1e-5))
            and bool(np.allclose(self.spacing_mm, other.spacing_mm, atol=1e-5))
        )

    def axis_nearest(self, normal_lps: ArrayLike) -> int:
        """Return the axis (0 = k, 1 = j, 2 = i) whose direction is closest to a normal, ignoring the sign."""
        return int(np.argmax(self._cosines(normal_lps)))

    def axis_along(self, normal_lps: ArrayLike, cosine: float) -> int | None:
        """Return the axis whose direction is a normal, as far as the cosine between both tells; None if none is."""
        axis = self.axis_nearest(normal_lps)
        return axis if self._cosines(normal_lps)[axis] > cosine else None

    def _cosines(self, normal_lps: ArrayLike) -> Floats:
        axes = np.stack([self.normal_lps, *np.asarray(self.directions)[1:]])
        return np.asarray(np.abs(axes @ unit(normal_lps)))


def area_vectors(rings: Sequence[Floats]) -> Floats:
    """Return twice the area vector of each ring (n, 3), not closed (Newell): shape (rings, 3)."""
    ends = np.cumsum([len(ring) for ring in rings])
    starts = ends - [len(ring) for ring in rings]
    points = np.concatenate(rings)
    after = np.arange(1, len(points) + 1)
    after[ends - 1] = starts
    parts = np.cross(points, points[after])
    return np.array([parts[a:b].sum(0) for a, b in zip(starts.tolist(), ends.tolist(), strict=True)])
