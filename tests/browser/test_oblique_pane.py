"""An oblique pane: turned by its line in another pane and by keys, scrolled along its normal, and not drawn in."""

from __future__ import annotations

import numpy as np
import pytest

from tests.browser.lab import Viewer
from tests.browser.test_grid import activate
from tests.browser.test_viewer import coloured, draw, press

LAYOUT = "Three planes and oblique"
SHAPE = "s.board.paneNamed('oblique').upright"


def open_four(viewer: Viewer) -> None:
    viewer.page.locator(".eci-layouts select").first.select_option(label=LAYOUT)
    viewer.page.wait_for_function("() => document.querySelector('.eci-stage').stage.board.panes.length === 4")
    viewer.wait()


def normal(viewer: Viewer) -> np.ndarray:
    shape = viewer.stage(SHAPE)
    return np.cross(shape["right"], shape["down"])


def angle(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.degrees(np.arccos(np.clip(one @ other, -1, 1))))


def handle(viewer: Viewer, pane: str) -> tuple[float, float]:
    """Where a handle of the oblique pane's line is in another pane, as shares of it."""
    size = viewer.stage(f"s.board.paneNamed('{pane}').size")
    reach = 0.35 * min(size["width"], size["height"])
    cross = viewer.stage(
        """(() => { const p = s.board.paneNamed('PANE'), c = s.board.focus, {shape, view} = p;
        const d = [0, 1, 2].map((n) => c[n] - shape.origin[n]), dot = (a) => d[0] * a[0] + d[1] * a[1] + d[2] * a[2];
        return [(dot(shape.right) + shape.du / 2 - view.left) * view.zoom,
                (dot(shape.down) + shape.dv / 2 - view.top) * view.zoom] })()""".replace("PANE", pane)
    )
    return (cross[0] + reach) / size["width"], cross[1] / size["height"]


def test_an_oblique_pane_is_turned_scrolled_and_not_drawn_in(viewer: Viewer, request: pytest.FixtureRequest) -> None:
    draw(viewer, "s")
    open_four(viewer)
    first = normal(viewer)
    assert first == pytest.approx([0, 0, 1], abs=1e-6), "at first as acquired"
    before = viewer.stage("s.board.focus")
    x, y = handle(viewer, "coronal")
    size = viewer.stage("s.board.paneNamed('coronal').size")
    reach = 0.35 * min(size["width"], size["height"])
    middle = (x - reach / size["width"], y)
    turn = np.radians(25)
    to = (middle[0] + reach * np.cos(turn) / size["width"], middle[1] + reach * np.sin(turn) / size["height"])
    viewer.drag("coronal", [(x, y), to], steps=12)
    viewer.rest()
    viewer.wait()
    assert angle(normal(viewer), first) == pytest.approx(25, abs=3)
    assert viewer.stage("s.board.focus") == pytest.approx(before), "it turned about the crosshair"
    assert viewer.stage("s.board.ink.echoes.size") >= 1 and coloured(viewer, "oblique") > 0, "and nothing was drawn"
    activate(viewer, "oblique", "8")
    viewer.rest()
    viewer.wait()
    turned = normal(viewer)
    assert angle(turned, first) > 25
    index = viewer.stage("s.board.paneNamed('oblique').index")
    press(viewer, "ArrowDown")
    viewer.rest()
    after = np.subtract(viewer.stage("s.board.focus"), before)
    assert abs(viewer.stage("s.board.paneNamed('oblique').index") - index) == 1
    assert abs(after @ turned) == pytest.approx(np.linalg.norm(after), rel=1e-3), "along its normal"
    press(viewer, "ArrowUp")
    viewer.rest()
    shapes = viewer.stage("s.board.ink.echoes.size")
    viewer.drag("oblique", [(0.3, 0.3), (0.4, 0.3)])
    viewer.rest()
    assert "for viewing" in viewer.page.locator(".eci-status").inner_text()
    assert viewer.stage("s.board.ink.echoes.size") == shapes
    viewer.page.screenshot(path=request.config.cache.mkdir("pictures") / "oblique.png")  # type: ignore[union-attr]
