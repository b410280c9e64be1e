"""GrowCut: paint seeds inside and around; the borders between them are suggested, and accepted or discarded.

Seeds are a field of the series, so that undo, the journal and snapshots keep them. Growing is done by `growth_request`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType

from eci_annotate.imaging.annotations import AnnotationKind
from eci_annotate.imaging.geometry import Vector
from eci_annotate.tools.gestures import ALT, Cancel, Drag, Gesture, Press, Release
from eci_annotate.tools.hard_brush import ERASER, filled
from eci_annotate.tools.info import Feedback, ToolInfo, ToolName
from eci_annotate.tools.paint_tool import PaintTool
from eci_annotate.tools.protocol import (
    SEEDS,
    ArrayEdit,
    Idle,
    Options,
    Paint,
    Scene,
    Step,
)

BACKGROUND = 1  # seed of no annotation
FIRST = 2  # seed of the annotation that was added first


@dataclass(frozen=True)
class Sowing:
    """A stroke of seeds: its brush, what it plants (0: it removes seeds), and where the pen is."""

    radius_mm: float
    flat_axis: int
    seed: int
    at: Vector


def _seed(press: Press, scene: Scene) -> int:
    """Return what a press plants: the active annotation, or background when erasing; with Alt it removes seeds."""
    if ALT in press.modifiers or press.button == ERASER:
        return 0
    return BACKGROUND if scene.options.erase else FIRST + scene.order.index(scene.active or "")


def sown(state: Sowing, path: tuple[Vector, ...], scene: Scene) -> tuple[ArrayEdit, ...]:
    """Return the edit that plants seeds along a path in patient millimetres, from where the pen is."""
    uid = f"{SEEDS}{scene.series_uid}"
    return filled(scene, uid, state.seed, (state.at, *path), state.radius_mm, state.flat_axis)


class GrowCut(PaintTool):
    """The GrowCut tool."""

    info = ToolInfo(
        ToolName.GROWCUT,
        "GrowCut",
        "leaf",
        "g",
        makes=AnnotationKind.MASK,
        options=("radius_mm", "dimension", "erase"),
        feedback=Feedback.RING,
        keeps=SEEDS,
        help="Paint seeds inside the lesion and, with X, in the background around it. The border between them is "
        "suggested while you paint: Enter accepts it. Alt removes seeds.",
    )
    idle = Idle()
    states = MappingProxyType({"sowing": Sowing})

    def needs_smoothing(self, options: Options) -> bool:
        return False

    def handle(self, state: Idle | Sowing, gesture: Gesture, scene: Scene) -> Step:
        thing = scene.objects.get(scene.active or "")
        if not isinstance(thing, Paint):
            return Step(Idle())
        match state, gesture:
            case Idle(), Press(at=at, plane=plane, button=0 | 5):
                flat_axis = scene.flat_axis(plane)
                begun = Sowing(scene.options.radius_mm, flat_axis, _seed(gesture, scene), at)
                return Step(begun, sown(begun, (), scene))
            case Sowing(), Drag(path=path):
                return Step(replace(state, at=path[-1]), sown(state, path, scene))
            case Sowing(), Release():
                return Step(Idle(), name=_name(state.seed, thing))
            case _, Cancel():
                return Step(Idle())
            case _:
                return Step(state)


def _name(seed: int, thing: Paint) -> str:
    if seed < FIRST:
        return "GrowCut background seeds" if seed else "removal of GrowCut seeds"
    return f"GrowCut seeds in {thing.label or 'annotation'}"
