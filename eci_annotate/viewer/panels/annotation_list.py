"""The list of annotations: label, colour, volume, visibility, delete; and above it the settings of the next one."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets as w

from eci_annotate.errors import EciError
from eci_annotate.imaging.annotations import Annotation, Box, Colour
from eci_annotate.imaging.measurements import Unit, extent_in_words, unit_of
from eci_annotate.tools.editing.entries import Alter, Delete, Select
from eci_annotate.tools.measure import ruler_in_words
from eci_annotate.tools.protocol import Object, Ruler, Unplaced
from eci_annotate.tools.registry import icon_of
from eci_annotate.viewer.panels.study_checks import shape
from eci_annotate.viewer.panels.toolbar import Do
from eci_annotate.viewer.stage.controller import Controller
from eci_annotate.viewer.stage.labels import PALETTE, tidy_label, unused_colour

STRETCHED = {"width": "60px", "min_width": "0", "flex": "1 1 60px"}
MOST_CH = 40  # of a label that a row makes room for; the width of 0 is wider than most letters


def to_hex(colour: Colour) -> str:
    """Convert `(255, 0, 0)` to `#ff0000`."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def from_hex(text: str) -> Colour:
    """Convert `#ff0000` to `(255, 0, 0)`."""
    red, green, blue = (int(text[n : n + 2], 16) for n in (1, 3, 5))
    return red, green, blue


def is_drawn(thing: Annotation, volume_mm3: float) -> bool:
    """Whether an annotation has a shape; a flat box has one without a volume."""
    return isinstance(thing, Box) or (not isinstance(thing, Unplaced) and volume_mm3 > 0)


def size_of(thing: Annotation, volume_mm3: float, unit: Unit = Unit.PATIENT) -> str:
    """Return the size of an annotation in words: ml, mm of a flat box, or `empty`; of a picture its area."""
    if unit != Unit.PATIENT and is_drawn(thing, volume_mm3):
        if isinstance(thing, Box):
            width, height = sorted(thing.size_mm, reverse=True)[:2]
            return f"{width:.0f} × {height:.0f} {unit}"
        return extent_in_words(volume_mm3, unit, 2)
    if isinstance(thing, Box) and not thing.volume_mm3:
        width, height, _ = sorted(thing.size_mm, reverse=True)
        return f"{width:.0f} × {height:.0f} mm"
    return f"{volume_mm3 / 1000:.2f} ml" if is_drawn(thing, volume_mm3) else "empty"


class AnnotationRow:
    """One annotation."""

    def __init__(self, uid: str, do: Do) -> None:
        self.uid, self._do, self._quiet = uid, do, False
        self.choose = w.Button(layout=w.Layout(width="24px"), tooltip="Choose this annotation")
        self.label = w.Text(layout=w.Layout(**STRETCHED), continuous_update=False)
        self.label.add_class("eci-label")
        self.colour = w.ColorPicker(concise=True, layout=w.Layout(width="24px"))
        self.volume = w.Label(layout=w.Layout(width="auto", min_width="72px", margin="0 0 0 auto"))
        self.shown = w.ToggleButton(icon="eye", tooltip="Show or hide (H)", layout=w.Layout(width="24px"))
        self.delete = w.Button(icon="trash", tooltip="Delete; undo brings it back", layout=w.Layout(width="24px"))
        self.series = w.HTML(layout=w.Layout(flex="1 1 100%", display="none"))
        self.series.add_class("eci-facts")
        parts = [self.choose, self.colour, self.label, self.volume, self.shown, self.delete, self.series]
        self.widget = w.HBox(parts, layout=w.Layout(align_items="center", flex_flow="row wrap"))
        self.widget.add_class("eci-row")
        self.choose.on_click(lambda _: do(Select(uid)))
        self.deleted_here = False  # by its own button, which has the keyboard focus then
        self.delete.on_click(lambda _: self._delete())
        self._on(self.label, lambda value: Alter(uid, label=tidy_label(value)))
        self._on(self.colour, lambda value: Alter(uid, colour=from_hex(value)))
        self._on(self.shown, lambda value: Alter(uid, visible=value))

    def _delete(self) -> None:
        self.deleted_here = True
        self._do(Delete(self.uid))

    def _on(self, widget: w.Widget, entry: Callable[..., Alter]) -> None:
        widget.observe(lambda change: None if self._quiet else self._do(entry(change["new"])), "value")

    def place(self, here: bool, visible: bool, series: str) -> None:
        """Show whether the annotation was drawn on this series or on which, and whether it can be seen on this one."""
        self.series.value = f"on {html.escape(series)}"
        self.series.layout.display = "none" if here or not series else ""
        label = self.label.value
        self.choose.tooltip = f"Choose {label}" if here else f"Drawn on another series: switch to {label}"
        (self.widget.remove_class if visible else self.widget.add_class)("eci-elsewhere")

    def refresh(self, thing: Object, active: bool, shown: bool, size: str) -> None:
        """Show the current state of the annotation."""
        self._quiet = True
        self.label.value, self.colour.value, self.shown.value = thing.label, to_hex(thing.colour), shown
        self.label.tooltip = f"Label: {thing.label}"
        self.shown.tooltip = f"Show or hide {thing.label} (H)"
        self.delete.tooltip = f"Delete {thing.label}; undo brings it back"
        self.label.layout.flex = f"1 1 {min(len(thing.label) + 1, MOST_CH)}ch"  # a long one takes a line of its own
        self.shown.icon = "eye" if shown else "eye-slash"
        self.choose.icon = icon_of(thing.kind)
        self.choose.button_style = "primary" if active else ""
        self.volume.value = size
        self._quiet = False


