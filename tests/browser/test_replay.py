"""A drawing played again in a real JupyterLab: each step is on the screen, the pen's place is followed."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page

import eci_annotate as eci
from eci_annotate.demo.rehearsal import rehearse
from tests.browser.lab import Lab, Viewer, run_all

PLAY = """
import eci_annotate as eci
eci.replay(eci.open("{folder}").signed("{subject}", "{task}", 1))
"""
INK = """(s) => s.board.panes.reduce((sum, p) => sum + p.layers.reduce((n, c) => {
    const d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
    let more = 0; for (let i = 3; i < d.length; i += 4) more += d[i] > 0; return n + more }, 0), 0)"""


def ink(viewer: Viewer) -> Any:
    return viewer.stage(f"({INK})(s)")


def test_a_drawing_is_played_and_stepped_back(lab: Lab, page: Page) -> None:
    folder = lab.unused("replayed")
    eci.create_repository(folder, project="liver-ct", member="anna", site="KAU")
    signed = rehearse(eci.open(folder), kind="tiny", project="liver-ct")
    code = PLAY.format(folder=folder.name, subject=signed.subject, task=signed.task)
    run_all(page, lab.put("replay.ipynb", [code]))
    viewer = Viewer(page)
    viewer.wait()
    bar = page.locator(".eci-replay")
    assert "Beginning" in bar.inner_text() and ink(viewer) == 0
    bar.locator("select").select_option(label="4 ×")
    bar.locator("button").first.click()
    page.wait_for_function(
        "() => { const t = document.querySelector('.eci-replay').innerText; const m = t.match(/(\\d+) of (\\d+)/);"
        " return m && m[1] === m[2] }",
    )
    viewer.rest()
    whole = ink(viewer)
    assert whole > 100
    handle = bar.locator("[role=slider], .noUi-handle").first
    handle.focus()
    page.keyboard.press("Home")
    page.wait_for_function("() => document.querySelector('.eci-replay').innerText.includes('Beginning')")
    viewer.rest()
    assert ink(viewer) == 0
