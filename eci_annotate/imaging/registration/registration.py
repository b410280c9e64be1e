"""A registration maps patient millimetres of a source frame of reference to those of a target frame."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from eci_annotate.errors import BadRegistration, FrameMismatch
from eci_annotate.imaging.annotation import Annotation
from eci_annotate.imaging.annotations import Box, Contours, Mask
from eci_annotate.imaging.geometry import Floats, Grid

SAME = 1e-4  # how far a rotation may be from one
CLOSE_MM = 1e-3
ROUNDS = 200
A = TypeVar("A", bound=Annotation)


@dataclass(frozen=True)
class Deformation:
    """Offsets on a grid in the target frame: source = after(before(x) + offset(x)); NaN where there are none.

    Attributes
    ----------
    grid, offsets_mm
        Shape (k, j, i, 3), x, y, z.
    before, after
        4 x 4 matrices.
    """

    grid: Grid
    offsets_mm: Floats
    before: Floats
    after: Floats

    def __post_init__(self) -> None:
        object.__setattr__(self, "before", affine_map(self.before))
        object.__setattr__(self, "after", affine_map(self.after))

    def source_of(self, points_lps: Floats) -> Floats:
        """Return the points in the source frame, shape (n, 3)."""
        moved = _times(self.before, points_lps) + self._at(points_lps)
        return _times(self.after, moved)

    def _at(self, points_lps: Floats) -> Floats:
        """Interpolate offsets linearly between the middles of voxels."""
        from scipy.ndimage import map_coordinates

        index = self.grid.image_from_reference(points_lps)
        top = np.asarray(self.grid.shape) - 1
        outside = ((index < -0.5) | (index > top + 0.5)).any(-1)
        index = np.clip(index, 0, top).T
        parts = [map_coordinates(self.offsets_mm[..., n], index, order=1, mode="nearest") for n in range(3)]
        found = np.stack(parts, -1)
        found[outside] = np.nan
        return found


@dataclass(frozen=True)
class Registration:
    """How points of one frame of reference are found in another.

    Attributes
    ----------
    source_uid, target_uid
        Frames of reference.
    matrix
        4 x 4, from source to target (mm, LPS); for a deformation None.
    deformation
        From target to source, as DICOM stores it.
    name
        What to call it on a screen.

    Examples
    --------
    >>> import numpy as np
    >>> import eci_annotate as eci
    >>> shift = np.eye(4)
    >>> shift[:3, 3] = 0, 0, 7
    >>> there = eci.Registration("1.2.3", "1.2.4", shift)
    >>> there.apply(eci.Box((10, 20, 30), (4, 5, 6), frame_uid="1.2.3")).centre_lps
    (10.0, 20.0, 37.0)
    """

    source_uid: str
    target_uid: str
    matrix: Floats | None = None
    deformation: Deformation | None = None
    name: str = ""

    def __post_init__(self) -> None:
        if (self.matrix is None) == (self.deformation is None):
            raise BadRegistration("A registration is a matrix or a deformation.", "Give one of them.")
        if self.matrix is not None:
            object.__setattr__(self, "matrix", affine_map(self.matrix))

    @property
    def is_rigid(self) -> bool:
        """Whether distances stay."""
        if self.matrix is None:
            return False
        turn = self.matrix[:3, :3]
        return bool(np.abs(turn @ turn.T - np.eye(3)).max() < SAME)

    def inverse(self) -> Registration:
        """Return the registration in the other direction; BadRegistration for a deformation."""
        if self.matrix is None:
            raise BadRegistration("A deformation has no exact inverse.", "Use the registration of the other direction.")
        back = np.asarray(np.linalg.inv(self.matrix))
        return Registration(self.target_uid, self.source_uid, back, name=self.name)

    def source_points(self, points_lps: Floats) -> Floats:
        """Return where points of the target frame, shape (n, 3), come from; NaN where that is not known."""
        if self.deformation is not None:
            return self.deformation.source_of(np.asarray(points_lps, float))
        assert self.matrix is not None
        return _times(np.asarray(np.linalg.inv(self.matrix)), points_lps)

    def target_points(self, points_lps: Floats) -> Floats:
        """Return where points of the source frame, shape (n, 3), go.

        Raises
        ------
        BadRegistration
            If a deformation does not reach a point, or folds there.
        """
        if self.matrix is not None:
            return _times(self.matrix, points_lps)
        wanted = np.asarray(points_lps, float)
        found = wanted.copy()
        for _ in range(ROUNDS):  # fixed point: x + (wanted - source(x))
            away = wanted - self.source_points(found)
            if np.isnan(away).any():
                break
            if np.abs(away).max() < CLOSE_MM:
                return found
            found = found + away
        raise BadRegistration("The deformation does not reach every point.", "Map the mask onto a volume instead.")

    def apply(self, annotation: A) -> A:
        """Return an annotation of the source frame in the target frame, without resampling.

        A mask keeps its voxels: its grid moves. The result belongs to no series until it is mapped onto one.

        Parameters
        ----------
        annotation
            Box, contours or mask, with the frame of reference `source_uid`.

        Raises
        ------
        FrameMismatch
            If the annotation is in another frame of reference.
        BadRegistration
            If it would not stay what it is: anything under a deformation, boxes and masks under a map that does not
            keep distances. `map_onto(annotation, volume, registration)` gives its voxels on a volume.
        """
        require_source(annotation, self)
        home = {"frame_uid": self.target_uid, "series_uid": ""}
        if self.matrix is not None and isinstance(annotation, Contours) and annotation.rings_lps:
            return replace(annotation, rings_lps=tuple(map(self.target_points, annotation.rings_lps)),
                           spacing_mm=self._spacing(annotation), **home)  # type: ignore[arg-type]  # fmt: skip
        if not self.is_rigid:
            raise BadRegistration(
                f"A {annotation.kind} does not stay one under this registration.",
                "Map its voxels onto a volume: map_onto(annotation, volume, registration).",
            )
        assert self.matrix is not None
        turn = self.matrix[:3, :3]
        match annotation:
            case Box():
                axes = np.asarray(annotation.axes_lps) @ turn.T
                centre = _times(self.matrix, np.asarray([annotation.centre_lps]))[0]
                return replace(annotation, centre_lps=tuple(centre), axes_lps=tuple(map(tuple, axes)), **home)  # type: ignore[arg-type]
            case Mask():
                grid = annotation.grid
                origin = _times(self.matrix, np.asarray([grid.origin_lps]))[0]
                moved = Grid.from_arrays(
                    origin, np.asarray(grid.directions) @ turn.T, grid.spacing_mm, grid.shape, self.target_uid
                )
                return replace(annotation, grid=moved, **home)  # type: ignore[arg-type]
        return replace(annotation, **home)  # type: ignore[arg-type]

    def _spacing(self, contours: Contours) -> float | None:
        """Return the distance of planes after the map: a plane's normal is scaled by the inverse matrix."""
        if contours.spacing_mm is None or self.matrix is None:
            return None
        from eci_annotate.imaging.planes import planes_of

        normal = planes_of(contours.rings_lps, contours.spacing_mm).normal
        return float(contours.spacing_mm / np.linalg.norm(np.linalg.inv(self.matrix[:3, :3]).T @ normal))


def require_source(annotation: Annotation, registration: Registration) -> None:
    """Refuse an annotation that is not in the source frame of a registration.

    Raises
    ------
    FrameMismatch
        With the way that fits, if there is one.
    """
    if annotation.frame_uid == registration.source_uid:
        return
    remedy = "Use the registration of the frame of reference that it was drawn in."
    if annotation.frame_uid == registration.target_uid:
        remedy = "It is in the target frame: use registration.inverse()."
    raise FrameMismatch(f"Annotation {annotation.label!r} is not in the source frame of the registration.", remedy)


def affine_map(matrix: Floats) -> Floats:
    """Return a 4 x 4 matrix that maps space to itself and mirrors nothing; raises BadRegistration if it does not."""
    found = np.asarray(matrix, float)
    usual = found.shape == (4, 4) and np.isfinite(found).all() and np.allclose(found[3], [0, 0, 0, 1])
    if not usual or np.linalg.det(found[:3, :3]) <= 1e-6:
        raise BadRegistration("The matrix is no map of space to itself.", "Register the images again.")
    return found


def _times(matrix: Floats, points: Floats) -> Floats:
    return np.asarray(np.asarray(points, float) @ matrix[:3, :3].T + matrix[:3, 3])
