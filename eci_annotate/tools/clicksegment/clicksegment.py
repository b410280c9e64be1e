"""Click segment: a click chooses a point; its region is suggested. Growing it is done by `click_request`.

The tool changes nothing by itself: what it suggests becomes an annotation when it is accepted.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from eci_annotate.imaging.annotations import AnnotationKind
from eci_annotate.imaging.geometry import Vector
from eci_annotate.tools.gestures import Cancel, Gesture, Press
from eci_annotate.tools.info import ToolInfo, ToolName
from eci_annotate.tools.paint_tool import PaintTool
from eci_annotate.tools.protocol import Idle, Options, Scene, Step


@dataclass(frozen=True)
class Clicked:
    """A point was chosen; `flat_axis` is the axis of a region on one slice only, or -1."""

    at: Vector
    flat_axis: int


class ClickSegment(PaintTool):
    """The click-segment tool."""

    info = ToolInfo(
        ToolName.CLICK,
        "Click segment",
        "magic",
        "c",
        makes=AnnotationKind.MASK,
        options=("dimension",),
        prompts=True,
        help="Click in the middle of a lesion: its outline is suggested. [ and ] make it smaller and larger, Enter "
        "accepts it as a new annotation.",
    )
    idle = Idle()
    states = MappingProxyType({"clicked": Clicked})

    def needs_smoothing(self, options: Options) -> bool:
        return False  # the region is grown outside the tool

    def handle(self, state: Idle | Clicked, gesture: Gesture, scene: Scene) -> Step:
        match gesture:
            case Press(at=at, plane=plane, button=0):
                return Step(Clicked(at, scene.flat_axis(plane)) if scene.grid.contains(at) else Idle())
            case Cancel():
                return Step(Idle())
        return Step(state)
