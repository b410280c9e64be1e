"""The list of tasks in the browser: own draft and rejection are said, and the keyboard alone goes through it."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.lab import Viewer
from tests.browser.test_task_app import APP
from tests.browser.voila_app import voila
from tests.repository.readings_world import as_member, find, lesion, make, read, report, subject

BOX = ("lesion 1", (4, 20, 28), (4, 4))


def prepared(root: Path) -> Path:
    """Seven subjects: the third is rejected, the fourth is a draft of anna's."""
    folder = make(root, 7)
    read(folder, "anna", 3, report(lesion("lesion 1")), BOX)
    review = as_member(folder, "ruth").start(subject(3), "review")
    review.sign("I looked", verdict="reject", reason="The box is too small")
    draft = as_member(folder, "anna").start(subject(4), "annotate")
    draft.answer(report(lesion("lesion 1")))
    draft.release()
    return folder


def opened_task(page: Page) -> str:
    """The subject whose task is on the screen, once it can be drawn on."""
    viewer = Viewer(page)
    viewer.wait()
    viewer.rest()
    return page.locator(".eci-title b").first.inner_text()


def tab_to(page: Page, selector: str, key: str = "Tab") -> None:
    """Press Tab until an element has the focus."""
    for _ in range(40):
        page.keyboard.press(key)
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"Tab does not reach {selector}")


def box_by_keyboard(page: Page) -> None:
    """Place a box two pixels beside the middle of the next pane; only the keyboard is used."""
    viewer = Viewer(page)
    focus = "s.board.focus.map((x) => Math.round(x * 10) / 10)"
    page.keyboard.press("Alt+PageDown")
    pane, before, step = viewer.stage(f"[s.board.active.name, {focus}, s.board.active.shape.right]")
    assert pane != "axial" and page.locator(".eci-status").inner_text().startswith("Active pane: ")
    for key in ("b", "n", "Shift+ArrowRight", "Shift+ArrowRight"):
        page.keyboard.press(key)
    moved = [after - at for after, at in zip(viewer.stage(focus), before, strict=True)]
    assert [abs(x) > 0.5 for x in moved] == [abs(x) > 0.5 for x in step], (moved, step)
    viewer.rest()
    tab_to(page, ".eci-more", "Shift+Tab")
    page.keyboard.press("Enter")
    tab_to(page, "input[placeholder^='width x height']", "Shift+Tab")
    page.keyboard.type("20 x 16 x 9")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Accept").wait_for()
    tab_to(page, ".eci-suggestion button")
    page.keyboard.press("Enter")
    expect(page.locator(".eci-row").last).to_contain_text("2.88 ml")


def test_the_list_by_keyboard(tmp_path: Path, page: Page) -> None:
    folder = prepared(tmp_path)
    shutil.copy(APP, tmp_path / APP.name)
    key = find(folder).key_file("anna")
    settings = {"ECI_ANNOTATE_REPOSITORY": str(folder), "ECI_ANNOTATE_CREDENTIAL": str(key)}
    with voila(tmp_path, APP.name, **settings) as address:
        page.goto(address)
        page.wait_for_selector(".eci-task")
        rows = page.locator(".eci-task")
        expect(rows).to_have_count(7)
        assert subject(4) in rows.nth(0).inner_text() and "your draft" in rows.nth(0).inner_text()
        rejected = rows.nth(1).inner_text()
        assert subject(3) in rejected and "needs correction: ruth: The box is too small" in rejected
        page.screenshot(path=tmp_path / "list.png")
        for _ in range(12):
            page.keyboard.press("Tab")
            if rows.nth(0).get_by_role("button").evaluate("(button) => button === document.activeElement"):
                break
        page.keyboard.press("Enter")
        assert opened_task(page) == subject(4)
        assert page.evaluate("document.activeElement.className") == "eci-stage", "keys are for the images at once"
        since = time.monotonic()
        page.get_by_role("button", name="Back to the list").press("Enter")
        page.wait_for_selector(".eci-task")
        expect(rows.nth(0).get_by_role("button")).to_be_focused()
        page.keyboard.press("Tab")  # to the second
        page.keyboard.press("Enter")
        assert opened_task(page) == subject(3)
        box_by_keyboard(page)
        (tmp_path / "seconds.json").write_text(json.dumps(time.monotonic() - since))
        page.screenshot(path=tmp_path / "second.png")
        page.get_by_role("button", name="Back to the list").press("Enter")
        page.get_by_placeholder("subject contains").fill("nothing like it")
        page.keyboard.press("Enter")
        page.get_by_text("No task matches the filter").wait_for()
        page.screenshot(path=tmp_path / "filtered.png")
