"""The task app under Voilà, as a radiologist goes through it: list, open, draw, form, sign, next; back; take over."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page

from eci_annotate.repository.admin.import_dicom import import_folders
from eci_annotate.repository.open_repository import open as open_repository
from tests.browser.lab import PROJECT, SUBJECT, Lab, Viewer, run_all
from tests.browser.test_viewer import coloured, draw, fill_form
from tests.browser.voila_app import voila
from tests.repository.readings_world import phantom

APP = Path(__file__).parents[2] / "notebooks" / "task_app.ipynb"
SECOND = "ECI_KAU_S0002"


@pytest.fixture(scope="module")
def two_subjects(made_repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository with one subject more."""
    root = tmp_path_factory.mktemp("two")
    folder = Path(shutil.copytree(made_repository, root / "repository"))
    phantom(root / "dicom", 2)
    import_folders(open_repository(folder).backend, [root / "dicom"], project=PROJECT, site="KAU")
    return folder


def lines(page: Page) -> list[str]:
    page.wait_for_selector(".eci-worklist")
    return page.locator(".eci-task").all_inner_texts()


def open_first(page: Page) -> Viewer:
    page.locator(".eci-task button").first.click()
    viewer = Viewer(page)
    viewer.wait()
    viewer.rest()
    return viewer


def test_list_open_draw_form_sign_and_next(two_subjects: Path, tmp_path: Path, page: Page) -> None:
    repository = Path(shutil.copytree(two_subjects, tmp_path / "repository"))
    shutil.copy(APP, tmp_path / APP.name)
    with voila(tmp_path, APP.name, ECI_ANNOTATE_REPOSITORY=str(repository)) as address:
        page.goto(address)
        assert [line.split()[0] for line in lines(page)] == [SUBJECT, SECOND]
        page.screenshot(path=tmp_path / "list.png")
        viewer = open_first(page)
        assert page.locator(".eci-task").count() == 0
        draw(viewer, "b")
        fill_form(viewer)
        page.wait_for_selector(".eci-form .eci-good")
        page.screenshot(path=tmp_path / "task.png")
        page.get_by_role("button", name="Sign …").click()
        page.get_by_role("button", name="Sign for good").click()
        page.wait_for_selector(".eci-signed")
        assert "version 1" in page.locator(".eci-work-bar").inner_text()
        page.screenshot(path=tmp_path / "signed.png")
        page.get_by_role("button", name="Next task").click()
        page.locator(".eci-title", has_text=SECOND).wait_for()  # the next task opens by itself
        viewer = Viewer(page)
        viewer.wait()
        viewer.rest()
        draw(viewer, "s")
        assert coloured(viewer) > 50
        page.get_by_role("button", name="Back to the list").click()
        page.wait_for_selector(".eci-stage", state="detached")
        assert [line.split()[0] for line in lines(page)] == [SECOND]
        again = open_first(page)
        assert coloured(again) > 50
        page.reload()  # the page before ends, and gives its task back; the list follows
        page.wait_for_selector(".eci-task:not(:has-text('another of your sessions'))")
        assert coloured(open_first(page)) > 50
        page.get_by_role("button", name="Back to the list").click()
        page.wait_for_selector(".eci-worklist")
    repo = open_repository(repository)
    (signed,) = repo.versions(SUBJECT, project=PROJECT)
    assert [each.kind for each in signed.annotations()] == ["box"]
    assert repo.start(SECOND, "annotate", project=PROJECT).draft().snapshot  # given back, and the draft stayed


def test_a_task_that_is_open_elsewhere_is_taken_over_in_jupyterlab(
    lab: Lab, page: Page, two_subjects: Path, request: pytest.FixtureRequest
) -> None:
    folder = lab.copy(two_subjects, request.node.name)
    cells = ["".join(c["source"]) for c in json.loads(APP.read_text())["cells"] if c["cell_type"] == "code"]
    code = [f"import os; os.environ['ECI_ANNOTATE_REPOSITORY'] = {str(folder)!r}", *cells]
    run_all(page, lab.put(f"{folder.name}.ipynb", code))
    assert len(lines(page)) == 2
    elsewhere = open_repository(folder).start(SUBJECT, "annotate", project=PROJECT)
    page.locator(".eci-task button").first.click()  # the list is older than that
    page.wait_for_selector(".eci-work-bar .eci-problem")
    said = page.locator(".eci-work-bar .eci-problem").inner_text()
    assert "in another session" in said and "take over here" in said and "take_over" not in said
    page.screenshot(path=folder / "refused.png")
    page.get_by_role("button", name="Take over here").click()
    viewer = Viewer(page)
    viewer.wait()
    viewer.rest()
    draw(viewer, "b")
    page.screenshot(path=folder / "taken.png")
    viewer.saved()
    with pytest.raises(Exception, match="taken over"):
        elsewhere.release()
