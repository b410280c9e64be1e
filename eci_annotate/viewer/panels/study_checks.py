"""What the annotator states of the study: slots that are not available, and series on which a box was looked at.

A tick needs the box on the screen: its series is shown, and the crosshair is inside the box.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import ipywidgets as w
import numpy as np

from eci_annotate.errors import Refused
from eci_annotate.imaging.annotations import Box
from eci_annotate.viewer.stage.controller import Controller
from eci_annotate.workflow.usecase.gate import Checks, in_words, series_to_check, shape_of
from eci_annotate.workflow.usecase.hanging import Hanging
from eci_annotate.workflow.usecase.pipeline import Gate

REASONS = (
    "not acquired",
    "not sent to this project",
    "cannot be read",
    "not usable: motion",
    "not usable: artefact",
    "lesion is outside",
)
Go = Callable[[str, tuple[float, float, float] | None], None]


def shape(box: Box) -> str:
    """Name the shape of a box, as the gate does."""
    return shape_of(box.centre_lps, box.size_mm, box.axes_lps)


def stated(checks: Checks, hanging: Hanging) -> list[w.HTML]:
    """Return what was stated with a signed version, to be read; nothing if nothing was."""
    lines = [f"<div><b>{html.escape(what)}</b>: {html.escape(said)}</div>" for what, said in in_words(checks, hanging)]
    if not lines:
        return []
    shown = w.HTML(f"<b>Series of this task</b>{''.join(lines)}")
    shown.add_class("eci-stated")
    return [shown]


class StudyChecks:
    """Panel of slots and ticks.

    Parameters
    ----------
    gate
        The rule of the task.
    hanging
        Which series fills which slot.
    checks
        What was stated before.
    controller
        For the boxes, the series shown and the crosshair.
    changed
        Called after each statement.
    go
        Shows a series, with the crosshair at a point (patient mm) unless it is None.

    Attributes
    ----------
    value
        What is stated now.
    shown
        Widgets for the workbench; empty if the gate asks for nothing here.
    """

    def __init__(
        self,
        gate: Gate | None,
        hanging: Hanging,
        checks: Checks,
        controller: Controller,
        changed: Callable[[], None],
        go: Go,
    ) -> None:
        self.gate, self.hanging, self.value = gate or Gate(""), hanging, checks
        self._controller, self._changed, self._go = controller, changed, go
        self._overlays = controller.panes.overlays
        self.titles = {each.series_uid: each.title for each in hanging.placed}
        walked = [each.slot for each in hanging.placed] if self.gate.check_series else []
        self.reasons = {slot: self._reason(slot) for slot in dict.fromkeys((*self.gate.needed_slots, *walked))}
        self.walk = w.HTML()
        self.next = w.Button(icon="step-forward", description="Next series", tooltip="Show the box on the next series")
        self.tick = w.Button(icon="check", description="Seen here", tooltip="The box fits on this series")
        self.next.on_click(lambda _: self._step())
        self.tick.on_click(lambda _: self._said(self.tick_here))
        self.said = w.HTML()
        parts = (
            [w.HTML("<b>Series of this task</b>"), *(self._line(slot) for slot in self.reasons)] if self.reasons else []
        )
        walk = [w.HTML("<b>Check on every series</b>"), self.walk, w.HBox([self.next, self.tick]), self.said]
        parts += walk if self.gate.check_series else []
        self.widget = w.VBox(parts)
        self.widget.add_class("eci-checks")
        self.shown = [self.widget] if parts else []
        self.refresh()

    # -- slots -------------------------------------------------------------------
    def _reason(self, slot: str) -> w.Combobox:
        tip = "If this series cannot be annotated, say why; nothing is asked for it then"
        field = w.Combobox(
            value=self.value.unavailable.get(slot, ""),
            options=REASONS,
            placeholder="available" if self._placed(slot) else "missing: why?",
            tooltip=tip,
            continuous_update=False,
            layout=w.Layout(width="150px", min_width="0"),
        )
        field.observe(lambda change: self._excuse(slot, change["new"]), "value")
        field.add_class(f"eci-slot-{slot}")
        return field

    def _line(self, slot: str) -> w.HBox:
        series = self._placed(slot)
        title = next((each.title for each in self.hanging.choices if each.slot == slot), slot)
        show = w.Button(
            description=title, icon="image" if series else "ban", layout=w.Layout(flex="1 1 auto", width="0")
        )
        show.tooltip = f"Show {title}" if series else f"No series of this study fits {title}"
        show.disabled = not series
        show.on_click(lambda _: self._go(series, None))
        return w.HBox([show, self.reasons[slot]], layout=w.Layout(align_items="center"))

    def _placed(self, slot: str) -> str:
        return next((each.series_uid for each in self.hanging.placed if each.slot == slot), "")

    def _excuse(self, slot: str, reason: str) -> None:
        kept = {name: text for name, text in self.value.unavailable.items() if name != slot}
        self.value = replace(self.value, unavailable=kept | ({slot: reason.strip()} if reason.strip() else {}))
        self._changed()
        self.refresh()

    # -- ticks -------------------------------------------------------------------
    @property
    def boxes(self) -> dict[str, Box]:
        """The boxes by label; of equal labels the first, since the gate refuses two."""
        found: dict[str, Box] = {}
        for thing in self._controller.easel.table.objects.values():
            if isinstance(thing, Box) and thing.label:
                found.setdefault(thing.label, thing)
        return found

    def _current(self) -> Box | None:
        """The chosen box, or else the first that is not seen everywhere."""
        active = self._controller.easel.table.objects.get(self._controller.easel.table.active or "")
        if isinstance(active, Box) and active.label:
            return active
        boxes = list(self.boxes.values())
        return next((box for box in boxes if self.unseen(box)), boxes[0] if boxes else None)

    def unseen(self, box: Box) -> list[str]:
        """Return the series on which this box, as it is now, was not ticked."""
        seen: Mapping[str, str] = self.value.seen.get(box.label, {})
        places = series_to_check(self.hanging, self.value, {"series": box.series_uid})
        return [each.series_uid for each in places if seen.get(each.series_uid) != shape(box)]

    def _step(self) -> None:
        box = self._current()
        unseen = self.unseen(box) if box else []
        if box is None or not unseen:
            self.said.value = "Draw a box and give it a label first." if box is None else "Checked on every series."
            return
        now = self._framed()
        later = unseen[unseen.index(now) + 1 :] if now in unseen else []
        series = (later or unseen)[0]
        self._say(f"Does the box fit on {self.titles[series]}?")
        self._go(series, self._overlays.carried(box.centre_lps, box.series_uid, series))
        self.refresh()

    def _framed(self) -> str:
        """Return the series in the pane with the blue frame."""
        controller = self._controller
        return controller.panes.series(controller.active_pane) or controller.easel.table.series_uid

    def tick_here(self) -> None:
        """Tick the chosen box on the series in the blue frame; Refused unless the box is on the screen."""
        box, now = self._current(), self._framed()
        if box is None or now not in self.titles or now == box.series_uid:
            raise Refused("This is not a series to check the box on.", "Press 'Next series'.")
        if not self._on_screen(box):
            raise Refused(f"The box of {box.label!r} is not on the screen.", "Press 'Next series', or scroll to it.")
        seen = {**self.value.seen, box.label: {**self.value.seen.get(box.label, {}), now: shape(box)}}
        self.value = replace(self.value, seen=seen)
        self._say(f"Seen on {self.titles[now]}.")
        self._changed()
        self.refresh()

    def _on_screen(self, box: Box) -> bool:
        focus = self._controller.focus
        if focus is not None:
            focus = self._overlays.carried(focus, self._framed(), box.series_uid)
        if focus is None:
            return False
        along = np.asarray(box.axes_lps) @ (np.asarray(focus) - np.asarray(box.centre_lps))
        return bool(np.all(np.abs(along) <= np.asarray(box.size_mm) / 2 + 1.0))

    def _say(self, text: str) -> None:
        self.said.value = html.escape(text)

    def _said(self, act: Callable[[], None]) -> None:
        try:
            act()
        except Refused as refusal:
            self.said.value = f"<div class='eci-problem'>{html.escape(f'{refusal.what} {refusal.remedy}')}</div>"

    def refresh(self) -> None:
        """Show on which series each box was seen."""
        rows = "".join(self._row(box) for box in self.boxes.values())
        shown = rows or "<i>Draw a box and give it a label.</i>"
        if self.walk.value != shown:
            self.walk.value = shown

    def _row(self, box: Box) -> str:
        unseen = self.unseen(box)
        places = series_to_check(self.hanging, self.value, {"series": box.series_uid})
        marks = [f"{'○' if each.series_uid in unseen else '✓'} {html.escape(each.title)}" for each in places]
        return f"<div><b>{html.escape(box.label)}</b>: {', '.join(marks)}</div>"

    def close(self) -> None:
        """Disable statements; series can still be shown."""
        widgets: Sequence[Any] = (*self.reasons.values(), self.tick)
        for each in widgets:
            each.disabled = True
