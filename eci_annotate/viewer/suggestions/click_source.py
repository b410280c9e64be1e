"""What click segment suggests: the region of the last click; before it, whether a click at the pointer would work."""

from __future__ import annotations

from eci_annotate.imaging.annotations import new_uid
from eci_annotate.imaging.geometry import Vector
from eci_annotate.tools.clicksegment.click_request import ClickRequest, Grower
from eci_annotate.tools.clicksegment.clicksegment import Clicked
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.tools.info import ToolName
from eci_annotate.viewer.stage.entry_plan import EntryPlan
from eci_annotate.viewer.suggestions.computation import Computation
from eci_annotate.viewer.suggestions.suggestion_target import suggestion_target

INVITATION = "Point at a lesion: it says whether a click works there."


class ClickSource:
    """Computations for the clicks on an easel.

    Parameters
    ----------
    easel, plan
        What is drawn; label and colour of the next annotation.
    """

    def __init__(self, easel: Easel, plan: EntryPlan) -> None:
        self._easel, self._plan = easel, plan
        self._grower = Grower()
        self._offset = 0
        self._clicked: Clicked | None = None
        self._uid = new_uid()
        self._pointed_at: Vector | None = None

    def computation(self) -> Computation | None:
        """Return what to grow; None while another tool is selected."""
        if self._easel.tool != ToolName.CLICK or not self._easel.table.series_uid:
            return None
        state = self._easel.state
        if not isinstance(state, Clicked):
            return self._trial()
        if state is not self._clicked:
            self._clicked, self._offset, self._uid = state, 0, new_uid()
        request = self._request(state.at, state.flat_axis)
        of = (state, self._offset, request.target.uid, request.target.label, request.series_uid)
        return Computation(("click", *of), lambda go_on: self._grower.suggest(request, go_on))

    def step(self, by: int) -> bool:
        """Go along the growth curve; return False if there is nothing to grow."""
        if self._easel.tool != ToolName.CLICK or not isinstance(self._easel.state, Clicked):
            return False
        self._offset += by
        return True

    def point_at(self, at: Vector | None) -> None:
        """Take note of where the pointer rests, patient millimetres."""
        self._pointed_at = at

    def _trial(self) -> Computation:
        """Return what tells whether a click at the pointer would work."""
        at, series = self._pointed_at, self._easel.table.series_uid
        if at is None or not self._easel.table.grid.contains(at):
            return Computation(("click", series, None), lambda go_on: INVITATION)
        flat = -1 if self._easel.options.dimension == 3 else 0
        request = self._request(at, flat)
        return Computation(("click", series, at), lambda go_on: self._grower.size_at(request))

    def _request(self, at: Vector, flat_axis: int) -> ClickRequest:
        """Return the request; the region goes into the selected annotation if that is painted and empty."""
        table, target = self._easel.table, suggestion_target(self._easel, self._plan, self._uid)
        return ClickRequest(table.sheet, table.series_uid, at, flat_axis, self._offset, *target)
