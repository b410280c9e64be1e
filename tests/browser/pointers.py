"""Pens and fingers, as the browser's own input pipeline delivers them (Chrome's debugging protocol)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from playwright.sync_api import CDPSession

from tests.browser.lab import Viewer

Share = tuple[float, float]


class Pointers:
    """Pen and touch over the panes of a viewer; places are shares (0..1) of a pane."""

    def __init__(self, viewer: Viewer) -> None:
        self.viewer = viewer
        self.session: CDPSession = viewer.page.context.new_cdp_session(viewer.page)

    def pen(self, pane: str, path: Sequence[Share], pressures: Sequence[float]) -> None:
        """Draw with a pen that presses as hard as said at each place."""
        self._pen("mousePressed", pane, path[0], pressures[0])
        for place, pressure in zip(path[1:], pressures[1:], strict=True):
            self._pen("mouseMoved", pane, place, pressure)
        self._pen("mouseReleased", pane, path[-1], 0.0)

    def _pen(self, kind: str, pane: str, place: Share, force: float) -> None:
        x, y = self.viewer.at(pane, *place)
        more: dict[str, Any] = {"button": "left", "buttons": 1, "clickCount": 1, "force": force}
        self.session.send("Input.dispatchMouseEvent", {"type": kind, "x": x, "y": y, "pointerType": "pen", **more})

    def touch(self, pane: str, *paths: Sequence[Share]) -> None:
        """Put one finger down for each path, the later ones after the first; move all, lift all."""
        fingers = [self._finger(pane, n, path[0]) for n, path in enumerate(paths)]
        for n in range(len(fingers)):
            self._touch("touchStart", fingers[: n + 1])
        for places in zip(*(path[1:] for path in paths), strict=True):
            self._touch("touchMove", [self._finger(pane, n, place) for n, place in enumerate(places)])
        self._touch("touchEnd", [])

    def _finger(self, pane: str, number: int, place: Share) -> dict[str, float]:
        x, y = self.viewer.at(pane, *place)
        return {"x": x, "y": y, "id": number}

    def _touch(self, kind: str, fingers: list[dict[str, float]]) -> None:
        self.session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})
