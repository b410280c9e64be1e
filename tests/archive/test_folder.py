"""The folder archive keeps files whole, once, under their UIDs, and mends its index."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from eci_annotate.archive.folder import FolderArchive
from eci_annotate.archive.protocol import Instance
from eci_annotate.dicom.phantom import write_phantom
from eci_annotate.errors import BadImages, NotDicom, NotFound

S = "ECI_KAU_S0001"


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Eight slices."""
    return write_phantom(tmp_path / "dicom", "tiny")


@pytest.fixture
def archive(tmp_path: Path) -> FolderArchive:
    """An empty archive."""
    return FolderArchive(tmp_path / "archive", tmp_path / "headers")


@pytest.fixture
def kept(tmp_path: Path) -> Callable[[Instance], Path]:
    """Where an instance's file is."""

    def path_of(instance: Instance) -> Path:
        names = (instance.subject, instance.study_uid, instance.series_uid)
        return tmp_path.joinpath("archive", *names, f"{instance.sop_uid}.dcm")

    return path_of


def test_files_have_their_place_and_storing_again_writes_nothing(
    archive: FolderArchive, files: list[Path], kept: Callable[[Instance], Path]
) -> None:
    first = archive.store(S, files)
    assert [kept(each).read_bytes() for each in first] == [file.read_bytes() for file in files]
    times = [kept(each).stat().st_mtime_ns for each in first]
    assert archive.store(S, [file.read_bytes() for file in files]) == first
    assert [kept(each).stat().st_mtime_ns for each in first] == times


def test_the_index_corrects_itself(
    archive: FolderArchive, files: list[Path], tmp_path: Path, kept: Callable[[Instance], Path]
) -> None:
    stored = archive.store(S, files)
    uid = stored[0].series_uid
    assert len(archive.instances(S, uid)) == 8
    kept(stored[3]).unlink()
    assert len(archive.instances(S, uid)) == 7
    (tmp_path / "headers" / f"{S}.json").write_text("{broken")
    assert len(archive.instances(S, uid)) == 7
    (tmp_path / "headers" / f"{S}.json").unlink()
    assert len(archive.instances(S, uid)) == 7
    os.utime(kept(stored[0]), ns=(0, 0))
    assert len(archive.instances(S, uid)) == 7


def test_nothing_is_read_again_without_need(
    archive: FolderArchive, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.store(S, files)
    before = archive.studies(S)
    monkeypatch.setattr("eci_annotate.decoder.direct_reader.scan", lambda *_, **__: pytest.fail("was read again"))
    assert archive.studies(S) == before


def test_instances_are_found_after_the_index_was_deleted_or_files_were_restored(
    archive: FolderArchive, files: list[Path], tmp_path: Path, kept: Callable[[Instance], Path]
) -> None:
    stored = archive.store(S, files[:4])
    shutil.rmtree(tmp_path / "headers")
    uids = {each.sop_uid for each in stored}
    assert {each.sop_uid for each in archive.find(uids)} == uids
    shutil.copytree(tmp_path / "archive" / S, tmp_path / "archive" / "ECI_KAU_S0002")
    assert len(archive.find(uids)) == 2 * len(uids)
    kept(stored[0]).unlink()
    assert len(archive.find(uids)) == 2 * len(uids) - 1
    assert archive.instances("ECI_KAU_S0002", stored[0].series_uid)


def test_what_is_no_dicom_is_refused_and_leaves_nothing(archive: FolderArchive, tmp_path: Path) -> None:
    with pytest.raises(BadImages):
        archive.store(S, [b"no dicom at all"])
    assert archive.studies(S) == [] and not any((tmp_path / "archive").iterdir())


def test_remedies_are_named(archive: FolderArchive) -> None:
    with pytest.raises(NotDicom):
        archive.instance(S, "../..", "1.2")
    with pytest.raises(NotFound, match="Restore it"):
        archive.instance(S, "1.2", "1.3")
    with pytest.raises(NotFound, match=r"See studies\(\)"):
        archive.instances(S, "1.2")


def test_no_index_names_what_was_removed(archive: FolderArchive, files: list[Path], tmp_path: Path) -> None:
    (first, *_), (other,) = archive.store(S, files), archive.store("ECI_KAU_S0002", files[:1])
    archive.remove(S)
    left = [path for path in (tmp_path / "headers").rglob("*") if path.is_file()]
    assert not any(S in path.name or S in path.read_text() for path in left)
    assert archive.find([first.sop_uid]) == [other]
