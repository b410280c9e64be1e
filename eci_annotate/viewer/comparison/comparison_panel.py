"""The panel of a comparison: sides to switch on and off, and differing lesions to inspect and to adopt."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets as w

from eci_annotate.imaging.annotations import Annotation
from eci_annotate.imaging.measurements import unit_of
from eci_annotate.viewer.comparison.lesions import LesionDifference
from eci_annotate.viewer.comparison.ruler_differences import RulerDifference, ruler_differences
from eci_annotate.viewer.comparison.sides import Side
from eci_annotate.viewer.panels.annotation_list import size_of, to_hex

Reveal = Callable[[Side, bool], None]
Take = Callable[[Side, Sequence[str]], None]
Look = Callable[[LesionDifference | RulerDifference], None]


def chip(side: Side, in_own_colours: bool = False) -> str:
    """Return a side's title next to its colour, as HTML; without one where annotations keep their own colours."""
    if in_own_colours:
        return f"{html.escape(side.title)} <span class='eci-facts'>(in the colours of the list)</span>"
    return f"<span class='eci-chip' style='background:{to_hex(side.colour)}'></span>{html.escape(side.title)}"


class ReadingsPanel:
    """The versions being compared and their lesions.

    Parameters
    ----------
    title
        Title of the panel, as HTML.
    sides
        Sides in their order.
    overlays
        Sides whose outlines can be drawn over the images.
    reveal, look, take
        Called to show or hide a side's outlines, to go to a lesion, to adopt annotations (None: cannot be adopted).
    """

    def __init__(
        self,
        title: str,
        sides: Sequence[Side],
        overlays: Sequence[Side],
        reveal: Reveal,
        look: Look,
        take: Take | None = None,
    ) -> None:
        self.sides, self._look, self._take = sides, look, take
        self.closed = False
        self.eyes = {side.title: self._eye(side, reveal) for side in overlays}
        self._takes: list[tuple[w.Button, str]] = []
        self._taken: frozenset[str] = frozenset()
        self.body = w.VBox([w.HTML("<i>Comparing …</i>")])
        heads = [self._head(side) for side in sides]
        self.widget = w.VBox([w.HTML(f"<b>{title}</b>"), *heads, self.body])
        self.widget.add_class("eci-readings")

    def _eye(self, side: Side, reveal: Reveal) -> w.ToggleButton:
        tip = f"Outlines of {side.title} over the images"
        eye = w.ToggleButton(value=side.layer.shown, icon="eye", tooltip=tip, layout=w.Layout(width="34px"))

        def changed(change: Any) -> None:
            eye.icon = "eye" if change["new"] else "eye-slash"
            reveal(side, change["new"])

        eye.icon = "eye" if eye.value else "eye-slash"
        eye.observe(changed, "value")
        return eye

    def _head(self, side: Side) -> w.HBox:
        own = bool(self.eyes) and side.title not in self.eyes
        parts = [w.HTML(chip(side, own), layout=w.Layout(flex="1 1 auto"))]
        if self._take is not None:
            every = w.Button(description="Take all", layout=w.Layout(width="76px"), tooltip="Take all annotations over")
            every.on_click(lambda _: self._all(side))
            parts.append(every)
        if side.title in self.eyes:
            parts.append(self.eyes[side.title])
        return w.HBox(parts, layout=w.Layout(align_items="center"))

    def _all(self, side: Side) -> None:
        uids = [each.uid for each in side.annotations() if each.uid not in self._taken]
        if self._take is not None and not self.closed and uids:
            self._take(side, uids)

    def show(self, found: Sequence[LesionDifference], titles: Mapping[str, str]) -> None:
        """List the lesions, then the rulers; lesions that share a label name their series, by its title."""
        self._takes = []
        places = Counter(label for label, _ in {(each.label, each.series_uid) for each in found})
        lines = [self._line(each, titles.get(each.series_uid, "") if places[each.label] > 1 else "") for each in found]
        lines += [self._ruler(each) for each in ruler_differences(self.sides)]
        self.body.children = lines or [w.HTML("<i>Nothing was drawn on either side.</i>")]
        self.mark(self._taken)

    def _line(self, lesion: LesionDifference, place: str) -> w.VBox:
        line = self._described(lesion, lesion_difference_html(lesion, self.sides, place), "Show where they differ most")
        line.children += tuple(self._buttons(lesion))
        return line

    def _ruler(self, ruler: RulerDifference) -> w.VBox:
        return self._described(ruler, ruler_difference_html(ruler, self.sides), f"Show {ruler.label}")

    def _described(self, what: LesionDifference | RulerDifference, text: str, tip: str) -> w.VBox:
        goto = w.Button(icon="crosshairs", tooltip=tip, layout=w.Layout(width="34px"))
        goto.on_click(lambda _: self._look(what))
        line = w.VBox([w.HBox([w.HTML(text, layout=w.Layout(flex="1 1 auto")), goto])])
        line.add_class("eci-difference")
        line.add_class("eci-agreed" if what.agreed else "eci-differs")
        return line

    def _buttons(self, lesion: LesionDifference) -> list[w.HBox]:
        if self._take is None:
            return []
        pairs = [(s, a) for s, a in zip(self.sides, lesion.found, strict=True) if a is not None]
        return [w.HBox([self._button(side, each) for side, each in pairs], layout=w.Layout(flex_flow="row wrap"))]

    def _button(self, side: Side, annotation: Annotation) -> w.Button:
        tip = f"Take {annotation.label} of {side.title} over; undo takes it back"
        button = w.Button(description=f"Take {side.title}'s", tooltip=tip, layout=w.Layout(width="auto"))
        button.add_class("eci-take")
        take = self._take
        if take is not None:
            button.on_click(lambda _: take(side, [annotation.uid]))
        self._takes.append((button, annotation.uid))
        return button

    def mark(self, uids: Sequence[str] | frozenset[str]) -> None:
        """Mark the annotations that the user's own work already contains."""
        self._taken = frozenset(uids)
        for button, uid in self._takes:
            taken = uid in self._taken
            button.disabled, button.icon = taken or self.closed, "check" if taken else ""

    def close(self) -> None:
        """Disable adopting."""
        self.closed = True
        self.mark(self._taken)


