"""What GrowCut suggests: the growth of the seeds on the series that is shown, while the tool is selected."""

from __future__ import annotations

from eci_annotate.imaging.geometry import Vector
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.tools.growcut.growth_request import Gardener, growth_request
from eci_annotate.tools.info import ToolName
from eci_annotate.tools.protocol import SEEDS
from eci_annotate.viewer.suggestions.computation import Computation


class GrowCutSource:
    """Questions about the seeds of an easel."""

    def __init__(self, easel: Easel) -> None:
        self._easel = easel
        self._gardener = Gardener()

    def computation(self) -> Computation | None:
        """Return what to grow; None while another tool is selected or there is no seed."""
        request = growth_request(self._easel.table) if self._easel.tool == ToolName.GROWCUT else None
        if request is None:
            return None
        revision = self._easel.table.history.revision(f"{SEEDS}{request.series_uid}")
        state = ("seeds", request.series_uid, revision, request.zone_revision, tuple(request.things.items()))
        return Computation(state, lambda go_on: self._gardener.suggest(request, go_on))

    def step(self, by: int) -> bool:
        """Return False: seeds decide how large the result is."""
        return False

    def point_at(self, at: Vector | None) -> None:
        """Ignore the pointer."""
