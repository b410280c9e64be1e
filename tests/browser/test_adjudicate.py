"""Comparing in a real JupyterLab: readings side by side and taken over, versions in a review, the delta page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.lab import Lab, Viewer, run_all
from tests.browser.test_viewer import press
from tests.repository.readings_world import (
    DOUBLE,
    LATE,
    P,
    as_member,
    draw,
    lesion,
    make,
    read,
    report,
    series_named,
    subject,
)

S = subject(1)
OPEN = f"""
import os
os.environ["ECI_ANNOTATE_CREDENTIAL"] = "{{folder}}/members/{{member}}.key"
import eci_annotate as eci
repo = eci.open("{{folder}}")
task = repo.start("{S}", "{{task}}", project="{P}")
eci.annotate(task)
"""
COMPARE = f"""
import os
os.environ["ECI_ANNOTATE_CREDENTIAL"] = "{{folder}}/members/ruth.key"
import eci_annotate as eci
repo = eci.open("{{folder}}")
eci.compare(repo.versions("{S}", "annotate.1", project="{P}")[0], repo.versions("{S}", "annotate.2", project="{P}")[0])
"""
INK = """(el) => { const s = el.stage; return s.board.panes[0].layers.reduce((sum, c) => {
    const d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data; let n = 0;
    for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return sum + n }, 0) }"""
SEEN = """(el) => { const p = el.stage.board.panes[0], least = Math.min(p.size.width, p.size.height);
    return [p.index, Math.round(least / p.view.zoom), ...el.stage.board.window] }"""
READY = """(count) => { const all = [...document.querySelectorAll('.eci-stage')].filter((e) => e.offsetParent);
    const ready = (s) => s?.board.shown.length && s.board.shown.every((p) => p.drawn && !p.waits);
    return all.length === count && all.every((e) => ready(e.stage)) }"""


@pytest.fixture(scope="module")
def read_twice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One subject, read by anna and ben: the first lesion alike, a second one only by anna."""
    folder = make(tmp_path_factory.mktemp("twice"), 1, *DOUBLE)
    one, other = ("lesion 1", (4, 18, 22), (4, 5)), ("lesion 1", (4, 19, 24), (5, 6))
    second = lesion("lesion 2", segment="II")
    read(folder, "anna", 1, report(lesion("lesion 1"), second), one, ("lesion 2", (3, 26, 38), (3, 3)))
    read(
        folder, "ben", 1, report(lesion("lesion 1", segment="V", classification="metastasis"), quality="limited"), other
    )
    return folder


def put(lab: Lab, folder: Path, name: str) -> Path:
    return lab.copy(folder, name)


RESTS = """() => {
    const kernel = window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel;
    const stages = [...document.querySelectorAll('.eci-stage')].map((el) => el.stage).filter(Boolean);
    return kernel?.status === 'idle' && stages.every((s) => !s.queue.busy && !s.connection.unsent);
}"""


def stages(page: Page, count: int) -> list[Any]:
    """The stages on the page, once all of them show images and the kernel's layers."""
    settled(page)
    page.wait_for_function(READY, arg=count)
    page.wait_for_timeout(300)
    return [each for each in page.locator(".eci-stage").all() if each.is_visible()]


def settled(page: Page) -> None:
    """Until the kernel has done what was clicked, and the stages have drawn it."""
    for _ in range(2):
        page.wait_for_timeout(300)
        page.wait_for_function(RESTS)
    page.wait_for_timeout(300)


@pytest.fixture
def bench(lab: Lab, page: Page, read_twice: Path, request: pytest.FixtureRequest) -> tuple[Page, Path]:
    """The adjudication open in al's notebook."""
    folder = put(lab, read_twice, request.node.name)
    code = OPEN.format(folder=folder.name, member="al", task="adjudicate")
    run_all(page, lab.put(f"{folder.name}.ipynb", [code]))
    return page, folder


