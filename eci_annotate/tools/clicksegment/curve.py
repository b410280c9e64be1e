"""The growth curve of a click: nested regions, and which of them ends at a border.

The level is chosen where the border has the highest mean contrast. What hangs on the region by a thin neck is cut off,
and holes are filled.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eci_annotate.errors import Refused
from eci_annotate.imaging.blocks import Block, block, bounding_box
from eci_annotate.imaging.mask_operations import fill_holes
from eci_annotate.tools.clicksegment.barrier_map import LEVELS, border_contrast, spread_levels
from eci_annotate.tools.smartpaint.dabs import smoothed

REACH_MM = 45.0  # the region ends at most so far from the click, along each axis
MOST_VOXELS = 700_000  # of the block around the click
LEAST_VOXELS = 12  # a smaller region is noise
CLEAR = 2.2  # contrast at the border, over the usual difference of neighbours
SPONGE = 25.0  # faces of the border over volume^(2/3), 7 for a ball: more is noise
STEP = 0.12  # relative volume from one step of the growth curve to the next
MOST_SIDES = 3  # a region that reaches so many sides of its block has no border within reach
NECK = 0.4  # of the largest inscribed radius: narrower necks are cut


def block_around(
    voxel: tuple[int, ...], spacing_mm: tuple[float, ...], shape: tuple[int, ...], flat_axis: int
) -> Block:
    """Return the block of voxels that a click may reach.

    Parameters
    ----------
    voxel
        Voxel of the click.
    spacing_mm, shape
        Distance between voxel centres and number of voxels along k, j, i.
    flat_axis
        Axis along which only the slice of the click counts, or -1.
    """
    reach = np.array([0 if axis == flat_axis else REACH_MM / s for axis, s in enumerate(spacing_mm)])
    size = np.prod(2 * reach + 1)
    if size > MOST_VOXELS:
        reach *= (MOST_VOXELS / size) ** (1 / max((reach > 0).sum(), 1))
    half = reach.astype(int)
    low, high = np.maximum(np.array(voxel) - half, 0), np.minimum(np.array(voxel) + half + 1, shape)
    return block(low, high)


@dataclass(frozen=True, eq=False)
class Curve:
    """The nested regions around a click.

    Attributes
    ----------
    values
        Smoothed intensities of the block.
    levels
        Level of each voxel, uint8 of the same shape.
    start
        Voxel of the click in the block.
    spacing_mm
        Distance between voxel centres along k, j, i.
    """

    values: NDArray[np.int16]
    levels: NDArray[np.uint8]
    start: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]

    @cached_property
    def volumes(self) -> NDArray[np.int64]:
        """Number of voxels of the region of each level, (255,)."""
        return np.cumsum(np.bincount(self.levels.ravel(), minlength=256)[:LEVELS])

    @cached_property
    def contrast(self) -> NDArray[np.float64]:
        """Mean intensity difference across the border of the region of each level, (255,)."""
        total, count = self._border
        faces = np.cumsum(count)[:LEVELS]
        return np.where(faces > 0, np.cumsum(total)[:LEVELS] / np.maximum(faces, 1), 0.0)

    @cached_property
    def _border(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Differences across borders, and their number, to be summed up to a level."""
        total, count = np.zeros(257), np.zeros(257)
        border_contrast(self.values, self.levels, total, count)
        return total, count

    @cached_property
    def best(self) -> int:
        """Level whose border has the highest contrast; -1 if there is no clear one."""
        faces = np.cumsum(self._border[1])[:LEVELS]
        compact = faces <= SPONGE * self.volumes ** (2 / 3)
        allowed = (self.volumes >= LEAST_VOXELS) & (np.arange(LEVELS) < self._open_level) & compact
        if not allowed.any():
            return -1
        level = int(np.argmax(np.where(allowed, self.contrast, -1.0)))
        return level if self.contrast[level] >= CLEAR * self._noise else -1

    @cached_property
    def _noise(self) -> float:
        """Usual difference of neighbours in the block: their mean, if they differ by Gaussian noise only."""
        thick = [axis for axis, n in enumerate(self.values.shape) if n > 1]
        some = [np.moveaxis(self.values, axis, 0)[:, ::3, ::3].astype(np.int32) for axis in thick]
        return 1.18 * max((float(np.median(np.abs(np.diff(each, axis=0)))) for each in some), default=0.0)

    @property
    def _open_level(self) -> int:
        """Level at which the region reaches so many sides of the block that it has no border."""
        thick = [np.moveaxis(self.levels, axis, 0) for axis, n in enumerate(self.levels.shape) if n > 1]
        reached = sorted(int(side.min()) for turned in thick for side in (turned[0], turned[-1]))
        return reached[min(MOST_SIDES, len(reached)) - 1] if reached else 0

    @cached_property
    def steps(self) -> list[int]:
        """Levels of noticeably different volumes, the best one among them, ascending."""
        found = [max(self.best, 0)]
        for level in range(found[0] - 1, -1, -1):
            if self.volumes[level] >= LEAST_VOXELS and self.volumes[level] * (1 + STEP) < self.volumes[found[0]]:
                found.insert(0, level)
        for level in range(found[-1] + 1, LEVELS):
            if self.volumes[level] > self.volumes[found[-1]] * (1 + STEP):
                found.append(level)
        return found

    def level_at(self, offset: int) -> int:
        """Return the level some steps of `steps` after (or before) the best one."""
        at = self.steps.index(max(self.best, 0)) + offset
        return self.steps[min(max(at, 0), len(self.steps) - 1)]

    def region(self, level: int) -> NDArray[np.bool_]:
        """Return the voxels of a level (bool): without what hangs on a thin neck, holes filled."""
        where = bounding_box(self.levels <= level)
        k, j, i = (n - s.start for n, s in zip(self.start, where, strict=True))
        found = np.zeros(self.levels.shape, bool)
        found[where] = fill_holes(without_necks(self.levels[where] <= level, (k, j, i), self.spacing_mm))
        return found


