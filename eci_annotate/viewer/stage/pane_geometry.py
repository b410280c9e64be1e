"""Pure geometry of panes: which planes of a grid a pane shows, their orientation, and their position on the screen.

A pane shows the grid's own planes, named after the nearest anatomical plane, in radiological convention:
patient right on the left of the screen, anterior or head up. Plane millimetres (u right, v down) start at
the outer corner of the first displayed pixel.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import permutations
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from eci_annotate.imaging.blocks import Block
from eci_annotate.imaging.geometry import Floats, Grid, Vector, tuple3
from eci_annotate.imaging.measurements import Unit, is_projection, unit_of
from eci_annotate.imaging.volume import grid_of
from eci_annotate.tools.gestures import Plane

# name, anatomical axis of the normal (x, y, z), and the directions right and down on the screen (LPS)
CONVENTION: dict[str, tuple[int, Vector, Vector]] = {
    "axial": (2, (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
    "sagittal": (0, (0.0, 1.0, 0.0), (0.0, 0.0, -1.0)),
    "coronal": (1, (1.0, 0.0, 0.0), (0.0, 0.0, -1.0)),
}
PANES = tuple(CONVENTION)
LETTERS = (("L", "R"), ("P", "A"), ("H", "F"))  # LPS: positive, negative
OBLIQUE = 0.25  # a second letter is shown from about 15 degrees


def letters_of(direction_lps: ArrayLike) -> str:
    """Return the letters of the side towards which a direction points, strongest first; two if oblique."""
    direction = np.asarray(direction_lps, float)
    strongest = np.argsort(-np.abs(direction))
    return "".join(LETTERS[n][int(direction[n] < 0)] for n in strongest[:2] if abs(direction[n]) > OBLIQUE)


@dataclass(frozen=True)
class Rect:
    """A rectangle in device pixels: upper left corner and size."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Marks:
    """Title, letters of the sides, and unit of a picture that has no place in the patient."""

    title: str
    letters: dict[str, str]
    unit: Unit


def marks_of(volume: xr.DataArray) -> Marks | None:
    """Return the marks of a projection; None for images with a place in the patient."""
    if not is_projection(volume):
        return None
    right, bottom = volume.attrs.get("sides", ("", ""))
    letters = {"left": _opposite(right), "right": right, "top": _opposite(bottom), "bottom": bottom}
    return Marks(str(volume.attrs.get("view", "Image")), letters, unit_of(volume))


def _opposite(side: str) -> str:
    return side.translate(str.maketrans("LRAPHF", "RLPAFH"))


