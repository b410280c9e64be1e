"""Menus above the images: the layout, and how the active pane shows its series."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import ipywidgets as w

from eci_annotate.archive.protocol import Study
from eci_annotate.imaging.display import Window
from eci_annotate.viewer.panels.fusion_menu import FusionMenu
from eci_annotate.viewer.panels.keep_menu import KeepMenu
from eci_annotate.viewer.panels.stack_names import titles_of
from eci_annotate.viewer.stage.controller import Controller
from eci_annotate.viewer.stage.layouts import PLANES, PaneGrid, offered
from eci_annotate.viewer.stage.messages import look
from eci_annotate.viewer.stage.orders import Order, Send
from eci_annotate.workflow.usecase.hanging import Hanging

if TYPE_CHECKING:
    from eci_annotate.repository.layout.kept_series import KeptSeries

PLANE = "Plane …"
VIEW = "View …"
VIEWS = (
    ("Flip left-right (Y)", "view-flip-x"),
    ("Flip top-bottom (U)", "view-flip-y"),
    ("Rotate by 90\N{DEGREE SIGN} (W)", "view-rotate"),
    ("Rotate back by 90\N{DEGREE SIGN} (Q)", "view-rotate-back"),
    ("Reset (R)", "view-reset"),
)
CarryOut = Callable[[Callable[[], list[Order]]], None]


class LayoutMenu:
    """Chooses among the layouts of a study.

    Parameters
    ----------
    controller
        The viewer.
    layouts
        What can be chosen; the first is shown at first, if it shows the series that is drawn on.
    carry_out
        Does work that gives orders, and draws them.
    """

    def __init__(
        self,
        controller: Controller,
        layouts: Sequence[PaneGrid],
        carry_out: CarryOut,
    ) -> None:
        self.controller, self.layouts = controller, {layout.name: layout for layout in layouts}
        self._carry_out = carry_out
        self._begin(layouts[0])
        options = [(layout.title, layout.name) for layout in layouts]
        longest = max(len(layout.title) for layout in layouts)
        size = w.Layout(width=f"clamp(190px, {longest + 4}ch, 340px)")
        self.layout = w.Dropdown(options=options, value=controller.panes.layout.name, layout=size, tooltip="Layout")
        titles = [(plane.capitalize(), plane) for plane in PLANES]
        self.plane = w.Dropdown(
            options=[(PLANE, ""), *titles], layout=w.Layout(width="100px"), tooltip="Plane of the active pane"
        )
        self.layout.observe(lambda change: self._arrange(change["new"]), "value")
        self.plane.observe(lambda change: self._turn(change["new"]), "value")
        self.view = w.Dropdown(
            options=[(VIEW, ""), *VIEWS], layout=w.Layout(width="90px"), tooltip="Flip or rotate the active pane"
        )
        self.view.observe(lambda change: self._look(change["new"]), "value")
        self.widget = w.HBox([self.layout, self.plane, self.view])
        self.widget.add_class("eci-layouts")
        self._show()

    def _begin(self, layout: PaneGrid) -> None:
        before = self.controller.panes.layout
        self.controller.panes.arrange(layout)
        if self.controller.easel.table.series_uid not in self.controller.panes.shown:
            self.controller.panes.arrange(before)

    def _arrange(self, name: str) -> None:
        self._carry_out(lambda: self.controller.arrange(self.layouts[name]))
        self._show()

    def step(self, by: int) -> None:
        """Show the next or the previous layout."""
        names = list(self.layouts)
        self.layout.value = names[(names.index(self.layout.value) + by) % len(names)]

    def _turn(self, plane: str) -> None:
        """Show the active pane in another plane; an action, not a state."""
        if not plane:
            return
        panes, pane = self.controller.panes, self.controller.active_pane
        series = panes.series(pane) or self.controller.easel.table.series_uid
        self._carry_out(lambda: self.controller.put(pane, series, plane))
        self.plane.value = ""

    def _look(self, command: str) -> None:
        """Let the page that the user is in carry out a command of its keys; an action, not a state."""
        if command:
            self._carry_out(lambda: [Send({**look(view=command), "page": self.controller.page})])
            self.view.value = ""

    def _show(self) -> None:
        self.plane.disabled = not self.controller.panes.layout.is_fixed


def menu_for(
    controller: Controller,
    studies: Sequence[Study],
    hanging: Hanging,
    carry_out: CarryOut,
    compared: bool,
    kept: KeptSeries | None = None,
) -> LayoutMenu:
    """Return the menu of a task: the layouts of its protocol, and plain grids of all its series, those placed first.

    Parameters
    ----------
    controller
        The viewer.
    studies, hanging
        Studies of the subject, and their layout.
    carry_out
        Does work that gives orders, and draws them.
    compared
        Three planes come first: the sides of a comparison are linked with them.
    kept
        Where the user keeps series in slots; None where nothing is kept.
    """
    placed = [each.series_uid for each in hanging.placed]
    titles = titles_of(studies)
    controller.panes.overlays.titles = titles
    layouts = offered(hanging.stages, list(dict.fromkeys((*placed, *titles))))
    first = sorted(layouts, key=lambda layout: layout.is_fixed) if compared else layouts
    menu = LayoutMenu(controller, first, carry_out)
    more = [FusionMenu(controller, titles, carry_out).widget]
    if kept is not None and hanging.stages:
        more.append(KeepMenu(controller, hanging, kept, titles, carry_out).widget)
    menu.widget.children = (*menu.widget.children, *more)
    return menu


def windows_of(hanging: Hanging) -> dict[str, Window]:
    """Return the windows that the hanging protocol states (centre and width), by series."""
    own = {each.series_uid: each.window for each in hanging.placed if each.window}
    over = {each.fuse.series_uid: each.fuse.window for each in hanging.placed if each.fuse and each.fuse.window}
    return {uid: Window.from_centre_width(*window) for uid, window in {**over, **own}.items()}
