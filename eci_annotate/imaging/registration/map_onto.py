"""Annotations on stacks of other planes, spacings and frames of reference, with what is lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from eci_annotate.errors import BadAnnotation, FrameMismatch
from eci_annotate.imaging.annotation import Annotation
from eci_annotate.imaging.annotations import Box, Contours, Mask
from eci_annotate.imaging.blocks import bounding_box
from eci_annotate.imaging.geometry import Floats, Grid
from eci_annotate.imaging.registration.choose_registration import choose_registration
from eci_annotate.imaging.registration.registration import Registration, require_source
from eci_annotate.imaging.volume import grid_of, like, series_uid_of

PARTS = 3  # samples of a voxel along each axis
MOST_SAMPLES = 1 << 28


@dataclass(frozen=True)
class Mapped:
    """An annotation on another stack, and what became of it.

    Attributes
    ----------
    mask
        The voxels of which at least half is inside.
    volume_before_mm3, volume_mm3
        Of the annotation, and of the mask.
    outside_mm3
        What lies beside the stack, in the stack's frame of reference.
    partial_voxels
        Voxels that are partly inside: they are in the mask or not.
    """

    mask: Mask
    volume_before_mm3: float
    volume_mm3: float
    outside_mm3: float
    partial_voxels: int


def map_onto(
    annotation: Annotation, volume: xr.DataArray, registration: Registration | Sequence[Registration] | None = None
) -> Mapped:
    """Return the voxels of a volume that an annotation covers, whatever the volume's plane and spacing.

    Parameters
    ----------
    annotation
        Box, contours or mask.
    volume
        A volume in the same frame of reference, or in the target frame of the registration.
    registration
        From the annotation's frame of reference to the volume's; or several, as `task.registrations()` gives them, of
        which the one that fits is used.

    Raises
    ------
    FrameMismatch
        If the frames of reference do not fit.
    BadAnnotation
        If the annotation is empty, or much too large for the volume.

    Examples
    --------
    >>> import tempfile
    >>> import eci_annotate as eci
    >>> folder = tempfile.mkdtemp()
    >>> files = eci.write_phantom(folder, "tiny")
    >>> ct = eci.load_series(folder)
    >>> eci.map_onto(eci.Mask.from_volume(ct > 200), ct[:, ::2, ::2]).outside_mm3
    0.0
    """
    grid = grid_of(volume)
    if registration is not None and not isinstance(registration, Registration):
        registration = choose_registration(registration, annotation.frame_uid, grid.frame_of_reference_uid)
    if registration is not None:
        require_source(annotation, registration)
        if grid.frame_of_reference_uid != registration.target_uid:
            raise FrameMismatch("The volume is not in the target frame of the registration.", "Use another volume.")
    else:
        annotation.grid_for(volume)
    wide, corner = _around(annotation, grid, registration)
    share = _share(annotation, wide, registration)
    inside = np.zeros(wide.shape, bool)
    sizes = zip(corner, grid.shape, wide.shape, strict=True)
    own = tuple(slice(min(max(-c, 0), m), max(min(n - c, m), min(max(-c, 0), m))) for c, n, m in sizes)
    inside[own] = True
    voxels = np.zeros(grid.shape, bool)
    there = tuple(slice(max(c, 0), max(c, 0) + s.stop - s.start) for c, s in zip(corner, own, strict=True))
    if inside.any():
        voxels[there] = share[own] >= 0.5
    mask = Mask.from_volume(
        like(volume, voxels), label=annotation.label, colour=annotation.colour, uid=annotation.uid,
        frame_uid=grid.frame_of_reference_uid, series_uid=series_uid_of(volume),
    )  # fmt: skip
    beside = float(share[~inside].sum()) * grid.voxel_mm3
    partly = int(((share > 0) & (share < 1) & inside).sum())
    return Mapped(mask, float(annotation.volume_mm3), mask.volume_mm3, beside, partly)


def _around(annotation: Annotation, grid: Grid, registration: Registration | None) -> tuple[Grid, tuple[int, int, int]]:
    """Return the volume's grid, continued, around an annotation, and its first voxel."""
    points = _extent(annotation)
    if registration is not None:
        points = _target_extent(points, registration)
    image = grid.image_from_reference(points)
    low, high = np.floor(image.min(0)).astype(int) - 2, np.ceil(image.max(0)).astype(int) + 3
    shape = (int(high[0] - low[0]), int(high[1] - low[1]), int(high[2] - low[2]))
    if np.prod(np.asarray(shape, float)) * PARTS**3 > MOST_SAMPLES:
        raise BadAnnotation("The annotation is too large for this volume.", "Map a part of it.")
    corner = (int(low[0]), int(low[1]), int(low[2]))
    return grid.cropped(corner, shape), corner


