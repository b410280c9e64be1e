"""The annotation that a suggestion goes into: the selected one if it is painted and empty, else a new one."""

from __future__ import annotations

from eci_annotate.imaging.annotations import Annotation
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.tools.protocol import HALF, Paint
from eci_annotate.viewer.stage.entry_plan import EntryPlan


def suggestion_target(easel: Easel, plan: EntryPlan, uid: str) -> tuple[Annotation, bool]:
    """Return the annotation, and whether it is new; `uid` is that of a new one."""
    table = easel.table
    thing = table.objects.get(table.active or "")
    fits = isinstance(thing, Paint) and thing.series_uid == table.series_uid
    if thing is not None and fits and not (table.field(thing.uid) >= HALF).any():
        return thing, False
    label, colour = plan.wished()
    frame = table.grid.frame_of_reference_uid
    return Annotation(label=label, colour=colour, uid=uid, series_uid=table.series_uid, frame_uid=frame), True
