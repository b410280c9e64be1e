"""A controller over an empty volume, and messages as a browser sends them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr

from eci_annotate.imaging.geometry import Grid
from eci_annotate.imaging.volume import volume_from_array
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.tools.editing.entries import Entry
from eci_annotate.viewer.stage.controller import Controller
from eci_annotate.viewer.stage.controller_listener import Listener
from eci_annotate.viewer.stage.messages import Message

SHAPE = (12, 48, 40)


def make_easel() -> Easel:
    directions = ((0, 0, 1), (0, 1, 0), (1, 0, 0))
    grid = Grid.from_arrays((0, 0, 0), directions, (3, 1, 1), SHAPE, "1.2")
    return Easel.for_volume(volume_from_array(np.zeros(SHAPE, np.int16), grid, series_uid="1.9"))


FINE, STRANGE = "1.9.2", "1.9.3"  # a thinner, shifted series of the same frame of reference; one of another frame


def volume_of(series_uid: str) -> xr.DataArray:
    """One of three series."""
    frame = "1.3" if series_uid == STRANGE else "1.2"
    fine = series_uid == FINE
    spacing, shape, origin = ((1.5, 0.8, 0.8), (20, 50, 44), (2, -3, 3)) if fine else ((3, 1, 1), SHAPE, (0, 0, 0))
    grid = Grid.from_arrays(origin, ((0, 0, 1), (0, 1, 0), (1, 0, 0)), spacing, shape, frame)
    return volume_from_array(np.zeros(shape, np.int16), grid, series_uid=series_uid)


class Heard(Listener):
    """A listener that remembers what was reported; `next` is told of each entry too."""

    def __init__(self) -> None:
        self.kept: list[Entry] = []
        self.marked: list[object] = []
        self.next: Callable[[Entry], None] = lambda entry: None

    def applied(self, entry: Entry) -> None:
        self.kept.append(entry)
        self.next(entry)


class Reviewing(Heard):
    """One that takes marked places."""

    def place_marked(self, point_lps: object) -> None:
        self.marked.append(point_lps)


def make_controller(why_not: str = "", listener: Heard | None = None, easel: Easel | None = None) -> Controller:
    """A controller whose browser is ready; what it reported is in `heard`."""
    one = Controller(easel or make_easel(), listener := listener or Heard(), why_not)
    one.heard = listener  # type: ignore[attr-defined]
    one.receive({"kind": "ready"})
    one.receive(views())
    return one


def windows(low: float, high: float) -> Message:
    return {series: [low, high] for series in ("1.9", FINE, STRANGE)}


THREE = ("axial", "sagittal", "coronal")


def views(index: int = 5, panes: tuple[str, ...] = THREE) -> Message:
    return {"kind": "views", "windows": windows(-160, 240), "views": [
        {"pane": pane, "seq": 1, "index": index, "left_mm": 0, "top_mm": 0, "px_per_mm": 4,
         "width": 200, "height": 200, "ratio": 1}
        for pane in panes
    ]}  # fmt: skip


def hands(frame: int, *events: tuple[str, list[float]], index: int = 5) -> Message:
    return {"kind": "hands", "frame": frame, "events": [
        {"do": do, "pane": "axial", "index": index, "points": points, "pressures": [1] * (len(points) // 3),
         "time_s": 0.1, "modifiers": []}
        for do, points in events
    ]}  # fmt: skip


STROKE = hands(1, ("press", [20, 20, 15]), ("drag", [22, 20, 15, 24, 20, 15]), ("release", [24, 20, 15]))
PULL = hands(1, ("press", [15, 15, 15]), ("drag", [25, 28, 15]), ("release", [25, 28, 15]))
RING = hands(1, ("press", [5, 5, 15]), ("drag", [15, 5, 15, 15, 15, 15, 5, 15, 15]), ("release", [5, 5, 15]))


def tool(controller: Controller, name: str) -> None:
    controller.receive({"kind": "command", "name": "tool", "value": name})
