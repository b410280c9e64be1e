"""BoundingBox: drag outward from the centre, then adjust single sides, move or rotate the box.

Everything happens in the plane of the pane, around the normal of the pane. The box itself is in
patient space, so every pane shows each change immediately.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from eci_annotate.imaging.annotations import Annotation, AnnotationKind, Box
from eci_annotate.imaging.geometry import Floats, Vector, tuple3
from eci_annotate.tools.gestures import ALT, Cancel, Drag, Gesture, Plane, Press, Release
from eci_annotate.tools.info import Feedback, ToolInfo, ToolName
from eci_annotate.tools.protocol import (
    NO_OVERLAY,
    Handle,
    Idle,
    Object,
    ObjectEdit,
    Options,
    Overlay,
    Scene,
    Step,
    Unplaced,
)

SMALLEST_MM = 0.5  # a side never becomes shorter
ROOMY = 6.0  # shortest side of a box with handles on its sides and centre, in handle radii
CORNER_REACH = 1.45  # of the handle of a corner, which lies diagonally beside it at a small box, in handle radii
ROTATE_REACH = 3.5  # distance of the rotation handle from the box, in handle radii


@dataclass(frozen=True)
class Placing:
    """A new box grows from its centre."""

    start: Vector


@dataclass(frozen=True)
class Resizing:
    """Sides follow the pen: for each box axis -1, 0 or 1 selects the side."""

    sides: tuple[int, int, int]
    begun: Box
    start: Vector


@dataclass(frozen=True)
class Moving:
    """The box follows the pen within the plane."""

    begun: Box
    start: Vector


@dataclass(frozen=True)
class Rotating:
    """The box rotates about its centre around the normal of the pane."""

    begun: Box
    start: Vector


State = Idle | Placing | Resizing | Moving | Rotating


def _in_plane_axes(box: Box, plane: Plane) -> tuple[int, int]:
    """Return the two box axes closest to a plane, in ascending order."""
    tilt = np.abs(np.asarray(box.axes_lps) @ plane.normal_lps)
    across = int(np.argmax(tilt))
    first, second = (a for a in range(3) if a != across)
    return first, second


def _onto(point: Floats, plane: Plane) -> Floats:
    """Project a point onto a plane along its normal."""
    normal = plane.normal_lps
    return point - normal * float((point - np.asarray(plane.origin_lps)) @ normal)


@dataclass(frozen=True)
class Grip:
    """A handle and the sides it moves."""

    at: Floats
    kind: str
    sides: tuple[int, int, int] = (0, 0, 0)


def grips(box: Box, plane: Plane, reach_mm: float) -> list[Grip]:
    """Return the handles of a box in a plane, most specific first; none where the plane misses the box."""
    if len(box.section(plane.origin_lps, plane.normal_lps, plane.thickness_mm)) == 0:
        return []
    centre, axes, half = np.asarray(box.centre_lps), np.asarray(box.axes_lps), np.asarray(box.size_mm) / 2
    a, b = _in_plane_axes(box, plane)

    def at(u: int, v: int) -> Floats:
        return _onto(centre + u * half[a] * axes[a] + v * half[b] * axes[b], plane)

    def sides(u: int, v: int) -> tuple[int, int, int]:
        chosen = [0, 0, 0]
        chosen[a], chosen[b] = u, v
        return chosen[0], chosen[1], chosen[2]

    up = -1 if axes[b] @ np.asarray(plane.down_lps) > 0 else 1
    rotate = _onto(centre + up * (half[b] + ROTATE_REACH * reach_mm) * axes[b], plane)
    corners = [Grip(at(u, v), "corner", sides(u, v)) for u in (-1, 1) for v in (-1, 1)]
    edges = [Grip(at(u, v), "side", sides(u, v)) for u, v in ((-1, 0), (1, 0), (0, -1), (0, 1))]
    return [Grip(rotate, "rotate"), *corners, *edges, Grip(at(0, 0), "centre")]


def _roomy(found: list[Grip], reach_mm: float) -> list[Grip]:
    """Return the handles to show: those of sides and centre only where they leave the content visible.

    Those that are not shown still work: what a press does never depends on what was shown.
    """
    corners = [grip.at for grip in found if grip.kind == "corner"]
    if not corners:
        return found
    first = corners[0]
    shortest = min(float(np.linalg.norm(other - first)) for other in corners[1:])
    return found if shortest >= ROOMY * reach_mm else [g for g in found if g.kind in ("corner", "rotate")]


def _hit(box: Box, press: Press) -> Grip | None:
    """Return the nearest handle within reach; outside the box a corner reaches as far as its handle is drawn."""
    found = [
        (float(np.linalg.norm(g.at - _onto(np.asarray(press.at), press.plane))), g)
        for g in grips(box, press.plane, press.reach_mm)
    ]
    near = [pair for pair in found if pair[0] <= press.reach_mm]
    if not near and not _within(box, press):
        near = [pair for pair in found if pair[1].kind == "corner" and pair[0] <= CORNER_REACH * press.reach_mm]
    return min(near, key=lambda pair: pair[0])[1] if near else None


def placed(header: Annotation, start: Vector, end: Vector, plane: Plane, flat: bool) -> Box | None:
    """Return the box that grows from `start` to `end` in a plane, or None while it has no area.

    Parameters
    ----------
    header
        Annotation whose label, colour and identity the box takes.
    start, end
        Centre of the box and position of the pen, patient millimetres.
    plane
        Plane of the pane.
    flat
        Whether the box has no depth.
    """
    drag = np.asarray(end, float) - np.asarray(start, float)
    axes = np.array([plane.right_lps, plane.down_lps, plane.normal_lps], float)
    width, height = 2 * np.abs(axes[:2] @ drag)
    if min(width, height) < SMALLEST_MM:
        return None
    depth = 0.0 if flat else max((width + height) / 2, SMALLEST_MM)
    return Box(
        tuple3(start),
        (float(width), float(height), float(depth)),
        (tuple3(axes[0], 9), tuple3(axes[1], 9), tuple3(axes[2], 9)),
        **header.header,
    )


def resized(box: Box, sides: tuple[int, int, int], shift_lps: Floats) -> Box:
    """Move sides by a shift; the opposite sides stay in place."""
    axes, size, centre = np.asarray(box.axes_lps), np.asarray(box.size_mm), np.asarray(box.centre_lps)
    wanted = size + np.asarray(sides) * (axes @ shift_lps)
    new = np.where(np.asarray(sides) == 0, size, np.maximum(wanted, SMALLEST_MM))
    middle = centre + (np.asarray(sides) * (new - size) / 2) @ axes
    return replace(box, size_mm=tuple3(new, 6), centre_lps=tuple3(middle, 6))


def rotated(box: Box, normal_lps: Floats, angle_rad: float) -> Box:
    """Rotate a box about its centre around an axis (Rodrigues)."""
    axes, n = np.asarray(box.axes_lps), np.asarray(normal_lps, float)
    cosine, sine = np.cos(angle_rad), np.sin(angle_rad)
    turned = axes * cosine + np.cross(n, axes) * sine + np.outer(axes @ n, n) * (1 - cosine)
    x = turned[0] / np.linalg.norm(turned[0])
    y = turned[1] - x * (turned[1] @ x)
    y /= np.linalg.norm(y)
    z = np.cross(x, y) * np.sign(np.cross(x, y) @ turned[2])
    return replace(box, axes_lps=(tuple3(x, 9), tuple3(y, 9), tuple3(z, 9)))


def _angle(box: Box, start: Vector, end: Vector, plane: Plane) -> float:
    """Return the angle from start to end as seen from the centre, around the normal."""

    def direction(point: Vector) -> float:
        d = np.asarray(point) - np.asarray(box.centre_lps)
        return float(np.arctan2(d @ np.asarray(plane.down_lps), d @ np.asarray(plane.right_lps)))

    return direction(end) - direction(start)


def _grab(box: Box, press: Press) -> State:
    """Return the state that a press on an existing box starts."""
    grip = _hit(box, press)
    if grip is None:
        return Moving(box, press.at) if _within(box, press) else Idle()
    if grip.kind == "rotate" or (grip.kind == "corner" and ALT in press.modifiers):
        return Rotating(box, press.at)
    if grip.kind == "centre":
        return Moving(box, press.at)
    return Resizing(grip.sides, box, press.at)


def _within(box: Box, press: Press) -> bool:
    local = np.asarray(box.axes_lps) @ (np.asarray(press.at) - np.asarray(box.centre_lps))
    return bool((np.abs(local) <= np.asarray(box.size_mm) / 2 + 1e-6).all())


def _changed(state: State, to: Vector, plane: Plane) -> Box | None:
    """Return the box for the pen at `to`."""
    match state:
        case Resizing(sides, begun, start):
            return resized(begun, sides, np.asarray(to) - np.asarray(start))
        case Moving(begun, start):
            shift = np.asarray(to) - np.asarray(start)
            return replace(begun, centre_lps=tuple3(np.asarray(begun.centre_lps) + shift, 6))
        case Rotating(begun, start):
            return rotated(begun, plane.normal_lps, _angle(begun, start, to, plane))
    return None


VERBS = {Placing: "placed", Resizing: "resized", Moving: "moved", Rotating: "rotated", Idle: ""}


class BoundingBox:
    """The BoundingBox tool."""

    info = ToolInfo(
        ToolName.BOX,
        "BoundingBox",
        "square-o",
        "b",
        makes=AnnotationKind.BOX,
        options=("dimension",),
        feedback=Feedback.AROUND,
        three_plane=True,
        help="Drag from the centre outward. Drag sides and corners to resize, the inside to move, Alt and a corner to "
        "rotate.",
    )
    idle = Idle()
    states = MappingProxyType({"placing": Placing, "resizing": Resizing, "moving": Moving, "rotating": Rotating})

    def needs_smoothing(self, options: Options) -> bool:
        return False

    def create(self, header: Annotation, scene: Scene) -> Object:
        return Unplaced(
            **header.header,
        )

    def works_on(self, thing: Object) -> bool:
        return isinstance(thing, (Box, Unplaced))

    def grabs(self, thing: Object, press: Press) -> bool:
        return not isinstance(thing, Box) or _grab(thing, press) != Idle()

    def handle(self, state: State, gesture: Gesture, scene: Scene) -> Step:
        thing = scene.objects.get(scene.active or "")
        match state, gesture, thing:
            case Idle(), Press(at=at, button=0), Unplaced():
                return Step(Placing(at))
            case Idle(), Press(button=0), Box():
                return Step(_grab(thing, gesture))
            case Placing(start), Drag(path=path, plane=plane), Box() | Unplaced():
                box = placed(thing, start, path[-1], plane, scene.options.dimension == 2)
                return Step(state, (ObjectEdit(thing.uid, thing, box),) if box else ())
            case ((Resizing() | Moving() | Rotating()), Drag(path=path, plane=plane), Box()):
                box = _changed(state, path[-1], plane)
                return Step(state, (ObjectEdit(thing.uid, thing, box),) if box else ())
            case ((Placing() | Resizing() | Moving() | Rotating()), Release(), _):
                label = thing.label if thing and thing.label else "annotation"
                return Step(Idle(), name=f"BoundingBox {VERBS[type(state)]} on {label}")
            case _, Cancel(), _:
                return Step(Idle())
            case _:
                return Step(state)

    def overlay(self, state: State, scene: Scene, plane: Plane, reach_mm: float) -> Overlay:
        thing = scene.objects.get(scene.active or "")
        if not isinstance(thing, Box):
            return NO_OVERLAY
        shown = _roomy(grips(thing, plane, reach_mm), reach_mm)
        return Overlay(tuple(Handle(tuple3(g.at), g.kind) for g in shown))
