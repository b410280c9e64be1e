"""The panel of marked places: a reviewer adds them with remarks; the annotator steps through them."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from dataclasses import replace

import ipywidgets as w

from eci_annotate.errors import Refused
from eci_annotate.imaging.geometry import Vector
from eci_annotate.viewer.stage.places import Place

NO_PLACE = "Places are marked in a review."
HOW = "Point at what needs correction and press P, or mark the crosshair's position."
Changed = Callable[[tuple[Place, ...]], None]


class PlacesPanel:
    """Marked places.

    Parameters
    ----------
    title
        Title as HTML.
    places
        Initial places.
    look
        Called to show a place.
    changed
        Called with all places after one was added, removed or its remark changed; None: read-only.
    crosshair
        Returns the position of the crosshair, in patient mm.
    """

    def __init__(
        self,
        title: str,
        places: Sequence[Place],
        look: Callable[[Place], None],
        changed: Changed | None = None,
        crosshair: Callable[[], Vector | None] = lambda: None,
    ) -> None:
        self.places, self._look, self._changed, self._crosshair = tuple(places), look, changed, crosshair
        self.button = w.Button(icon="map-marker", description="Mark the crosshair", tooltip=HOW)
        self.button.layout.width = "auto"  # the default cuts the words off
        self.button.on_click(lambda _: self.add(self._crosshair()))
        head = [self.button] if changed else []
        self.body = w.VBox([])
        self.widget = w.VBox([w.HTML(f"<b>{title}</b>"), *head, self.body])
        self.widget.add_class("eci-places")
        self._show()

    def add(self, point_lps: Vector | None) -> None:
        """Mark a place; raises Refused if places are read-only."""
        if self._changed is None or point_lps is None:
            raise Refused(NO_PLACE if self._changed is None else "No image is shown yet.")
        self._take((*self.places, Place(point_lps)))
        self._show()

    def _take(self, places: tuple[Place, ...]) -> None:
        self.places = places
        if self._changed is not None:
            self._changed(places)

    def _show(self) -> None:
        for line in self.body.children:
            line.close()
        self.body.children = [self._line(number, each) for number, each in enumerate(self.places)]

    def _line(self, number: int, place: Place) -> w.HBox:
        goto = w.Button(description=str(number + 1), icon="crosshairs", tooltip="Show this place")
        goto.layout.width = "56px"
        goto.on_click(lambda _: self._look(self.places[number]))
        line = w.HBox([goto, *self._words(number, place)], layout=w.Layout(align_items="center"))
        line.add_class("eci-place")
        return line

    def _words(self, number: int, place: Place) -> list[w.DOMWidget]:
        """Return the remark as text or as an input field."""
        wide = w.Layout(flex="1 1 60px", width="60px", min_width="0")
        if self._changed is None:
            return [w.HTML(html.escape(place.remark), layout=wide)]
        remark = w.Text(value=place.remark, placeholder="what needs correction", continuous_update=False, layout=wide)
        remark.observe(lambda change: self._say(number, change["new"]), "value")
        away = w.Button(icon="trash", tooltip="Remove this place", layout=w.Layout(width="34px"))
        away.on_click(lambda _: self._remove(number))
        return [remark, away]

    def _say(self, number: int, remark: str) -> None:
        said = replace(self.places[number], remark=remark)
        self._take((*self.places[:number], said, *self.places[number + 1 :]))

    def _remove(self, number: int) -> None:
        self._take((*self.places[:number], *self.places[number + 1 :]))
        self._show()

    def close(self) -> None:
        """Make the places read-only."""
        self._changed = None
        self.button.disabled = True
        self._show()
