"""Whether strokes have depth: on a projection nothing has, so that boxes there are rectangles."""

from __future__ import annotations

from collections.abc import Iterator

from eci_annotate.imaging.measurements import is_projection
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.tools.editing.entries import Entry, SetOption


class StrokeDepth:
    """Turns depth off for a projection, and on again for the next volume if it was on before."""

    def __init__(self) -> None:
        self._flattened = False

    def entries(self, easel: Easel) -> Iterator[Entry]:
        """Yield what to set before a stroke on the easel's series."""
        has_none = is_projection(easel.table.volume)
        if has_none and easel.options.dimension == 3:
            self._flattened = True
            yield SetOption("dimension", 2)
        elif self._flattened and not has_none:
            self._flattened = False
            yield SetOption("dimension", 3)
