"""Another project in a repository: opened by an owner, with the keys they have; several use cases side by side."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import eci_annotate as eci
from eci_annotate.cli import app
from eci_annotate.dicom.phantom import write_phantom
from eci_annotate.errors import Conflict, Refused
from eci_annotate.repository.admin import new_project as opening
from eci_annotate.repository.admin.import_dicom import import_folders
from eci_annotate.repository.admin.new_project import new_project
from eci_annotate.repository.local import command_handler
from eci_annotate.repository.repository import Repository
from eci_annotate.workflow.usecase.usecase import shipped_use_case
from tests.repository.repository_world import ANSWERS, MEANING, P, as_member, lines, local


def test_an_owner_opens_a_project_and_works_in_it(repo: Repository, folder: Path, tmp_path: Path) -> None:
    new_project(local(repo), "livers-2", shipped_use_case("liver-ct"))
    again = eci.open(folder)
    assert again.backend.account.projects() == [P, "livers-2"]
    assert again.worklist("livers-2").empty and len(again.worklist(P)) == 1
    write_phantom(tmp_path / "more", "anisotropic")
    import_folders(local(again), [tmp_path / "more"], project="livers-2", site="KAU")
    (subject,) = again.worklist("livers-2").subject
    task = again.start(subject, "annotate", project="livers-2")
    task.save(lines(task))
    task.answer(ANSWERS)
    task.sign(MEANING)
    assert all(check.passed for check in again.backend.trail.verify("livers-2", subject))


def test_nobody_else_opens_one_and_no_name_twice(
    repo: Repository, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = shipped_use_case("liver-ct")
    with pytest.raises(Refused, match="may not open projects"):
        new_project(local(as_member(monkeypatch, folder, "ben")), "mine", case)
    for name, match in ((P, "exists already"), ("a b", "not allowed"), ("../x", "not allowed")):
        with pytest.raises(Refused, match=match):
            new_project(local(repo), name, case)
    assert local(repo).context.streams.projects().keys() == {P}


@pytest.mark.parametrize("step", range(3))
def test_what_was_interrupted_is_finished(step: int, repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    case, real, calls = shipped_use_case("breast-mri"), command_handler.do_project, list[object]()

    def broken(*given: object) -> None:
        calls.append(given)
        if len(calls) == step + 1:
            raise Conflict("cut off", "")
        real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(opening, "do_project", broken)
    with pytest.raises(Conflict, match="cut off"):
        new_project(local(repo), "breasts", case)
    monkeypatch.undo()
    new_project(local(repo), "breasts", case)
    made = local(repo).context.streams.projects()["breasts"]
    assert made.use_case == case.digest and "owner" in made.members["anna"].roles and made.members["anna"].certificates


def test_the_command_opens_and_lists(folder: Path) -> None:
    run = CliRunner().invoke
    assert run(app, ["project", "new", str(folder), "mammography"]).exit_code == 0
    shown = run(app, ["project", "list", str(folder)]).output
    assert "mammography" in shown and "Liver lesions in CT" in shown
    with pytest.raises(Exception, match="'nowhere' not found"):
        run(app, ["worklist", str(folder), "--project", "nowhere"], catch_exceptions=False)
        run(app, ["import", str(folder), str(folder), "--project", "nowhere"], catch_exceptions=False)


def test_an_import_writes_its_report(folder: Path, tmp_path: Path) -> None:
    write_phantom(tmp_path / "more", "anisotropic")
    told = CliRunner().invoke(
        app, ["import", str(folder), str(tmp_path / "more"), "--site", "KAU", "--report", str(tmp_path / "done.json")]
    )
    assert told.exit_code == 0, told.output
    assert json.loads((tmp_path / "done.json").read_text())["subjects"] == {"ECI_KAU_S0002": 24}
