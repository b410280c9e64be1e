"""The toolbar: tool, adding or subtracting, size, dimension, undo and redo with their names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import log10
from typing import Any

import ipywidgets as w

from eci_annotate.imaging.display import PRESETS
from eci_annotate.imaging.measurements import is_projection
from eci_annotate.tools.editing.entries import ChooseTool, Entry, Redo, SetOption, Undo
from eci_annotate.tools.registry import TOOLS, infos, offered
from eci_annotate.viewer.session.event_loop import LOOP, Scheduler
from eci_annotate.viewer.stage.controller import Controller
from eci_annotate.viewer.stage.shortcuts import LEAST_MM, MOST_MM
from eci_annotate.viewer.stage.slices import choices_of

WINDOWS = (*PRESETS, "auto")
STEP = 0.02  # of the brush slider, in powers of ten
REST_S = 0.3
Do = Callable[[Entry], None]


def _button(icon: str, tooltip: str, text: str = "", width: str = "36px") -> w.Button:
    return w.Button(icon=icon, description=text, tooltip=tooltip, layout=w.Layout(width=width))


def _toggle(icon: str, tooltip: str, text: str) -> w.ToggleButton:
    return w.ToggleButton(icon=icon, description=text, tooltip=tooltip, layout=w.Layout(width="auto"))


def _choose(do: Do, name: str, value: Any) -> None:
    do(ChooseTool(name))


def _set(do: Do, name: str, value: Any) -> None:
    do(SetOption(name, value))


class Toolbar:
    """Buttons above the stage, in one row; `refresh` shows the state of the easel.

    What does not fit into the row is in a menu, which the browser makes (`esm/hands/tool_row.js`).

    Parameters
    ----------
    do
        Applies an entry.
    look
        Applies a window preset.
    tools
        Tools that the task offers.
    scheduler
        Runs work later.
    """

    def __init__(
        self,
        controller: Controller,
        do: Do,
        look: Callable[[str], None],
        tools: Sequence[str] = tuple(TOOLS),
        scheduler: Scheduler = LOOP,
    ) -> None:
        self.easel, self._scheduler = controller.easel, scheduler
        self._quiet = False
        self._shown_mm, self._changes = self.easel.options.radius_mm, 0
        self.tools = {
            info.name.value: _toggle(info.icon, f"{info.title} ({info.key.title()}): {info.help}", info.title)
            for info in infos()
            if info.name in offered(tools)
        }
        self.erase = _toggle("eraser", "Erase instead of adding (X)", "Erase")
        self.through = _toggle("cubes", "SmartPaint through the slices (3), or on this slice only (2)", "3-D")
        self.barrier = _toggle("magnet", "Stop at edges: the barrier rule; off: the classic rule", "Edges")
        self.radius = w.FloatLogSlider(
            value=8, base=10, min=-0.3, max=1.9, step=STEP, description="Brush mm", readout_format=".1f",
            layout=w.Layout(width="230px"), tooltip="Brush radius ([ and ])",
        )  # fmt: skip
        self.more = {
            "zone": _toggle("ban", "Mark zones that no stroke enters (E)", "Zone"),
            "lock": _toggle("lock", "Never paint over other annotations", "Lock"),
            "in_window": _toggle("filter", "Paint only values inside the display window", "Range"),
        }
        self.pen = w.Dropdown(
            options=[("Free", "free"), ("Polygon", "polygon"), ("Nudge", "nudge"), ("Cut", "cut")],
            layout=w.Layout(width="100px"), tooltip="How FreeDraw draws",
        )  # fmt: skip
        self.undo = _button("undo", "Undo")
        self.redo = _button("repeat", "Redo")
        self.window = w.Dropdown(
            options=["Window …", *WINDOWS], layout=w.Layout(width="110px"), tooltip="Window (Shift+1 … 5)"
        )
        self.window.observe(lambda change: self._look(look, change["new"]), "value")
        options = [self.erase, self.through, self.barrier, *self.more.values(), self.pen, self.radius, self.window]
        self.row = w.HBox([*self.tools.values(), *options])
        self.row.add_class("eci-tools")
        for button in self.tools.values():
            button.add_class("eci-tool")
        self.widget = w.HBox([self.row, self.undo, self.redo])
        self.widget.add_class("eci-toolbar")
        parts = {"erase": self.erase, "dimension": self.through, "rule": self.barrier, "radius_mm": self.radius}
        self._by_option = {**parts, "pen": self.pen, **self.more}
        self._connect(do)
        self.refresh()

    def _connect(self, do: Do) -> None:
        for name, button in self.tools.items():
            self._on(button, partial(_choose, do, name))
        self._on(self.erase, lambda value: do(SetOption("erase", value)))
        self._on(self.through, lambda value: do(SetOption("dimension", 3 if value else 2)))
        self._on(self.barrier, lambda value: do(SetOption("rule", "barrier" if value else "classic")))
        for name, button in self.more.items():
            self._on(button, partial(_set, do, name))
        self._on(self.pen, partial(_set, do, "pen"))
        self._on(self.radius, partial(self._set_radius, do))
        self.undo.on_click(lambda _: do(Undo()))
        self.redo.on_click(lambda _: do(Redo()))

    def _set_radius(self, do: Do, value: float) -> None:
        """Apply the slider; it also returns, rounded to its steps, what it was told to show: that is no wish."""
        if abs(log10(value / self._shown_mm)) > STEP / 2 + 1e-6:
            self._shown_mm = value
            do(SetOption("radius_mm", round(min(max(value, LEAST_MM), MOST_MM), 2)))

    def _show_radius(self) -> None:
        """Move the slider once the radius rests: what it returns late would undo later steps of the keys."""
        self._changes += 1
        change = self._changes

        def show() -> None:
            if change == self._changes:
                self._quiet, self._shown_mm = True, self.easel.options.radius_mm
                self.radius.value = self._shown_mm
                self._quiet = False

        self._scheduler.after(REST_S, show)

    def _look(self, look: Callable[[str], None], name: str) -> None:
        """Apply a preset as an action, not a state: the window can be dragged on from there."""
        if name in self.window.options[1:]:
            look(name)
            self.window.value = "Window …"

    def _on(self, widget: Any, react: Callable[[Any], None]) -> None:
        def changed(change: Any) -> None:
            if not self._quiet:
                react(change["new"])

        widget.observe(changed, "value")

    def refresh(self) -> None:
        """Show the state of the easel."""
        self._quiet = True
        options = self.easel.options
        for name, button in self.tools.items():
            button.value = name == self.easel.tool
            button.button_style = "primary" if button.value else ""
        self.erase.value, self.through.value = options.erase, options.dimension == 3
        self.barrier.value = options.rule == "barrier"
        used = set(TOOLS[self.easel.tool].info.options) - self._without_depth()
        for name, button in self.more.items():
            button.value = getattr(options, name)
        self.pen.value = options.pen
        for name, part in self._by_option.items():
            part.layout.display = "" if name in used else "none"
        for button, says in ((self.undo, self.easel.table.undo_name), (self.redo, self.easel.table.redo_name)):
            button.disabled = says is None
            button.tooltip = says or "Nothing to undo or redo"
        self._show_windows()
        self._quiet = False
        if abs(log10(options.radius_mm / self._shown_mm)) > 1e-6:
            self._show_radius()

    def _without_depth(self) -> set[str]:
        """Return the option that makes no sense on a projection."""
        table = self.easel.table
        return {"dimension"} if table.series_uid and is_projection(table.volume) else set()

    def _show_windows(self) -> None:
        """Offer the windows of the file that is shown, beside ours."""
        own = [choice["name"] for choice in choices_of(self.easel.table.volume)] if self.easel.table.series_uid else []
        offered = ("Window …", *WINDOWS, *own)
        if tuple(self.window.options) != offered:
            self.window.options = offered

    def close(self) -> None:
        """Disable drawing."""
        for widget in (*self.row.children, self.undo, self.redo):
            widget.disabled = True
