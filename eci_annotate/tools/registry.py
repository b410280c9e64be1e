"""All tools by name, in display order. The only module that lists them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from eci_annotate.imaging.annotations import AnnotationKind
from eci_annotate.tools.boundingbox import BoundingBox
from eci_annotate.tools.clicksegment.clicksegment import ClickSegment
from eci_annotate.tools.freedraw import FreeDraw
from eci_annotate.tools.growcut.growcut import GrowCut
from eci_annotate.tools.info import ToolInfo
from eci_annotate.tools.model_prompts import ModelPrompts
from eci_annotate.tools.protocol import Object, Tool
from eci_annotate.tools.ruler import ANGLE_RULER, DISTANCE_RULER
from eci_annotate.tools.smartpaint.smartpaint import SmartPaint

TOOLS: Mapping[str, Tool] = {
    tool.info.name.value: tool
    for tool in (
        *(BoundingBox(), FreeDraw(), SmartPaint(), GrowCut(), ClickSegment(), ModelPrompts()),
        *(DISTANCE_RULER, ANGLE_RULER),
    )
}


def infos() -> list[ToolInfo]:
    """Return what each tool declares about itself."""
    return [tool.info for tool in TOOLS.values()]


def offered(tools: Sequence[str], assisted: bool = False) -> tuple[str, ...]:
    """Return the tools of a task that names `tools`: these (all if it names none), and those that measure.

    With `assisted` also those that ask a model on another machine.
    """
    return tuple(name for name, tool in TOOLS.items() if _is_offered(tool.info, tools, assisted))


def _is_offered(info: ToolInfo, tools: Sequence[str], assisted: bool) -> bool:
    if info.assisted:
        return assisted or info.name in tools
    return not tools or info.name in tools or info.measures


def icon_of(kind: AnnotationKind) -> str:
    """Return the icon for a kind of annotation: that of the first tool that makes it."""
    return next(info.icon for info in infos() if info.makes == kind)


def title_for(thing: Object) -> str:
    """Return the title of the first tool that can change an annotation."""
    return next(tool.info.title for tool in TOOLS.values() if tool.works_on(thing))
