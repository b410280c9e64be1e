"""Prompts for a model on another machine: a click is a point, a line a scribble, a closed line a lasso.

The tool changes nothing by itself: what the model proposes becomes an annotation when it is accepted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from eci_annotate.imaging.annotations import AnnotationKind
from eci_annotate.imaging.geometry import Vector, tuple3
from eci_annotate.tools.gestures import Cancel, Drag, Gesture, Plane, Press, Release
from eci_annotate.tools.info import Feedback, ToolInfo, ToolName
from eci_annotate.tools.paint_tool import PaintTool
from eci_annotate.tools.protocol import Handle, Idle, Options, Overlay, Scene, Step

POINT, SCRIBBLE, LASSO = "point", "scribble", "lasso"
SHORT_MM = 1.5  # a shorter line is a point
CLOSED = 0.2  # a line whose ends are nearer than this share of its length is closed
MOST_POINTS = 2000
Line = tuple[str, bool, tuple[Vector, ...]]  # kind, whether it is inside, points in patient millimetres


@dataclass(frozen=True)
class Prompted:
    """Prompts so far, and the line that is being drawn (empty: none)."""

    done: tuple[Line, ...] = ()
    line: tuple[Vector, ...] = ()
    includes: bool = True


State = Idle | Prompted


def kind_of_line(line: tuple[Vector, ...]) -> str:
    """Return what a line is: a point, a scribble, or a lasso if it is closed."""
    points = np.asarray(line)
    length = float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum())
    if length < SHORT_MM or len(line) < 2:
        return POINT
    is_closed = len(line) > 3 and float(np.linalg.norm(points[-1] - points[0])) < CLOSED * length
    return LASSO if is_closed else SCRIBBLE


class ModelPrompts(PaintTool):
    """The tool that asks a model."""

    info = ToolInfo(
        ToolName.MODEL,
        "Ask model",
        "lightbulb-o",
        "alt+c",
        makes=AnnotationKind.MASK,
        options=("erase",),
        feedback=Feedback.TRAIL,
        prompts=True,
        assisted=True,
        help="Click in a lesion, draw a line through it or around it: the model of your project proposes its outline. "
        "Erase (X) marks what does not belong to it. Enter accepts, Escape discards.",
    )
    idle = Idle()
    states = MappingProxyType({"prompted": Prompted})

    def needs_smoothing(self, options: Options) -> bool:
        return False  # the model reads the images

    def handle(self, state: State, gesture: Gesture, scene: Scene) -> Step:
        begun = state if isinstance(state, Prompted) else Prompted()
        match gesture:
            case Press(at=at, button=0) if scene.grid.contains(at):
                return Step(replace(_ended(begun), line=(at,), includes=not scene.options.erase))
            case Drag(path=path) if begun.line:
                inside = tuple(each for each in path if scene.grid.contains(each))
                return Step(replace(begun, line=(*begun.line, *inside)[:MOST_POINTS]))
            case Release() if begun.line:
                return Step(_ended(begun))
            case Cancel():
                return Step(Idle())
        return Step(state)

    def overlay(self, state: State, scene: Scene, plane: Plane, reach_mm: float) -> Overlay:
        done = state.done if isinstance(state, Prompted) else ()
        reach, origin = max(plane.thickness_mm / 2, 1e-3), np.asarray(plane.origin_lps)
        here = [line for _, _, line in done if abs(float((np.asarray(line[0]) - origin) @ plane.normal_lps)) <= reach]
        spots = tuple(Handle(tuple3(line[0]), "centre") for line in here)
        return Overlay(spots, tuple(np.asarray(line) for line in here if len(line) > 1))


def _ended(state: Prompted) -> Prompted:
    """Return the state with the line that was drawn among its prompts."""
    if not state.line:
        return state
    kind = kind_of_line(state.line)
    points = state.line[:1] if kind == POINT else state.line
    return Prompted((*state.done, (kind, state.includes, points)), (), state.includes)
