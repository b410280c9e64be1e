"""Tools that suggest, in a real JupyterLab: seeds or a click, the outline, Enter; the mask is in the draft."""

from __future__ import annotations

from pathlib import Path

from eci_annotate.repository.open_repository import open as open_repository
from tests.browser.lab import OPEN, PROJECT, SUBJECT, Lab, Viewer, run_all
from tests.browser.test_viewer import coloured, press

BAR = ".eci-suggestion"
SAME = f"text => document.querySelector('{BAR}').innerText === text"
CHANGED = f"text => document.querySelector('{BAR}').innerText !== text"


def suggested(viewer: Viewer) -> None:
    """Until an outline waits for a decision."""
    viewer.page.locator(f"{BAR} button:visible", has_text="Accept").wait_for()


def journal(repository: Path) -> list[str]:
    task = open_repository(repository).start(SUBJECT, "annotate", project=PROJECT, take_over=True)
    return list(task.draft().lines)


def test_growcut_seeds_outline_and_accept(viewer: Viewer, repository: Path, lab: Lab) -> None:
    press(viewer, "g", "2", *["["] * 12)
    viewer.drag("axial", [(0.47, 0.5), (0.52, 0.5)], steps=8)
    viewer.rest()
    assert "background" in viewer.page.locator(BAR).inner_text()
    press(viewer, "x")
    viewer.drag("axial", [(0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8), (0.2, 0.2)], steps=8)
    viewer.rest()
    suggested(viewer)
    assert "ml" in viewer.page.locator(BAR).inner_text()
    assert (
        viewer.stage("[...s.board.ink.echoes.held.keys()].filter((uid) => uid.startsWith('suggestion:')).length") == 1
    )
    press(viewer, "Enter")
    viewer.page.locator("button[title='Undo GrowCut result for lesion 1']").wait_for()
    viewer.rest()
    assert not viewer.page.locator(f"{BAR} button:visible").count()
    assert coloured(viewer) > 50
    viewer.saved()
    run_all(viewer.page, lab.put("again.ipynb", [OPEN.format(folder=repository.name)]))
    viewer.wait()
    viewer.page.locator("button[title='Undo GrowCut result for lesion 1']").wait_for()
    assert any('"do":"accept"' in line for line in journal(repository)) or coloured(viewer) > 50


def spot(viewer: Viewer, column: int, row: int) -> tuple[float, float]:
    """Page position of a pixel of the axial pane."""
    x, y = viewer.stage(
        f"""(() => {{ const p = s.board.paneNamed("axial"), {{view, shape}} = p;
        return [(({column} + 0.5) * shape.du - view.left) * view.zoom / p.size.width,
                (({row} + 0.5) * shape.dv - view.top) * view.zoom / p.size.height] }})()"""
    )
    return viewer.at("axial", x, y)


def test_a_click_is_tried_outlined_and_accepted(viewer: Viewer, repository: Path) -> None:
    press(viewer, "c")
    bar = viewer.page.locator(BAR)
    viewer.page.mouse.move(*spot(viewer, 44, 22))
    viewer.page.wait_for_function(
        f"() => /Click to outline about|No border/.test(document.querySelector('{BAR}').innerText)"
    )
    assert "Click to outline about" in bar.inner_text()
    viewer.page.mouse.click(*spot(viewer, 44, 22))
    suggested(viewer)
    before = bar.inner_text()
    press(viewer, "]")
    viewer.page.wait_for_function(CHANGED, arg=before)
    press(viewer, "[")
    viewer.page.wait_for_function(SAME, arg=before)
    assert viewer.page.locator(".eci-row").count() == 0
    press(viewer, "Enter")
    viewer.page.locator(".eci-row").wait_for()
    viewer.rest()
    assert viewer.page.locator(".eci-row").count() == 1 and coloured(viewer) > 50
    viewer.saved()
    assert any('"do":"accept"' in line for line in journal(repository))


def test_a_polygon_is_clicked_and_a_mask_is_edited_in_the_menu(viewer: Viewer) -> None:
    page = viewer.page
    press(viewer, "d")
    viewer.option("select[title='How FreeDraw draws']", "Polygon")
    viewer.rest()
    for corner in [(0.4, 0.4), (0.6, 0.4), (0.6, 0.6), (0.4, 0.4)]:
        page.mouse.click(*viewer.at("axial", *corner))
        viewer.heard()
        page.wait_for_timeout(600)
    page.locator("button[title='Undo FreeDraw contour drawn on lesion 1']").wait_for()
    viewer.rest()
    press(viewer, "s", "n")
    viewer.drag("axial", [(0.45, 0.5), (0.55, 0.5)], steps=12)
    viewer.rest()
    before = coloured(viewer)
    viewer.option("select[title='Change the selected annotation']", "Copy to a new annotation")
    suggested(viewer)
    page.locator(f"{BAR} button:visible", has_text="Discard").click()
    viewer.rest()
    assert coloured(viewer) == before
