"""What a model on another machine proposes for the prompts on the series that is shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import ipywidgets as w
import numpy as np

from eci_annotate.imaging.annotations import Annotation, Box, new_uid
from eci_annotate.imaging.blocks import bounding_box
from eci_annotate.imaging.geometry import Grid, Vector
from eci_annotate.repository.assistants.protocol import Prompt, PromptKind, Proposed
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.tools.info import ToolName
from eci_annotate.tools.model_prompts import Prompted
from eci_annotate.tools.suggestion import MaskPart, Suggestion
from eci_annotate.viewer.stage.entry_plan import EntryPlan
from eci_annotate.viewer.suggestions.computation import Computation
from eci_annotate.viewer.suggestions.suggestion_target import suggestion_target

INVITATION = "Click in a lesion, or draw a line through it or around it. The images of this series then go to {name}."
NOTHING = "The model proposes nothing here. Add a point."
Ask = Callable[[str, str, tuple[Prompt, ...]], Proposed]  # series, name of the model server, prompts


class ModelSource:
    """Computations for the prompts on an easel.

    Parameters
    ----------
    easel, plan
        What is drawn; label and colour of the next annotation.
    names
        Names of the model servers that may be asked.
    ask
        Asks one.
    """

    def __init__(self, easel: Easel, plan: EntryPlan, names: Sequence[str], ask: Ask) -> None:
        self._easel, self._plan, self._ask = easel, plan, ask
        self._of: object = None
        self._uid = new_uid()
        self.choice = w.Dropdown(options=list(names), layout=w.Layout(width="130px"), tooltip="Which model is asked")

    def computation(self) -> Computation | None:
        """Return what to ask; None while another tool is selected or no model may be asked."""
        easel = self._easel
        active = easel.tool == ToolName.MODEL and bool(self.choice.value) and bool(easel.table.series_uid)
        self.choice.layout.display = "" if active and len(self.choice.options) > 1 else "none"
        if not active:
            return None
        state, name, series = easel.state, str(self.choice.value), easel.table.series_uid
        if not isinstance(state, Prompted) or not state.done or state.line:
            invitation = INVITATION.format(name=name)
            return Computation(("model", series, name, None), lambda go_on: invitation)
        if self._of is not state.done[0]:
            self._of, self._uid = state.done[0], new_uid()
        prompts = (*self._box(), *(self._prompt(each) for each in state.done))
        target, adds = suggestion_target(easel, self._plan, self._uid)
        key = ("model", series, name, prompts, target.uid, target.label)
        return Computation(key, lambda go_on: self._proposal(series, name, prompts, target, adds))

    def _proposal(
        self, series: str, name: str, prompts: tuple[Prompt, ...], target: Annotation, adds: bool
    ) -> Suggestion | str:
        found = self._ask(series, name, prompts)
        where = bounding_box(found.mask)
        if not found.mask.any():
            return NOTHING
        part = MaskPart(target.uid, where, found.mask[where])
        header = Annotation(**target.header) if adds else None
        return Suggestion(found.source, f"proposal of {name} for {target.label}", series, (part,), adds=header)

    def _prompt(self, line: tuple[str, bool, tuple[Vector, ...]]) -> Prompt:
        kind, includes, points = line
        grid = self._easel.table.grid
        voxels = tuple(dict.fromkeys(_voxel(grid, point) for point in points))
        return Prompt(PromptKind(kind), voxels, includes)

    def _box(self) -> tuple[Prompt, ...]:
        """Return the selected box as a prompt."""
        thing, grid = self._easel.table.objects.get(self._easel.table.active or ""), self._easel.table.grid
        if not isinstance(thing, Box) or not self._easel.table.is_on(thing, self._easel.table.series_uid):
            return ()
        corners = np.round(grid.image_from_reference(thing.corners_lps)).astype(int)
        low, high = (np.clip(each, 0, np.array(grid.shape) - 1) for each in (corners.min(0), corners.max(0)))
        return (Prompt(PromptKind.BOX, (tuple(map(int, low)), tuple(map(int, high)))),)  # type: ignore[arg-type]

    def step(self, by: int) -> bool:
        """Return False: prompts decide how large the result is."""
        return False

    def point_at(self, at: Vector | None) -> None:
        """Ignore the pointer: nothing is sent before a click."""


def _voxel(grid: Grid, point: Vector) -> tuple[int, int, int]:
    k, j, i = (int(n) for n in grid.voxel_from_reference(point))
    return k, j, i