@dataclass(frozen=True, eq=False)
class PlaneStack:
    """The parallel planes that one pane shows, one for each voxel along `axis`.

    Attributes
    ----------
    axis
        Grid axis (0 = k, 1 = j, 2 = i) of scrolling; slice `index` is the voxel index on it.
    axes
        Grid axes of displayed rows and columns.
    flips
        Whether rows and columns run against the grid axis.
    alone
        Whether the volume has no other planes: its slices lean, or are pictures one after the other.
    oblique
        Whether the grid is not that of the volume, but one that was laid through it.
    """

    name: str
    grid: Grid
    axis: int
    axes: tuple[int, int]
    flips: tuple[bool, bool]
    alone: bool = False
    oblique: bool = False

    @property
    def title(self) -> str:
        """Name of the plane, with its tilt."""
        if self.oblique:
            shares = {name: abs(float(self.grid.normal_lps[axis])) for name, (axis, _, _) in CONVENTION.items()}
            near = max(shares, key=lambda name: shares[name])
            degrees = np.degrees(np.arccos(min(shares[near], 1.0)))
            return f"Oblique, {degrees:.0f}\N{DEGREE SIGN} from {near} (view only)"
        tilt = self.grid.tilt_degrees
        return self.name.capitalize() + (f" (gantry tilt {tilt:.1f}\N{DEGREE SIGN})" if tilt else "")

    @property
    def _per_mm(self) -> Floats:
        """Slices per millimetre in each direction: its product with a position is a slice index."""
        if self.axis == 0:
            return self.grid.normal_lps / self.grid.slice_mm
        step = self.grid.step_lps[self.axis]
        return np.asarray(step / (step @ step))

    @property
    def count(self) -> int:
        """Number of slices."""
        return self.grid.shape[self.axis]

    @property
    def rows(self) -> int:
        """Displayed rows."""
        return self.grid.shape[self.axes[0]]

    @property
    def cols(self) -> int:
        """Displayed columns."""
        return self.grid.shape[self.axes[1]]

    @property
    def dv_mm(self) -> float:
        """Height of a displayed pixel."""
        return self.grid.spacing_mm[self.axes[0]]

    @property
    def du_mm(self) -> float:
        """Width of a displayed pixel."""
        return self.grid.spacing_mm[self.axes[1]]

    @cached_property
    def down_lps(self) -> Floats:
        """Unit vector downward on the screen."""
        return np.asarray(self.grid.directions[self.axes[0]]) * (-1 if self.flips[0] else 1)

    @cached_property
    def right_lps(self) -> Floats:
        """Unit vector to the right on the screen."""
        return np.asarray(self.grid.directions[self.axes[1]]) * (-1 if self.flips[1] else 1)

    @cached_property
    def origin_lps(self) -> Floats:
        """Centre of the first displayed pixel of slice 0."""
        corner = [0, 0, 0]
        for axis, flip in zip(self.axes, self.flips, strict=True):
            corner[axis] = self.grid.shape[axis] - 1 if flip else 0
        return self.grid.reference_from_image(corner)

    def plane(self, index: int) -> Plane:
        """Return the plane of one slice for the tools."""
        at = self.origin_lps + self.grid.step_lps[self.axis] * index
        thickness = self.grid.slice_mm if self.axis == 0 else self.grid.spacing_mm[self.axis]
        return Plane(self.name, tuple3(at), tuple3(self.right_lps, 7), tuple3(self.down_lps, 7), thickness)

    def slice_of(self, array: NDArray[Any], index: int) -> NDArray[Any]:
        """Return one slice of an array (k, j, i, ...) as displayed (row, column), as a view without a copy."""
        plane = np.moveaxis(array, self.axis, 0)[index]
        plane = plane if self.axes[0] < self.axes[1] else plane.swapaxes(0, 1)
        return plane[:: -1 if self.flips[0] else 1, :: -1 if self.flips[1] else 1]

    def shown_block(self, where: Block) -> tuple[int, int, int, int]:
        """Return the displayed rows and columns [r0, r1), [c0, c1) of a block of voxels."""
        spans = []
        for axis, flip in zip(self.axes, self.flips, strict=True):
            a, b = where[axis].start, where[axis].stop
            n = self.grid.shape[axis]
            spans += [n - b, n - a] if flip else [a, b]
        r0, r1, c0, c1 = spans
        return r0, r1, c0, c1

    def to_wire(self, marks: Marks | None = None) -> dict[str, Any]:
        """Return what the browser needs of it (`Shape` in messages.js); `marks` in place of patient directions."""
        right, down = self.right_lps, self.down_lps
        sides = {"left": -right, "right": right, "top": -down, "bottom": down}
        letters = {side: letters_of(direction) for side, direction in sides.items()}
        return {
            "title": marks.title if marks else self.title, "unit": marks.unit if marks else Unit.PATIENT,
            "name": self.name, "axis": -1 if self.oblique else self.axis,
            "axes": list(self.axes), "flips": list(self.flips),
            "count": self.count, "rows": self.rows, "cols": self.cols, "du": self.du_mm, "dv": self.dv_mm,
            "origin": self.origin_lps.tolist(), "right": right.tolist(), "down": down.tolist(),
            "step": self.grid.step_lps[self.axis].tolist(), "per": self._per_mm.tolist(), "alone": self.alone,
            "letters": marks.letters if marks else letters,
        }  # fmt: skip


