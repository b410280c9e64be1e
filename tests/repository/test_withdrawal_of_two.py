"""A subject of two projects: a withdrawal from one erases what is its own, and the other goes on with its images."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import eci_annotate as eci
from eci_annotate.archive.protocol import image_series_in
from eci_annotate.errors import EciError, Tampered
from eci_annotate.repository.admin.ingest_subject import sign_ingest
from eci_annotate.repository.backend import Check
from eci_annotate.repository.local import artefacts, command_handler, erase
from eci_annotate.repository.local.context import Context
from eci_annotate.repository.repository import Repository
from eci_annotate.workflow.codec import digest
from eci_annotate.workflow.subject.commands import ChangeMember, Enrol, Withdraw
from tests.dicom.series_maker import make_series
from tests.repository.repository_world import ANSWERS, MEANING, P, S, lines, local
from tests.service.matrix_world import Q, other_project


@pytest.fixture(scope="module")
def shared(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose subject was annotated and signed in both of its projects; P took in one series more."""
    root = tmp_path_factory.mktemp("shared")
    folder = Path(shutil.copytree(made, root / "repository"))
    other_project(folder)
    repo = eci.open(folder)
    backend = local(repo)
    backend.do(ChangeMember(Q, "anna", ("owner", "annotator"), ("*",)))
    backend.do(Enrol(Q, S, "KAU", repo.use_case(P).digest, ()))
    sign_ingest(backend, Q, S)
    for project in (P, Q):
        task = repo.start(S, "annotate", project=project)
        task.save(lines(task))
        task.answer({**ANSWERS, "comment": f"a remark in {project}"})
        task.sign(MEANING)
    later = make_series(root / "later", 3, modality="CT")
    backend.context.archive.store(S, later)
    sign_ingest(backend, P, S)
    return folder


@pytest.fixture
def folder(shared: Path, tmp_path: Path) -> Path:
    """A copy of it, of the test's own."""
    return Path(shutil.copytree(shared, tmp_path / "repository"))


def kept(repo: Repository, *, images: bool) -> set[str]:
    """The image series, or the other files by their SOP instance UIDs, that the archive holds of the subject."""
    archive = local(repo).context.archive
    studies = archive.studies(S)
    drawn = {each.series_uid for study in studies for each in image_series_in(study)}
    rest = {each.series_uid for study in studies for each in study.series} - drawn
    return drawn if images else {each.sop_uid for uid in rest for each in archive.instances(S, uid)}


def signed_files(repo: Repository, project: str) -> set[str]:
    """The SOP instance UIDs of the files that the signature in a project made."""
    manifest = repo.signed(S, "annotate", 1, project=project).event.manifest
    return {part.name.split("/")[2] for part in (*manifest.of("rtstruct"), *manifest.of("sr"))}


def failures(repo: Repository, project: str) -> list[Check]:
    return [check for check in repo.backend.trail.verify(project, S) if not check.passed]


def withdrawal(repo: Repository, project: str) -> str:
    """What `verify` says of the withdrawal from a project."""
    (row,) = [check for check in repo.backend.trail.verify(project, S) if check.check == "withdrawal"]
    return row.detail


def test_what_the_withdrawing_project_alone_has_is_erased(folder: Path) -> None:
    repo = eci.open(folder)
    mine, others = signed_files(repo, P), signed_files(repo, Q)
    before = kept(repo, images=True)
    assert len(before) == 2 and len(mine) == len(others) == 2 and kept(repo, images=False) == mine | others
    repo.backend.do(Withdraw(P, S, "letter"))
    assert kept(repo, images=False) == others
    (left,) = kept(repo, images=True)
    assert left == str(repo.start(S, "annotate", project=Q, rerun=True).hanging().first)
    gone = mine | (before - {left})
    texts = [path.read_bytes() for path in (folder / "cache").rglob("*.json")]
    assert not [path for path in folder.rglob("*.*") if any(uid in path.name for uid in gone)]
    assert not [uid for uid in gone if any(uid.encode() in text for text in texts)]
    assert not local(repo).context.blobs.names(f"{P}/{S}")