def test_readings_are_seen_side_by_side_and_linked(bench: tuple[Page, Path]) -> None:
    page, folder = bench
    anna, ben, own = stages(page, 3)
    assert anna.evaluate(INK) > 20 and ben.evaluate(INK) > 20 and own.evaluate(INK) == 0
    lines = page.locator(".eci-difference")
    lines.nth(1).wait_for()
    texts = lines.all_inner_texts()
    assert "lesion 2" in texts[0] and "not in ben" in texts[0]
    assert "lesion 1" in texts[1] and "Dice 0." in texts[1]
    page.screenshot(path=folder / "adjudicate.png")
    box = ben.locator(".eci-pane").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    before = own.evaluate(SEEN)
    page.mouse.wheel(0, 60)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -120)
    page.keyboard.up("Control")
    page.wait_for_timeout(300)
    seen = [each.evaluate(SEEN) for each in (anna, ben, own)]
    assert seen[0] == seen[1] == seen[2] and seen[2][0] == before[0] - 1 and seen[2][1] < before[1]
    page.locator(".eci-readings button[title^='Outlines of anna']").click()
    lines.nth(0).locator("button[title^='Show where']").click()
    settled(page)
    assert own.evaluate(INK) > 20
    assert own.evaluate(SEEN)[0] != seen[2][0] and own.evaluate(SEEN) == anna.evaluate(SEEN)
    shown = [each.evaluate("(el) => el.stage.board.shown.length") for each in (anna, ben)]
    assert shown == [1, 1], "axial alone, as they began"
    page.screenshot(path=folder / "outlined.png")
    page.locator(".eci-readings button[title^='Outlines of anna']").click()
    settled(page)
    assert own.evaluate(INK) == 0
    page.get_by_role("button", name="Side by side").click()
    assert len(stages(page, 1)) == 1


def test_what_is_taken_over_is_in_the_journal_and_signed(bench: tuple[Page, Path]) -> None:
    page, folder = bench
    own = stages(page, 3)[2]
    page.locator(".eci-difference").nth(1).wait_for()
    page.locator(".eci-difference").nth(1).get_by_role("button", name="Take ben's").click()
    settled(page)
    assert page.locator(".eci-row").count() == 1 and own.evaluate(INK) > 20
    page.locator(".eci-readings").get_by_role("button", name="Take all").first.click()
    settled(page)
    assert page.locator(".eci-row").count() == 3  # the first lesion of both, on purpose
    own.evaluate("(el) => el.focus()")
    for _ in range(2):
        page.keyboard.press("Control+z")
    settled(page)
    assert page.locator(".eci-row").count() == 1
    assert not page.locator(".eci-difference").nth(0).get_by_role("button", name="Take anna's").is_disabled()
    quality = page.locator(".eci-q-image_quality")
    assert quality.locator(".eci-opinion").all_inner_texts() == ["anna: Good", "ben: Limited, but readable"]
    quality.locator(".eci-opinion").first.click()
    page.get_by_role("button", name="lesion 1 (anna, ben)").click()
    item = page.locator(".eci-item")
    item.locator(".eci-q-segment .eci-opinion").nth(1).click()
    item.locator(".eci-q-classification .eci-opinion").nth(1).click()
    page.wait_for_selector(".eci-form .eci-good")
    assert item.locator(".eci-q-size_mm input").input_value() == "20.0"  # both said so
    page.screenshot(path=folder / "settled.png", full_page=True)
    page.get_by_role("button", name="Sign …").click()
    page.get_by_role("button", name="Sign for good").click()
    page.wait_for_selector(".eci-signed")
    repo = as_member(folder, "ruth")
    (signed,) = repo.versions(S, "adjudicate", project=P)
    (ben,) = repo.versions(S, "annotate.2", project=P)
    assert signed.reader == "al" and signed.report["lesions"][0]["segment"] == "V"
    assert signed.report["lesions"][0]["classification"] == "metastasis" and signed.report["image_quality"] == "good"
    assert repo.delta(ben, signed).table["change"].tolist() == ["same"]
    assert b'"do\\":\\"adopt' in signed.content("journal")[0] and b"annotate.2/1" in signed.content("journal")[0]
    assert repo.verify(signed).passed


def test_two_readers_are_compared_on_a_page_of_their_own(
    lab: Lab, page: Page, read_twice: Path, request: pytest.FixtureRequest
) -> None:
    folder = put(lab, read_twice, request.node.name)
    run_all(page, lab.put(f"{folder.name}.ipynb", [COMPARE.format(folder=folder.name)]))
    left, right = stages(page, 2)
    ink = left.evaluate(INK)
    assert ink > 20 and right.evaluate(INK) > 20
    page.get_by_role("button", name="Outlines of the other").click()
    settled(page)
    assert left.evaluate(INK) > ink
    page.locator(".eci-difference").nth(1).locator("button[title^='Show where']").click()
    page.wait_for_selector(".eci-side img:visible")
    settled(page)
    assert left.evaluate(SEEN) == right.evaluate(SEEN)
    table = page.locator(".eci-form-delta").inner_text()
    assert "Image quality" in table and "Limited, but readable" in table and "Liver segment (Couinaud) 1" in table
    page.screenshot(path=folder / "compare.png", full_page=True)