def lesion_difference_html(lesion: LesionDifference, sides: Sequence[Side], place: str = "") -> str:
    """Return a description of a lesion as HTML; `place`: the series that it is on."""
    parts = []
    for side, each in zip(sides, lesion.found, strict=True):
        if each is None:
            parts.append(f"<span class='eci-problem'>not in {html.escape(side.title)}</span>")
        else:
            unit = unit_of(side.easel.table.sheet_of(each.series_uid).volume)
            parts.append(f"{html.escape(side.title)} {size_of(each, each.volume_mm3, unit)}")
    parts += measures(lesion)
    where = f" <span class='eci-facts'>{html.escape(place)}</span>" if place else ""
    return f"<b>{html.escape(lesion.label)}</b>{where}<div class='eci-facts'>{' · '.join(parts)}</div>"


def ruler_difference_html(ruler: RulerDifference, sides: Sequence[Side]) -> str:
    """Return what a ruler measures on each side as HTML."""
    parts = [
        f"{html.escape(side.title)} {html.escape(words)}"
        if words is not None
        else f"<span class='eci-problem'>not in {html.escape(side.title)}</span>"
        for side, words in zip(sides, ruler.measured, strict=True)
    ]
    parts += ["the same"] if ruler.agreed else []
    return f"<b>{html.escape(ruler.label)}</b><div class='eci-facts'>{' · '.join(parts)}</div>"


def measures(lesion: LesionDifference) -> list[str]:
    """Return how similar the two most different annotations are."""
    row = lesion.row
    if not row:
        return []
    if lesion.agreed:
        return ["the same"]
    found = [f"Dice {row['dice']:.2f}", f"HD95 {row['hd95_mm']:.1f} mm"]
    if row["box_moved_mm"] > 0:
        found.append(f"box moved {row['box_moved_mm']:.1f} mm")
    return found
