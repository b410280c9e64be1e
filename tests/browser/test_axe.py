"""No serious fault of accessibility in the task app and in JupyterLab, light and dark, by axe-core."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.lab import Viewer
from tests.browser.test_panes import activate
from tests.browser.test_task_app import APP, lines, open_first
from tests.browser.voila_app import voila

AXE = Path(__file__).parents[2] / ".venv" / "node" / "node_modules" / "axe-core" / "axe.min.js"
GRAVE = ("serious", "critical")


def graves(page: Page, within: str) -> list[tuple[str, list[str]]]:
    """Rules that are broken gravely, and the elements that break them; contrast must have been judged."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found: dict[str, Any] = page.evaluate("(within) => axe.run(within)", within)
    judged = {each["id"]: len(each["nodes"]) for each in found["passes"]}
    assert judged.get("color-contrast", 0) >= 3
    broken = [each for each in found["violations"] if each["impact"] in GRAVE]
    return [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in broken]


def test_the_list_and_a_task_of_the_task_app(made_repository: Path, tmp_path: Path, page: Page) -> None:
    repository = Path(shutil.copytree(made_repository, tmp_path / "repository"))
    shutil.copy(APP, tmp_path / APP.name)
    with voila(tmp_path, APP.name, ECI_ANNOTATE_REPOSITORY=str(repository)) as address:
        page.goto(address)
        assert lines(page) and graves(page, "body") == []
        viewer = open_first(page)
        activate(viewer, "axial", "s")
        viewer.drag("axial", [(0.4, 0.4), (0.5, 0.5)])
        viewer.rest()
        page.screenshot(path=tmp_path / "task.png")
        assert graves(page, "body") == []
        assert page.locator(".eci-stage[role='application']").get_attribute("aria-label")
        page.emulate_media(color_scheme="dark")
        page.screenshot(path=tmp_path / "dark.png")
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.emulate_media(color_scheme="light")
        assert ground != page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.emulate_media(color_scheme="dark")
        found = graves(page, "body")
        page.emulate_media(color_scheme="light")
        assert found == []


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_the_viewer_in_both_themes(viewer: Viewer, repository: Path, theme: str) -> None:
    page = viewer.page
    activate(viewer, "axial", "s")
    viewer.drag("axial", [(0.4, 0.4), (0.5, 0.5)])
    viewer.rest()
    page.locator(".eci-app textarea").first.focus()
    page.keyboard.press("Tab")  # who uses the keyboard sees where the focus is
    for what in (".eci-app select", ".eci-stage"):
        page.locator(what).first.focus()
        assert "solid 2px" in page.evaluate("getComputedStyle(document.activeElement).outline"), what
    change = "(theme) => window.jupyterapp.commands.execute('apputils:change-theme', { theme })"
    page.evaluate(change, theme)
    light = "true" if theme.endswith("Light") else "false"
    page.wait_for_function("(light) => document.body.dataset.jpThemeLight === light", arg=light)
    page.wait_for_timeout(1000)
    page.evaluate("document.querySelector('.eci-problem')?.scrollIntoView()")
    page.screenshot(path=repository / "theme.png")
    try:
        assert graves(page, ".eci-app") == []
        assert contrast(page, ".eci-problem") >= 4.5
    finally:
        page.evaluate(change, "JupyterLab Light")


def contrast(page: Page, selector: str) -> float:
    """Contrast of a text to what is behind it (WCAG 2.1)."""
    ratio: float = page.evaluate(
        """(selector) => {
        const paint = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
        const rgb = (css) => {
            paint.fillStyle = css;
            paint.fillRect(0, 0, 1, 1);
            return [...paint.getImageData(0, 0, 1, 1).data].slice(0, 3).map(c => c / 255);
        };
        const light = (rgb) => rgb.map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
            .reduce((s, c, n) => s + c * [0.2126, 0.7152, 0.0722][n], 0);
        let el = document.querySelector(selector), behind = el;
        const clear = (each) => /rgba\\(.*, 0\\)|transparent/.test(getComputedStyle(each).backgroundColor);
        while (clear(behind)) behind = behind.parentElement;
        const [a, b] = [light(rgb(getComputedStyle(el).color)), light(rgb(getComputedStyle(behind).backgroundColor))];
        return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    }""",
        selector,
    )
    return ratio
