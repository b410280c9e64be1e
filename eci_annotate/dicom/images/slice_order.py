"""Slice order: where frames lie along their normal, and whether they are evenly spaced. Spacing is measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

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
        self.require_even_steps()
        self.require_upright()

    def require_even_steps(self) -> None:
        """Refuse duplicated, missing and unevenly spaced slices, and name the position."""
        if not self.is_even:
            raise self._why()

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

    @cached_property
    def _lateral(self) -> Floats:
        """Offset of each slice from the normal through the first, shape (n, 3)."""
        normal, _, _ = self.frames[0].axes_lps
        offset = self.origins - self.origins[0]
        return np.asarray(offset - np.outer(offset @ normal, normal))

    @cached_property
    def lean(self) -> Floats:
        """Sideways offset per millimetre along the normal, shape (3,); zero for upright slices."""
        most = np.linalg.norm(self._lateral, axis=1).max()
        above = self.height[-1] - self.height[0]
        if most <= LATERAL_MM + self.digit_mm or above < SAME_POSITION_MM:
            return np.zeros(3)
        return np.asarray(self._lateral[-1] / above)

    @property
    def is_straight(self) -> bool:
        """Whether the slices lie on one axis, upright or leaning (gantry tilt)."""
        return bool(np.linalg.norm(self._off_axis, axis=1).max() <= LATERAL_MM + self.digit_mm)

    @property
    def _off_axis(self) -> Floats:
        return np.asarray(self._lateral - np.outer(self.height - self.height[0], self.lean))

    @property
    def turns(self) -> NDArray[np.int64]:
        """Slices, by number, before which the axis of the stack changes its direction."""
        steps = np.diff(self._lateral, axis=0)
        away = np.linalg.norm(steps - np.median(steps, axis=0), axis=1)
        return np.flatnonzero(away > LATERAL_MM + 2 * self.digit_mm) + 1

    def require_upright(self) -> None:
        """Refuse slices that do not lie on one axis along their normal.

        Raises
        ------
        UnevenSlices
            With the angle of the gantry.
        """
        if len(self.frames) < 2 or (self.is_straight and not self.lean.any()):
            return
        tilt = np.degrees(np.arctan(np.linalg.norm(self._lateral[-1]) / (self.height[-1] - self.height[0])))
        usual = float(np.median(np.diff(self.height)))
        raise UnevenSlices(
            f"The slices are sheared by {tilt:.2f} degrees (gantry tilt) over steps of {usual:.2f} mm.",
            "Load them with load_stacks, slice by slice; upright(volume) resamples them to a right-angled volume.",
        )

    @property
    def grid(self) -> Grid:
        """The grid of even slices, sheared where they lean."""
        first = self.frames[0]
        row_mm, column_mm = first.vector("PixelSpacing", 2)  # [0] between rows, [1] between columns
        axis, slice_mm = self.leaning(self._slice_mm())
        return Grid.from_arrays(
            self.origins[0],
            (axis, *first.axes_lps[1:]),
            (slice_mm, row_mm, column_mm),
            (len(self.frames), *first.shape),
            first.frame_uid,
        )

    def leaning(self, slice_mm: float) -> tuple[Floats, float]:
        """Return the axis of the stack, and the distance of slices along it for one along the normal."""
        normal, _, _ = self.frames[0].axes_lps
        if not self.lean.any():
            return normal, slice_mm
        axis = normal + self.lean
        return unit(axis), slice_mm * float(np.linalg.norm(axis))

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
    """Split where the distance between slices or the direction of their axis changes.

    Slices that follow no straight axis are given one by one.
    """
    if order.is_even and order.is_straight:
        yield order
        return
    for a, b in pairwise([0, *_cuts(order), len(order.frames)]):
        run = order_of(order.frames[a:b])
        if b - a > 1:
            run.require_even_steps()
        if run.is_straight:
            yield run
        else:
            yield from (order_of([frame]) for frame in run.frames)


def _cuts(order: Order) -> list[int]:
    steps = np.diff(order.height)
    usual = float(np.median(steps))
    allowed = EVEN * usual + order.digit_mm * (order.digit_mm < usual / 4)
    uneven = np.flatnonzero(np.abs(steps - usual) > allowed) + 1
    return sorted({*uneven.tolist(), *order.turns.tolist()})
