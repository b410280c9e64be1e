"""A repository is moved into a database and back, backed up and restored, and nothing of it is lost or comes back."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import eci_annotate as eci
from eci_annotate.errors import NotARepository, NotFound, Refused, Tampered
from eci_annotate.repository.admin.backup import back_up, restore
from eci_annotate.repository.admin.copy_repository import copy_repository
from eci_annotate.repository.repository import Repository
from eci_annotate.workflow.subject.commands import Withdraw
from tests.repository.repository_world import ANSWERS, MEANING, P, S, lines, local


@pytest.fixture
def worked(repo: Repository) -> Repository:
    """A version, a draft of the next one, a layer."""
    task = repo.start(S, "annotate")
    task.save(lines(task))
    task.answer(ANSWERS)
    task.sign(MEANING)
    again = repo.start(S, "annotate", rerun=True)
    again.save(lines(again, uid="u2"))
    repo.attach(S, "pathology", b"a,b\n1,2\n", "text/csv")
    return repo


def told(repo: Repository) -> tuple[object, ...]:
    """What somebody sees of it."""
    backend = local(repo)
    entries = [(entry.stream, entry.index, entry.record) for entry in backend.context.streams.feed()]
    (signed,) = (each for each in repo.all_signed() if each.task == "annotate")
    draft = repo.start(S, "annotate", take_over=True).draft()
    checks = {(c.check, c.passed) for c in backend.trail.verify(P, S)}
    return entries[:7], signed.rows(), signed.report, len(draft.lines), repo.layer(S, "pathology"), checks


def test_a_repository_goes_into_a_database_and_back(worked: Repository, folder: Path, tmp_path: Path, dsn: str) -> None:
    events = len(local(worked).context.streams.feed())
    assert copy_repository(folder, tmp_path / "there", dsn=dsn) == events
    assert not (tmp_path / "there" / "streams").exists()
    assert copy_repository(tmp_path / "there", tmp_path / "back") == events
    assert local(eci.open(tmp_path / "back")).context.streams.feed() == local(worked).context.streams.feed()
    assert told(eci.open(tmp_path / "there")) == told(eci.open(tmp_path / "back")) == told(eci.open(folder))
    assert all(check.passed for check in local(eci.open(tmp_path / "there")).trail.check_checkpoints())


def test_the_whole_path_runs_on_a_database(tmp_path: Path, dsn: str) -> None:
    from eci_annotate.dicom.phantom import write_phantom
    from eci_annotate.repository.admin.create import create_repository
    from eci_annotate.repository.admin.import_dicom import import_folders

    write_phantom(tmp_path / "dicom", "tiny")
    create_repository(tmp_path / "repository", project=P, member="anna", site="KAU", dsn=dsn)
    repo = eci.open(tmp_path / "repository")
    import_folders(local(repo), [tmp_path / "dicom"], project=P, site="KAU")
    task = repo.start(S, "annotate")
    task.save(lines(task))
    task.answer(ANSWERS)
    task.sign(MEANING)
    assert not (tmp_path / "repository" / "streams").exists() and repo.verify().passed
    assert eci.open(tmp_path / "repository").annotations()["label"].tolist() == ["lesion 1"]


def test_a_copy_that_was_broken_off_goes_on_and_no_other_is_touched(
    worked: Repository, folder: Path, tmp_path: Path
) -> None:
    def cut(part: str, done: int, of: int) -> None:
        if part == "drafts":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy_repository(folder, tmp_path / "copy", progress=cut)
    copy_repository(folder, tmp_path / "copy")
    assert told(eci.open(tmp_path / "copy")) == told(eci.open(folder))
    with pytest.raises(Refused):
        copy_repository(folder, tmp_path / "copy")  # it was worked in since
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("mine")
    with pytest.raises(NotARepository, match="not empty"):
        copy_repository(folder, tmp_path / "full")


def test_a_backup_comes_back_whole_and_verified(worked: Repository, folder: Path, tmp_path: Path) -> None:
    out, keys = tmp_path / "out", tmp_path / "keys"
    back_up(folder, out, keys)
    worked.attach(S, "pathology", b"a,b\n3,4\n", "text/csv")
    back_up(folder, out, keys)
    assert b"lesion" not in b"".join(path.read_bytes() for path in (out / "archive").rglob("*.dcm"))
    found = restore(out, keys, tmp_path / "new")
    assert found.withdrawn == () and found.checks and all(check.passed for check in found.checks)
    assert told(eci.open(tmp_path / "new")) == told(eci.open(folder))
    with pytest.raises(NotARepository, match="already"):
        restore(out, keys, tmp_path / "new")
    with pytest.raises(NotARepository, match="no backup"):
        restore(folder, keys, tmp_path / "other")


def test_a_changed_backup_is_found(worked: Repository, folder: Path, tmp_path: Path) -> None:
    out, keys = tmp_path / "out", tmp_path / "keys"
    back_up(folder, out, keys)
    image = next((out / "archive").rglob("*.dcm"))
    good = image.read_bytes()
    image.write_bytes(good[:99] + bytes([good[99] ^ 1]) + good[100:])
    with pytest.raises(Tampered, match="image of the backup"):
        restore(out, keys, tmp_path / "one")
    image.write_bytes(good)
    (layer,) = local(worked).subject(P, S).layers
    (blob,) = (path for path in (out / "store" / "blobs").rglob("*") if layer.digest[8:] in path.name)
    blob.write_bytes(blob.read_bytes()[:-1] + bytes([blob.read_bytes()[-1] ^ 1]))
    found = restore(out, keys, tmp_path / "two")
    assert [check.check for check in found.checks if not check.passed] == ["layer pathology"]


def test_what_was_withdrawn_does_not_come_back(worked: Repository, folder: Path, tmp_path: Path) -> None:
    out, keys = tmp_path / "out", tmp_path / "keys"
    back_up(folder, out, keys)
    old = shutil.copytree(out, tmp_path / "an old tape")
    worked.backend.do(Withdraw(P, S, "asked for"))
    back_up(folder, out, keys)
    found = restore(old, keys, tmp_path / "from the tape")
    assert found.withdrawn == (S,) and not list((tmp_path / "from the tape" / "archive").rglob("*.dcm"))
    with pytest.raises(NotFound, match="deleted"):
        eci.open(tmp_path / "from the tape").versions(S)[0].rows()
    assert all(check.passed for check in restore(out, keys, tmp_path / "new").checks)