class AnnotationList:
    """All rows, and the row that adds one; `titles` of series by UID name where something was drawn."""

    def __init__(
        self, controller: Controller, do: Do, add: Callable[[str, Colour], None], titles: Mapping[str, str]
    ) -> None:
        self.controller, self.easel, self._do, self._titles = controller, controller.easel, do, titles
        self.rows: dict[str, AnnotationRow] = {}
        self._volumes: dict[str, tuple[int, float]] = {}  # revision, mm3
        self._units: dict[str, Unit] = {}  # of each series that was drawn on
        tip = "Label of the next annotation"
        self.label = w.Text(
            placeholder="next label", tooltip=tip, layout=w.Layout(**STRETCHED), continuous_update=False
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
        changed, order = set(objects) != set(self.rows), list(self.rows)
        gone = [row for uid, row in self.rows.items() if uid not in objects]
        self.rows = {uid: self.rows.get(uid) or AnnotationRow(uid, self._do) for uid in objects}
        self._fill()
        if changed:  # a row appears with its label, never empty for a moment
            self._keep_focus(gone, order)
            self.body.children = [row.widget for row in self.rows.values()]
            for row in gone:
                row.widget.close()
            self._next()

    def _keep_focus(self, gone: Sequence[AnnotationRow], order: Sequence[str]) -> None:
        """Give the keyboard focus to the row after one that was deleted by its button, else to Add."""
        for row in gone:
            if row.deleted_here:
                later = [uid for uid in order[order.index(row.uid) :] if uid in self.rows]
                (self.rows[later[0]].choose if later else self.new).focus()

    def _fill(self) -> None:
        for uid, thing in self.easel.table.objects.items():
            shown, unit = uid not in self.easel.table.hidden, self._unit(thing)
            said = ruler_in_words(self.easel.table, uid) if isinstance(thing, Ruler) else ""
            size = said or size_of(thing, self._volume(uid), unit)
            self.rows[uid].refresh(thing, uid == self.easel.table.active, shown, size)
            here, title = thing.series_uid == self.easel.table.series_uid, self._titles.get(thing.series_uid, "")
            self.rows[uid].place(here, self._is_on(thing), title)

    @property
    def drawn(self) -> list[dict[str, str]]:
        """Return label, kind and series of each annotation that has a shape; of a box its shape too."""
        things = [thing for uid, thing in self.easel.table.objects.items() if is_drawn(thing, self._volume(uid))]
        return [
            {"label": each.label, "kind": each.kind, "series": each.series_uid}
            | ({"shape": shape(each)} if isinstance(each, Box) else {})
            for each in things
        ]

    def _unit(self, thing: Object) -> Unit:
        """Return what lengths on the series of an annotation are stated in."""
        if thing.series_uid not in self._units:
            try:
                self._units[thing.series_uid] = unit_of(self.easel.table.sheet_of(thing.series_uid).volume)
            except EciError:
                return Unit.PATIENT
        return self._units[thing.series_uid]

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
        self.colour.value = to_hex(unused_colour(self.easel.table))
        self.controller.plan.next_label, self.controller.plan.next_colour = "", None

    def close(self) -> None:
        """Disable changes; visibility can still be toggled."""
        for widget in (self.label, self.colour, self.new):
            widget.disabled = True
        for row in self.rows.values():
            for part in (row.label, row.colour, row.delete):
                part.disabled = True
