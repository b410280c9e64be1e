"""Grids: a study opens in its protocol; panes follow each other; what is drawn shows on all panes that it crosses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pydicom
import pytest
from playwright.sync_api import Page

from eci_annotate.dicom.phantom import write_phantom
from eci_annotate.dicom.uids import uid_from
from eci_annotate.imaging.annotations import Box, Mask
from eci_annotate.repository.admin.create import create_repository
from eci_annotate.repository.admin.import_dicom import import_folders
from eci_annotate.repository.open_repository import open as open_repository
from eci_annotate.tools import replay
from tests.browser.lab import OPEN, PROJECT, SUBJECT, Lab, Viewer, run_all
from tests.browser.test_viewer import coloured, press

PHASES = ("arterial", "portal venous", "delayed")
PANES = [f"{row}-{col}" for row in (1, 2, 3) for col in (1, 2, 3)]


@pytest.fixture(scope="module")
def phases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose subject has three phases, the last one with every second slice only."""
    root = tmp_path_factory.mktemp("phases")
    for number, phase in enumerate(PHASES, 1):
        for n, path in enumerate(write_phantom(root / "dicom" / str(number), "tiny")):
            dataset = pydicom.dcmread(path)
            dataset.SeriesDescription, dataset.SeriesNumber = f"Abdomen {phase}", number
            dataset.SeriesInstanceUID = uid_from(phase)
            dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid_from(phase, str(n))
            dataset.save_as(path)
            if number == len(PHASES) and n % 2:
                path.unlink()
    create_repository(root / "repository", project=PROJECT, member="anna", site="KAU")
    import_folders(open_repository(root / "repository").backend, [root / "dicom"], project=PROJECT, site="KAU")  # type: ignore[arg-type]
    return root / "repository"


@pytest.fixture
def study(lab: Lab, page: Page, phases: Path, request: pytest.FixtureRequest) -> tuple[Viewer, Path]:
    """The task open, and its repository."""
    folder = lab.copy(phases, request.node.name)
    run_all(page, lab.put(f"{folder.name}.ipynb", [OPEN.format(folder=folder.name)]))
    viewer = Viewer(page)
    viewer.wait()
    return viewer, folder


def activate(viewer: Viewer, pane: str, *keys: str) -> None:
    """Give a pane the keyboard focus, and press keys."""
    viewer.page.mouse.click(*viewer.at(pane, 0.9, 0.7), button="middle")
    press(viewer, *keys)


def draw(viewer: Viewer, pane: str, path: list[tuple[float, float]]) -> None:
    viewer.drag(pane, path, steps=12)
    viewer.rest()


def indices(viewer: Viewer) -> dict[str, int]:
    return dict(viewer.stage("s.board.panes.map(p => [p.name, p.index])"))


def ink(viewer: Viewer) -> dict[str, bool]:
    return {pane: coloured(viewer, pane) > 0 for pane in PANES}


def kept(folder: Path) -> Any:
    """What the draft holds."""
    task = open_repository(folder).start(SUBJECT, "annotate", project=PROJECT, take_over=True)
    draft = task.draft()
    return replay(task.volume, draft.snapshot, draft.lines).table.annotations()


def test_a_study_opens_in_its_protocol_and_panes_follow(study: tuple[Viewer, Path]) -> None:
    viewer, folder = study
    panes = viewer.stage("s.board.panes.map(p => [p.name, p.label, p.plane])")
    titles = ("Arterial CT", "Portal-venous CT", "Late-phase CT")
    planes = ("axial", "sagittal", "coronal")
    assert panes == [[f"{r}-{c}", titles[r - 1], planes[c - 1]] for r in (1, 2, 3) for c in (1, 2, 3)]
    before = indices(viewer)
    activate(viewer, "1-1", "ArrowDown")
    viewer.rest()
    after = indices(viewer)
    assert after["1-1"] == after["2-1"] == before["1-1"] - 1 and after["1-2"] == before["1-2"]
    heights = viewer.stage("""s.board.panes.filter(p => p.plane === "axial")
        .map(p => p.shape.origin[2] + p.index * p.shape.step[2])""")
    assert max(heights) - min(heights) <= viewer.stage("s.board.paneNamed('3-1').shape.step[2]") / 2
    viewer.page.screenshot(path=folder / "grid.png")


def test_what_is_drawn_in_one_pane_shows_in_all_that_it_crosses(study: tuple[Viewer, Path]) -> None:
    viewer, folder = study
    activate(viewer, "2-1", "s")
    draw(viewer, "2-1", [(0.45, 0.5), (0.55, 0.5)])
    viewer.rest()
    assert ink(viewer) == dict.fromkeys(PANES, True)
    viewer.page.screenshot(path=folder / "painted.png")
    (mask,) = kept(folder)
    assert isinstance(mask, Mask) and mask.series_uid == uid_from("portal venous")


def test_a_box_is_edited_in_another_series_pane(study: tuple[Viewer, Path]) -> None:
    viewer, folder = study
    activate(viewer, "2-1", "b")
    draw(viewer, "2-1", [(0.4, 0.4), (0.6, 0.6)])
    corners = "[...s.board.ink.echoes.held.values()][0].corners"
    before = viewer.stage(corners)
    draw(viewer, "1-1", [(0.5, 0.5), (0.6, 0.55)])
    assert viewer.stage(corners) != before
    viewer.page.screenshot(path=folder / "box.png")
    (box,) = kept(folder)
    assert isinstance(box, Box) and box.series_uid == uid_from("portal venous")


def test_another_layout_and_another_series_in_a_pane(study: tuple[Viewer, Path]) -> None:
    viewer, folder = study
    viewer.page.locator(".eci-layouts select").first.select_option(label="1 × 2")
    viewer.page.wait_for_function("() => document.querySelector('.eci-stage').stage.board.panes.length === 2")
    viewer.wait()
    activate(viewer, "1-2")
    viewer.page.locator(".eci-series button").get_by_text("Abdomen delayed").click()
    viewer.answered()
    viewer.wait()
    assert viewer.stage("s.board.paneNamed('1-2').series") == uid_from("delayed")
    viewer.page.locator(".eci-layouts select").nth(1).select_option(label="Coronal")
    viewer.answered()
    viewer.wait()
    assert viewer.stage("s.board.panes.map(p => p.plane)") == ["axial", "coronal"]
    viewer.page.locator(".eci-layouts select").first.select_option(label="Three planes")
    viewer.page.wait_for_function("() => document.querySelector('.eci-stage').stage.board.panes.length === 3")
    viewer.wait()
    assert len({*viewer.stage("s.board.panes.map(p => p.series)")}) == 1
    viewer.page.screenshot(path=folder / "three.png")
