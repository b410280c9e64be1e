"""What actions must be: a stroke has depth where its series has and an effect, a tool is one that the task offers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from eci_annotate.errors import Refused
from eci_annotate.imaging.annotations import Contours
from eci_annotate.imaging.geometry import Vector
from eci_annotate.imaging.measurements import is_projection
from eci_annotate.tools.boundingbox import Placing
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.tools.editing.entries import Alter, ChooseTool, Entry, SetOption
from eci_annotate.tools.editing.table import Table
from eci_annotate.tools.freedraw import Drawing
from eci_annotate.tools.gestures import Drag, Gesture, Press
from eci_annotate.tools.growcut.growth_decision import has_seeds, require_decided
from eci_annotate.tools.protocol import HALF, Object, Paint, Ruler, Unplaced
from eci_annotate.tools.registry import TOOLS, offered


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


@dataclass(frozen=True)
class StrokeExtent:
    """Where a stroke began, and whether it went farther than a hand moves in a click."""

    start: Vector = (0.0, 0.0, 0.0)
    click_mm: float = 0.0
    is_drag: bool = False

    @classmethod
    def of(cls, press: Press) -> StrokeExtent:
        """Return the extent of a stroke that begins."""
        return cls(press.at, press.reach_mm / 2)

    def grown(self, gesture: Gesture) -> StrokeExtent:
        """Return the extent with a further gesture of the stroke."""
        if self.is_drag or not isinstance(gesture, Drag):
            return self
        away = np.linalg.norm(np.asarray(gesture.path) - np.asarray(self.start), axis=-1)
        return replace(self, is_drag=bool((away > self.click_mm).any()))


def require_effect(easel: Easel, extent: StrokeExtent) -> None:
    """Raise Refused where a drag ends without an effect that its user surely wanted.

    Parameters
    ----------
    easel
        Easel with the stroke in progress.
    extent
        Extent of the stroke.
    """
    if not extent.is_drag:
        return
    match easel.state:
        case Placing():
            raise Refused(
                "No box was drawn: the drag has no width or no height.", "Drag diagonally, from its centre to a corner."
            )
        case Drawing(pen="free", erase=erase):
            what = "cut out" if erase else "added"
            where = "inside" if erase else "outside"
            raise Refused(
                f"Nothing was {what}: the line encloses no area {where} the selected annotation.",
                "Draw around the area; the line closes by itself.",
            )


def is_pending(easel: Easel) -> bool:
    """Whether a polygon waits for its next corner; prompts are no strokes."""
    tool = TOOLS[easel.tool]
    return easel.state != tool.idle and not tool.info.prompts


def require_allowed(entry: Entry, chosen: Sequence[str]) -> None:
    """Raise Refused for an empty label, and for a tool that the task does not offer (`chosen`; empty: all)."""
    if isinstance(entry, Alter) and entry.label is not None and not entry.label.strip():
        raise Refused("A label cannot be empty.", "Type a name, such as lesion 1.")
    if isinstance(entry, ChooseTool) and entry.tool not in offered(chosen):
        title = TOOLS[entry.tool].info.title if entry.tool in TOOLS else entry.tool
        raise Refused(f"This task is not done with {title}.", "Choose a tool above the images.")


def tool_for(easel: Easel, uid: str | None, chosen: Sequence[str]) -> Iterator[Entry]:
    """Yield the choice of a tool of the task for an annotation, unless the current one works on it."""
    thing = easel.table.objects.get(uid or "")
    if thing is not None and not TOOLS[easel.tool].works_on(thing):
        fitting = (name for name, tool in TOOLS.items() if tool.works_on(thing) and name in offered(chosen))
        yield from (ChooseTool(name) for name in islice(fitting, 1))


def require_finished(easel: Easel, suggested: bool) -> None:
    """Raise Refused while seeds, a polygon or a suggestion wait: what is signed would differ from the screen."""
    require_decided(easel)
    if is_pending(easel):
        raise Refused("A polygon is not closed.", "Click its first corner to close it, or undo it.")
    if suggested:
        raise Refused("A suggestion is shown, and is not part of your work.", "Accept it, or discard it.")


def alters_nothing(table: Table, entry: Alter) -> bool:
    """Whether an annotation has the label, the colour and the visibility already that it is given."""
    thing = table.objects.get(entry.uid)
    if thing is None or entry.visible not in (None, entry.uid not in table.hidden):
        return False
    label, colour = entry.label or thing.label, entry.colour or thing.colour
    return (label, colour) == (thing.label, thing.colour)


def waits_elsewhere(table: Table, thing: Object) -> bool:
    """Whether an annotation was added on another series than is drawn on, and nothing of it is drawn yet."""
    if thing.series_uid == table.series_uid:
        return False
    match thing:
        case Ruler():
            return not len(thing.points_lps)
        case Contours():
            return not thing.rings_lps
        case Paint():
            return not (table.field(thing.uid) >= HALF).any() and not has_seeds(table, thing)
    return isinstance(thing, Unplaced)
