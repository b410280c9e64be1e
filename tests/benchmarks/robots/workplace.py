"""Where a robot works: the easel with its tools, a pointer on a screen, and a clock.

Each press-to-release, click, change of an option and key is one gesture. Scrolling takes time but is no gesture.
After each gesture an observer gets the numbers and the mask; nothing comes back from it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from eci_annotate.imaging.annotations import Contours
from eci_annotate.imaging.volume import values_kji
from eci_annotate.tools.editing.acceptance import acceptance
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.tools.editing.entries import Add, ChooseTool, Delete, Entry, SetOption, Undo
from eci_annotate.tools.gestures import Drag, Plane, Press, Release
from eci_annotate.tools.protocol import HALF, Paint
from eci_annotate.tools.suggestion import Suggestion
from tests.benchmarks.robots.belief import Bools
from tests.benchmarks.robots.time_model import CLICK_S, DECISION_S, KEY_S, draw_s, move_s

PANE_MM = 150.0  # side of a pane on the screen; the whole slice is shown in it
BUTTON_MM = (120.0, 8.0)  # from the image to a button, and its width
TARGET_MM = 3.0  # smallest target on the screen
SMOOTH_POINTS = 4  # the hand trembles slowly: sigma along the path, in points
MOST_SCROLLS = 10  # further away a slice is reached by a jump that takes as long
LESION = "lesion"
Observer = Callable[[int, float, Bools], None]
Points = NDArray[np.float64]


class Workplace:
    """One annotation of one volume by one hand.

    Parameters
    ----------
    volume
        What is annotated.
    tool
        Name of the tool, a key of `TOOLS`.
    tremor_mm
        Standard deviation of the hand, millimetres on the screen.
    rng
        Random numbers of the hand.
    observer
        Gets the number of gestures, the seconds and the mask after each gesture.
    """

    def __init__(
        self, volume: xr.DataArray, tool: str, tremor_mm: float, rng: np.random.Generator, observer: Observer
    ) -> None:
        self.easel, self.values = Easel.for_volume(volume), values_kji(volume)
        self.grid = self.easel.table.grid
        self.spacing_mm = self.grid.spacing_mm
        self.gestures, self.seconds, self.uid = 0, DECISION_S + KEY_S, ""
        self.log: list[Entry] = []
        self._tremor_mm, self._rng, self._observer = tremor_mm, rng, observer
        self._at, self._axis = np.zeros(2), 0
        self._slices = [n // 2 for n in self.grid.shape]
        size = max(n * s for n, s in zip(self.grid.shape[1:], self.spacing_mm[1:], strict=True))
        self.scale = PANE_MM / size  # millimetres on the screen per millimetre of the patient
        self._drawn: tuple[Any, Bools] | None = None
        self._add(tool)

    # -- seeing -------------------------------------------------------------------
    def mask(self) -> Bools:
        """Return what is annotated now, (k, j, i)."""
        thing = self.easel.table.objects[self.uid]
        if isinstance(thing, Paint):
            return self.easel.table.field(self.uid) >= HALF
        assert isinstance(thing, Contours)
        if self._drawn is None or self._drawn[0] is not thing:
            self._drawn = thing, np.asarray(thing.mask_on(self.easel.table.volume), bool)
        return self._drawn[1]

    # -- acting -------------------------------------------------------------------
    def decide(self) -> None:
        """Look and think."""
        self.seconds += DECISION_S

    def choose(self, tool: str) -> None:
        """Choose another tool by its key."""
        self._key(ChooseTool(tool))

    def begin_again(self, tool: str) -> None:
        """Delete what is annotated, and add an annotation for another tool: a key for each."""
        self._key(Delete(self.uid), note=False)
        self._add(tool)
        self.decide()
        self.press_key()

    def turn(self, option: str, value: object, keys: int = 1) -> None:
        """Change an option by a key or the wheel; no gesture if it has this value already."""
        if getattr(self.easel.options, option) != value:
            self._key(SetOption(option, value), keys)

    def set_window(self, low: float, high: float) -> None:
        """Drag the window so that it shows a range of values: half a pane of drawing."""
        self._do(SetOption("window", (low, high)))
        self.seconds += DECISION_S + CLICK_S + draw_s(PANE_MM / 2)
        self._note()

    def undo(self) -> None:
        """Take the last item back by its key."""
        self._key(Undo())

    def press_key(self) -> None:
        """Press a key that changes no annotation by itself."""
        self.gestures, self.seconds = self.gestures + 1, self.seconds + KEY_S

    def accept(self, suggestion: Suggestion) -> None:
        """Accept a suggestion by Enter."""
        self._key(acceptance(suggestion, self.grid.shape))

    def accept_from_button(self, suggestion: Suggestion) -> None:
        """Press the button of an operation, look, and accept what it suggests."""
        self.seconds += DECISION_S + move_s(*BUTTON_MM) + CLICK_S + DECISION_S
        self.gestures += 1
        self.accept(suggestion)

    def stroke(self, path_kji: Points, width_mm: float, axis: int = 0) -> None:
        """Draw along a path on one slice; a single point is a click.

        Parameters
        ----------
        path_kji
            Image indices (n, 3), all on the same slice of `axis`.
        width_mm
            How precisely the first point has to be hit, millimetres of the patient.
        axis
            Axis of the pane: 0 axial, 1 coronal, 2 sagittal of the grid.
        """
        plane, path = self.plane(axis, path_kji[0]), self._trembled(path_kji, axis)
        self._move(path[0], width_mm, axis)
        flat = np.delete(path, axis, axis=1) * np.delete(self.spacing_mm, axis) * self.scale
        self._at = flat[-1]
        self.seconds += CLICK_S + draw_s(float(np.linalg.norm(np.diff(flat, axis=0), axis=1).sum()))
        points = [(float(x), float(y), float(z)) for x, y, z in self.grid.reference_from_image(path)]
        self._do(Press(points[0], plane))
        if len(points) > 1:
            self._do(Drag(tuple(points[1:]), plane))
        self._do(Release(points[-1], plane))
        self._note()

    def plane(self, axis: int, point_kji: Sequence[float]) -> Plane:
        """Return the plane of a pane through a point."""
        right, down = {0: (2, 1), 1: (2, 0), 2: (1, 0)}[axis]
        origin = tuple(float(x) for x in self.grid.reference_from_image(point_kji))
        directions, name = self.grid.directions, ("axial", "coronal", "sagittal")[axis]
        return Plane(name, origin, directions[right], directions[down], self.spacing_mm[axis])

    def _trembled(self, path_kji: Points, axis: int) -> Points:
        """Return a path as the hand follows it."""
        from scipy.ndimage import gaussian_filter1d

        noise = self._rng.normal(size=path_kji.shape)
        if len(path_kji) > 1:
            noise = gaussian_filter1d(noise, SMOOTH_POINTS, axis=0, mode="wrap")
            noise /= max(float(noise.std()), 1e-9)
        noise *= self._tremor_mm / self.scale / np.asarray(self.spacing_mm)
        noise[:, axis] = 0
        limit = np.asarray(self.grid.shape) - 1
        return np.clip(path_kji + noise, 0, limit)

    def _move(self, start_kji: Points, width_mm: float, axis: int) -> None:
        there = round(float(start_kji[axis]))
        self.seconds += KEY_S * min(abs(there - self._slices[axis]), MOST_SCROLLS)
        self._slices[axis] = there
        target = np.delete(start_kji, axis) * np.delete(self.spacing_mm, axis) * self.scale
        distance = float(np.linalg.norm(target - self._at)) + PANE_MM * (axis != self._axis)
        self._axis = axis
        self.seconds += move_s(distance, max(width_mm * self.scale, TARGET_MM))

    def _add(self, tool: str) -> None:
        self.uid = f"{self.uid}{LESION}"
        self._do(Add(self.uid, tool, LESION, (255, 0, 0), self.easel.table.series_uid))

    def _key(self, entry: Entry, keys: int = 1, note: bool = True) -> None:
        self._do(entry)
        self.seconds += KEY_S * keys
        if note:
            self._note()
        else:
            self.gestures += 1

    def _do(self, entry: Entry) -> None:
        self.log.append(entry)
        self.easel.do(entry)

    def _note(self) -> None:
        self.gestures += 1
        self._observer(self.gestures, self.seconds, self.mask())
