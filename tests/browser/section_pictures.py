"""A picture of an abdominal MR: ADC in colour over T2, with an oblique plane (`python -m tests.browser.pictures`)."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page

import eci_annotate as eci
from eci_annotate.repository.admin.create import create_repository
from eci_annotate.repository.admin.import_dicom import import_folders
from tests.browser.lab import Lab, Viewer, run_all

OPEN = "import eci_annotate as eci\nrepo = eci.open('{0}')\neci.annotate(repo.start_next('liver-mri'))"


def settle(page: Page) -> None:
    """Wait until all panes are drawn."""
    page.wait_for_timeout(700)
    Viewer(page).wait()


def choose(page: Page, menu: int, label: str) -> None:
    """Choose in one of the menus above the images."""
    page.locator(".eci-layouts select").nth(menu).select_option(label=label)
    settle(page)


def take_fusion(page: Page, lab: Lab, root: Path, images: Path, out: Path) -> None:
    """Make `fusion.png`."""
    folder = root / "fusion"
    create_repository(folder, project="liver-mri", member="anna", site="KAU")
    import_folders(eci.open(folder).backend, [images], project="liver-mri", site="KAU")  # type: ignore[arg-type]
    run_all(page, lab.put("fusion.ipynb", [OPEN.format(folder)]))
    viewer = Viewer(page)
    viewer.wait()
    page.evaluate("() => window.jupyterapp.commands.execute('application:toggle-left-area')")
    page.set_viewport_size({"width": 1600, "height": 1400})
    page.locator(".eci-series button").get_by_text("AX T2").click()
    choose(page, 0, "Three planes and oblique")
    choose(page, 3, "ADC")
    page.mouse.click(*viewer.at("axial", 0.32, 0.45), button="middle")
    page.keyboard.press("Shift+Digit5")
    viewer.stage("s.board.setWindow([0, 3500], false, s.board.active.fuse.series)")
    page.keyboard.press("Alt+ArrowUp")
    viewer.drag("axial", [(0.70, 0.38), (0.76, 0.44)])
    viewer.rest()
    page.keyboard.down("Shift")
    page.mouse.click(*viewer.at("axial", 0.70, 0.38))
    page.keyboard.up("Shift")
    settle(page)
    page.mouse.click(*viewer.at("oblique", 0.5, 0.5), button="middle")
    for key in "8" * 4 + "9" * 2:
        page.keyboard.press(key)
        page.wait_for_timeout(150)
    settle(page)
    page.mouse.move(*viewer.at("axial", 0.3, 0.48))
    page.wait_for_timeout(1000)
    page.locator(".eci-app").first.screenshot(path=out / "fusion.png")