def test_the_other_project_goes_on_and_verify_says_what_stays(folder: Path) -> None:
    repo = eci.open(folder)
    assert failures(repo, P) == failures(repo, Q) == []
    repo.backend.do(Withdraw(P, S, "letter"))
    again = eci.open(folder)
    assert failures(again, P) == failures(again, Q) == []
    assert "Another project still has this subject" in withdrawal(again, P)
    task = again.start(S, "annotate", project=Q, rerun=True)
    assert task.volume().size and task.sign(MEANING).report["comment"] == f"a remark in {Q}"
    again.backend.do(Withdraw(Q, S, "letter"))
    assert not list((folder / "archive").rglob("*.dcm"))
    assert failures(again, P) == failures(again, Q) == []
    assert withdrawal(again, P) == withdrawal(again, Q) == ""


def test_images_stay_whole_until_the_other_project_sealed_its_own(made: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(made, tmp_path / "repository"))
    other_project(folder)
    repo = eci.open(folder)
    repo.backend.do(Enrol(Q, S, "KAU", repo.use_case(P).digest, ()))
    before = kept(repo, images=True)
    repo.backend.do(Withdraw(P, S, "letter"))
    assert kept(repo, images=True) == before != set()
    sign_ingest(local(repo), Q, S)
    assert failures(repo, P) == failures(repo, Q) == []


@pytest.mark.parametrize("step", ["erase", "_discard"])
def test_a_withdrawal_that_was_cut_off_is_finished_for_its_project_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    repo = eci.open(folder)
    with monkeypatch.context() as cut:
        cut.setattr(command_handler if step == "erase" else erase, step, cut_off)
        with pytest.raises(KeyboardInterrupt):
            repo.backend.do(Withdraw(P, S, "letter"))
    assert "withdrawal" in {check.check for check in failures(repo, P)}
    again = eci.open(folder)
    assert failures(again, P) == failures(again, Q) == []
    assert len(kept(again, images=True)) == 1
    assert signed_files(again, Q) == kept(again, images=False)


@pytest.mark.parametrize("moment", ["store", "append"])
def test_files_of_a_signature_that_was_cut_off_go_with_their_project(
    folder: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    repo = eci.open(folder)
    sealed = kept(repo, images=False)
    for project in (P, Q):
        task = repo.start(S, "annotate", project=project, rerun=True)
        with monkeypatch.context() as cut:
            cut.setattr(*(artefacts, "archived_name") if moment == "store" else (Context, "append_subject"), cut_off)
            with pytest.raises(KeyboardInterrupt):
                task.sign(MEANING)
        if project == P:
            of_p = kept(repo, images=False) - sealed
    of_q = kept(repo, images=False) - sealed - of_p
    assert of_p and of_q
    repo.backend.do(Withdraw(P, S, "letter"))
    assert kept(repo, images=False) == signed_files(repo, Q) | of_q
    assert failures(repo, P) == []


def test_files_of_a_signature_that_ends_after_the_withdrawal_go_too(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo, other = eci.open(folder), eci.open(folder)
    task = repo.start(S, "annotate", project=P, rerun=True)
    pending = [lambda: other.backend.do(Withdraw(P, S, "letter"))]

    def withdrawn(content: bytes) -> str:
        while pending:
            pending.pop()()
        return digest(content)

    with monkeypatch.context() as late:
        late.setattr(artefacts, "digest", withdrawn)
        with pytest.raises(EciError):
            task.sign(MEANING)
    again = eci.open(folder)
    assert failures(again, P) == [] and kept(again, images=False) == signed_files(again, Q)


def test_what_earlier_releases_left_is_noticed_and_erased(folder: Path, tmp_path: Path) -> None:
    repo = eci.open(folder)
    archive = Path(shutil.copytree(folder / "archive", tmp_path / "archive"))
    others = signed_files(repo, Q)
    repo.backend.do(Withdraw(P, S, "letter"))
    shutil.copytree(archive, folder / "archive", dirs_exist_ok=True)
    assert "withdrawal" in {check.check for check in failures(repo, P)}
    assert kept(eci.open(folder), images=False) == others


def test_a_damaged_subject_keeps_nobody_from_opening_the_repository(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = eci.open(folder)
    with monkeypatch.context() as cut:
        cut.setattr(command_handler, "erase", cut_off)
        with pytest.raises(KeyboardInterrupt):
            repo.backend.do(Withdraw(P, S, "letter"))
    (folder / "streams" / "subject" / Q / f"{S}.json").write_text("{")
    again = eci.open(folder)
    assert "withdrawal" in {check.check for check in failures(again, P)}
    with pytest.raises(Tampered):
        again.backend.subject(Q, S)


def cut_off(*_: object) -> None:
    raise KeyboardInterrupt
