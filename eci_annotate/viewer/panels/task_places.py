"""Marked places of one task: a reviewer's own, kept in their draft, or those of a review, for correcting the work."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from eci_annotate.viewer.panels.places_panel import PlacesPanel
from eci_annotate.viewer.session.resume import PLACES
from eci_annotate.viewer.stage.controller import Controller
from eci_annotate.viewer.stage.messages import look
from eci_annotate.viewer.stage.orders import Order, Send
from eci_annotate.viewer.stage.places import Place
from eci_annotate.workflow.usecase.pipeline import TaskKind

if TYPE_CHECKING:
    from eci_annotate.repository.task import Task


def show_places(controller: Controller, places: tuple[Place, ...]) -> list[Order]:
    """Draw rings at places."""
    painter = controller.painter
    painter.places = places
    lines = painter.all_lines()
    return [*lines, *controller.drawn(lines)]


class Marking:
    """Panel and rings of a task's places.

    Attributes
    ----------
    panel
        Their list.
    shown
        Widgets for the workbench; empty if no places are marked.
    """

    def __init__(
        self,
        task: Task,
        places: tuple[Place, ...],
        answer: Callable[[dict[str, Any]], None],
        controller: Controller,
        draw: Callable[[Sequence[Order]], None],
    ) -> None:
        self._answer, self._controller, self._draw = answer, controller, draw
        self.review = task.definition.kind == TaskKind.REVIEW
        title = "Marked places" if self.review else f"Needs correction: {html.escape(task.rejected)}"
        changed = self._changed if self.review else None
        self.panel = PlacesPanel(title, places, self._look_at, changed, lambda: controller.focus)
        self.shown = [self.panel.widget] if self.review or task.rejected else []
        show_places(controller, places)

    def _changed(self, places: tuple[Place, ...]) -> None:
        self._answer({PLACES: [each.to_row() for each in places]})
        self._draw(show_places(self._controller, places))

    def _look_at(self, place: Place) -> None:
        self._draw([Send(look(focus=list(place.point_lps)))])

    @property
    def to_sign(self) -> list[tuple[float, float, float, str]]:
        """Return the places that a review signs."""
        return [each.to_command() for each in self.panel.places] if self.review else []
