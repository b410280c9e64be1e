"""A real JupyterLab, a real browser, real mouse and keyboard."""

from __future__ import annotations

from pathlib import Path

import pytest

from eci_annotate.repository.open_repository import open as open_repository
from tests.browser.lab import OPEN, PROJECT, SUBJECT, Lab, Viewer, run_all

TOOLS = {"b": [(0.4, 0.4), (0.55, 0.52)], "d": [(0.4, 0.4), (0.6, 0.4), (0.6, 0.6), (0.4, 0.6)],
         "s": [(0.45, 0.5), (0.55, 0.5)]}  # fmt: skip
REST_MS = 119  # stage.js tells the kernel where the views stand when nothing has moved for 120 ms


def press(viewer: Viewer, *keys: str) -> None:
    viewer.stage("(s.el.focus(), 0)")
    for key in keys:
        viewer.page.keyboard.press(key)
    viewer.rest()


def draw(viewer: Viewer, key: str) -> None:
    press(viewer, key, "n")
    viewer.drag("axial", TOOLS[key], steps=12)
    viewer.rest()


def coloured(viewer: Viewer, pane: str = "axial") -> int:
    """Pixels of the kernel's own layers that hold ink."""
    return int(
        viewer.stage(f"""s.board.paneNamed("{pane}").layers.reduce((sum, c) => {{
        const d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data; let n = 0;
        for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return sum + n }}, 0)""")
    )


@pytest.mark.parametrize("key", TOOLS)
def test_each_tool_draws_and_undo_takes_it_back(viewer: Viewer, key: str) -> None:
    draw(viewer, key)
    assert coloured(viewer) > 50
    assert viewer.page.locator(".eci-row").count() == 1
    assert viewer.stage("s.board.ink.echoes.size") == 1
    press(viewer, "Control+z")
    assert coloured(viewer) == 0
    press(viewer, "Control+Shift+z")
    assert coloured(viewer) > 50


def test_list_renames_hides_and_deletes(viewer: Viewer, repository: Path) -> None:
    draw(viewer, "b")
    row = viewer.page.locator(".eci-row")
    label = row.locator(".eci-label input")
    for name in ("metastasis 10", "metastasis in segment VIII, 10"):
        label.fill(name)
        label.press("Enter")
        viewer.rest()
        viewer.page.screenshot(path=repository / f"{len(name)}.png")
        assert label.evaluate("input => input.scrollWidth <= input.clientWidth"), "the end of a label tells two apart"
    label.fill("segment IV")
    label.press("Enter")
    assert viewer.stage("document.activeElement.matches('input')") is False, "the next key is for the images"
    row.locator("[title^='Show or hide']").click()
    viewer.rest()
    assert coloured(viewer) == 0
    row.locator("[title^='Show or hide']").click()
    viewer.rest()
    assert coloured(viewer) > 50
    viewer.saved()
    task = open_repository(repository).start(SUBJECT, "annotate", project=PROJECT, take_over=True)
    assert any("segment IV" in line for line in task.draft().lines)
    row.locator("[title^='Delete']").click()
    viewer.rest()
    assert viewer.page.locator(".eci-row").count() == 0


def test_scrolling_sends_nothing_and_shows_echoes(viewer: Viewer) -> None:
    viewer.fetched()
    draw(viewer, "b")
    press(viewer, "r")
    viewer.page.wait_for_timeout(600)
    viewer.stage("""(s.sent = [], s.trueSend = s.send, s.turned = NaN,
        s.el.addEventListener("wheel", () => { s.turned = performance.now() }, { capture: true, passive: true }),
        s.send = (m) => { s.sent.push([m.kind, performance.now() - s.turned]); s.trueSend(m) }, 0)""")
    viewer.page.mouse.move(*viewer.at("axial", 0.5, 0.5))
    viewer.page.wait_for_timeout(300)
    before = viewer.stage("s.board.panes[0].index")
    viewer.stage("(s.sent = [], 0)")
    viewer.page.mouse.wheel(0, 60)
    assert viewer.stage("s.board.panes[0].index") == before - 1
    assert all(kind == "here" or after_ms >= REST_MS for kind, after_ms in viewer.stage("s.sent"))
    viewer.rest()
    assert viewer.stage("s.sent.filter(([kind]) => kind === 'views').length") == 1
    assert viewer.stage("s.board.panes[0].isDrawn(s.board.series)")


def test_shift_click_links_the_panes(viewer: Viewer) -> None:
    viewer.page.keyboard.down("Shift")
    viewer.page.mouse.click(*viewer.at("axial", 0.42, 0.56))
    viewer.page.keyboard.up("Shift")
    shares = viewer.stage("""(() => { const p = s.board.panes[0];
        const [x, y] = [0.42 * p.size.width, 0.56 * p.size.height];
        const u = p.view.left + x / p.view.zoom, v = p.view.top + y / p.view.zoom;
        return [u / (p.shape.cols * p.shape.du), v / (p.shape.rows * p.shape.dv),
                s.board.paneNamed("sagittal").index / s.board.paneNamed("sagittal").shape.count,
                s.board.paneNamed("coronal").index / s.board.paneNamed("coronal").shape.count] })()""")
    assert abs(shares[0] - shares[2]) < 0.05 and abs(shares[1] - shares[3]) < 0.05


