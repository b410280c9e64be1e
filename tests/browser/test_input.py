"""Pen, fingers, and screens with two device pixels to one of CSS."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page

from eci_annotate.imaging.annotations import Annotation, Box
from eci_annotate.repository.open_repository import open as open_repository
from eci_annotate.tools import replay
from tests.browser.lab import OPEN, PROJECT, SUBJECT, Lab, Viewer, run_all
from tests.browser.pointers import Pointers
from tests.browser.test_viewer import coloured, press

LINE = [(0.40 + 0.02 * n, 0.5) for n in range(8)]


def kept(repository: Path) -> tuple[list[str], list[Annotation]]:
    """Journal lines and annotations of the draft."""
    task = open_repository(repository).start(SUBJECT, "annotate", project=PROJECT, take_over=True)
    draft = task.draft()
    return draft.lines, list(replay(task.volume, draft.snapshot, draft.lines).table.annotations())


def pressures(lines: list[str]) -> list[float]:
    """Pressures of all presses and drags, in order."""
    found: list[float] = []
    for line in lines:
        entry = json.loads(line)
        data = entry.get("data", entry)
        found += [data["pressure"]] if "pressure" in data else data.get("pressures", [])
    return found


def test_a_pen_draws_with_its_pressure(viewer: Viewer, repository: Path) -> None:
    press(viewer, "s", "n")
    Pointers(viewer).pen("axial", LINE, forces := [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])
    viewer.rest()
    assert coloured(viewer) > 50
    viewer.saved()
    lines, annotations = kept(repository)
    assert len(annotations) == 1
    np.testing.assert_allclose(pressures(lines), forces, atol=0.01)


def test_a_finger_draws(viewer: Viewer) -> None:
    press(viewer, "s", "n")
    Pointers(viewer).touch("axial", LINE)
    viewer.rest()
    assert coloured(viewer) > 50
    assert viewer.page.locator(".eci-row").count() == 1


def test_two_fingers_zoom_and_move_and_draw_nothing(viewer: Viewer) -> None:
    press(viewer, "s")
    before = viewer.stage("s.board.panes[0].view")
    apart = [[(0.5 + side * (0.05 + 0.01 * n), 0.5) for n in range(11)] for side in (-1, 1)]
    Pointers(viewer).touch("axial", *apart)
    viewer.rest()
    after = viewer.stage("s.board.panes[0].view")
    assert after["zoom"] / before["zoom"] == pytest.approx(3, rel=0.02)
    middle = [(v["left"] + v["width"] / 2 / v["zoom"], v["top"] + v["height"] / 2 / v["zoom"]) for v in (before, after)]
    assert np.allclose(*middle, atol=1.5)
    assert viewer.page.locator(".eci-row").count() == 0 and coloured(viewer) == 0
    aside = [[(0.5 + side * 0.1 + 0.02 * n, 0.5) for n in range(6)] for side in (-1, 1)]
    Pointers(viewer).touch("axial", *aside)
    moved = viewer.stage("s.board.panes[0].view")
    assert moved["zoom"] == pytest.approx(after["zoom"], rel=0.02) and moved["left"] < after["left"]


def box_at(lab: Lab, page: Page, repository: Path, name: str) -> tuple[Box, int]:
    """Draw the same box in a notebook; its parameters, and the width of the kernel's canvases per CSS pixel."""
    run_all(page, lab.put(f"{name}.ipynb", [OPEN.format(folder=repository.name)]))
    viewer = Viewer(page)
    viewer.wait()
    press(viewer, "b", "n")
    viewer.drag("axial", [(0.5, 0.5), (0.6, 0.58)], steps=12)
    viewer.rest()
    viewer.saved()
    sizes = viewer.stage("s.board.panes.map(p => [p.size.width, p.screen.width, ...p.layers.map(l => l.width)])")
    ratios = {round(width / css, 1) for css, *widths in sizes for width in widths}
    assert len(ratios) == 1 and coloured(viewer) > 50
    press(viewer, "r")
    page.screenshot(path=repository / f"{name}.png")
    box = kept(repository)[1][-1]
    assert isinstance(box, Box)
    return box, ratios.pop()


def test_two_device_pixels_per_pixel(lab: Lab, page: Page, repository: Path) -> None:
    """What is drawn lies at the same place of the patient, on canvases that are twice as large."""
    one, ratio = box_at(lab, page, repository, "ratio-one")
    assert ratio == 1 and one.label == "lesion 1"
    assert page.context.browser is not None
    context = page.context.browser.new_context(viewport=page.viewport_size, device_scale_factor=2)
    try:
        two, ratio = box_at(lab, context.new_page(), repository, "ratio-two")
    finally:
        context.close()
    assert ratio == 2 and two.label == "lesion 2"
    np.testing.assert_allclose(two.centre_lps, one.centre_lps, atol=0.05)
    np.testing.assert_allclose(two.size_mm, one.size_mm, atol=0.05)
