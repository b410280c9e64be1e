"""What operations on the selected annotation suggest; asked for in a menu, shown until decided or something changes."""

from __future__ import annotations

from eci_annotate.imaging.annotations import Annotation, new_uid
from eci_annotate.imaging.geometry import Vector
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.tools.mask_edit import MaskEdit, MaskOperation, suggested_edit
from eci_annotate.tools.measure import measurements_in_words
from eci_annotate.tools.shape_edit import ShapeOperation, suggested_shape
from eci_annotate.tools.suggestion import Suggestion
from eci_annotate.viewer.stage.entry_plan import EntryPlan
from eci_annotate.viewer.suggestions.computation import Computation


class MaskSource:
    """Operations on the annotations of an easel.

    Parameters
    ----------
    easel, plan
        What is drawn; label and colour of the next annotation.
    """

    def __init__(self, easel: Easel, plan: EntryPlan) -> None:
        self._easel, self._plan = easel, plan
        self._wish: MaskEdit | None = None
        self._made: object = None

    def ask(self, edit: MaskEdit | None) -> None:
        """Ask for an operation; None: for nothing any more."""
        self._wish, self._made = edit, self._state(edit) if edit else None

    def _state(self, edit: MaskEdit) -> object:
        """Return what the operation depends on: it is dropped when this changes."""
        easel = self._easel
        revisions = tuple(easel.table.history.revision(uid) for uid in (edit.uid, edit.other))
        return ("mask", edit, easel.table.active, easel.table.series_uid, easel.tool, revisions)

    def computation(self) -> Computation | None:
        """Return what was asked for; None if nothing was, or if something changed since."""
        edit = self._wish
        if edit is None or self._state(edit) != self._made:
            self._wish = None
            return None
        copy = self._copy() if edit.what is MaskOperation.COPY else None
        return Computation(self._made, lambda go_on: self._suggested(edit, copy))

    def _suggested(self, edit: MaskEdit, copy: Annotation | None) -> Suggestion | str:
        if edit.what is ShapeOperation.MEASURE:
            return measurements_in_words(self._easel.table, edit.uid)
        if isinstance(edit.what, ShapeOperation):
            return suggested_shape(self._easel.table, edit.uid, edit.what, edit.other, edit.at)
        return suggested_edit(self._easel.table, edit, copy)

    def _copy(self) -> Annotation:
        """Return the header of a copy."""
        easel = self._easel
        label, colour = self._plan.wished()
        frame = easel.table.grid.frame_of_reference_uid
        return Annotation(label=label, colour=colour, uid=new_uid(), series_uid=easel.table.series_uid, frame_uid=frame)

    def step(self, by: int) -> bool:
        """Return False: operations have no size."""
        return False

    def point_at(self, at: Vector | None) -> None:
        """Ignore the pointer."""
