"""A study of several series: pictures of all, one click to change, annotations at the same place on all."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest
from playwright.sync_api import Page

from eci_annotate.dicom.phantom import write_phantom
from eci_annotate.dicom.uids import uid_from
from eci_annotate.repository.admin.create import create_repository
from eci_annotate.repository.admin.import_dicom import import_folders
from eci_annotate.repository.open_repository import open as open_repository
from eci_annotate.tools import replay
from tests.browser.lab import OPEN, PROJECT, SUBJECT, Lab, Viewer, run_all
from tests.browser.test_viewer import coloured, draw, press

LATE, LOCALIZER = "late phase", "one slice left out"


def another_series(folder: Path, description: str, number: int, leave_out: int | None = None) -> None:
    """Copies of the phantom's files as another series of the study."""
    for n, path in enumerate(sorted(folder.glob("tiny-*.dcm"))):
        if n == leave_out:
            continue
        dataset = pydicom.dcmread(path)
        dataset.SeriesDescription, dataset.SeriesNumber = description, number
        dataset.SeriesInstanceUID = uid_from(description)
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid_from(description, str(n))
        dataset.save_as(folder / f"{number}-{path.name}")


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose subject has three series; one of them has a gap."""
    root = tmp_path_factory.mktemp("several")
    write_phantom(root / "dicom", "tiny")
    another_series(root / "dicom", LATE, 2)
    another_series(root / "dicom", LOCALIZER, 3, leave_out=4)
    create_repository(root / "repository", project=PROJECT, member="anna", site="KAU")
    import_folders(open_repository(root / "repository").backend, [root / "dicom"], project=PROJECT, site="KAU")  # type: ignore[arg-type]
    return root / "repository"


@pytest.fixture
def study(lab: Lab, page: Page, several: Path, request: pytest.FixtureRequest) -> tuple[Viewer, Path]:
    """The task open, and its repository."""
    folder = lab.copy(several, request.node.name)
    run_all(page, lab.put(f"{folder.name}.ipynb", [OPEN.format(folder=folder.name)]))
    viewer = Viewer(page)
    viewer.wait()
    lay_out(viewer, "Three planes")
    return viewer, folder


def lay_out(viewer: Viewer, title: str) -> None:
    """Choose a layout."""
    viewer.page.locator(".eci-layouts select").first.select_option(label=title)
    viewer.answered()
    viewer.wait()


def turn_to(viewer: Viewer, description: str) -> None:
    viewer.page.locator(".eci-series button").get_by_text(description, exact=True).click()
    viewer.answered()
    viewer.wait()
    viewer.rest()


def test_every_series_and_each_part_of_one_with_a_gap_has_a_picture(study: tuple[Viewer, Path]) -> None:
    viewer, folder = study
    script = "() => [...document.querySelectorAll('.eci-series img')].filter(i => i.naturalWidth > 10).length == 4"
    viewer.page.wait_for_function(script)
    parts = viewer.page.locator(".eci-series button").filter(has_text=LOCALIZER).all_inner_texts()
    assert parts == [f"{LOCALIZER}, part 1 of 2", f"{LOCALIZER}, part 2 of 2"]
    viewer.page.screenshot(path=folder / "series.png")


def test_annotations_show_on_all_series_and_belong_to_the_one_they_were_drawn_on(study: tuple[Viewer, Path]) -> None:
    viewer, folder = study
    first = viewer.stage("s.board.series")
    draw(viewer, "s")
    ink = coloured(viewer)
    turn_to(viewer, LATE)
    assert viewer.stage("s.board.series") == uid_from(LATE) != first
    assert abs(coloured(viewer) - ink) <= 0.02 * ink and viewer.stage("s.board.ink.echoes.size") == 1
    draw(viewer, "b")
    assert coloured(viewer) > ink and viewer.page.locator(".eci-row").count() == 2
    assert viewer.page.locator(".eci-row.eci-elsewhere").count() == 0
    viewer.page.screenshot(path=folder / "late.png")
    turn_to(viewer, "phantom tiny")
    assert coloured(viewer) > ink
    viewer.saved()
    task = open_repository(folder).start(SUBJECT, "annotate", project=PROJECT, take_over=True)
    draft = task.draft()
    found_on = {a.kind: a.series_uid for a in replay(task.volume, draft.snapshot, draft.lines).table.annotations()}
    assert found_on == {"mask": first, "box": uid_from(LATE)}


def test_choosing_an_annotation_turns_to_its_series(study: tuple[Viewer, Path]) -> None:
    viewer, _ = study
    draw(viewer, "s")
    turn_to(viewer, LATE)
    viewer.page.locator(".eci-row [title^='Drawn on another series']").click()
    viewer.rest()
    assert viewer.stage("s.board.series") != uid_from(LATE) and coloured(viewer) > 50


def test_a_box_is_placed_in_three_planes(study: tuple[Viewer, Path]) -> None:
    viewer, _ = study
    press(viewer, "d", "m")
    assert viewer.stage("s.board.shown.length") == 1
    press(viewer, "b")
    assert viewer.stage("s.board.shown.map(p => p.name)") == ["axial", "sagittal", "coronal"]
    viewer.wait()
    press(viewer, "m", "n")
    assert viewer.stage("s.board.shown.length") == 1
