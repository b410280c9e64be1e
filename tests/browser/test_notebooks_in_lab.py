"""The notebooks that need no images run in JupyterLab, in a browser: no cell fails, pictures and viewers are shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.lab import Lab, run_all
from tests.counts import SOAK
from tests.test_notebooks import REPEATABLE, with_parameters

GIVEN = {name: given or "pass" for name, given in REPEATABLE.items()} | {"05_workshop": "by_hand = False"}
LONG = {"04_agreement", "07_train", "08_one_day"}  # more than a minute together; each runs headless in `make test`
VIEWERS = {"05_workshop": 5}  # three tasks, and two versions beside each other
IN_SOAK = [pytest.mark.soak, pytest.mark.skipif(not SOAK, reason="a minute more; make soak opens them in the browser")]
NAMES = [pytest.param(name, marks=IN_SOAK if name in LONG else []) for name in sorted(GIVEN)]


def saved_outputs(page: Page, path: Path) -> list[dict[str, Any]]:
    """Save the notebook that is open, all cells of which have run; returns its outputs."""
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    assert all(cell["execution_count"] for cell in cells if cell["cell_type"] == "code")
    return [output for cell in cells for output in cell.get("outputs", [])]


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs_in_the_browser(lab: Lab, page: Page, name: str) -> None:
    folder = lab.unused(name)
    folder.mkdir()
    path = with_parameters(name, GIVEN[name], folder)
    run_all(page, f"{lab.base}/lab/workspaces/{name}/tree/{folder.name}/{path.name}?token={lab.token}")
    outputs = saved_outputs(page, path)
    assert [each["evalue"] for each in outputs if each["output_type"] == "error"] == []
    assert any("image/png" in each.get("data", {}) for each in outputs)
    page.locator(".jp-RenderedImage img").first.scroll_into_view_if_needed()
    page.wait_for_function("() => document.querySelector('.jp-RenderedImage img').naturalWidth > 100")
    assert page.locator(".eci-stage").count() == VIEWERS.get(name, 0)