def stacks_of(grid: Grid) -> dict[str, PlaneStack]:
    """Return the three stacks of a grid by pane name; each grid axis goes to the nearest anatomical one."""
    towards = np.abs(np.stack([grid.normal_lps, *np.asarray(grid.directions)[1:]]))  # grid axis, anatomical axis
    normals = [CONVENTION[name][0] for name in PANES]
    best = max(permutations(range(3)), key=lambda p: sum(towards[a, n] for a, n in zip(p, normals, strict=True)))
    return {name: _stack(name, grid, axis) for name, axis in zip(PANES, best, strict=True)}


def planes_of_volume(volume: xr.DataArray) -> dict[str, PlaneStack]:
    """Return the planes in which a volume can be shown: only the acquired ones of sheared slices and of pictures."""
    grid = grid_of(volume)
    found = stacks_of(grid)
    if grid.is_sheared or (is_projection(volume) and grid.shape[0] > 1):
        return {name: replace(stack, alone=True) for name, stack in found.items() if stack.axis == 0}
    return found


def _stack(name: str, grid: Grid, axis: int) -> PlaneStack:
    _, right, down = CONVENTION[name]
    directions = np.asarray(grid.directions)
    one, other = (a for a in range(3) if a != axis)
    along = np.abs(directions @ np.asarray(right))
    col, row = (one, other) if along[one] >= along[other] else (other, one)
    flips = (bool(directions[row] @ np.asarray(down) < 0), bool(directions[col] @ np.asarray(right) < 0))
    return PlaneStack(name, grid, axis, (row, col), flips)


@dataclass(frozen=True)
class View:
    """What a pane shows now: a slice, the plane millimetres at its upper left corner, and the scale.

    `px` are device pixels; `ratio` is their number per CSS pixel; `page` is the page that shows it: several pages may
    show the panes of one kernel, each at a view of its own. `turn` is how the pane is flipped
    and rotated (`ink/pane_turn`).
    """

    pane: str
    seq: int
    index: int
    left_mm: float
    top_mm: float
    px_per_mm: float
    width: int
    height: int
    ratio: float
    page: str = ""
    turn: int = 0

    def px_from_lps(self, stack: PlaneStack, points_lps: ArrayLike) -> Floats:
        """Convert patient millimetres on the slice, shape (n, 3), to device pixels (x, y), shape (n, 2)."""
        d = (
            np.asarray(points_lps, float).reshape(-1, 3)
            - stack.origin_lps
            - stack.grid.step_lps[stack.axis] * self.index
        )
        u, v = d @ stack.right_lps + stack.du_mm / 2, d @ stack.down_lps + stack.dv_mm / 2
        return np.stack([(u - self.left_mm) * self.px_per_mm, (v - self.top_mm) * self.px_per_mm], -1)

    def rect_of(self, stack: PlaneStack, where: Block, margin_px: float) -> Rect | None:
        """Return the device pixels that may change when a block of voxels changes; None if it is not visible."""
        if not where[stack.axis].start <= self.index < where[stack.axis].stop:
            return None
        r0, r1, c0, c1 = stack.shown_block(where)
        x0, x1 = (self._px(c * stack.du_mm, self.left_mm) for c in (c0 - 0.5, c1 + 0.5))
        y0, y1 = (self._px(r * stack.dv_mm, self.top_mm) for r in (r0 - 0.5, r1 + 0.5))
        left, top = max(int(np.floor(x0 - margin_px)), 0), max(int(np.floor(y0 - margin_px)), 0)
        right = min(int(np.ceil(x1 + margin_px)), self.width)
        bottom = min(int(np.ceil(y1 + margin_px)), self.height)
        return Rect(left, top, right - left, bottom - top) if right > left and bottom > top else None

    def _px(self, mm: float, start_mm: float) -> float:
        return (mm - start_mm) * self.px_per_mm
