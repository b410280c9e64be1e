"""The kernel's two canvases of one pane, masks below and vectors above. The only module that uses ipycanvas.

Small patches are sent as spans, which the browser draws immediately; large ones as RGBA, i.e. PNG, which it decodes
asynchronously (20 ms late when busy). An RGB array would be sent as JPEG and is never used.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from ipycanvas import Canvas, hold_canvas

from eci_annotate.imaging.annotations import Colour
from eci_annotate.imaging.geometry import Floats
from eci_annotate.viewer.stage.ink.rasterise import runs_of
from eci_annotate.viewer.stage.ink.vector_marks import SPOT_PX
from eci_annotate.viewer.stage.orders import CAPTION, Fit, Ink, Lines, Mark
from eci_annotate.viewer.stage.places import PLACE

PLACE_PX = 11.0
MOST_RUNS = 4000
DARK = "rgba(10,10,12,0.85)"


@contextmanager
def hold(canvas: Canvas) -> Iterator[None]:
    """Batch all drawing into one message.

    The canvas manager does not select the canvas again after a page reload, so each batch selects it;
    and it would keep holding after an error.
    """
    manager = canvas._canvas_manager
    manager._current_canvas = None
    try:
        with hold_canvas():
            yield
    finally:
        manager._caching = False


class PaneCanvases:
    """The kernel's drawing in one pane."""

    def __init__(self) -> None:
        self.masks = Canvas(width=16, height=16)
        self.vectors = Canvas(width=16, height=16)
        self.ratio = 1.0

    @property
    def references(self) -> list[str]:
        """Widget references, bottom first."""
        return [f"IPY_MODEL_{canvas.model_id}" for canvas in (self.masks, self.vectors)]

    def close(self) -> None:
        """Close both in the browser too."""
        self.masks.close()
        self.vectors.close()

    def fit(self, order: Fit) -> None:
        """Follow the size of a view."""
        self.ratio = order.view.ratio
        for canvas in (self.masks, self.vectors):
            canvas.width, canvas.height = order.view.width, order.view.height

    def ink(self, order: Ink) -> None:
        """Replace a rectangle of the mask layer."""
        if order.wipe:
            self.masks.clear_rect(0, 0, self.masks.width, self.masks.height)
        if order.rgba is None:
            return
        height, width = order.rgba.shape[:2]
        if not order.wipe:
            self.masks.clear_rect(order.x, order.y, width, height)
        runs = runs_of(order.rgba, MOST_RUNS)
        if runs is None:
            self.masks.put_image_data(order.rgba, order.x, order.y)
        elif len(runs[0]):
            x, y, length = (np.ascontiguousarray(column) for column in runs[0].T)
            ink = np.ascontiguousarray(runs[1][:, :3])
            alpha = np.round(runs[1][:, 3] / 255, 3).astype(np.float32)
            self.masks.fill_styled_rects(x + order.x, y + order.y, length, 1, ink, alpha)

    def lines(self, order: Lines) -> None:
        """Replace the vector layer."""
        self.vectors.clear_rect(0, 0, self.vectors.width, self.vectors.height)
        for mark in order.marks:
            if mark.spot == PLACE:
                self._place(mark)
            elif mark.spot == CAPTION:
                self._caption(mark)
            elif mark.spot:
                self._spots(mark)
            else:
                self._path(mark)

    def _path(self, mark: Mark) -> None:
        canvas = self.vectors
        rings = _rings(mark.points_px)
        canvas.line_width = mark.width_px
        canvas.line_join = "round"
        canvas.stroke_style = _css(mark.colour)
        canvas.begin_path()
        for ring in rings:
            canvas.move_to(*ring[0])
            for point in ring[1:]:
                canvas.line_to(*point)
            if mark.closed:
                canvas.line_to(*ring[0])
        if mark.fill:
            canvas.fill_style = _css(mark.colour, mark.fill)
            canvas.fill("evenodd")
        canvas.stroke()

    def _place(self, mark: Mark) -> None:
        """Draw a ring that leaves its content visible, with its number next to it."""
        canvas, size = self.vectors, PLACE_PX * self.ratio
        (x, y), *_ = mark.points_px.tolist()
        canvas.font = f"bold {round(13 * self.ratio)}px sans-serif"
        for colour, width in ((DARK, 2.4), (_css(mark.colour), 1.0)):
            canvas.stroke_style, canvas.line_width = colour, mark.width_px * width
            canvas.stroke_circle(x, y, size)
        canvas.stroke_style, canvas.line_width, canvas.fill_style = DARK, 3 * self.ratio, _css(mark.colour)
        canvas.stroke_text(mark.text, x + size, y - size)
        canvas.fill_text(mark.text, x + size, y - size)

    def _caption(self, mark: Mark) -> None:
        canvas = self.vectors
        (x, y), *_ = mark.points_px.tolist()
        canvas.font = f"{round(12 * self.ratio)}px system-ui, sans-serif"
        canvas.line_join, canvas.line_width = "round", 3 * self.ratio
        canvas.stroke_style, canvas.fill_style = DARK, _css(mark.colour)
        canvas.stroke_text(mark.text, x, y)
        canvas.fill_text(mark.text, x, y)

    def _spots(self, mark: Mark) -> None:
        canvas, size = self.vectors, SPOT_PX * self.ratio
        canvas.fill_style = DARK
        canvas.stroke_style = "#ffffff" if mark.spot != "rotate" else "#facc15"
        canvas.line_width = mark.width_px
        for x, y in mark.points_px.tolist():
            if mark.spot in ("centre", "rotate"):
                canvas.fill_circle(x, y, size)
                canvas.stroke_circle(x, y, size)
            else:
                canvas.fill_rect(x - size, y - size, 2 * size, 2 * size)
                canvas.stroke_rect(x - size, y - size, 2 * size, 2 * size)


def _rings(points_px: Floats) -> list[list[list[float]]]:
    """Split at rows of NaN, rounded to tenths of a pixel."""
    ends = np.flatnonzero(np.isnan(points_px[:, 0]))
    parts = np.split(points_px, ends)
    cleaned = [np.round(part[~np.isnan(part[:, 0])], 1).tolist() for part in parts]
    return [ring for ring in cleaned if ring]


def _css(colour: Colour, alpha: float = 1.0) -> str:
    red, green, blue = colour
    return f"rgba({red},{green},{blue},{alpha})"
