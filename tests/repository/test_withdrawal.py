"""After a withdrawal of consent nothing of the subject's content is left, and every chain still verifies."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import eci_annotate as eci
from eci_annotate.errors import NotFound, Refused
from eci_annotate.repository.keys.subject_encryption import Vault
from eci_annotate.repository.repository import Repository
from eci_annotate.store.folder.blob_store import FolderBlobs
from eci_annotate.workflow.subject.commands import Withdraw
from tests.repository.readings_world import as_member, lesion, make, read, report, subject
from tests.repository.repository_world import ANSWERS, MEANING, P, S, lines, local


def test_content_goes_and_chains_stay(repo: Repository, folder: Path, tmp_path: Path) -> None:
    task = repo.start(S, "annotate")
    task.save(lines(task))
    task.answer({**ANSWERS, "comment": "a remark that must not stay"})
    event = task.sign(MEANING).event
    open_again = repo.start(S, "annotate", rerun=True)
    backup = Path(shutil.copytree(folder / "blobs", tmp_path / "backup"))
    repo.backend.do(Withdraw(P, S, "letter of 2026-01-02"))
    left = [path for path in folder.rglob("*") if path.is_file()]
    assert not [path for path in left if path.suffix in (".dcm", ".npy")]
    assert not [path for path in left if "drafts" in path.parts and path.suffix == ".jsonl"]
    assert not any(b"must not stay" in path.read_bytes() for path in [*left, *backup.rglob("*")] if path.is_file())
    for act in (lambda: open_again.save(["x"]), lambda: repo.start(S, "annotate"), lambda: repo.studies(S)):
        with pytest.raises((Refused, NotFound)):
            act()
    again = eci.open(folder)
    assert again.worklist().empty and again.verify().passed
    assert again.backend.subject(P, S).withdrawn
    digest = event.manifest.only("report").digest  # type: ignore[union-attr]
    assert FolderBlobs(backup).fetch(f"{P}/{S}", digest)
    shutil.copytree(backup, folder / "blobs", dirs_exist_ok=True)
    with pytest.raises(NotFound, match="content of this subject was deleted"):
        local(again).context.content(P, S).get(digest)


def test_a_withdrawal_that_was_cut_off_is_finished_by_the_next(repo: Repository, folder: Path) -> None:
    kept = Path(shutil.copytree(folder / "archive", folder.parent / "archive"))
    repo.backend.do(Withdraw(P, S, "letter"))
    shutil.copytree(kept, folder / "archive", dirs_exist_ok=True)
    repo.backend.do(Withdraw(P, S, "letter"))
    assert not list((folder / "archive").rglob("*.dcm"))


def test_a_key_that_is_known_is_gone_with_its_file(tmp_path: Path) -> None:
    one, other = Vault(tmp_path), Vault(tmp_path)
    one.cipher("p", "s", make=True)
    assert one.cipher("p", "s") is one.cipher("p", "s")
    other.destroy("p", "s")
    for is_made in (False, True):
        with pytest.raises(NotFound):
            one.cipher("p", "s", make=is_made)
    assert not one._keys._read


def test_the_owner_s_tables_and_exports_go_on_without_the_subject(tmp_path: Path) -> None:
    folder = make(tmp_path, 2)
    for number in (1, 2):
        read(folder, "anna", number, report(lesion("lesion 1")), ("lesion 1", (4, 20, 28), (4, 4)))
    owner = as_member(folder, "olga")
    owner.backend.do(Withdraw(P, subject(1), "letter"))
    assert owner.annotations().index.get_level_values("subject").tolist() == [subject(2)]
    for table in (eci.answer_table, eci.active_times, eci.proposal_table):
        assert set(table(owner)["subject"]) <= {subject(2)}
    assert {path.parent.name for path in owner.export(tmp_path / "out")} == {subject(2)}
    assert {each.subject for each in owner.all_signed()} == {subject(1), subject(2)}