def test_a_double_click_shows_one_pane_and_a_key_in_mid_stroke_keeps_the_stroke(viewer: Viewer) -> None:
    press(viewer, "s")
    for alone in ("axial", ""):
        viewer.page.mouse.dblclick(*viewer.at("axial", 0.5, 0.5))
        viewer.heard()
        viewer.rest()
        assert viewer.stage("s.board.alone") == alone
    assert viewer.page.locator(".eci-row").count() == 0 and coloured(viewer) == 0
    assert viewer.page.locator("button[title='Nothing to undo or redo']").count() == 2
    mouse = viewer.page.mouse
    mouse.move(*viewer.at("axial", 0.45, 0.5))
    mouse.down()
    mouse.move(*viewer.at("axial", 0.5, 0.5), steps=6)
    viewer.page.keyboard.press("]")
    mouse.move(*viewer.at("axial", 0.8, 0.5), steps=6)
    mouse.up()
    viewer.heard()
    viewer.rest()
    ink = coloured(viewer)
    assert ink > 50 and viewer.page.locator("button[title='Undo SmartPaint stroke on lesion 1']").count() == 1
    press(viewer, "Control+z")
    assert coloured(viewer) == 0
    for _ in range(3):  # one dab alone stays below one half
        mouse.click(*viewer.at("axial", 0.5, 0.5))
        viewer.heard()
    viewer.rest()
    assert 0 < coloured(viewer) < ink


def test_lab_shortcuts_do_not_fire_over_the_viewer(viewer: Viewer) -> None:
    cells = viewer.page.locator(".jp-Notebook .jp-Cell").count()
    press(viewer, "b", "a", "d", "d", "x", "z", "m", "m")
    assert viewer.page.locator(".jp-Notebook .jp-Cell").count() == cells
    viewer.stage("(document.activeElement.blur(), 0)")
    viewer.page.mouse.move(2, 2)
    viewer.page.mouse.move(*viewer.at("axial", 0.5, 0.5))
    viewer.page.keyboard.press("?")  # without a click before
    assert viewer.page.locator(".eci-help").is_visible()
    press(viewer, "Escape")
    assert not viewer.page.locator(".eci-help").is_visible()


def fill_form(viewer: Viewer) -> None:
    page = viewer.page
    page.locator(".eci-q-image_quality select").select_option(label="Limited, but readable")
    page.locator(".eci-q-quality_reason input").fill("motion")
    page.get_by_role("button", name="Add: Lesion").click()
    item = page.locator(".eci-item")
    item.locator(".eci-q-label input").fill("lesion 1")
    item.locator(".eci-q-segment select").select_option(label="IVa")
    item.locator(".eci-q-size_mm input").fill("12.5")
    item.locator(".eci-q-classification select").select_option(label="Other")
    item.locator(".eci-q-other input").fill("scar")
    item.locator(".eci-q-confidence input").fill("4")
    item.locator(".eci-q-confidence input").press("Tab")
    viewer.answered()


def test_form_has_conditional_questions_and_signing_is_confirmed(viewer: Viewer, repository: Path) -> None:
    page = viewer.page
    assert not page.locator(".eci-q-quality_reason").is_visible()
    draw(viewer, "b")
    draw(viewer, "s")
    page.get_by_role("button", name="Sign …").click()
    page.get_by_role("button", name="Sign for good").click()
    page.wait_for_selector(".eci-sign .eci-problem")
    fill_form(viewer)
    page.wait_for_selector(".eci-form .eci-good")
    unmatched = page.locator(".eci-form .eci-problem")
    assert "Before you sign" in unmatched.inner_text()
    page.locator(".eci-fault", has_text="The annotation 'lesion 2' is not a lesion of the form").click()
    page.get_by_role("button", name="Sign …").click()
    page.get_by_role("button", name="Sign for good").click()
    page.locator(".eci-sign").get_by_text("is not a lesion of the form").wait_for()
    for label in page.locator(".eci-row .eci-label input").all():
        label.fill("lesion 1")
        label.press("Tab")
    viewer.rest()
    unmatched.wait_for(state="detached")
    page.get_by_role("button", name="Sign …").click()
    page.get_by_role("button", name="Sign for good").click()
    page.wait_for_selector(".eci-signed")
    assert "version 1" in page.locator(".eci-signed").inner_text()
    signed = open_repository(repository).versions(SUBJECT, "annotate", project=PROJECT)
    assert signed[0].report["lesions"][0]["other"] == "scar"
    assert sorted(a.kind for a in signed[0].annotations()) == ["box", "mask"]
    press(viewer, "b")
    viewer.drag("axial", [(0.2, 0.2), (0.3, 0.3)])
    assert "signed" in viewer.stage("s.status.textContent")


def test_reopening_in_another_kernel_restores_the_work(viewer: Viewer, lab: Lab, repository: Path) -> None:
    draw(viewer, "s")
    ink = coloured(viewer)
    viewer.saved()
    run_all(viewer.page, lab.put(f"{repository.name}-again.ipynb", [OPEN.format(folder=repository.name)]))
    again = Viewer(viewer.page)
    again.wait()
    again.rest()
    assert abs(coloured(again) - ink) <= 0.02 * ink


def test_reloading_the_page_shows_the_same(viewer: Viewer) -> None:
    draw(viewer, "s")
    ink = coloured(viewer)
    viewer.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    viewer.page.wait_for_timeout(1000)
    viewer.page.reload()
    viewer.wait()
    viewer.rest()
    assert abs(coloured(viewer) - ink) <= 0.02 * ink
