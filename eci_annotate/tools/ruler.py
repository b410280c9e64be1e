"""Rulers: drag from one point to another for a distance; for an angle, then press at the end of the second arm.

Each point can be dragged afterwards, in the plane of a pane that shows it. A ruler never changes an annotation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from types import MappingProxyType

import numpy as np

from eci_annotate.imaging.annotations import Annotation, AnnotationKind
from eci_annotate.imaging.geometry import Vector, tuple3
from eci_annotate.tools.gestures import Cancel, Drag, Gesture, Plane, Press, Release
from eci_annotate.tools.info import ToolInfo, ToolName
from eci_annotate.tools.protocol import (
    NO_OVERLAY,
    Angle,
    Distance,
    Handle,
    Idle,
    Object,
    ObjectEdit,
    Options,
    Overlay,
    Ruler,
    Scene,
    Step,
)

APART_MM = 1e-3  # points that are nearer than this are one


@dataclass(frozen=True)
class PointHeld:
    """One point follows the pen; a new ruler begins at `start`."""

    number: int
    start: Vector


State = Idle | PointHeld


def height_mm(point: Vector, plane: Plane) -> float:
    """Return the distance of a point from a plane, signed, millimetres."""
    return float((np.asarray(point) - np.asarray(plane.origin_lps)) @ plane.normal_lps)


def _near(ruler: Ruler, press: Press) -> int | None:
    """Return the number of the nearest point on the slice and within reach; None if there is none."""
    plane, found = press.plane, list[tuple[float, int]]()
    for number, point in enumerate(ruler.points_lps):
        across = height_mm(point, plane)
        away = np.asarray(point) - np.asarray(press.at) - plane.normal_lps * across
        if abs(across) <= max(plane.thickness_mm / 2, APART_MM) and np.linalg.norm(away) <= press.reach_mm:
            found.append((float(np.linalg.norm(away)), number))
    return min(found)[1] if found else None


def _with_point(ruler: Distance | Angle, state: PointHeld, at: Vector) -> Distance | Angle | None:
    """Return the ruler with the held point at a place; None if it would meet the point before or after it."""
    points = ruler.points_lps or (tuple3(state.start, 6),)
    moved = (*points[: state.number], tuple3(at, 6), *points[state.number + 1 :])
    for a, b in pairwise(moved):
        if np.linalg.norm(np.asarray(a) - np.asarray(b)) < APART_MM:
            return None
    return replace(ruler, points_lps=moved)


class RulerTool:
    """A tool that places and moves the points of one kind of ruler.

    Parameters
    ----------
    info
        What it declares about itself.
    kind
        Class of its rulers.
    """

    idle = Idle()
    states = MappingProxyType({"held": PointHeld})

    def __init__(self, info: ToolInfo, kind: type[Distance] | type[Angle]) -> None:
        self.info, self._kind = info, kind

    def needs_smoothing(self, options: Options) -> bool:
        return False

    def create(self, header: Annotation, scene: Scene) -> Object:
        return self._kind(**header.header)

    def works_on(self, thing: Object) -> bool:
        return isinstance(thing, self._kind)

    def grabs(self, thing: Object, press: Press) -> bool:
        return isinstance(thing, Ruler) and (not thing.is_complete or _near(thing, press) is not None)

    def handle(self, state: State, gesture: Gesture, scene: Scene) -> Step:
        thing = scene.objects.get(scene.active or "")
        if not isinstance(thing, self._kind):
            return Step(Idle())
        match state, gesture:
            case Idle(), Press(button=0):
                return self._press(thing, gesture)
            case PointHeld(), Drag(path=path):
                moved = _with_point(thing, state, path[-1])
                return Step(state, (ObjectEdit(thing.uid, thing, moved),) if moved else ())
            case PointHeld(), Release():
                return Step(Idle(), name=f"{self.info.title} on {thing.label or 'ruler'}")
            case _, Cancel():
                return Step(Idle())
        return Step(state)

    def _press(self, thing: Distance | Angle, press: Press) -> Step:
        if not thing.points_lps:
            return Step(PointHeld(1, press.at))
        near = _near(thing, press)
        if thing.is_complete or near is not None:
            return Step(Idle() if near is None else PointHeld(near, press.at))
        state = PointHeld(len(thing.points_lps), press.at)
        placed = _with_point(thing, state, press.at)
        return Step(state, (ObjectEdit(thing.uid, thing, placed),) if placed else ())

    def overlay(self, state: State, scene: Scene, plane: Plane, reach_mm: float) -> Overlay:
        thing = scene.objects.get(scene.active or "")
        if not isinstance(thing, Ruler):
            return NO_OVERLAY
        reach = max(plane.thickness_mm / 2, APART_MM)
        return Overlay(tuple(Handle(at, "side") for at in thing.points_lps if abs(height_mm(at, plane)) <= reach))


DISTANCE_RULER = RulerTool(
    ToolInfo(
        ToolName.DISTANCE,
        "Distance",
        "arrows-h",
        "a",
        makes=AnnotationKind.DISTANCE,
        measures=True,
        help="Drag from one point to another. Drag an end to move it.",
    ),
    Distance,
)
ANGLE_RULER = RulerTool(
    ToolInfo(
        ToolName.ANGLE,
        "Angle",
        "angle-left",
        "alt+a",
        makes=AnnotationKind.ANGLE,
        measures=True,
        help="Drag along the first arm to the vertex, then click at the end of the second. Drag points to move them.",
    ),
    Angle,
)
