"""The signal of an annotation over the time points of a dynamic series, its wash-in, and how the late phase goes on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from eci_annotate.errors import BadAnnotation, BadImages
from eci_annotate.imaging.annotation import Annotation
from eci_annotate.imaging.annotations import Mask
from eci_annotate.imaging.geometry import Grid
from eci_annotate.imaging.measurements import statistics_of
from eci_annotate.imaging.volume import grid_of, is_colour, measured
from eci_annotate.repository.analysis.plots import new_figure

if TYPE_CHECKING:
    import pandas as pd

STEADY = 0.10  # of the first value after contrast agent
ON_GRID = 0.01  # voxels
NARROW_IN = 4  # figures up to this width have their words beside them


class LatePhase(StrEnum):
    """How the signal goes on after the first time point after contrast agent."""

    PERSISTENT = "persistent"
    PLATEAU = "plateau"
    WASHOUT = "washout"
    NOT_CLASSIFIED = "not classified"


@dataclass(frozen=True)
class TimePoint:
    """One volume of a dynamic series.

    Parameters
    ----------
    name
        What people call it.
    volume
        Values (k, j, i).
    seconds
        When it was acquired, from any fixed moment; None if unknown.
    is_before
        Whether it is before contrast agent.

    Examples
    --------
    >>> import numpy as np
    >>> import eci_annotate as eci
    >>> grid = eci.Grid.from_arrays((0, 0, 0), np.eye(3)[::-1], (3, 1, 1), (2, 4, 4), "1.2.3")
    >>> eci.TimePoint("native", eci.volume_from_array(np.zeros((2, 4, 4)), grid), 0.0, is_before=True).name
    'native'
    """

    name: str
    volume: xr.DataArray
    seconds: float | None = None
    is_before: bool = False


@dataclass(frozen=True)
class SignalPoint:
    """Signal at one time: seconds from the first, mean and standard deviation (n - 1), number of voxels."""

    name: str
    seconds: float | None
    mean: float
    sd: float
    voxels: int
    is_before: bool


@dataclass(frozen=True)
class KineticCurve:
    """Signal over time.

    Attributes
    ----------
    label
        Label of the annotation.
    points
        In the order of time.
    wash_in
        (first after contrast agent - before) / before; None if it cannot be known.
    late_phase
        From the last time point, relative to the first after contrast agent.
    remark
        Why something is not classified; empty if all is.
    """

    label: str
    points: tuple[SignalPoint, ...]
    wash_in: float | None
    late_phase: LatePhase
    remark: str = ""

    @property
    def table(self) -> pd.DataFrame:
        """One row per time point, with label, wash-in (per cent) and late phase in each."""
        import pandas as pd

        wash_in = None if self.wash_in is None else round(100 * self.wash_in, 1)
        said = {"wash_in_percent": wash_in, "late_phase": str(self.late_phase), "remark": self.remark}
        columns = ["label", *SignalPoint.__dataclass_fields__, *said]
        return pd.DataFrame([{"label": self.label, **vars(each), **said} for each in self.points], columns=columns)

    @property
    def words(self) -> str:
        """Wash-in and late phase in one line."""
        wash_in = "wash-in not known" if self.wash_in is None else f"wash-in {100 * self.wash_in:.0f} %"
        return f"{self.label}: {wash_in}, late phase {self.late_phase}" + (f" ({self.remark})" if self.remark else "")

    def plot(self, width_in: float = 4.8) -> Any:
        """Return a figure of the mean over time, with the standard deviation; a narrow one is without its words."""
        figure = new_figure(width_in, width_in * 2 / 3)
        axes = figure.subplots()
        known = all(each.seconds is not None for each in self.points)
        times = [each.seconds if known else n for n, each in enumerate(self.points, 1)]
        means, sds = [each.mean for each in self.points], [each.sd for each in self.points]
        axes.errorbar(times, means, yerr=sds, marker="o", capsize=3, color="#0369a1")
        axes.set(xlabel="Time [s]" if known else "Time point (times are not known)", ylabel="Signal")
        if width_in > NARROW_IN:
            axes.set_title(self.words, fontsize=8, wrap=True)
        return figure

    def _repr_png_(self) -> bytes:
        shown: bytes = self.plot()._repr_png_()
        return shown


def kinetic_curve(annotation: Annotation, points: Iterable[TimePoint]) -> KineticCurve:
    """Measure the signal of an annotation over time.

    Parameters
    ----------
    annotation
        A segmentation in the frame of reference of the time points.
    points
        The volumes, in any order; all on one grid.

    Returns
    -------
    KineticCurve
        Sorted by time. Without the time of each point, or a point before contrast agent, nothing is classified.

    Raises
    ------
    BadAnnotation
        If it contains no voxel, or is drawn on another grid.
    BadImages
        If there is no time point, two are of the same time or have different units, or one is on another grid.

    References
    ----------
    ACR BI-RADS Atlas, 5th ed. (2013), MRI, kinetic curve assessment: the delayed phase is persistent above +10 %,
    plateau within 10 %, washout below -10 %. Kuhl et al., Radiology 211(1), 1999.

    Examples
    --------
    >>> import numpy as np
    >>> import eci_annotate as eci
    >>> grid = eci.Grid.from_arrays((0, 0, 0), np.eye(3)[::-1], (3, 1, 1), (2, 4, 4), "1.2.3")
    >>> phases = [eci.volume_from_array(np.full((2, 4, 4), value), grid) for value in (100, 250, 200)]
    >>> lesion = eci.Mask.from_volume(phases[0] > 0, label="lesion 1")
    >>> points = [eci.TimePoint(f"phase {n}", each, 90.0 * n, n == 0) for n, each in enumerate(phases)]
    >>> eci.kinetic_curve(lesion, points).words
    'lesion 1: wash-in 150 %, late phase washout'
    """
    dated = _sorted(list(points))
    if not dated:
        raise BadImages("There is no time point to measure.", "Choose a dynamic series.")
    if len({each.volume.attrs["units"] for each in dated if each.volume.attrs.get("units")}) > 1:
        raise BadImages("The time points have values in different units.", "Choose series of one unit.")
    voxels = _voxels(annotation, dated)
    start = dated[0].seconds
    signals = tuple(_signal(annotation, voxels, point, start) for point in dated)
    wash_in, late, remark = _classified(signals)
    return KineticCurve(annotation.label, signals, wash_in, late, remark)


def _sorted(points: list[TimePoint]) -> list[TimePoint]:
    if any(each.seconds is None for each in points):
        return points
    dated = sorted(points, key=lambda each: each.seconds or 0.0)
    for one, other in pairwise(dated):
        if one.seconds == other.seconds:
            raise BadImages(f"{one.name} and {other.name} are of the same time.", "Choose one of them.")
    return dated


def _voxels(annotation: Annotation, points: Sequence[TimePoint]) -> Any:
    """Return the voxels of the annotation on the grid that all points share."""
    name = annotation.label or "The annotation"
    grid = grid_of(points[0].volume)
    for each in points:
        if is_colour(each.volume):
            raise BadImages(f"{each.name} has colours, not a signal.", "Leave it out.")
        if not grid.same_voxels(grid_of(each.volume)):
            raise BadImages(f"{each.name} is on another grid than {points[0].name}.", "Resample it, or leave it out.")
    if isinstance(annotation, Mask) and not _is_on(annotation, grid):
        raise BadAnnotation(f"{name} is drawn on another grid than {points[0].name}.", "Draw it on the dynamic series.")
    voxels = annotation.mask_on(points[0].volume).transpose("k", "j", "i").values
    if not voxels.any():
        raise BadAnnotation(f"{name} contains no voxel of {points[0].name}.", "Draw it first.")
    return voxels


def _is_on(mask: Mask, grid: Grid) -> bool:
    offset = grid.image_from_reference(mask.grid.origin_lps)
    return grid.aligned(mask.grid) and float(np.abs(offset - np.round(offset)).max()) < ON_GRID


def _signal(annotation: Annotation, voxels: Any, point: TimePoint, start: float | None) -> SignalPoint:
    volume = point.volume.transpose("k", "j", "i")
    found = statistics_of(volume.values, voxels & measured(volume))
    if found is None:
        name = annotation.label or "The annotation"
        raise BadAnnotation(f"{name} contains no measured voxel of {point.name}.", "Correct the annotation.")
    seconds = None if point.seconds is None or start is None else point.seconds - start
    return SignalPoint(point.name, seconds, found.mean, found.sd, found.count, point.is_before)


def _classified(signals: Sequence[SignalPoint]) -> tuple[float | None, LatePhase, str]:
    """Return wash-in and late phase, and why one of them is not known."""
    nothing = LatePhase.NOT_CLASSIFIED
    if any(each.seconds is None for each in signals):
        return None, nothing, "the acquisition times are not known"
    before = [each.mean for each in signals if each.is_before]
    if not before:
        return None, nothing, "no time point is known to be before contrast agent"
    after = [each.mean for each in signals if not each.is_before]
    if not after or not all(each.is_before for each in signals[: len(before)]):
        return None, nothing, "no time point, or not only later ones, are after contrast agent"
    base = float(np.mean(before))
    wash_in = (after[0] - base) / base if base > 0 else None
    if len(after) < 2 or after[0] <= 0:
        return wash_in, nothing, "there is no late time point" if len(after) < 2 else "no signal after contrast agent"
    return wash_in, _late(after[-1] / after[0] - 1), "" if wash_in is not None else "no signal before contrast agent"


def _late(change: float) -> LatePhase:
    if round(change, 9) > STEADY:
        return LatePhase.PERSISTENT
    return LatePhase.WASHOUT if round(change, 9) < -STEADY else LatePhase.PLATEAU
