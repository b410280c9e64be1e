"""The grid on which the frames of a segmentation lie: planes sorted along the normal, missing ones empty."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eci_annotate.dicom.images.dicom_frames import Frame
from eci_annotate.dicom.images.slice_order import EVEN, Order, order_of
from eci_annotate.errors import BadSegmentation
from eci_annotate.imaging.geometry import Floats, Grid

SAME_COSINE = 1e-4
SAME_SPACING = 1e-4  # relative
EXACT_MM = 1e-3  # how well planes must fit a spacing that the file states, so that it is not measured
LEAST_MM = 1e-3
MOST_FINER, MOST_OVERLAP = 2.5, 8.0  # how many times closer than the stated distance or thickness planes may be
MOST_VOXELS = 1 << 33
AGAIN = "Export the segmentation again."


@dataclass(frozen=True)
class FrameGrid:
    """The grid of a segmentation, and the slice of each frame by frame number."""

    grid: Grid
    slice_of: dict[int, int]
    is_guessed: bool

    @property
    def guess(self) -> str:
        """What was taken for the distance of planes that the file does not state."""
        if self.grid.shape[0] == 1:
            return "The file does not state the thickness of its only plane; 1 mm is assumed."
        step = f"{self.grid.slice_mm:g} mm"
        return f"The file does not state the distance of its planes, or another; that of its frames is taken: {step}."


def frame_grid(frames: Sequence[Frame]) -> FrameGrid:
    """Return the grid on which all frames lie.

    The spacing of planes is the stated one if the planes fit it, else it is measured.

    Raises
    ------
    BadSegmentation
        If the frames do not lie on one grid.
    BadImages
        If the position, orientation or spacing of a frame is missing or malformed.
    """
    _require_one_orientation(frames)
    order = order_of(frames)
    _require_straight(order)
    position = order.position_of_given
    heights = np.array([order.height[order.rank][position == n].min() for n in range(int(position.max()) + 1)])
    spacing, index, guessed = _spacing(frames[0], heights, order.digit_mm)
    _require_size(int(index[-1]) + 1, frames[0].shape)
    row_mm, column_mm = frames[0].vector("PixelSpacing", 2)
    shape = (int(index[-1]) + 1, *frames[0].shape)
    axis, step_mm = order.leaning(spacing)
    directions = (axis, *frames[0].axes_lps[1:])
    grid = Grid.from_arrays(order.origins[0], directions, (step_mm, row_mm, column_mm), shape, frames[0].frame_uid)
    return FrameGrid(grid, {f.number: int(index[n]) for f, n in zip(frames, position, strict=True)}, guessed)


def picture_grid(frames: Sequence[Frame], exact: dict[str, Any]) -> FrameGrid | None:
    """Return the plane of a picture without a place in space, as eci_annotate wrote it; None if there is none."""
    if "plane_mm" not in exact or not frames:
        return None
    row_mm, column_mm = (float(value) for value in exact["plane_mm"])
    _require_size(1, frames[0].shape)
    shape, uid = (1, *frames[0].shape), str(exact.get("plane_uid", ""))
    grid = Grid.from_arrays((0, 0, 0), np.eye(3)[::-1], (1.0, row_mm, column_mm), shape, uid)
    return FrameGrid(grid, {frame.number: 0 for frame in frames}, False)


def _require_one_orientation(frames: Sequence[Frame]) -> None:
    first = frames[0]
    cosines, pixel_mm = first.vector("ImageOrientationPatient", 6), first.vector("PixelSpacing", 2)
    for frame in frames:
        frame.vector("ImagePositionPatient", 3)
        turned = np.abs(frame.vector("ImageOrientationPatient", 6) - cosines).max() > SAME_COSINE
        if turned or not np.allclose(frame.vector("PixelSpacing", 2), pixel_mm, rtol=SAME_SPACING, atol=0):
            raise BadSegmentation("The frames of the segmentation differ in orientation or spacing.", AGAIN)


def _require_straight(order: Order) -> None:
    if not order.is_straight:
        raise BadSegmentation("The frames of the segmentation do not lie on one axis.", AGAIN)


def _require_size(planes: int, shape: tuple[int, int]) -> None:
    rows, columns = shape
    if min(rows, columns) < 1 or planes * rows * columns > MOST_VOXELS:
        raise BadSegmentation("The size of the segmentation is not believable.", AGAIN)


def _spacing(first: Frame, heights: Floats, digit_mm: float) -> tuple[float, NDArray[np.int64], bool]:
    """Return the distance between planes, the slice of each height, and whether it is another than the file states."""
    stated = [abs(first.number_of(name) or 0.0) for name in ("SpacingBetweenSlices", "SliceThickness")]
    between, thickness = stated
    if len(heights) == 1:
        return between or thickness or 1.0, np.zeros(1, np.int64), not any(stated)
    least = max(between / MOST_FINER, thickness / MOST_OVERLAP)
    for candidate in _candidates(between, thickness, float(np.diff(heights).min())):
        if candidate < least:
            continue  # planes much closer than the file says are planes out of place: voxels would be slivers
        fit = _fit(heights, candidate, digit_mm)
        if fit is not None:
            return *fit, candidate not in stated
    raise BadSegmentation("The planes of the segmentation are not evenly spaced.", AGAIN)


def _candidates(between: float, thickness: float, smallest: float) -> Iterator[float]:
    """Give the distances that planes may have: the stated one, the thickness, the smallest step, and parts of it."""
    yield from (value for value in (between, thickness, smallest, smallest / 2, smallest / 3) if value > LEAST_MM)


def _fit(heights: Floats, spacing: float, digit_mm: float) -> tuple[float, NDArray[np.int64]] | None:
    """Return the exact distance and the slice of each height, if all heights lie on planes of about this distance."""
    steps = np.diff(heights) / spacing
    index = np.concatenate([[0], np.cumsum(np.round(steps))]).astype(np.int64)
    if (np.diff(index) < 1).any() or np.abs(steps - np.round(steps)).max() > EVEN + 2 * min(digit_mm / spacing, 0.1):
        return None
    above = heights - heights[0]
    if np.abs(above - index * spacing).max() <= EXACT_MM:
        return spacing, index
    measured = float(above[-1] / index[-1])
    off_mm = np.abs(above - index * measured).max()
    return (measured, index) if off_mm <= EVEN * measured + 2 * digit_mm else None
