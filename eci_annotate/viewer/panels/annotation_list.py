"""The list of annotations: label, colour, volume, visibility, delete; and above it the settings of the next one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets as w
import xarray as xr

from eci_annotate.errors import EciError
from eci_annotate.imaging.annotations import Box, Colour
from eci_annotate.imaging.measurements import has_volume
from eci_annotate.tools.editing.entries import Alter, Delete, Select
from eci_annotate.tools.measure import ruler_in_words
from eci_annotate.tools.protocol import Object, Ruler, Unplaced
from eci_annotate.tools.registry import icon_of
from eci_annotate.viewer.panels.study_checks import shape
from eci_annotate.viewer.panels.toolbar import Do
from eci_annotate.viewer.stage.controller import Controller
from eci_annotate.viewer.stage.labels import PALETTE
from eci_annotate.viewer.stage.pane_geometry import Unit, marks_of

STRETCHED = {"width": "60px", "min_width": "0", "flex": "1 1 60px"}


def to_hex(colour: Colour) -> str:
    """Convert `(255, 0, 0)` to `#ff0000`."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def from_hex(text: str) -> Colour:
    """Convert `#ff0000` to `(255, 0, 0)`."""
    red, green, blue = (int(text[n : n + 2], 16) for n in (1, 3, 5))
    return red, green, blue


def is_drawn(thing: Object, volume_mm3: float) -> bool:
    """Whether an annotation has a shape; a flat box has one without a volume."""
    return isinstance(thing, Box) or (not isinstance(thing, Unplaced) and volume_mm3 > 0)


def unit_of(volume: xr.DataArray) -> Unit:
    """Return what sizes on a volume are stated in; of a slice of unknown thickness only its plane has a size."""
    marks = marks_of(volume)
    return marks.unit if marks else Unit.PATIENT if has_volume(volume) else Unit.PLANE


def size_of(thing: Object, volume_mm3: float, unit: Unit = Unit.PATIENT) -> str:
    """Return the size of an annotation in words: ml, mm of a flat box, or `empty`; of a picture its area."""
    if unit != Unit.PATIENT and is_drawn(thing, volume_mm3):
        if isinstance(thing, Box):
            width, height = sorted(thing.size_mm, reverse=True)[:2]
            return f"{width:.0f} × {height:.0f} {unit}"
        return f"{volume_mm3:.0f} px²" if unit == Unit.PIXEL else f"{volume_mm3 / 100:.2f} cm²{unit[2:]}"
    if isinstance(thing, Box) and not thing.volume_mm3:
        width, height, _ = sorted(thing.size_mm, reverse=True)
        return f"{width:.0f} × {height:.0f} mm"
    return f"{volume_mm3 / 1000:.2f} ml" if is_drawn(thing, volume_mm3) else "empty"


class AnnotationRow:
    """One annotation."""

    def __init__(self, uid: str, do: Do) -> None:
        self.uid, self._do, self._quiet = uid, do, False
        self.choose = w.Button(layout=w.Layout(width="28px"), tooltip="Choose this annotation")
        self.label = w.Text(layout=w.Layout(**STRETCHED), continuous_update=False)
        self.label.add_class("eci-label")
        self.colour = w.ColorPicker(concise=True, layout=w.Layout(width="26px"))
        self.volume = w.Label(layout=w.Layout(width="84px"))
        self.shown = w.ToggleButton(icon="eye", tooltip="Show or hide (H)", layout=w.Layout(width="28px"))
        self.delete = w.Button(icon="trash", tooltip="Delete; undo brings it back", layout=w.Layout(width="28px"))
        parts = [self.choose, self.colour, self.label, self.volume, self.shown, self.delete]
        self.widget = w.HBox(parts, layout=w.Layout(align_items="center"))
        self.widget.add_class("eci-row")
        self.choose.on_click(lambda _: do(Select(uid)))
        self.delete.on_click(lambda _: do(Delete(uid)))
        self._on(self.label, lambda value: Alter(uid, label=value))
        self._on(self.colour, lambda value: Alter(uid, colour=from_hex(value)))
        self._on(self.shown, lambda value: Alter(uid, visible=value))

    def _on(self, widget: w.Widget, entry: Callable[..., Alter]) -> None:
        widget.observe(lambda change: None if self._quiet else self._do(entry(change["new"])), "value")

    def place(self, here: bool, visible: bool) -> None:
        """Show whether the annotation was drawn on this series, and whether it can be seen on it."""
        self.choose.tooltip = "Choose this annotation" if here else "Drawn on another series: switch to it"
        (self.widget.remove_class if visible else self.widget.add_class)("eci-elsewhere")

    def refresh(self, thing: Object, active: bool, shown: bool, size: str) -> None:
        """Show the current state of the annotation."""
        self._quiet = True
        self.label.value, self.colour.value, self.shown.value = thing.label, to_hex(thing.colour), shown
        self.label.tooltip = thing.label  # long ones are cut
        self.shown.icon = "eye" if shown else "eye-slash"
        self.choose.icon = icon_of(thing.kind)
        self.choose.button_style = "primary" if active else ""
        self.volume.value = size
        self._quiet = False


