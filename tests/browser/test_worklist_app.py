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
    for key in ("Alt+PageDown", "b", "n", "Shift+ArrowRight"):
        page.keyboard.press(key)  # the first step is to the slice of this pane, too
    pane, before, step = viewer.stage(f"[s.board.active.name, {focus}, s.board.active.shape.right]")
    assert pane != "axial"
    page.keyboard.press("Shift+ArrowRight")
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


def fill(page: Page, question: str, text: str) -> None:
    """Go on to a question, and type its answer, or the title of the choice."""
    field = f".eci-q-{question} :is(input, select)"
    page.locator(field).wait_for()
    tab_to(page, field)
    page.keyboard.type(text)


def report_by_keyboard(page: Page) -> None:
    """Answer the report; only the keyboard is used."""
    tab_to(page, "button[title='Go to: Report']", "Shift+Tab")
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.activeElement.closest('.eci-form')")
    if not page.evaluate("document.activeElement.matches('.eci-q-image_quality select')"):
        tab_to(page, ".eci-q-image_quality select")
    page.keyboard.type("Limited")
    fill(page, "quality_reason", "motion")
    tab_to(page, ".eci-form button[title^='Add'], .eci-form button:has(.fa-plus)")
    page.keyboard.press("Enter")
    expect(page.locator(".eci-item .eci-q-label input")).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.type("lesion 1")
    answers = {"segment": "IVa", "size_mm": "20", "classification": "Other", "other": "scar", "confidence": "4"}
    for question, text in answers.items():
        fill(page, question, text)
    page.keyboard.press("Tab")
    page.locator(".eci-form .eci-good").wait_for()


def sign_by_keyboard(page: Page) -> None:
    """Sign, and open the next task; only the keyboard is used."""
    tab_to(page, ".eci-sign button")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Not yet")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.locator(".eci-signed").wait_for()
    expect(page.get_by_role("button", name="Next task")).to_be_focused()
    page.keyboard.press("Enter")
    page.locator(".eci-signed").wait_for(state="detached")


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
        expect(rows.nth(0).get_by_role("button")).to_be_focused()  # after the load, without a key
        page.keyboard.press("Enter")
        assert opened_task(page) == subject(4)
        assert page.evaluate("document.activeElement.className") == "eci-stage", "keys are for the images at once"
        since = time.monotonic()
        page.get_by_role("button", name="Back to the list").press("Enter")
        page.wait_for_selector(".eci-task")
        expect(rows.nth(0).get_by_role("button")).to_be_focused()
        for _ in range(2):  # to the third
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        third = opened_task(page)
        assert third not in (subject(3), subject(4))
        box_by_keyboard(page)
        (tmp_path / "seconds.json").write_text(json.dumps(time.monotonic() - since))
        page.screenshot(path=tmp_path / "third.png")
        report_by_keyboard(page)
        page.screenshot(path=tmp_path / "report.png")
        sign_by_keyboard(page)
        page.screenshot(path=tmp_path / "signed.png")
        (signed,) = as_member(folder, "anna").versions(third)
        assert signed.report["lesions"][0]["other"] == "scar" and [a.kind for a in signed.annotations()] == ["box"]
        assert opened_task(page) != third
        page.get_by_role("button", name="Back to the list").press("Enter")
        page.get_by_placeholder("subject contains").fill("nothing like it")
        page.keyboard.press("Enter")
        page.get_by_text("No task matches the filter").wait_for()
        page.screenshot(path=tmp_path / "filtered.png")
