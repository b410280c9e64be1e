"""The task app without a browser: nobody is stranded; own signed work can be seen and corrected; who works is shown."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ipywidgets as w
import pydicom
import pytest

from eci_annotate.dicom.phantom import write_phantom
from eci_annotate.repository.admin.create import create_repository
from eci_annotate.repository.admin.import_dicom import import_folders
from eci_annotate.repository.draft_entries import Draft
from eci_annotate.repository.open_repository import open
from eci_annotate.repository.repository import Repository
from eci_annotate.repository.task import Task
from eci_annotate.tools.editing.entries import ChooseTool, SetOption, Undo
from eci_annotate.tools.mask_edit import MaskEdit
from eci_annotate.tools.shape_edit import ShapeOperation
from eci_annotate.viewer.account_bar import account_bar, hub_links
from eci_annotate.viewer.open_task import OpenTask
from eci_annotate.viewer.plain_error import TAKE_OVER
from eci_annotate.viewer.stage.orders import Send
from eci_annotate.viewer.task_app import TaskApp
from eci_annotate.viewer.version_page import VersionPage
from eci_annotate.viewer.workbench import Workbench
from tests.repository.readings_world import as_member, lesion, make, read, report

PROJECT, SUBJECT = "liver-ct", "ECI_KAU_S0001"
ANSWERS = report(lesion("lesion 1"))


def world(root: Path, modality: str) -> Path:
    """A repository whose one subject has a series of this modality."""
    files = write_phantom(root / "dicom", "tiny")
    for path in files:
        dataset = pydicom.dcmread(path)
        dataset.Modality = modality
        dataset.save_as(path)
    create_repository(root / "repository", project=PROJECT, member="anna", site="KAU")
    import_folders(open(root / "repository").backend, [root / "dicom"], project=PROJECT, site="KAU")
    return root / "repository"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {kind: world(tmp_path_factory.mktemp(kind), kind) for kind in ("CT", "OT")}


@pytest.fixture
def folder(made: dict[str, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(made["CT"], tmp_path / "repository"))


@pytest.fixture
def repo(folder: Path) -> Repository:
    return open(folder)


@pytest.fixture
def unfit(made: dict[str, Path], tmp_path: Path) -> Repository:
    """One whose only series does not fit the hanging protocol."""
    return open(Path(shutil.copytree(made["OT"], tmp_path / "repository")))


def all_of(widget: Any) -> Iterator[Any]:
    yield widget
    for child in getattr(widget, "children", ()):
        yield from all_of(child)


def texts(widget: Any) -> str:
    return " ".join(each.value for each in all_of(widget) if isinstance(each, w.HTML))


def button(widget: Any, text: str) -> Any:
    return next(each for each in all_of(widget) if isinstance(each, w.Button) and text in each.description)


def bench_of(app: TaskApp) -> Workbench:
    assert isinstance(app.shown, OpenTask) and app.shown.bench is not None
    return app.shown.bench


def draw(bench: Workbench, size: float = 10.0) -> None:
    """Draw a box in the middle of the axial pane."""
    grid = bench.controller.easel.table.grid
    x, y, z = (float(each) for each in grid.reference_from_image([n // 2 for n in grid.shape]))
    events = [("press", [x, y, z]), ("drag", [x + size, y + size, z]), ("release", [x + size, y + size, z])]
    bench.controller.receive({"kind": "hands", "frame": 1, "events": [
        {"do": do, "pane": "axial", "index": grid.shape[0] // 2, "points": points, "pressures": [1], "time_s": 0.1,
         "modifiers": []} for do, points in events
    ]})  # fmt: skip


def signed_once(repo: Repository) -> TaskApp:
    sign(answered(repo))
    return TaskApp(repo, "400px")


def answered(repo: Repository) -> Workbench:
    """A workbench with a box, and a complete form."""
    task = repo.start(SUBJECT, "annotate")
    task.answer(ANSWERS)
    bench = Workbench(task)
    draw(bench)
    return bench


def sign(bench: Workbench) -> None:
    bench.signing.button.click()
    bench.signing.confirm.click()
    assert "Signed: version" in bench.signing.said.value


@pytest.mark.parametrize("what", ["polygon", "suggestion"])
def test_what_is_shown_but_not_finished_is_not_left_out_of_a_signature_without_a_word(
    repo: Repository, what: str
) -> None:
    bench = answered(repo)
    if what == "polygon":
        bench.do(ChooseTool("freedraw"))
        bench.do(SetOption("pen", "polygon"))
        click(bench)
    else:
        (uid,) = bench.controller.easel.table.objects
        bench.suggestions.ask(MaskEdit(uid, ShapeOperation.SIZE, "9 x 9 x 9"))
    bench.signing.button.click()
    bench.signing.confirm.click()
    assert {"polygon": "not closed", "suggestion": "is not part of your work"}[what] in bench.signing.said.value
    if what == "polygon":
        bench.do(Undo())
    else:
        bench.suggestions.discard()
    sign(bench)


def click(bench: Workbench) -> None:
    """Click in the middle of the axial pane."""
    draw(bench, 0.0)


def test_a_task_without_a_fitting_series_names_why_and_offers_what_there_is(unfit: Repository) -> None:
    app = TaskApp(unfit, "400px")
    button(app.list.widget, "Open").click()
    assert isinstance(app.shown, OpenTask) and app.shown.bench is None and app.shown.choice is not None
    said = texts(app.widget)
    assert (
        f"No series of {SUBJECT} fits the hanging protocol" in said and "Left out" in said and "(" not in app.said.value
    )
    (card,) = app.shown.choice.browser.cards.values()
    card.button.click()
    bench = bench_of(app)
    draw(bench)
    assert len(bench.controller.easel.table.annotations()) == 1
    app.back.click()
    button(app.list.widget, "Open").click()  # the choice was kept with the work
    assert len(bench_of(app).controller.easel.table.annotations()) == 1


def test_the_window_of_the_hanging_protocol_is_used(repo: Repository) -> None:
    bench = Workbench(repo.start(SUBJECT, "annotate"))
    (scene,) = (o.message for o in bench.controller.show() if isinstance(o, Send) and o.message["kind"] == "scene")
    (series,) = scene["series"].values()
    assert series["window"] == [60 - 180, 60 + 180]  # centre 60, width 360 in forms/liver-ct/hanging.yaml


def test_leaving_the_choice_of_a_series_gives_the_task_back(unfit: Repository) -> None:
    app = TaskApp(unfit, "400px")
    button(app.list.widget, "Open").click()
    app.back.click()
    assert app.shown is None
    view = unfit.backend.subject(PROJECT, SUBJECT).task("annotate")
    assert view.status == "ready" and view.holder == ""


def test_a_refusal_in_the_app_is_without_python(repo: Repository, folder: Path) -> None:
    app = TaskApp(repo, "400px")
    elsewhere = open(folder)
    elsewhere.start(SUBJECT, "annotate")
    button(app.list.widget, "Open").click()  # the list is older than that
    assert TAKE_OVER in app.said.value and "take_over" not in app.said.value
    button(app.list.widget, "Take over here").click()
    assert bench_of(app).task.version == 1


def test_own_signed_work_is_listed_seen_and_corrected_with_a_reason(repo: Repository) -> None:
    app = signed_once(repo)
    assert texts(app.signed.body) == ""
    app.signed.open.value = True
    said = texts(app.signed.body)
    assert SUBJECT in said and "version 1" in said and "waits for its review" in said
    button(app.signed.body, "View").click()
    page = app.shown
    assert isinstance(page, VersionPage)
    assert len(page.browser.cards) == 1 and "and 2 derived objects (RTSTRUCT, SR)" in texts(page.browser.widget)
    assert [row.label.value for row in page.annotations.rows.values()] == ["lesion 1"]
    draw_refused = page.controller.receive({"kind": "command", "name": "delete"})
    assert "signed and cannot be changed" in draw_refused[0].message["text"]  # type: ignore[union-attr]
    app.back.click()
    assert repo.backend.subject(PROJECT, SUBJECT).task("annotate").holder == ""
    button(app.signed.body, "New version").click()
    button(app.signed.body, "Start version 2").click()
    assert app.shown is None and "Type the reason first" in texts(app.signed.body)
    field = next(each for each in all_of(app.signed.body) if isinstance(each, w.Text))
    field.value = "the box was too small"
    button(app.signed.body, "Start version 2").click()
    bench = bench_of(app)
    assert bench.task.version == 2 and bench.signing.reason.value == "the box was too small"
    draw(bench, 14)
    sign(bench)
    assert [each.reason for each in repo.versions(SUBJECT)] == ["", "the box was too small"]


def test_signing_again_without_a_change_says_so(repo: Repository) -> None:
    signed_once(repo)
    bench = Workbench(repo.start(SUBJECT, "annotate", rerun=True))
    bench.signing.button.click()
    assert "Identical to version 1" in bench.signing.note.value
    draw(bench, 14)
    bench.signing.button.click()
    assert bench.signing.note.value == ""


def test_a_next_version_undoes_only_its_own_work(repo: Repository) -> None:
    signed_once(repo)
    bench = Workbench(repo.start(SUBJECT, "annotate", rerun=True))
    easel = bench.controller.easel
    assert easel.table.undo_name is None and len(easel.table.annotations()) == 1
    bench.do(Undo())
    assert len(easel.table.annotations()) == 1


def test_a_second_click_on_sign_for_good_changes_nothing(repo: Repository) -> None:
    bench = answered(repo)
    sign(bench)
    bench.signing.confirm.click()
    assert "Signed: version 1" in bench.signing.said.value
    assert len(repo.versions(SUBJECT)) == 1


def test_a_refusal_of_signing_disappears_with_its_cause(repo: Repository) -> None:
    bench = Workbench(repo.start(SUBJECT, "annotate"))
    bench.signing.button.click()
    bench.signing.confirm.click()
    assert "The report is not complete" in bench.signing.said.value
    bench.report.save()
    assert bench.signing.said.value == ""


def test_the_page_says_who_works_here_and_how_to_leave(repo: Repository) -> None:
    said = account_bar(repo.backend, {"JUPYTERHUB_BASE_URL": "/h/"}).value
    assert "anna" in said and PROJECT in said
    assert "href='/h/hub/logout'" in said and "href='/h/services/eci/factors'" in said and "<details>" in said
    assert "logout" not in account_bar(repo.backend, {}).value
    host = {"JUPYTERHUB_BASE_URL": "/", "JUPYTERHUB_HOST": "https://hub.example"}
    assert hub_links(host)["Log out"] == "https://hub.example/hub/logout"


def test_a_review_says_that_the_corrected_version_is_identical(tmp_path: Path) -> None:
    folder = make(tmp_path, 1)
    box = ("lesion 1", (4, 20, 28), (3, 3))
    read(folder, "anna", 1, ANSWERS, box)
    review = as_member(folder, "ruth").start(SUBJECT, "review")
    review.sign("I looked", verdict="reject", reason="the box is too large")
    anna = as_member(folder, "anna").start(SUBJECT, "annotate")
    bench = Workbench(anna)
    assert "Needs correction: the box is too large" in texts(bench.widget)
    parts = list(all_of(bench.widget))
    assert parts.index(bench.marking.panel.widget) < parts.index(bench.browser.widget), "in sight before many images"
    bench.signing.button.click()
    told = "Identical to version 1. That version was rejected: the box is too large"
    assert told in bench.signing.note.value
    bench.signing.confirm.click()
    assert told in Workbench(as_member(folder, "ruth").start(SUBJECT, "review")).signing.note.value


def test_what_of_a_draft_cannot_be_read_stays_on_the_page(monkeypatch: pytest.MonkeyPatch, repo: Repository) -> None:
    missing = "An entry cannot be read: 3. <b>2 drawing steps are missing.</b>"
    monkeypatch.setattr(Task, "draft", lambda self: Draft(None, [], {}, 0, missing))
    shown = texts(Workbench(repo.start(SUBJECT, "annotate")).widget)
    assert "cannot be read: 3. &lt;b&gt;2 drawing steps" in shown and "role='alert'" in shown


def test_a_subject_can_be_opened_at_once(repo: Repository) -> None:
    app = TaskApp(repo, "600px", SUBJECT)
    assert isinstance(app.shown, OpenTask) and app.shown.task.subject == SUBJECT
    app.shown.leave()
    signed_once(repo)
    assert isinstance(TaskApp(repo, "600px", SUBJECT).shown, VersionPage)


def test_a_subject_that_cannot_be_opened_leaves_the_list(repo: Repository) -> None:
    app = TaskApp(repo, "600px", "ECI_KAU_S0404")
    assert app.shown is None and "ECI_KAU_S0404" in app.said.value
