"""What a radiologist sees of her lease: a warning before it ends, how she keeps it, and that it was taken over."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from playwright.sync_api import Page, TimeoutError

from eci_annotate.repository.open_repository import open as open_repository
from tests.browser.lab import OPEN, PROJECT, RUN, SUBJECT, Lab, Viewer, run_all
from tests.browser.test_viewer import coloured, draw, press
from tests.patience import PATIENCE_S, until

SOON = """
from datetime import UTC, datetime, timedelta
from eci_annotate.repository import task as handles
handles._TOUCH_S = 0
"""
SHORTEN = "task.until = datetime.now(UTC) + timedelta(seconds={seconds})"
LATE_S = 8.0


def opened(lab: Lab, page: Page, repository: Path, seconds: int) -> Viewer:
    """The task open in a notebook, with a lease that ends soon."""
    code = OPEN.format(folder=repository.name) + SOON
    run_all(page, lab.put(f"{repository.name}.ipynb", [code.replace("eci.annotate(task)", "") + "eci.annotate(task)"]))
    viewer = Viewer(page)
    viewer.wait()
    viewer.fetched()
    viewer.heard()
    shorten(viewer, seconds, "yours for", LATE_S)
    return viewer


def shorten(viewer: Viewer, seconds: int, text: str, patience_s: float) -> None:
    """Shorten the lease until the title bar says so: what the page still had to do when it opened may renew it."""

    def said() -> bool:
        viewer.page.evaluate(RUN, SHORTEN.format(seconds=seconds))
        with suppress(TimeoutError):
            says(viewer, text, patience_s)
            return True
        return False

    assert until(said)


def says(viewer: Viewer, text: str, patience_s: float = PATIENCE_S) -> None:
    """Wait until the title bar says so."""
    script = f"() => document.querySelector('.eci-title').innerText.includes('{text}')"
    viewer.page.wait_for_function(script, timeout=patience_s * 1000)


def title(viewer: Viewer) -> str:
    return viewer.page.locator(".eci-title").inner_text()


def status(viewer: Viewer) -> str:
    return str(viewer.stage("s.status.textContent"))


def test_a_warning_comes_before_the_end_and_looking_around_renews(lab: Lab, page: Page, repository: Path) -> None:
    viewer = opened(lab, page, repository, seconds=240)
    assert "yours for 4 min more" in title(viewer) and "Continue working" in status(viewer)
    viewer.page.screenshot(path=repository / "warned.png")
    viewer.page.mouse.move(*viewer.at("axial", 0.4, 0.4))
    viewer.page.mouse.move(*viewer.at("axial", 0.5, 0.4))
    says(viewer, "yours until")
    assert "again" in status(viewer)


def test_filling_in_the_form_renews(lab: Lab, page: Page, repository: Path) -> None:
    viewer = opened(lab, page, repository, seconds=200)
    assert "yours for 4 min more" in title(viewer)
    page.locator(".eci-q-image_quality select").select_option(label="Good")
    says(viewer, "yours until")


def test_who_does_nothing_loses_it_and_is_told(lab: Lab, page: Page, repository: Path) -> None:
    viewer = opened(lab, page, repository, seconds=12)
    assert "yours for 1 min more" in title(viewer)
    shorten(viewer, 12, "has ended", 12 + LATE_S)
    assert "Start the task again" in status(viewer) and viewer.stage("s.board.tool.read_only")


def test_taken_over_the_viewer_says_so_and_saves_nothing_more(viewer: Viewer, repository: Path) -> None:
    draw(viewer, "s")
    ink = coloured(viewer)
    viewer.saved()
    other = open_repository(repository).start(SUBJECT, "annotate", project=PROJECT, take_over=True)
    kept = other.draft().lines
    assert any('"Release"' in line or "release" in line for line in kept)
    viewer.drag("axial", [(0.3, 0.6), (0.4, 0.6)], steps=8)
    says(viewer, "taken over")
    assert "kept as a draft" in title(viewer) and "Later changes are not included" in title(viewer)
    assert viewer.page.get_by_role("button", name="Sign …").is_disabled()
    assert viewer.page.locator(".eci-toolbar button").first.is_disabled()
    viewer.page.screenshot(path=repository / "taken.png")
    seen = coloured(viewer)
    viewer.drag("axial", [(0.3, 0.3), (0.5, 0.3)], steps=8)
    viewer.rest()
    assert "taken over" in status(viewer) and coloured(viewer) == seen > ink
    press(viewer, "Control+z")
    viewer.page.wait_for_timeout(800)
    assert other.draft().lines == kept
