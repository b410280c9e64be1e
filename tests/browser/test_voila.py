"""The same application under Voilà: a page without JupyterLab around it."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page

from eci_annotate.repository.open_repository import open as open_repository
from tests.browser.lab import PROJECT, SUBJECT, Viewer
from tests.browser.test_viewer import coloured, press
from tests.browser.voila_app import voila


def test_a_stroke_is_drawn_and_kept_under_voila(place: Path, page: Page) -> None:
    with voila(place, "one.ipynb", ECI_ANNOTATE_REPOSITORY=str(place / "repository")) as address:
        page.goto(address)
        viewer = Viewer(page)
        viewer.wait()
        press(viewer, "s", "n")
        viewer.drag("axial", [(0.45, 0.5), (0.55, 0.5)], steps=12)
        viewer.rest()
        assert coloured(viewer) > 50 and page.locator(".eci-row").count() == 1
        page.screenshot(path=place / "voila.png")
        viewer.saved()
        repo = open_repository(place / "repository")
        draft = repo.start(SUBJECT, "annotate", project=PROJECT, take_over=True).draft()
        assert any("Drag" in line or "drag" in line for line in draft.lines)
