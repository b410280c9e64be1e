"""The line between the radiologist's browser and the server is cut: she goes on, is told, and nothing is lost."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page

from eci_annotate.repository.open_repository import open as open_repository
from tests.browser.lab import PROJECT, SUBJECT, Viewer
from tests.browser.relay import CLOSED, DEAF, SILENT, Relay, relayed
from tests.browser.test_viewer import press
from tests.browser.voila_app import voila
from tests.counts import SOAK, count

CUT_S = count(8, 60)


SHOWN = """() => {
  const { board } = document.querySelector('.eci-stage').stage;
  return board.ink.backlog.on(board.paneNamed('axial'), performance.now()).length === 1;
}"""
PENDING = "s.board.ink.backlog.strokes.map((stroke) => !stroke.undone)"


def coloured(viewer: Viewer, y: float) -> int:
    """Return the number of coloured pixels of the axial pane around a stroke at this height (0..1)."""
    return int(
        viewer.stage(
            "(() => { const { screen } = s.board.paneNamed('axial'); const { width, height } = screen;"
            f" const [top, tall] = [Math.round(({y} - 0.02) * height), Math.round(0.04 * height)];"
            " const at = Math.round(0.4 * width), wide = Math.round(0.12 * width);"
            " const { data } = screen.getContext('2d').getImageData(at, top, wide, tall); let n = 0;"
            " for (let i = 0; i < data.length; i += 4)"
            "   n += Math.max(data[i], data[i + 1], data[i + 2]) - Math.min(data[i], data[i + 1], data[i + 2]) > 30;"
            " return n; })()"
        )
    )


def stroke(viewer: Viewer, y: float) -> None:
    viewer.stage("(s.el.focus(), 0)")
    viewer.page.keyboard.press("n")
    viewer.drag("axial", [(0.42, y), (0.5, y)], steps=10)


@contextmanager
def far(place: Path, page: Page) -> Iterator[tuple[Viewer, Relay]]:
    """The one task on the screen, over a line that can be cut."""
    with voila(place, "one.ipynb", ECI_ANNOTATE_REPOSITORY=str(place / "repository")) as address:
        port = int(address.rsplit(":", 1)[1].strip("/"))
        with relayed(port) as relay:
            page.goto(f"http://127.0.0.1:{relay.port}/")
            viewer = Viewer(page)
            viewer.wait()
            if not SOAK:
                viewer.stage("(s.connection.patienceMs = 2000, 0)")
            yield viewer, relay


@pytest.mark.parametrize("how", [CLOSED, SILENT])
def test_nothing_is_lost_when_the_line_is_cut(place: Path, page: Page, how: str) -> None:
    with far(place, page) as (viewer, relay):
        press(viewer, "s")
        stroke(viewer, 0.4)
        viewer.rest()
        relay.cut(how)
        stroke(viewer, 0.5)
        page.keyboard.press("Control+z")
        page.keyboard.press("Control+z")
        stroke(viewer, 0.6)
        told = page.locator(".eci-status")
        told.get_by_text("Not saved since").wait_for()
        assert viewer.stage(PENDING) == [False, True], "the stroke that was undone, and the one after it"
        page.wait_for_function(SHOWN)
        page.screenshot(path=place / f"drawn-{how}.png")
        assert coloured(viewer, y=0.6) > coloured(viewer, y=0.5), "what is drawn is seen, what is undone is not"
        before = viewer.stage("s.board.paneNamed('axial').index")
        page.mouse.wheel(0, 60)
        page.screenshot(path=place / f"cut-{how}.png")
        assert viewer.stage("s.board.paneNamed('axial').index") == before - 1
        page.wait_for_timeout(CUT_S * 1000)
        relay.mend()
        told.get_by_text("Connected again").wait_for()
        viewer.heard()
        page.wait_for_function("() => !document.querySelector('.eci-stage').stage.board.ink.backlog.strokes.length")
        page.locator(".eci-title", has_text=re.compile("saved [0-9]")).wait_for()
        page.wait_for_function("() => document.querySelectorAll('.eci-row').length === 2")
        stroke(viewer, 0.7)
        viewer.rest()
        viewer.saved()
        page.screenshot(path=place / f"mended-{how}.png")
    repo = open_repository(place / "repository")
    repo.start(SUBJECT, "annotate", project=PROJECT, take_over=True)
    lines = [line for entry in repo.backend.drafts.read(PROJECT, SUBJECT, "annotate") for line in entry.get("l", [])]
    kinds = [kind for line in lines for kind in ("add", "press", "release", "undo") if f'"{kind}"' in line.lower()]
    assert kinds == [
        "add", "press", "release", "add", "press", "release", "undo", "undo",
        "add", "press", "release", "add", "press", "release",
    ]  # fmt: skip


@pytest.mark.parametrize("how", [CLOSED, SILENT, DEAF])
def test_no_answer_of_the_form_is_lost_when_the_line_is_cut(place: Path, page: Page, how: str) -> None:
    """Fields and buttons are ipywidgets' own; a click that arrived, but whose answer did not, is one click."""
    with far(place, page) as (viewer, relay):
        quality = page.locator(".eci-q-image_quality select")
        quality.select_option(label="Limited, but readable")
        reason = page.locator(".eci-q-quality_reason input")
        reason.fill("motion")
        reason.press("Tab")
        viewer.saved()
        page.wait_for_timeout(1000)  # the form is whole
        relay.cut(how)
        for text in ("contrast", "contrast phase", "late contrast phase"):
            reason.fill(text)
            reason.press("Tab")
        page.get_by_role("button", name="Add: Lesion").click()
        page.locator(".eci-status").get_by_text("since").wait_for()
        page.wait_for_timeout(CUT_S * 1000)
        relay.mend()
        page.locator(".eci-status").get_by_text("Connected again").wait_for()
        page.locator(".eci-item .eci-q-label input").fill("lesion 1")
        page.locator(".eci-item .eci-q-label input").press("Tab")
        for pause_ms in (300, 1500):  # what waited for an answer is sent after it
            viewer.heard()
            page.wait_for_timeout(pause_ms)
        page.screenshot(path=place / f"answered-{how}.png")
        assert reason.input_value() == "late contrast phase"
        assert page.locator(".eci-item").count() == 1
    repo = open_repository(place / "repository")
    answers = repo.start(SUBJECT, "annotate", project=PROJECT, take_over=True).draft().answers
    assert answers["quality_reason"] == "late contrast phase", answers
    assert [each["label"] for each in answers["lesions"]] == ["lesion 1"]


