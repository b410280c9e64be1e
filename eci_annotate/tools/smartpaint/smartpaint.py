"""SmartPaint: a brush that respects intensities, in two or three dimensions, adding or subtracting.

A stroke keeps the options and the window it started with. Dabs are a quarter of the radius apart along
the path, so that a fast stroke leaves no gaps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eci_annotate.imaging.annotations import Annotation
from eci_annotate.imaging.blocks import Block, block
from eci_annotate.imaging.geometry import Vector
from eci_annotate.tools.gestures import Cancel, Drag, Gesture, Plane, Press, Release
from eci_annotate.tools.info import Feedback, ToolInfo, ToolName
from eci_annotate.tools.protocol import (
    NO_OVERLAY,
    ArrayEdit,
    Idle,
    Object,
    Options,
    Overlay,
    Paint,
    Scene,
    Step,
)
from eci_annotate.tools.smartpaint.dabs import LEVELS, cone, dab_all, tone

STEP = 0.25  # distance between dabs, in brush radii


@dataclass(frozen=True)
class Painting:
    """A stroke: its frozen options, the position of the last dab, and how far the pen has moved since."""

    options: Options
    flat_axis: int
    at: Vector
    since_mm: float = 0.0


def _along(state: Painting, path: tuple[Vector, ...]) -> tuple[list[Vector], Painting]:
    """Return equally spaced points for dabs along a path, and the state after it."""
    gap = state.options.radius_mm * STEP
    points: list[Vector] = []
    at, since = state.at, state.since_mm
    for target in path:
        dx, dy, dz = (b - a for a, b in zip(at, target, strict=True))
        length = (dx * dx + dy * dy + dz * dz) ** 0.5
        place = gap - since
        while place <= length:
            share = place / length
            points.append((at[0] + share * dx, at[1] + share * dy, at[2] + share * dz))
            place += gap
        since = length - (place - gap)
        at = target
    return points, Painting(state.options, state.flat_axis, at, since)


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
    centres = _centres(points, scene)
    if len(centres) == 0:
        return ()
    low, high = options.window
    reach = max(int((high - low) * scene.scale / max(options.contrast, 1e-6)), 1)
    barrier = options.rule == "barrier"
    brush = cone(options.radius_mm, scene.grid.spacing_mm, options.flow, flat_axis)
    tones = tone(LEVELS if barrier else reach, options.sensitivity)
    where = _block(centres, brush, scene.grid.shape)
    before = scene.fields[uid][where].copy()
    after = before.copy()
    corner = np.array([s.start for s in where])
    values = scene.smooth if barrier else scene.values
    dab_all(after, corner, values, centres, brush, tones, reach, flat_axis, barrier, options.erase)
    return () if np.array_equal(before, after) else (ArrayEdit(uid, where, before, after),)


class SmartPaint:
    """The SmartPaint tool."""

    info = ToolInfo(
        ToolName.SMARTPAINT,
        "SmartPaint",
        "paint-brush",
        "s",
        makes="mask",
        options=("radius_mm", "flow", "sensitivity", "contrast", "rule", "dimension", "erase", "window"),
        feedback=Feedback.RING,
        trials=({"rule": "classic"}, {"rule": "barrier"}),
    )
    idle = Idle()

    def needs_smoothing(self, options: Options) -> bool:
        return options.rule == "barrier"

    def create(self, header: Annotation, scene: Scene) -> Object:
        return Paint(
            **header.header,
        )

    def works_on(self, thing: Object) -> bool:
        return isinstance(thing, Paint)

    def grabs(self, thing: Object, press: Press) -> bool:
        return True

    def handle(self, state: Idle | Painting, gesture: Gesture, scene: Scene) -> Step:
        thing = scene.objects.get(scene.active or "")
        if not isinstance(thing, Paint):
            return Step(Idle())
        match state, gesture:
            case Idle(), Press(at=at, plane=plane, button=0):
                flat_axis = scene.grid.axis_nearest(plane.normal_lps) if scene.options.dimension == 2 else -1
                begun = Painting(scene.options, flat_axis, at)
                return Step(begun, paint([at], scene.options, flat_axis, scene, thing.uid))
            case Painting(), Drag(path=path):
                points, after = _along(state, path)
                return Step(after, paint(points, state.options, state.flat_axis, scene, thing.uid))
            case Painting(), Release():
                verb = "erasure" if state.options.erase else "stroke"
                return Step(Idle(), name=f"SmartPaint {verb} on {thing.label or 'annotation'}")
            case _, Cancel():
                return Step(Idle())
            case _:
                return Step(state)

    def overlay(self, state: Idle | Painting, scene: Scene, plane: Plane, reach_mm: float) -> Overlay:
        return NO_OVERLAY
