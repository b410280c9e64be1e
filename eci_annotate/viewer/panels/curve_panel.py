"""The kinetic curve of the selected annotation, drawn on request: a button, the picture and its words."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import ipywidgets as w

from eci_annotate.errors import EciError, Refused
from eci_annotate.repository.analysis.time_points import DynamicStudy
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.viewer.plain_error import plain

if TYPE_CHECKING:
    from eci_annotate.repository.task import Task


class CurvePanel:
    """Measures the selected annotation over the time points that the use case names.

    Parameters
    ----------
    task
        Gives the use case and the images; nothing is shown if the use case asks for no curve.
    easel
        The annotations.
    """

    def __init__(self, task: Task, easel: Easel) -> None:
        self._task, self._easel = task, easel
        self._study: DynamicStudy | None = None
        self.button = w.Button(
            description="Kinetic curve",
            icon="line-chart",
            tooltip="Measure the selected annotation over the time points of the dynamic series",
            layout=w.Layout(width="auto"),
        )
        self.button.on_click(lambda _: self._measure())
        self.said, self.picture = w.HTML(), w.Image(format="png", layout=w.Layout(display="none", max_width="100%"))
        self.picture.add_class("eci-curve")
        self.shown: list[Any] = [self.button, self.said, self.picture] if task.use_case.kinetics else []

    def _measure(self) -> None:
        self.picture.layout.display = "none"
        try:
            curve = self._dynamic_study().curve(self._selected())
        except EciError as error:
            self.said.value = f"<span class='eci-warned' role='status'>{html.escape(plain(error))}</span>"
            return
        self.picture.value = curve.plot(width_in=3.2)._repr_png_()
        self.picture.layout.display, self.said.value = "", html.escape(curve.words)

    def _dynamic_study(self) -> DynamicStudy:
        if self._study is None:
            self._study = DynamicStudy(self._task.use_case, self._task.studies(), self._task.volume)
        return self._study

    def _selected(self) -> Any:
        for each in self._easel.table.annotations():
            if each.uid == self._easel.table.active:
                return each
        raise Refused("No annotation with a shape is selected.", "Select one in the list.")