@pytest.mark.parametrize("cell", ["import time; time.sleep(9)", "import asyncio; await asyncio.sleep(9)"])
def test_a_kernel_at_work_is_no_cut_line(viewer: Viewer, repository: Path, cell: str) -> None:
    """A long cell runs: what is drawn and answered waits for it, over the same connection."""
    page = viewer.page
    viewer.stage("(s.connection.patienceMs = 1500, 0)")
    viewer.stage("(s.connection.kernel.connectionStatusChanged.connect(() => { s.turned = true; }), 0)")
    viewer.stage(f"(s.connection.kernel.requestExecute({{ code: '{cell}' }}), 0)")
    page.wait_for_timeout(500)
    press(viewer, "s")
    stroke(viewer, 0.4)
    quality = page.locator(".eci-q-image_quality select")
    quality.select_option(label="Limited, but readable")
    quality.select_option(label="Good")
    page.get_by_role("button", name="Add: Lesion").click()
    told = page.locator(".eci-status")
    told.get_by_text("the kernel is busy").wait_for()
    told.get_by_text("caught up").wait_for()
    viewer.heard()
    viewer.saved()
    assert not viewer.stage("Boolean(s.turned)")
    assert page.locator(".eci-item").count() == 1 and page.locator(".eci-row").count() == 1
    draft = open_repository(repository).start(SUBJECT, "annotate", project=PROJECT, take_over=True).draft()
    assert draft.answers == {"image_quality": "good", "lesions": [{"label": "lesion 1"}]}
    assert sum('"release"' in line.lower() for line in draft.lines) == 1
