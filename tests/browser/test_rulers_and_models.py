"""Rulers, and a model that proposes, in a real JupyterLab: drawn, read, accepted, and there again after a reload."""

from __future__ import annotations

import json
from pathlib import Path

from eci_annotate.repository.assistants.assistant_servers import AssistantServer, ServerKind, allow_server
from eci_annotate.repository.open_repository import open as open_repository
from tests.browser.lab import OPEN, PROJECT, Lab, Viewer, run_all
from tests.browser.test_suggestions import BAR, journal, suggested
from tests.browser.test_viewer import coloured, press
from tests.repository.model_servers import NnInteractiveServer, Seen, serving
from tests.repository.repository_world import local


def sizes(viewer: Viewer) -> list[str]:
    """What the list of annotations says of each."""
    found = [each.inner_text().strip() for each in viewer.page.locator(".eci-row .widget-label").all()]
    return [text for text in found if text]


def test_rulers_measure_are_moved_and_return(viewer: Viewer, repository: Path, lab: Lab, tmp_path: Path) -> None:
    press(viewer, "a")
    viewer.drag("axial", [(0.35, 0.4), (0.6, 0.4)], steps=8)
    viewer.rest()
    (length,) = sizes(viewer)
    assert length.endswith(" mm") and float(length.split()[0]) > 10
    assert coloured(viewer) > 50
    viewer.drag("axial", [(0.6, 0.4), (0.7, 0.4)], steps=8)  # its end
    viewer.rest()
    (longer,) = sizes(viewer)
    assert float(longer.split()[0]) > float(length.split()[0])
    press(viewer, "Alt+a")
    viewer.drag("axial", [(0.4, 0.6), (0.55, 0.6)], steps=8)
    viewer.rest()
    assert sizes(viewer)[1] == "unfinished"
    viewer.page.mouse.click(*viewer.at("axial", 0.55, 0.75))
    viewer.answered()
    viewer.rest()
    assert sizes(viewer)[1] == "90°"
    labels = [each.input_value() for each in viewer.page.locator(".eci-row .eci-label input").all()]
    assert labels == ["distance 1", "angle 1"]
    viewer.page.screenshot(path=tmp_path / "rulers.png")
    viewer.saved()
    run_all(viewer.page, lab.put("again.ipynb", [OPEN.format(folder=repository.name)]))
    viewer.wait()
    assert sizes(viewer) == [longer, "90°"]


def test_a_model_proposes_and_a_person_accepts(lab: Lab, page, repository: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    seen = Seen()
    with serving(NnInteractiveServer(seen).app) as url:
        owner = local(open_repository(repository))
        allow_server(owner, AssistantServer("lesions", PROJECT, ServerKind.NNINTERACTIVE, url))
        run_all(page, lab.put(f"{repository.name}.ipynb", [OPEN.format(folder=repository.name)]))
        viewer = Viewer(page)
        viewer.wait()
        press(viewer, "Alt+c")
        page.wait_for_function(f"() => /then go to lesions/.test(document.querySelector('{BAR}').innerText)")
        assert seen.images == []
        page.mouse.click(*viewer.at("axial", 0.5, 0.5))
        suggested(viewer)
        page.screenshot(path=tmp_path / "proposal.png")
        assert len(seen.images) == 1 and page.locator(".eci-row").count() == 0
        press(viewer, "Escape")
        page.wait_for_function(f"() => /then go to lesions/.test(document.querySelector('{BAR}').innerText)")
        page.mouse.click(*viewer.at("axial", 0.5, 0.5))
        suggested(viewer)
        press(viewer, "Enter")
        assert page.locator(".eci-row").count() == 1 and coloured(viewer) > 50
        viewer.saved()
        accepts = [json.loads(line) for line in journal(repository) if '"do":"accept"' in line]
        assert [each["source"] for each in accepts] == ["nninteractive/2"]


def test_keeping_a_series_says_what_it_did(viewer: Viewer, tmp_path: Path) -> None:
    menu = viewer.page.locator(".eci-layouts select").last
    menu.select_option(label="Series in this pane: for this study")
    viewer.page.wait_for_function("() => /kept as/.test(document.querySelector('.eci-stage').innerText)")
    viewer.page.screenshot(path=tmp_path / "kept.png")
