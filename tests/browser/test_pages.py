"""One kernel's viewer on two pages: each shows its own view, with the annotations at their place."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page

from tests.browser.lab import OPEN, Lab, Viewer, run_all
from tests.browser.test_viewer import coloured, draw, press

SHARES = """(() => { const p = s.board.panes[0], c = p.layers[1];
  const d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
  let [x0, y0, x1, y1] = [1e9, 1e9, -1, -1];
  for (let y = 0; y < c.height; y++) for (let x = 0; x < c.width; x++)
    if (d[4 * (y * c.width + x) + 3])
      [x0, y0, x1, y1] = [Math.min(x0, x), Math.min(y0, y), Math.max(x1, x), Math.max(y1, y)];
  const mm = (x, y) => [p.view.left + x / p.size.ratio / p.view.zoom, p.view.top + y / p.size.ratio / p.view.zoom];
  return [...mm(x0, y0), ...mm(x1, y1)] })()"""


def second_tab(lab: Lab, page: Page, name: str) -> tuple[Page, Viewer]:
    """The same notebook in another tab, on the same kernel."""
    assert page.context.browser is not None
    other = page.context.browser.new_page(viewport={"width": 1300, "height": 900})
    other.goto(f"{lab.base}/lab/workspaces/second/tree/{name}?token={lab.token}")
    other.wait_for_selector(".jp-NotebookPanel .jp-CodeCell")
    viewer = Viewer(other)
    viewer.wait()
    return other, viewer


def test_each_tab_shows_its_own_view_with_the_ink_at_its_place(lab: Lab, page: Page, repository: Path) -> None:
    run_all(page, lab.put("tabs.ipynb", [OPEN.format(folder=repository.name)]))
    first = Viewer(page)
    first.wait()
    draw(first, "b")
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    before = first.stage(SHARES)
    other, second = second_tab(lab, page, "tabs.ipynb")
    try:
        press(second, "+", "+")
        second.rest()
        first.rest()
        assert coloured(first) > 50 and coloured(second) > 50
        assert max(abs(a - b) for a, b in zip(first.stage(SHARES), before, strict=True)) < 0.5
        assert max(abs(a - b) for a, b in zip(second.stage(SHARES), before, strict=True)) < 4
        index = first.stage("s.board.panes[0].index")
        press(second, "ArrowDown", "ArrowDown")
        assert first.stage("s.board.panes[0].index") == index and first.stage("s.board.panes[0].isDrawn()")
        assert second.stage("s.board.panes[0].isDrawn()")
    finally:
        other.close()
    press(first, "ArrowDown")
    assert first.stage("s.board.panes[0].isDrawn()")