def test_a_reviewer_sees_what_changed_since_what_he_rejected(
    lab: Lab, page: Page, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    made = make(tmp_path, 1)
    read(made, "anna", 1, report(lesion("lesion 1")), ("lesion 1", (4, 18, 22), (4, 5)))
    ruth = as_member(made, "ruth")
    ruth.start(S, "review").sign("no", verdict="reject", reason="one is missing")
    task = as_member(made, "anna", "two").start(S, "annotate")
    draw(task, ("lesion 2", (4, 26, 38), (3, 3)))
    task.answer(report(lesion("lesion 1"), lesion("lesion 2")))
    task.sign("mended")
    folder = put(lab, made, request.node.name)
    run_all(page, lab.put(f"{folder.name}.ipynb", [OPEN.format(folder=folder.name, member="ruth", task="review")]))
    (stage,) = stages(page, 1)
    page.locator(".eci-difference").nth(1).wait_for()
    panel = page.locator(".eci-readings").inner_text()
    assert "Changed since version 1: one is missing" in panel and "not in Version 1" in panel and "the same" in panel
    assert page.locator(".eci-take").count() == 0 and "Lesion 2" in page.locator(".eci-form-delta").inner_text()
    ink = stage.evaluate(INK)
    page.screenshot(path=folder / "since.png")
    page.locator(".eci-readings button[title^='Outlines of Version 1']").click()
    settled(page)
    assert stage.evaluate(INK) <= ink
    page.get_by_role("button", name="Side by side").click()
    before, mine = stages(page, 2)
    settled(page)
    page.screenshot(path=folder / "beside.png")
    left, right = before.bounding_box(), mine.bounding_box()
    assert left is not None and right is not None
    assert left["y"] == right["y"] and left["x"] + left["width"] <= right["x"], "beside each other"
    assert abs(left["width"] - right["width"]) < 20 and left["height"] == right["height"], "and equally large"
    press(Viewer(page), "Escape")


def test_lesions_on_another_series_turn_all_stages_to_it(
    lab: Lab, page: Page, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    made = make(tmp_path, 1, *DOUBLE, late=True)
    for who, half in (("anna", (3, 3)), ("ben", (4, 3))):
        task = as_member(made, who).start(S, "annotate.1" if who == "anna" else "annotate.2")
        draw(task, ("lesion 1", (4, 18, 22), (4, 5)))
        draw(task, ("lesion 2", (1, 26, 38), half), on=series_named(task, LATE))
        task.answer(report(lesion("lesion 1"), lesion("lesion 2")))
        task.sign("read")
    folder = put(lab, made, request.node.name)
    code = OPEN.format(folder=folder.name, member="al", task="adjudicate")
    run_all(page, lab.put(f"{folder.name}.ipynb", [code]))
    anna, _, own = stages(page, 3)
    page.locator(".eci-difference").nth(1).wait_for()
    assert "lesion 2" in page.locator(".eci-difference").first.inner_text()  # the one that differs
    first = own.evaluate("(el) => el.stage.board.series")
    page.locator(".eci-difference").first.locator("button[title^='Show where']").click()
    stages(page, 3)
    late = [each.evaluate("(el) => el.stage.board.series") for each in page.locator(".eci-stage").all()]
    assert len(set(late)) == 1 and late[0] != first
    page.locator(".eci-readings button[title^='Outlines of ben']").click()
    settled(page)
    assert own.evaluate(INK) > 20 and anna.evaluate(INK) > 20
    page.screenshot(path=folder / "late.png")
    page.locator(".eci-difference").nth(1).get_by_role("button", name="Take anna's").click()
    stages(page, 3)  # it lies on the first series
    shown = [each.evaluate("(el) => el.stage.board.series") for each in page.locator(".eci-stage").all()]
    assert set(shown) == {first}
    assert page.locator(".eci-row").count() == 1 and own.evaluate(INK) > 20
    page.locator(".eci-readings").get_by_role("button", name="Take all").nth(1).click()
    settled(page)
    assert page.locator(".eci-row").count() == 3
    assert page.locator(".eci-row [title^='Drawn on another series']").count() == 1
    assert own.evaluate("(el) => el.stage.board.series") == first
    own.evaluate("(el) => el.focus()")
    for _ in range(3):
        page.keyboard.press("Control+z")
    settled(page)
    assert page.locator(".eci-row").count() == 0 and own.evaluate(INK) > 0  # ben's outlines
