"""Series that members keep in slots: theirs alone, again after reopening; proposed, they become the next protocol."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from eci_annotate.cli import app
from eci_annotate.errors import NotFound, Refused
from eci_annotate.repository.admin.create import add_member
from eci_annotate.repository.admin.import_dicom import import_folders
from eci_annotate.repository.keys.repository_folder import find
from eci_annotate.repository.layout.protocol_proposals import (
    decline_proposal,
    evidence_of,
    protocol_proposals,
    publish_proposal,
)
from eci_annotate.repository.open_repository import open
from eci_annotate.repository.repository import Repository
from eci_annotate.viewer.panels.keep_menu import ALIKE, DROP, HERE, PROPOSE
from eci_annotate.viewer.workbench import Workbench
from eci_annotate.workflow.subject.commands import SettleProposal
from tests.repository.repository_world import P, S, as_member, local
from tests.viewer.study_world import repository_of, write_study

PHASES = {"Abdomen portal": {}, "Abdomen portal 1mm": {"SliceThickness": 1}, "Abdomen arteriell": {}}
T = "ECI_KAU_S0002"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("kept")
    repository = repository_of(root, P, PHASES)
    add_member(repository, find(root / "repository"), "ben", project=P, roles=("annotator",), site="KAU")
    return root


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made / "repository", tmp_path / "repository"))


@pytest.fixture
def repo(folder: Path) -> Repository:
    return open(folder)


def named(repo: Repository) -> dict[str, str]:
    """Series by description."""
    studies = local(repo).images.studies(P, S)
    return {series.description: series.series_uid for study in studies for series in study.series}


def shown(bench: Workbench) -> dict[str, str]:
    """Series by slot, as the panes show them."""
    panes = bench.controller.panes
    return {cell.slot: panes.series(cell.name) for cell in panes.layout.cells}


def put(bench: Workbench, slot: str, series: str) -> None:
    """Drag a series into the first pane of a slot, and make it the active pane."""
    pane = next(cell.name for cell in bench.controller.panes.layout.cells if cell.slot == slot)
    bench.controller.active_pane = pane
    bench._carry_out(lambda: bench.controller.put(pane, series))


def keep(bench: Workbench, action: str) -> None:
    menu = bench.menu.widget.children[-1]
    menu.value = action
    assert menu.value == ""


def test_a_series_kept_for_this_study_is_there_again_and_nobody_else_sees_it(
    repo: Repository, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    series, bench = named(repo), Workbench(repo.start(S, "annotate"))
    before, placed = shown(bench), bench.hanging.placed
    assert before["portal"] == series["Abdomen portal 1mm"]
    put(bench, "portal", series["Abdomen portal"])
    keep(bench, HERE)
    bench.leave()
    bench = Workbench(open(folder).start(S, "annotate"))
    assert shown(bench)["portal"] == series["Abdomen portal"]
    assert bench.hanging.placed == placed  # what signing asks for follows the protocol
    assert "kept there by you" in bench.browser.cards[series["Abdomen portal"]].why
    bench.leave()
    other = Workbench(as_member(monkeypatch, folder, "ben").start(S, "annotate"))
    assert shown(other) == before and other.hanging.chosen == {}
    other.leave()


def test_what_is_kept_is_dropped(repo: Repository) -> None:
    series, bench = named(repo), Workbench(repo.start(S, "annotate"))
    before = shown(bench)
    put(bench, "portal", series["Abdomen portal"])
    keep(bench, ALIKE)
    assert bench.task.hanging().chosen == {"portal": series["Abdomen portal"]}
    keep(bench, DROP)
    assert bench.task.hanging().chosen == {}
    bench.leave()
    bench = Workbench(repo.start(S, "annotate"))
    assert shown(bench) == before
    bench.leave()


def test_a_choice_for_studies_like_this_holds_in_the_next_study(repo: Repository, tmp_path: Path) -> None:
    task, series = repo.start(S, "annotate"), named(repo)
    task.kept_series.keep("portal", series["Abdomen portal"], alike=True)
    task.release()
    _next_patient(repo, tmp_path)
    next_task = repo.start(T, "annotate")
    (description,) = (
        each.description
        for study in next_task.studies()
        for each in study.series
        if each.series_uid == next_task.hanging().chosen["portal"]
    )
    assert description == "Abdomen portal" and next_task.hanging().chosen["portal"] != series["Abdomen portal"]
    next_task.release()


def _next_patient(repo: Repository, tmp_path: Path) -> None:
    import pydicom
    from pydicom.uid import generate_uid

    write_study(tmp_path / "next", PHASES)
    for path in (tmp_path / "next").rglob("*.dcm"):
        dataset = pydicom.dcmread(path)
        dataset.PatientID = f"{dataset.PatientID}-2"
        for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID"):
            setattr(dataset, name, generate_uid(entropy_srcs=["next", getattr(dataset, name)]))
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.save_as(path)
    import_folders(local(repo), [tmp_path / "next"], project=P, site="KAU")


def test_a_proposal_shows_its_evidence_and_becomes_the_next_protocol(
    repo: Repository, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    series = named(repo)
    bench = Workbench(as_member(monkeypatch, folder, "ben").start(S, "annotate"))
    put(bench, "portal", series["Abdomen portal"])
    keep(bench, PROPOSE)
    bench.leave()
    owner = local(repo)
    (proposal,) = protocol_proposals(owner, P)
    assert (proposal.title, proposal.members, proposal.subjects) == ("Portal-venous CT", ("ben",), (S,))
    assert "SeriesDescription 'Abdomen portal'" in proposal.words and "phase portal" in proposal.words
    (found,) = evidence_of(owner, P, [proposal])
    assert found is not None and (found.looked, found.alike) == (1, (S,))
    assert found.changed == ((S, "Abdomen portal 1mm", "Abdomen portal"),)
    assert found.other_slots == ("Other phase",)  # the series that gave way is left over for it
    before = repo.use_case(P)
    case = publish_proposal(owner, P, proposal)
    assert repo.use_case(P).digest == case.digest != before.digest and protocol_proposals(owner, P) == []
    headers = _headers(repo)
    placed = {each.slot: each for each in case.hang(headers).placed}
    assert placed["portal"].series_uid == series["Abdomen portal"] and "ben proposed" in placed["portal"].reasons[0]
    assert {each.slot: each.series_uid for each in before.hang(headers).placed}["portal"] != series["Abdomen portal"]


def _headers(repo: Repository) -> list[dict[str, object]]:
    from eci_annotate.archive.protocol import hanging_headers

    return hanging_headers(local(repo).images.studies(P, S))


def test_only_the_owner_sees_and_settles_what_others_propose(
    repo: Repository, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, series = repo.start(S, "annotate"), named(repo)
    task.kept_series.keep("portal", series["Abdomen portal"], alike=True, proposed=True)
    task.release()
    ben = local(as_member(monkeypatch, folder, "ben"))
    assert ben.account.kept_series(P) == []
    (proposal,) = protocol_proposals(local(repo), P)
    with pytest.raises(Refused, match="may not administer"):
        ben.do(SettleProposal(P, proposal.slot, proposal.traits))
    decline_proposal(local(repo), P, proposal, "the thin slices are wanted")
    assert protocol_proposals(local(repo), P) == []
    assert [each.slot for each in local(repo).account.kept_series(P)] == ["portal"]  # kept by the one who proposed it
    with pytest.raises(NotFound, match="settled"):
        decline_proposal(local(repo), P, proposal, "again")


def test_what_cannot_be_kept_is_refused_by_name(repo: Repository) -> None:
    task, series = repo.start(S, "annotate"), named(repo)
    with pytest.raises(NotFound, match="no such slot"):
        task.kept_series.keep("nowhere", series["Abdomen portal"])
    with pytest.raises(NotFound, match="no such series"):
        task.kept_series.keep("portal", "1.2.3")
    with pytest.raises(Refused, match="cannot be proposed"):
        task.kept_series.keep("portal", series["Abdomen portal"], proposed=True)
    task.release()


def test_proposals_are_decided_by_command(repo: Repository, folder: Path) -> None:
    task, series = repo.start(S, "annotate"), named(repo)
    for slot in ("portal", "arterial"):
        task.kept_series.keep(slot, series["Abdomen portal"], alike=True, proposed=True)
    task.release()
    run = CliRunner()
    listed = run.invoke(app, ["hanging", "proposals", str(folder)], env={"COLUMNS": "400"})
    assert listed.exit_code == 0 and "1 of 1 subjects have it, 1 would change" in listed.output, listed.output
    published = run.invoke(app, ["hanging", "publish", str(folder), "1"])
    assert published.exit_code == 0 and "Portal-venous CT takes series with" in published.output
    declined = run.invoke(app, ["hanging", "decline", str(folder), "1", "--reason", "it is no arterial phase"])
    assert declined.exit_code == 0 and protocol_proposals(local(open(folder)), P) == []
    assert run.invoke(app, ["hanging", "publish", str(folder), "1"]).exit_code != 0
