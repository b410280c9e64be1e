"""SmartPaint: a brush that respects intensities, in two or three dimensions, adding or subtracting.

A stroke keeps the options and the window it started with. Dabs are a quarter of the radius apart along
the path, so that a fast stroke leaves no gaps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from eci_annotate.imaging.annotations import AnnotationKind
from eci_annotate.imaging.blocks import Block, block
from eci_annotate.imaging.geometry import Vector
from eci_annotate.tools.gestures import Cancel, Drag, Gesture, Press, Release
from eci_annotate.tools.hard_brush import ERASER, filled
from eci_annotate.tools.info import Feedback, ToolInfo, ToolName
from eci_annotate.tools.paint_tool import PaintTool
from eci_annotate.tools.protocol import (
    HALF,
    ZONE,
    ArrayEdit,
    Idle,
    Options,
    Paint,
    Scene,
    Step,
)
from eci_annotate.tools.smartpaint.dabs import LEVELS, cone, dab_all, tone

STEP = 0.25  # distance between dabs, in brush radii
PRESSURES = 8  # steps of a pen's pressure


@dataclass(frozen=True)
class Painting:
    """A stroke: its frozen options, position and pressure of the pen, and how far it moved since the last dab."""

    options: Options
    flat_axis: int
    at: Vector
    since_mm: float = 0.0
    pressure: float = 1.0


Dab = tuple[Vector, float]  # where, and with which pressure


def _along(state: Painting, path: tuple[Vector, ...], pressures: tuple[float, ...] = ()) -> tuple[list[Dab], Painting]:
    """Return equally spaced dabs along a path, and the state after it."""
    gap = state.options.radius_mm * STEP
    points: list[Dab] = []
    at, since, pressure = state.at, state.since_mm, state.pressure
    for n, target in enumerate(path):
        pressed = pressures[n] if n < len(pressures) else pressure
        dx, dy, dz = (b - a for a, b in zip(at, target, strict=True))
        length = (dx * dx + dy * dy + dz * dz) ** 0.5
        place = gap - since
        while place <= length:
            share = place / length
            where = (at[0] + share * dx, at[1] + share * dy, at[2] + share * dz)
            points.append((where, pressure + share * (pressed - pressure)))
            place += gap
        since = length - (place - gap)
        at, pressure = target, pressed
    return points, Painting(state.options, state.flat_axis, at, since, pressure)


def _centres(points: list[Vector], scene: Scene) -> NDArray[np.int64]:
    """Return the voxels at those points that are inside the volume."""
    if not points:
        return np.empty((0, 3), np.int64)
    voxels = scene.grid.voxel_from_reference(points)
    return np.ascontiguousarray(voxels[((voxels >= 0) & (voxels < scene.grid.shape)).all(1)])


def _block(centres: NDArray[np.int64], brush: NDArray[np.int64], shape: tuple[int, ...]) -> Block:
    half = np.array(brush.shape) // 2
    low = np.maximum(centres.min(0) - half, 0)
    high = np.minimum(centres.max(0) + half + 1, shape)
    return block(low, high)


def paint(points: list[Vector], options: Options, flat_axis: int, scene: Scene, uid: str) -> tuple[ArrayEdit, ...]:
    """Apply dabs at points in patient millimetres and return the edit.

    Parameters
    ----------
    points
        Brush centres; those outside the volume are ignored.
    options
        Settings of the stroke.
    flat_axis
        Axis along which the brush is one voxel thick, or -1 for a ball.
    scene
        Intensities, grid and fields of the series.
    uid
        Annotation to paint.
    """
    return paint_runs([(points, options)], flat_axis, scene, uid)


def paint_runs(
    runs: list[tuple[list[Vector], Options]], flat_axis: int, scene: Scene, uid: str
) -> tuple[ArrayEdit, ...]:
    """Apply runs of dabs, which may differ in their flow only, one after the other, and return the edit.

    Parameters
    ----------
    runs
        Brush centres and settings.
    flat_axis, scene, uid
        As in `paint`.
    """
    centred = [(found, options) for points, options in runs if len(found := _centres(points, scene))]
    if not centred:
        return ()
    options = centred[0][1]
    brushes = [cone(options.radius_mm, scene.grid.spacing_mm, each.flow, flat_axis) for _, each in centred]
    where = _block(np.concatenate([centres for centres, _ in centred]), brushes[0], scene.grid.shape)
    before = scene.fields[uid][where].copy()
    after = before.copy()
    locked = locked_voxels(scene, uid, options, where)
    for (centres, _), brush in zip(centred, brushes, strict=True):
        _dabs(after, where, locked, centres, brush, flat_axis, options, scene)
    return () if np.array_equal(before, after) else (ArrayEdit(uid, where, before, after),)


def _dabs(
    field: NDArray[np.uint16],
    where: Block,
    locked: NDArray[np.bool_],
    centres: NDArray[np.int64],
    brush: NDArray[np.int64],
    flat_axis: int,
    options: Options,
    scene: Scene,
) -> None:
    """Apply dabs to a block of a field."""
    low, high = options.window
    reach = max(int((high - low) * scene.scale / max(options.contrast, 1e-6)), 1)
    barrier = options.rule == "barrier"
    tones = tone(LEVELS if barrier else reach, options.sensitivity)
    values = scene.smooth if barrier else scene.values
    corner = np.array([s.start for s in where])
    dab_all(field, corner, locked, values, centres, brush, tones, reach, flat_axis, barrier, options.erase)


def locked_voxels(scene: Scene, uid: str, options: Options, where: Block) -> NDArray[np.bool_]:
    """Return which voxels of a block a stroke must not change: zones, other annotations, values outside the window.

    Parameters
    ----------
    scene
        Intensities and fields of the series.
    uid
        Annotation that is painted.
    options
        Settings of the stroke.
    where
        Block of the volume.
    """
    zone = scene.fields.get(f"{ZONE}{scene.series_uid}")
    locked = np.zeros([s.stop - s.start for s in where], np.bool_) if zone is None else zone[where] > 0
    if options.lock:
        for other, thing in scene.objects.items():
            if other != uid and isinstance(thing, Paint) and thing.series_uid == scene.series_uid:
                locked |= scene.fields[other][where] >= HALF
    if options.in_window:
        low, high = ((value - scene.origin) * scene.scale for value in options.window)
        locked |= (scene.values[where] < low) | (scene.values[where] > high)
    return np.ascontiguousarray(locked)


def _pressed(dabs: list[Dab], options: Options) -> Iterator[tuple[list[Vector], Options]]:
    """Yield runs of dabs with the same flow: that of the options, times the pressure in eighths."""
    if not options.pressure:
        yield [at for at, _ in dabs], options
        return
    for eighths, run in groupby(dabs, lambda dab: round(min(max(dab[1], 0.0), 1.0) * PRESSURES)):
        if eighths:
            yield [at for at, _ in run], replace(options, flow=options.flow * eighths / PRESSURES)


class SmartPaint(PaintTool):
    """The SmartPaint tool."""

    info = ToolInfo(
        ToolName.SMARTPAINT,
        "SmartPaint",
        "paint-brush",
        "s",
        makes=AnnotationKind.MASK,
        options=(
            "radius_mm",
            "flow",
            "sensitivity",
            "contrast",
            "rule",
            "dimension",
            "erase",
            "window",
            "zone",
            "lock",
            "in_window",
            "pressure",
        ),
        feedback=Feedback.RING,
        keeps=ZONE,
        keeps_if="zone",
        help="Brush over the lesion: voxels like the one under the pointer are added, or erased with X. The wheel with "
        "Shift changes the radius, with Alt the flow. E marks zones that no stroke enters.",
        trials=({"rule": "classic"}, {"rule": "barrier"}),
    )
    idle = Idle()
    states = MappingProxyType({"painting": Painting})

    def needs_smoothing(self, options: Options) -> bool:
        return options.rule == "barrier"

    def handle(self, state: Idle | Painting, gesture: Gesture, scene: Scene) -> Step:
        thing = scene.objects.get(scene.active or "")
        if not isinstance(thing, Paint):
            return Step(Idle())
        match state, gesture:
            case Idle(), Press(at=at, plane=plane, button=0 | 5, pressure=pressure):
                options = replace(scene.options, erase=True) if gesture.button == ERASER else scene.options
                flat_axis = scene.flat_axis(plane)
                begun = Painting(options, flat_axis, at, pressure=pressure)
                return Step(begun, _stroke(begun, [(at, pressure)], scene, thing.uid))
            case Painting(), Drag(path=path, pressures=pressures):
                dabs, after = _along(state, path, pressures)
                dabs = [(state.at, 1.0), *((at, 1.0) for at in path)] if state.options.zone else dabs
                return Step(after, _stroke(state, dabs, scene, thing.uid))
            case Painting(), Release():
                return Step(Idle(), name=_name(state.options, thing))
            case _, Cancel():
                return Step(Idle())
            case _:
                return Step(state)


def _stroke(state: Painting, dabs: list[Dab], scene: Scene, uid: str) -> tuple[ArrayEdit, ...]:
    """Return the edits of some dabs: of the annotation, or of the excluded zone of the series."""
    options = state.options
    if options.zone:
        path = tuple(at for at, _ in dabs)
        number = 0 if options.erase else 1
        return filled(scene, f"{ZONE}{scene.series_uid}", number, path, options.radius_mm, state.flat_axis)
    return paint_runs(list(_pressed(dabs, options)), state.flat_axis, scene, uid)


def _name(options: Options, thing: Paint) -> str:
    """Return the name of a stroke's undo item."""
    if options.zone:
        return "opening of an excluded zone" if options.erase else "SmartPaint excluded zone"
    return f"SmartPaint {'erasure' if options.erase else 'stroke'} on {thing.label or 'annotation'}"
