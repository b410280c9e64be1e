"""What tools that make masks have in common: what they create and work on, and that they draw no handles."""

from __future__ import annotations

from typing import Any

from eci_annotate.imaging.annotations import Annotation
from eci_annotate.tools.gestures import Plane, Press
from eci_annotate.tools.protocol import NO_OVERLAY, Object, Overlay, Paint, Scene


class PaintTool:
    """Part of a `Tool` whose annotations are painted; see `Tool` for the methods."""

    def create(self, header: Annotation, scene: Scene) -> Object:
        """Return an empty mask."""
        return Paint(**header.header)

    def works_on(self, thing: Object) -> bool:
        """Whether it is a mask."""
        return isinstance(thing, Paint)

    def grabs(self, thing: Object, press: Press) -> bool:
        """Return True: a mask is painted on anywhere."""
        return True

    def overlay(self, state: Any, scene: Scene, plane: Plane, reach_mm: float) -> Overlay:
        """Return nothing: painting has no handles."""
        return NO_OVERLAY
