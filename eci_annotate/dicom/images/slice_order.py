"""Slice order: where frames lie along their normal, and whether they are evenly spaced. Spacing is measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from eci_annotate.dicom.images.dicom_frames import Frame
from eci_annotate.dicom.images.tolerances import unit_of
from eci_annotate.errors import MissingGeometry, MissingSlice, UnevenSlices
from eci_annotate.imaging.geometry import Floats, Grid, unit

EVEN = 0.02  # relative tolerance of slice distances
LATERAL_MM = 0.1  # largest distance of slices from their common axis
SAME_POSITION_MM = 1e-2
ROUNDED = 0.6  # of one unit of the last digit: how far rounded positions lie from a line


@dataclass(frozen=True, eq=False)
class Order:
    """Frames of one orientation and spacing along their normal.

    Attributes
    ----------
    frames
        In slice order.
    height
        Position along the normal in slice order, mm.
    origins
        ImagePositionPatient in slice order, shape (n, 3).
    digit_mm
        One unit of the last decimal that the positions were written with.
    rank
        Place of each frame, as given, in the slice order.
    """

    frames: tuple[Frame, ...]
    height: Floats
    origins: Floats
    digit_mm: float
    rank: NDArray[np.int64]

    @cached_property
    def _position(self) -> NDArray[np.int64]:
        return np.cumsum(np.diff(self.height, prepend=self.height[:1]) >= SAME_POSITION_MM)

    @property
    def position_of_given(self) -> NDArray[np.int64]:
        """Number of each frame's position, in the order in which the frames were given."""
        return np.asarray(self._position[self.rank])

    @cached_property
    def is_even(self) -> bool:
        """Whether the slices are evenly spaced, within the digits they were written with."""
        steps = np.diff(self.height)
        if not steps.size:
            return True
        usual = float(np.median(steps))
        if usual < SAME_POSITION_MM:
            return False
        return bool((np.abs(steps - usual) <= EVEN * usual).all()) or self._is_rounded(self.height, usual)

    def _is_rounded(self, height: Floats, usual: float) -> bool:
        """Whether the positions are those of even slices, rounded to the digits they were written with."""
        if len(height) < 3 or self.digit_mm >= usual / 2:
            return False
        count = np.arange(len(height))
        slope, start = np.polyfit(count, height, 1)
        return bool(np.abs(height - start - slope * count).max() <= ROUNDED * self.digit_mm)

    def require_even(self) -> None:
        """Refuse duplicated, missing, unevenly spaced and sheared slices, and name the position."""
        if len(self.frames) == 1 and not self.has_thickness:
            raise MissingGeometry(
                "A single slice without SliceThickness has no depth.", "Load it with load_stacks, as one picture."
            )
        if not self.is_even:
            raise self._why()
        self.require_upright()

    def _why(self) -> UnevenSlices | MissingSlice:
        steps = np.diff(self.height)
        usual = float(np.median(steps))
        n = int(np.argmax(np.abs(steps - usual)))
        ratio = steps[n] / usual if usual > 0 else 0.0
        place = f"between {self.height[n]:.2f} mm and {self.height[n + 1]:.2f} mm along the slice normal"
        if round(ratio) >= 2 and abs(ratio - round(ratio)) < 0.1:
            return MissingSlice(
                f"{round(ratio) - 1} slice(s) are missing {place}.", "Fetch them, or use load_stacks for the parts."
            )
        return UnevenSlices(
            f"Slices are {usual:.3f} mm apart, but {steps[n]:.3f} mm {place}.", "Use load_stacks for the even parts."
        )

    def require_upright(self) -> None:
        """Refuse slices that do not lie on one axis along their normal.

        Raises
        ------
        UnevenSlices
            With the angle of the gantry.
        """
        if len(self.frames) < 2:
            return
        normal, _, _ = self.frames[0].axes_lps
        offset = self.origins - self.origins[0]
        lateral = offset - np.outer(offset @ normal, normal)
        if np.linalg.norm(lateral, axis=1).max() > LATERAL_MM + self.digit_mm:
            step = (self.origins[-1] - self.origins[0]) / (len(self.origins) - 1)
            tilt = np.degrees(np.arccos(np.clip(abs(unit(step) @ normal), -1, 1)))
            usual = float(np.median(np.diff(self.height)))
            raise UnevenSlices(
                f"The slices are sheared by {tilt:.2f} degrees (gantry tilt) over steps of {usual:.2f} mm.",
                "Resample the series to a right-angled grid first.",
            )

    @property
    def grid(self) -> Grid:
        """The grid of even slices."""
        first = self.frames[0]
        row_mm, column_mm = first.vector("PixelSpacing", 2)  # [0] between rows, [1] between columns
        return Grid.from_arrays(
            self.origins[0],
            first.axes_lps,
            (self._slice_mm(), row_mm, column_mm),
            (len(self.frames), *first.shape),
            first.frame_uid,
        )

    def _slice_mm(self) -> float:
        if len(self.height) > 1:
            return float((self.height[-1] - self.height[0]) / (len(self.height) - 1))
        return self._thickness_mm or 1.0

    @property
    def _thickness_mm(self) -> float:
        given = (self.frames[0].number_of(tag) for tag in ("SpacingBetweenSlices", "SliceThickness"))
        return next((value for value in given if value is not None and value > 0), 0.0)

    @property
    def has_thickness(self) -> bool:
        """Whether the first slice says how thick it is."""
        return self._thickness_mm > 0


def order_of(frames: Sequence[Frame]) -> Order:
    """Sort frames along the normal of the first."""
    normal, _, _ = frames[0].axes_lps
    origins = np.array([frame.position_lps for frame in frames])
    height = origins @ normal
    order = np.argsort(height, kind="stable")
    written = (value for frame in frames[:64] for value in frame.get("ImagePositionPatient"))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return Order(tuple(frames[n] for n in order), height[order], origins[order], unit_of(written), rank)


def runs_of(order: Order) -> Iterator[Order]:
    """Split where the distance between slices changes."""
    steps = np.diff(order.height)
    if order.is_even:
        order.require_upright()
        yield order
        return
    usual = float(np.median(steps))
    cuts = np.flatnonzero(np.abs(steps - usual) > EVEN * usual + order.digit_mm * (order.digit_mm < usual / 4)) + 1
    for a, b in zip([0, *cuts], [*cuts, len(order.frames)], strict=True):
        run = order_of(order.frames[a:b])
        if b - a > 1:
            run.require_even()
        yield run
