"""All tools by name, in display order. The only module that lists them."""

from __future__ import annotations

from collections.abc import Mapping

from eci_annotate.imaging.annotations import AnnotationKind
from eci_annotate.tools.boundingbox import BoundingBox
from eci_annotate.tools.clicksegment.clicksegment import ClickSegment
from eci_annotate.tools.freedraw import FreeDraw
from eci_annotate.tools.growcut.growcut import GrowCut
from eci_annotate.tools.info import ToolInfo
from eci_annotate.tools.protocol import Object, Tool
from eci_annotate.tools.smartpaint.smartpaint import SmartPaint

TOOLS: Mapping[str, Tool] = {
    tool.info.name.value: tool for tool in (BoundingBox(), FreeDraw(), SmartPaint(), GrowCut(), ClickSegment())
}


def infos() -> list[ToolInfo]:
    """Return what each tool declares about itself."""
    return [tool.info for tool in TOOLS.values()]


def icon_of(kind: AnnotationKind) -> str:
    """Return the icon for a kind of annotation: that of the first tool that makes it."""
    return next(info.icon for info in infos() if info.makes == kind)


def title_for(thing: Object) -> str:
    """Return the title of the first tool that can change an annotation."""
    return next(tool.info.title for tool in TOOLS.values() if tool.works_on(thing))
