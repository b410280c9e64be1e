"""DICOM files at rest, encrypted by a key per subject: nothing plain is left, everything goes on, and keys end it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import eci_annotate as eci
from eci_annotate.archive.file_cipher import MAGIC, is_encrypted
from eci_annotate.archive.folder import FolderArchive
from eci_annotate.cli import app
from eci_annotate.errors import NotDicom, NotFound, Refused, Tampered
from eci_annotate.repository.admin.backup import back_up, restore
from eci_annotate.repository.keys.image_encryption import ImageCipher, encrypt_archive
from eci_annotate.repository.keys.repository_folder import find
from eci_annotate.repository.local.volumes.open_archive import ArchiveSettings, use_archive
from eci_annotate.repository.repository import Repository
from eci_annotate.workflow.subject.commands import Withdraw
from tests.repository.repository_world import ANSWERS, MEANING, P, S, lines, local


def stored(folder: Path) -> list[Path]:
    """The files of the archive."""
    return sorted((folder / "archive").rglob("*.dcm"))


def sign(repo: Repository) -> None:
    task = repo.start(S, "annotate", rerun=len(list(repo.all_signed())) > 1, take_over=True)
    task.save(lines(task))
    task.answer(ANSWERS)
    task.sign(MEANING)


@pytest.fixture
def encrypted(folder: Path) -> Path:
    """A repository whose files were encrypted, with nothing decoded yet."""
    encrypt_archive(find(folder))
    shutil.rmtree(folder / "cache", ignore_errors=True)
    return folder


def test_nothing_plain_is_left_and_work_goes_on(folder: Path, tmp_path: Path) -> None:
    before = eci.open(folder)
    sign(before)
    uid = before.studies(S)[0].series[0].series_uid
    volume = before.volume(uid, subject=S).copy(deep=True)
    plain = {path: path.read_bytes() for path in stored(folder)}
    assert encrypt_archive(find(folder)) == len(plain) and encrypt_archive(find(folder)) == 0
    for path, content in plain.items():
        closed = path.read_bytes()
        assert closed.startswith(MAGIC) and content[132:164] not in closed and content[-64:] not in closed
    sign(before)  # who had it open goes on, and stores encrypted
    assert len(stored(folder)) > len(plain) and all(map(is_encrypted, stored(folder)))
    shutil.rmtree(folder / "cache")
    again = eci.open(folder)
    assert again.verify().passed and len(list(again.all_signed())) == 3
    np.testing.assert_array_equal(again.volume(uid, subject=S), volume)
    again.export(tmp_path / "out")
    assert all(path.read_bytes()[128:132] == b"DICM" for path in (tmp_path / "out").rglob("*.dcm"))


def test_a_new_repository_stores_encrypted(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from eci_annotate.dicom.phantom import write_phantom

    write_phantom(tmp_path / "dicom", "tiny")
    place = tmp_path / "repository"
    for command in (["init", "--member", "anna", "--site", "KAU", "--encrypt-images"], ["import"]):
        name, *options = command
        more = [str(tmp_path / "dicom")] if name == "import" else []
        done = CliRunner().invoke(app, [name, str(place), *more, *options])
        assert done.exit_code == 0, done.output
    assert stored(place) and all(map(is_encrypted, stored(place)))
    assert eci.open(place).verify().passed


def test_a_run_that_was_interrupted_goes_on(folder: Path) -> None:
    def cut(part: str, done: int, of: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encrypt_archive(find(folder), cut)
    assert sum(map(is_encrypted, stored(folder))) == 2
    assert eci.open(folder).verify().passed
    assert encrypt_archive(find(folder)) == len(stored(folder)) - 2
    assert eci.open(folder).verify().passed


@pytest.mark.parametrize("where", [len(MAGIC), len(MAGIC) + 12, -1, -17], ids=["nonce", "first", "tag", "last"])
def test_a_changed_file_is_found(encrypted: Path, where: int) -> None:
    content = bytearray(stored(encrypted)[0].read_bytes())
    content[where] ^= 1
    stored(encrypted)[0].write_bytes(content)
    with pytest.raises(Tampered, match="encrypted image file was changed"):
        eci.open(encrypted).verify()


def test_a_file_opens_under_its_own_name_and_subject_only(encrypted: Path) -> None:
    first, second, *_ = stored(encrypted)
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)
    with pytest.raises(Tampered, match="encrypted image file was changed"):
        eci.open(encrypted).verify()
    cipher = ImageCipher(find(encrypted))
    with pytest.raises(Tampered, match="changed"):
        cipher.decrypt(S, second.name, content[len(MAGIC) :])
    cipher.encrypt("ECI_KAU_S0002", first.name, b"")
    with pytest.raises(Tampered, match="changed"):
        cipher.decrypt("ECI_KAU_S0002", first.name, content[len(MAGIC) :])


def test_a_withdrawal_ends_copies_too(encrypted: Path, tmp_path: Path) -> None:
    repo = eci.open(encrypted)
    sign(repo)
    copy = Path(shutil.copytree(encrypted / "archive", tmp_path / "copy"))
    repo.backend.do(Withdraw(P, S, "letter"))
    assert not stored(encrypted) and not ImageCipher(find(encrypted)).is_live(S)
    assert not list((encrypted / "cache" / "volumes").glob("*.npy"))
    shutil.copytree(copy, encrypted / "archive", dirs_exist_ok=True)
    with pytest.raises(Tampered, match="key of the subject's images is missing"):
        ImageCipher(find(encrypted)).decrypt(S, "x.dcm", bytes(40))
    assert eci.open(encrypted).backend.subject(P, S).withdrawn  # opening is not disturbed by them
    with pytest.raises((Refused, NotFound)):
        eci.open(encrypted).studies(S)
    repo.backend.do(Withdraw(P, S, "letter"))
    assert not stored(encrypted)


def test_a_withdrawal_that_left_the_key_is_finished(encrypted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(ImageCipher, "forget", lambda self, subject: None)
        eci.open(encrypted).backend.do(Withdraw(P, S, "letter"))
    assert ImageCipher(find(encrypted)).is_live(S)
    eci.open(encrypted)
    assert not ImageCipher(find(encrypted)).is_live(S)


def test_a_missing_key_is_named_with_its_remedy(encrypted: Path) -> None:
    (encrypted / "vault" / ".images" / f"{S}.key").unlink()
    with pytest.raises(Tampered, match="key of the subject's images is missing"):
        eci.open(encrypted).verify()


def test_a_backup_comes_back_encrypted(encrypted: Path, tmp_path: Path) -> None:
    sign(eci.open(encrypted))
    back_up(encrypted, tmp_path / "backup", tmp_path / "keys")
    assert not any(b"DICM" in path.read_bytes() for path in (tmp_path / "backup").rglob("*") if path.is_file())
    found = restore(tmp_path / "backup", tmp_path / "keys", tmp_path / "again")
    assert all(check.passed for check in found.checks)
    assert [is_encrypted(path) for path in stored(tmp_path / "again")] == [True] * len(stored(encrypted))
    assert local(eci.open(tmp_path / "again")).context.archive.studies(S)


def test_other_systems_and_made_up_files_are_refused(encrypted: Path, tmp_path: Path) -> None:
    shutil.rmtree(encrypted / "archive")
    with pytest.raises(Refused, match="encrypts its images"):
        use_archive(find(encrypted), ArchiveSettings("http://orthanc/dicom-web"))
    archive = FolderArchive(tmp_path / "archive", tmp_path / "headers")
    from eci_annotate.dicom.phantom import write_phantom

    content = write_phantom(tmp_path / "dicom", "tiny")[0].read_bytes()
    made_up = MAGIC + content[len(MAGIC) :]
    with pytest.raises(NotDicom):
        archive.store(S, [made_up])
    assert archive.studies(S) == []