def _extent(annotation: Annotation) -> Floats:
    match annotation:
        case Box():
            return annotation.corners_lps
        case Contours() if annotation.rings_lps:
            from eci_annotate.imaging.planes import planes_of

            planes = planes_of(annotation.rings_lps, annotation.spacing_mm)
            half = planes.normal * (planes.spacing_mm if np.isfinite(planes.spacing_mm) else 1.0) / 2
            points = np.concatenate(annotation.rings_lps)
            return np.concatenate([points - half, points + half])
        case Mask() if annotation.voxels.any():
            where = bounding_box(annotation.voxels)
            ends = [(s.start - 0.5, s.stop - 0.5) for s in where]
            corners = np.array([[k, j, i] for k in ends[0] for j in ends[1] for i in ends[2]])
            return annotation.grid.reference_from_image(corners)
    raise BadAnnotation("The annotation is empty.", "Draw it first.")


def _target_extent(points: Floats, registration: Registration) -> Floats:
    """Return points around where an annotation goes; of a deformation, those of its grid that come from there."""
    if registration.matrix is not None:
        return registration.target_points(points)
    assert registration.deformation is not None
    grid = registration.deformation.grid
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), -1).reshape(-1, 3)
    here = grid.reference_from_image(index)
    there = registration.source_points(here)
    room = 2 * max(grid.spacing_mm)
    near = ((there >= points.min(0) - room) & (there <= points.max(0) + room)).all(1)
    if not near.any():
        raise FrameMismatch("The deformation does not reach the annotation.", "Use the registration that covers it.")
    return here[near]


def _share(annotation: Annotation, grid: Grid, registration: Registration | None) -> NDArray[np.float64]:
    """Return which share of each voxel is inside, from `PARTS` samples along each axis."""
    counted = np.zeros(grid.shape)
    offsets = (np.arange(PARTS) - (PARTS - 1) / 2) / PARTS
    for k in offsets:
        for j in offsets:
            for i in offsets:
                shifted = replace(grid, origin_lps=tuple(grid.reference_from_image([k, j, i])))
                counted += _inside(annotation, shifted, registration)
    return counted / PARTS**3


def _inside(annotation: Annotation, grid: Grid, registration: Registration | None) -> NDArray[np.bool_]:
    if registration is None:
        return annotation.voxels_on(grid)
    if registration.is_rigid or (registration.matrix is not None and isinstance(annotation, Contours)):
        return registration.apply(annotation).voxels_on(grid)
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), -1).reshape(-1, 3)
    points = registration.source_points(grid.reference_from_image(index))
    return _holds(annotation, points).reshape(grid.shape)


def _holds(annotation: Annotation, points: Floats) -> NDArray[np.bool_]:
    """Return which points, patient millimetres of the annotation's own frame, are inside."""
    match annotation:
        case Box():
            along = (points - np.asarray(annotation.centre_lps)) @ np.asarray(annotation.axes_lps).T
            return np.asarray((np.abs(along) <= np.asarray(annotation.size_mm) / 2).all(1))
        case Mask():
            known: NDArray[np.bool_] = np.asarray(np.isfinite(points).all(1))
            index = annotation.grid.voxel_from_reference(np.where(known[:, None], points, 0.0))
            good = known & np.asarray((index >= 0) & (index < np.asarray(annotation.grid.shape))).all(1)
            out = np.zeros(len(points), bool)
            out[good] = annotation.voxels[tuple(index[np.asarray(good)].T)]
            return out
    raise FrameMismatch(
        "Contours cannot be deformed.", "Deform their mask: Mask.from_volume(contours.mask_on(volume))."
    )