def without_necks(
    inside: NDArray[np.bool_], start: tuple[int, int, int], spacing_mm: tuple[float, float, float]
) -> NDArray[np.bool_]:
    """Cut off what hangs on a region by a neck that is narrow compared with the region around a point.

    Parameters
    ----------
    inside
        Region (k, j, i).
    start
        A voxel of it.
    spacing_mm
        Distance between voxel centres along k, j, i.
    """
    from scipy.ndimage import distance_transform_edt, label

    flat = [axis for axis, n in enumerate(inside.shape) if n == 1]
    padded = np.pad(inside, [(0, 0) if axis in flat else (1, 1) for axis in range(3)])
    depth = np.asarray(distance_transform_edt(padded, sampling=spacing_mm))
    crop = tuple(slice(None) if axis in flat else slice(1, -1) for axis in range(3))
    depth = depth[crop]
    radius = NECK * _radius_around(depth, start, spacing_mm)
    pieces, count = label(depth > radius)
    if count < 2 or radius <= min(spacing_mm):
        return inside
    core = pieces == _piece_near(pieces, start, spacing_mm)
    near = np.asarray(distance_transform_edt(~core, sampling=spacing_mm)) <= radius + max(spacing_mm) / 2
    return inside & near


def _radius_around(depth: NDArray[np.float64], start: tuple[int, int, int], spacing_mm: tuple[float, ...]) -> float:
    """Return the largest depth that is reached uphill from a voxel."""
    at = start
    while True:
        where = tuple(slice(max(n - 1, 0), n + 2) for n in at)
        around = depth[where]
        best = np.unravel_index(int(np.argmax(around)), around.shape)
        to = (where[0].start + int(best[0]), where[1].start + int(best[1]), where[2].start + int(best[2]))
        if depth[to] <= depth[at]:
            return float(depth[at])
        at = to


def _piece_near(pieces: NDArray[np.int32], start: tuple[int, int, int], spacing_mm: tuple[float, ...]) -> int:
    """Return the number of the piece that is nearest to a voxel."""
    if pieces[start]:
        return int(pieces[start])
    at = np.argwhere(pieces > 0)
    away = (((at - np.array(start)) * np.array(spacing_mm)) ** 2).sum(1)
    return int(pieces[tuple(at[int(np.argmin(away))])])


def curve_of(
    smooth: NDArray[np.int16], voxel: tuple[int, int, int], where: Block, spacing_mm: tuple[float, float, float]
) -> Curve:
    """Return the growth curve of a click.

    Parameters
    ----------
    smooth
        Smoothed integer intensities of the whole volume (k, j, i).
    voxel
        Voxel of the click.
    where
        Block to stay in, from `block_around`.
    spacing_mm
        Distance between voxel centres along k, j, i.
    """
    values = np.ascontiguousarray(smooth[where])
    start = tuple(int(n - s.start) for n, s in zip(voxel, where, strict=True))
    near = tuple(slice(max(n - 1, 0), n + 2) for n in start)
    here = int(np.median(values[near]))
    reach = max(int(np.percentile(np.abs(values.astype(np.int32) - here), 98)), 1)
    levels = np.empty(values.shape, np.uint8)
    spread_levels(values, np.array(start), here, reach, levels)
    return Curve(values, levels, (start[0], start[1], start[2]), spacing_mm)


def segment(
    values: ArrayLike,
    voxel: tuple[int, int, int],
    *,
    spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0),
    flat_axis: int = -1,
    offset: int = 0,
) -> NDArray[np.bool_]:
    """Grow a region from one voxel to its border.

    Parameters
    ----------
    values
        Integer intensities (k, j, i).
    voxel
        Where to start.
    spacing_mm
        Distance between voxel centres along k, j, i.
    flat_axis
        Axis along which only the slice of the voxel counts, or -1.
    offset
        Steps along the growth curve; negative: smaller.

    Returns
    -------
    ndarray
        bool, (k, j, i).

    Raises
    ------
    Refused
        If no border was found around the voxel.

    References
    ----------
    Hojjatoleslami and Kittler, Region growing: a new approach, IEEE Trans Image Process 7(7), 1998 (contrast of the
    border). Strand et al., The minimum barrier distance, CVIU 117, 2013.

    Examples
    --------
    >>> import numpy as np
    >>> from eci_annotate.tools.clicksegment import segment
    >>> values = np.zeros((1, 30, 30), np.int16)
    >>> values[0, 10:20, 10:20] = 100
    >>> int(segment(values, (0, 15, 15), flat_axis=0).sum())
    100
    """
    given = np.ascontiguousarray(values, np.int16)
    where = block_around(voxel, spacing_mm, given.shape, flat_axis)
    curve = curve_of(smoothed(given, spacing_mm), voxel, where, spacing_mm)
    if curve.best < 0:
        raise Refused("No border was found around this point.", "Click in the middle of the lesion, or paint it.")
    found = np.zeros(given.shape, bool)
    found[where] = curve.region(curve.level_at(offset))
    return found