class AnnotationList:
    """All rows, and the row that adds one."""

    def __init__(self, controller: Controller, do: Do, add: Callable[[str, Colour], None]) -> None:
        self.controller, self.easel, self._do = controller, controller.easel, do
        self.rows: dict[str, AnnotationRow] = {}
        self._volumes: dict[str, tuple[int, float]] = {}  # revision, mm3
        self._units: dict[str, Unit] = {}  # of each series that was shown
        self.label = w.Text(
            placeholder="label of the next annotation", layout=w.Layout(**STRETCHED), continuous_update=False
        )
        self.colour = w.ColorPicker(concise=True, value=to_hex(PALETTE[0]), layout=w.Layout(width="30px"))
        tip = "New annotation with the current tool (N)"
        self.new = w.Button(icon="plus", description="Add", tooltip=tip, layout=w.Layout(width="72px"))
        self.head = w.HBox([self.colour, self.label, self.new], layout=w.Layout(align_items="center"))
        self.body = w.VBox([])
        self.widget = w.VBox([w.HTML("<b>Annotations</b>"), self.head, self.body])
        self.widget.add_class("eci-list")
        self.new.on_click(lambda _: add(self.label.value, from_hex(self.colour.value)))
        self.label.on_msg(lambda widget, content, buffers: self._entered(add, content))
        self.label.observe(lambda change: self._prepare(), "value")
        self.colour.observe(lambda change: self._prepare(), "value")
        self.refresh()

    def _entered(self, add: Callable[[str, Colour], None], content: Mapping[str, Any]) -> None:
        if content.get("event") == "submit" and self.label.value.strip():  # the Enter key
            add(self.label.value, from_hex(self.colour.value))

    def _prepare(self) -> None:
        plan = self.controller.plan
        plan.next_label, plan.next_colour = self.label.value, from_hex(self.colour.value)

    def refresh(self) -> None:
        """Show the current annotations."""
        objects = self.easel.table.objects
        changed = set(objects) != set(self.rows)
        gone = [row for uid, row in self.rows.items() if uid not in objects]
        self.rows = {uid: self.rows.get(uid) or AnnotationRow(uid, self._do) for uid in objects}
        self._fill()
        if changed:  # a row appears with its label, never empty for a moment
            self.body.children = [row.widget for row in self.rows.values()]
            for row in gone:
                row.widget.close()
            self._next()

    def _fill(self) -> None:
        self._units[self.easel.table.series_uid] = unit_of(self.easel.table.volume)
        for uid, thing in self.easel.table.objects.items():
            shown, unit = uid not in self.easel.table.hidden, self._units.get(thing.series_uid, Unit.PATIENT)
            said = ruler_in_words(self.easel.table, uid) if isinstance(thing, Ruler) else ""
            size = said or size_of(thing, self._volume(uid), unit)
            self.rows[uid].refresh(thing, uid == self.easel.table.active, shown, size)
            self.rows[uid].place(thing.series_uid == self.easel.table.series_uid, self._is_on(thing))

    @property
    def drawn(self) -> list[dict[str, str]]:
        """Return label, kind and series of each annotation that has a shape; of a box its shape too."""
        things = [thing for uid, thing in self.easel.table.objects.items() if is_drawn(thing, self._volume(uid))]
        return [
            {"label": each.label, "kind": each.kind, "series": each.series_uid}
            | ({"shape": shape(each)} if isinstance(each, Box) else {})
            for each in things
        ]

    def _is_on(self, thing: Object) -> bool:
        try:
            return self.easel.table.is_on(thing, self.easel.table.series_uid)
        except EciError:
            return False

    def _volume(self, uid: str) -> float:
        """Return a volume in cubic millimetres, computed again only after a change."""
        revision = self.easel.table.history.revision(uid)
        if uid not in self._volumes or self._volumes[uid][0] != revision:
            try:
                self._volumes[uid] = (revision, self.easel.table.volume_mm3(uid))
            except EciError:
                self._volumes[uid] = (revision, 0.0)
        return self._volumes[uid][1]

    def _next(self) -> None:
        self.label.value = ""
        self.colour.value = to_hex(PALETTE[len(self.rows) % len(PALETTE)])
        self.controller.plan.next_label, self.controller.plan.next_colour = "", None

    def close(self) -> None:
        """Disable changes; visibility can still be toggled."""
        for widget in (self.label, self.colour, self.new):
            widget.disabled = True
        for row in self.rows.values():
            for part in (row.label, row.colour, row.delete):
                part.disabled = True
