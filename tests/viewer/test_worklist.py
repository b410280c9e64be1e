"""The list of tasks: its order, what a row says, the filter, and the next task."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from eci_annotate.dicom.phantom import write_phantom
from eci_annotate.repository.admin.import_dicom import import_folders
from eci_annotate.repository.admin.new_project import new_project
from eci_annotate.repository.repository import Repository
from eci_annotate.viewer.task_app import TaskApp
from eci_annotate.viewer.worklist import ALL, NO_MATCH, NOTHING, Worklist
from eci_annotate.workflow.usecase.usecase import shipped_use_case
from tests.repository.repository_world import ANSWERS, MEANING, P, S, as_member, lines, local, make
from tests.viewer.test_task_app import bench_of, sign, texts


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with three subjects in one project, and one in another."""
    root = tmp_path_factory.mktemp("lists")
    folder = make(root)
    from eci_annotate.repository.open_repository import open

    owner = open(folder)
    for number, kind in enumerate(("anisotropic", "oblique"), 1):
        write_phantom(root / "more" / str(number), kind)
    import_folders(local(owner), [root / "more"], project=P, site="ERL")
    new_project(local(owner), "second", shipped_use_case("liver-ct"))
    write_phantom(root / "other", "mr")
    import_folders(local(owner), [root / "other"], project="second", site="KAU")
    return folder


def rows(work: Worklist) -> list[str]:
    return [texts(each) for each in work.body.children]


def subjects(work: Worklist) -> list[str]:
    return [row.split("</b>")[0].removeprefix("<div><b>") for row in rows(work)]


def signed_and_rejected(folder: Path, subject: str, monkeypatch: pytest.MonkeyPatch) -> Repository:
    anna = as_member(monkeypatch, folder, "anna")
    task = anna.start(subject, "annotate", project=P)
    task.save(lines(task))
    task.answer(ANSWERS)
    task.sign(MEANING)
    as_member(monkeypatch, folder, "ruth").start(subject, "review").sign(
        "I looked", verdict="reject", reason="too <large>"
    )
    return as_member(monkeypatch, folder, "anna")


def test_what_comes_first_is_found_beyond_the_first_page(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(made, tmp_path / "repository"))
    monkeypatch.setattr("eci_annotate.viewer.worklist.PAGE", 1)
    last = "ECI_ERL_S0002"
    repo = signed_and_rejected(folder, last, monkeypatch)
    work = TaskApp(repo, "400px").list
    assert subjects(work) == [last] and work.more.layout.display == "", "sent back"
    held = repo.start(S, "annotate", project=P)
    work.fill()
    assert subjects(work) == [S], "held"
    assert repo.worklist(P, size=1)["subject"].tolist() == ["ECI_ERL_S0001", last, S]
    held.save(lines(held))
    held.release()
    work.fill()
    assert subjects(work) == [S] and "your draft" in rows(work)[0]
    ben = as_member(monkeypatch, folder, "ben")
    assert not any("your draft" in row for row in rows(TaskApp(ben, "400px").list))


def test_order_words_filter_and_next(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    last = "ECI_ERL_S0002"
    repo = signed_and_rejected(made, last, monkeypatch)
    app = TaskApp(repo, "400px")
    work = app.list
    assert subjects(work)[0] == last, "what needs correction comes first"
    assert "needs correction: ruth: too &lt;large&gt;" in rows(work)[0] and "ready since 20" in rows(work)[0]
    assert "ERL" in rows(work)[0] and len(rows(work)) == 4
    held = repo.start("ECI_ERL_S0001", "annotate", project=P)
    work.fill()
    assert subjects(work)[:2] == ["ECI_ERL_S0001", last], "what is held comes before it"
    held.save(lines(held))
    held.answer(ANSWERS)
    held.release()
    work.fill()
    assert subjects(work)[:2] == ["ECI_ERL_S0001", last], "an own draft comes before it too"
    assert "your draft" in rows(work)[0] and not any("your draft" in row for row in rows(work)[1:])
    work.text.value = "kau"
    assert set(subjects(work)) == {S, "ECI_KAU_S0002"} and len(rows(work)) == 2
    work.project.value = "second"
    assert len(rows(work)) == 1 and ">second<" in rows(work)[0]
    work.site.value = "nowhere"
    assert rows(work) == [f"<p>{NO_MATCH}</p>"]
    work.text.value, work.site.value, work.project.value = "", "", ALL
    assert len(rows(work)) == 4
    app.open_next()
    assert bench_of(app).task.subject == "ECI_ERL_S0001"
    sign(bench_of(app))
    app.next.click()
    assert bench_of(app).task.subject == last and bench_of(app).task.version == 2
    sign(bench_of(app))
    app.next.click()
    assert bench_of(app).task.subject == S, "the next one opens by itself"
    app.back.click()


def test_an_empty_list_says_so(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = TaskApp(as_member(monkeypatch, made, "ruth"), "400px").list
    work.fill()
    assert rows(work) == [f"<p>{NOTHING}</p>"] or "Review" in rows(work)[0]
