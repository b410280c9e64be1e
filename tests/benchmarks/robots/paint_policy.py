"""A robot with SmartPaint: it rubs along the middle of what is missing, erases what is too much, and undoes harm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eci_annotate.imaging.blocks import bounding_box, union
from eci_annotate.imaging.distances import dice
from tests.benchmarks.robots.belief import Bools, signed_mm
from tests.benchmarks.robots.paths import Points, depth_of, largest, middle_path
from tests.benchmarks.robots.workplace import Workplace

GOOD = 0.97  # Dice with its belief at which a robot is content
MOST = 30  # strokes
PATIENCE = 3  # strokes without progress before it gives up
PROGRESS = 0.003  # of Dice
PLAIN = 0.2  # contrast of the brush at which intensities hardly count
LEAST_PX, MOST_MM = 1.5, 60.0  # radius of the brush
AXIAL = 1.5  # another pane must show this many times the area


@dataclass(frozen=True)
class Brush:
    """How a robot uses the brush; set on phantoms with seeds from 1000.

    Attributes
    ----------
    reach
        What it expects a stroke to paint, as a share of the radius.
    inset
        Distance of its path from the border, as a share of what a stroke paints.
    rub
        Least length of a stroke, in radii.
    flow
        Flow of the brush.
    shown
        Percentiles of the values near the lesion that the window shows.
    """

    reach: float = 0.65
    inset: float = 0.6
    rub: float = 4.0
    flow: float = 0.5
    shown: tuple[float, float] = (2.0, 98.0)


BARRIER, CLASSIC = Brush(), Brush(rub=3.0, flow=0.9, shown=(1.0, 99.0))
NEAR_MM = 10.0


@dataclass(frozen=True, eq=False)
class Fault:
    """Where the mask differs most from the belief: a piece of the box, which pane shows it best, and what to do."""

    piece: Bools
    axis: int
    slice: int
    erase: bool


def fault_of(
    mask: Bools, belief: Bools, spacing_mm: tuple[float, float, float], left: Bools | None = None
) -> Fault | None:
    """Return the largest piece that is missing or too much, by the volume of its part away from the border.

    Parameters
    ----------
    mask, belief
        What is annotated and what the robot believes, (k, j, i).
    spacing_mm
        Distance between voxel centres along k, j, i.
    left
        Voxels to look at; None: all.
    """
    best, size = None, 0.0
    for erase, wrong in ((False, belief & ~mask), (True, mask & ~belief)):
        wrong = wrong if left is None else wrong & left
        depth = depth_of(wrong, spacing_mm)
        core = largest(depth > min(spacing_mm)) if (depth > min(spacing_mm)).any() else largest(wrong)
        weight = float(depth[core].sum())
        if weight > size:
            best, size = (core, erase), weight
    if best is None:
        return None
    core, erase = best
    areas = [core.sum(axis=tuple(m for m in range(3) if m != n)) for n in range(3)]
    pixel = [float(np.prod(np.delete(spacing_mm, n))) for n in range(3)]
    shown = [areas[n].max() * pixel[n] / (1 if n == 0 else AXIAL) for n in range(3)]
    axis = int(np.argmax(shown))
    return Fault(core, axis, int(np.argmax(areas[axis])), erase)


def show(place: Workplace, belief: Bools, brush: Brush) -> None:
    """Set the window so that the lesion and what is around it can be told apart, as a person does by eye."""
    near = signed_mm(belief, place.spacing_mm) <= NEAR_MM
    low, high = np.percentile(place.values[near], brush.shown)
    place.set_window(float(low), float(max(high, low + 1e-3)))


def repaint(place: Workplace, belief: Bools, brush: Brush) -> None:
    """Paint and erase until the belief is met or nothing helps any more.

    Parameters
    ----------
    place
        Where the robot works; SmartPaint is chosen.
    belief
        What it believes, (k, j, i).
    brush
        How it uses the brush.
    """
    patience, left = PATIENCE, np.ones(belief.shape, bool)  # where it has not failed
    before = dice(place.mask(), belief)
    place.decide()
    for _ in range(MOST):
        stroke = _stroke_for(place.mask(), belief, left, place.spacing_mm, brush)
        if before >= GOOD or not patience or stroke is None:
            return
        _paint(place, stroke, brush)
        place.decide()
        after = dice(place.mask(), belief)
        if after <= before:
            place.undo()
            if place.easel.options.contrast > PLAIN:  # intensities do not help here: go on with a plain brush
                place.turn("contrast", PLAIN, 2)
                continue
            left[tuple(stroke.voxels.T)] = False
        patience = PATIENCE if after > before + PROGRESS else patience - 1
        before = max(before, after)


@dataclass(frozen=True, eq=False)
class Stroke:
    """A stroke to make: its path and radius in a pane, what it does, and the voxels (n, 3) that it is meant for."""

    path_kji: Points
    radius_mm: float
    axis: int
    erase: bool
    voxels: NDArray[np.int64]


def _stroke_for(
    mask: Bools, belief: Bools, left: Bools, spacing_mm: tuple[float, float, float], brush: Brush
) -> Stroke | None:
    """Return the stroke that corrects the worst fault among the voxels that are left; None if there is none."""
    where = union(bounding_box(belief), bounding_box(mask)) if mask.any() else bounding_box(belief)
    low = np.array([max(s.start - 3, 0) for s in where])
    box = tuple(slice(a, s.stop + 3) for a, s in zip(low, where, strict=True))
    fault = fault_of(mask[box], belief[box], spacing_mm, left[box])
    if fault is None:
        return None
    allowed = ~belief[box] if fault.erase else belief[box]
    deepest = float(depth_of(allowed, spacing_mm)[fault.piece].max())
    flat = tuple(s for n, s in enumerate(spacing_mm) if n != fault.axis)
    radius = float(np.clip(deepest / brush.reach, LEAST_PX * max(flat), MOST_MM))
    path = middle_path(np.take(fault.piece, fault.slice, fault.axis), flat, brush.inset * brush.reach * radius)
    path = np.insert(rubbed(path, flat, brush.rub * radius), fault.axis, fault.slice, axis=1) + low
    return Stroke(path, radius, fault.axis, fault.erase, np.argwhere(fault.piece) + low)


def _paint(place: Workplace, stroke: Stroke, brush: Brush) -> None:
    """Set the brush and make a stroke."""
    place.turn("flow", brush.flow)
    place.turn("radius_mm", round(stroke.radius_mm, 1), 2)
    place.turn("erase", stroke.erase)
    place.stroke(stroke.path_kji, stroke.radius_mm, stroke.axis)


def rubbed(path: Points, spacing_mm: tuple[float, ...], length_mm: float) -> Points:
    """Return a path that goes to and fro until it is long enough; a point becomes a short line.

    Parameters
    ----------
    path
        Pixel indices (n, 2).
    spacing_mm
        Distance between pixel centres.
    length_mm
        Least length, millimetres.
    """
    if len(path) == 1:
        half = np.array([0.0, length_mm / 6 / spacing_mm[1]])
        path = np.linspace(path[0] - half, path[0] + half, 5)
    once = float(np.linalg.norm(np.diff(path, axis=0) * spacing_mm, axis=1).sum())
    times = int(np.ceil(length_mm / max(once, 1e-6)))
    legs = [path if n % 2 == 0 else path[-2::-1] for n in range(min(times, 6))]
    return np.concatenate([legs[0], *(leg if n % 2 == 0 else leg[1:] for n, leg in enumerate(legs[1:]))])


def paint_barrier(place: Workplace, belief: Bools) -> None:
    """SmartPaint by the barrier rule."""
    show(place, belief, BARRIER)
    repaint(place, belief, BARRIER)


def paint_classic(place: Workplace, belief: Bools) -> None:
    """SmartPaint by the classic rule."""
    place.turn("rule", "classic")
    show(place, belief, CLASSIC)
    repaint(place, belief, CLASSIC)
