"""Sides next to each other: one read-only stage per side in its colour, linked with the user's own stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import ipywidgets as w

from eci_annotate.imaging.display import Window
from eci_annotate.viewer.comparison.comparison_panel import chip
from eci_annotate.viewer.comparison.sides import Side
from eci_annotate.viewer.stage.controller import Controller
from eci_annotate.viewer.stage.controller_listener import Listener
from eci_annotate.viewer.stage.stage import Stage

READ_ONLY = "This is a signed version and cannot be edited."
AXIAL = "axial"


class _Presence(Listener):
    """Forwards that the user is looking around."""

    def __init__(self, seen: Callable[[], None]) -> None:
        self.present = seen  # type: ignore[method-assign]


class Strip:
    """The stages of some sides.

    Parameters
    ----------
    series_uid
        Series shown at first.
    link
        Name that links stages on a page.
    seen
        Called when the user looks around in one of them.
    windows
        Initial window of a series by its UID.
    alone
        Pane shown alone at first; empty: all.
    """

    def __init__(
        self,
        sides: Sequence[Side],
        series_uid: str,
        height: str,
        link: str,
        seen: Callable[[], None] = lambda: None,
        windows: Mapping[str, Window] | None = None,
        alone: str = AXIAL,
    ) -> None:
        self._windows, self._alone = windows or {}, alone
        self.stages = [self._stage(side, series_uid, height, link, seen) for side in sides]
        boxes = [
            w.VBox([w.HTML(f"<b>{chip(side)}</b>"), stage], layout=w.Layout(flex="1 1 0", min_width="0"))
            for side, stage in zip(sides, self.stages, strict=True)
        ]
        self.widget = w.HBox(boxes, layout=w.Layout(width="100%"))
        self.widget.add_class("eci-strip")

    def _stage(self, side: Side, series_uid: str, height: str, link: str, seen: Callable[[], None]) -> Stage:
        side.easel.show(series_uid)
        controller = Controller(side.easel, _Presence(seen), READ_ONLY)
        controller.painter.own.colour, controller.panes.windows = side.colour, self._windows
        return Stage(controller, height=height, link=link, alone=self._alone)

    def turn_to(self, series_uid: str) -> None:
        """Show another series in all of them."""
        for stage in self.stages:
            stage.carry_out(stage.controller.turn_to(series_uid))
