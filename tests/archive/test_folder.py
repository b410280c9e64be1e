"""The folder archive keeps files whole, once, under their UIDs, and mends its index."""

from __future__ import annotations

import os
from pathlib import Path

import pydicom
import pytest

from eci_annotate.archive.folder import FolderArchive
from eci_annotate.dicom.phantom import write_phantom
from eci_annotate.errors import BadImages, Conflict, NotDicom, NotFound, Refused

S = "ECI_KAU_S0001"


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Eight slices."""
    return write_phantom(tmp_path / "dicom", "tiny")


@pytest.fixture
def archive(tmp_path: Path) -> FolderArchive:
    """An empty archive."""
    return FolderArchive(tmp_path / "archive", tmp_path / "headers")


def test_what_is_stored_is_listed_and_comes_back(archive: FolderArchive, files: list[Path]) -> None:
    assert archive.studies(S) == []
    stored = archive.store(S, files)
    (study,) = archive.studies(S)
    (series,) = study.series
    assert (series.modality, series.instances, series.header["slices"]) == ("CT", 8, 8)
    instances = archive.instances(S, series.series_uid)
    assert instances == stored
    for file, instance in zip(files, instances, strict=True):
        content = archive.content(S, instance.series_uid, instance.sop_uid)
        assert content == file.read_bytes() == instance.path.read_bytes()
        parts = (S, instance.study_uid, instance.series_uid, f"{instance.sop_uid}.dcm")
        assert instance.path.parts[-4:] == parts


def test_storing_again_changes_nothing(archive: FolderArchive, files: list[Path]) -> None:
    first = archive.store(S, files)
    times = [each.path.stat().st_mtime_ns for each in first]
    assert archive.store(S, [file.read_bytes() for file in files]) == first
    assert [each.path.stat().st_mtime_ns for each in first] == times


def test_another_file_of_the_same_uid_is_refused(archive: FolderArchive, files: list[Path]) -> None:
    (kept,) = archive.store(S, files[:1])
    dataset = pydicom.dcmread(files[0])
    dataset.SeriesDescription = "other"
    dataset.save_as(files[0])
    with pytest.raises(Conflict):
        archive.store(S, files[:1])
    archive.store(S, files[:1], replace=True)
    assert kept.path.read_bytes() == files[0].read_bytes()
    assert archive.studies(S)[0].series[0].description == "other"


def test_the_index_mends_itself(archive: FolderArchive, files: list[Path], tmp_path: Path) -> None:
    stored = archive.store(S, files)
    uid = stored[0].series_uid
    assert len(archive.instances(S, uid)) == 8
    stored[3].path.unlink()
    assert len(archive.instances(S, uid)) == 7
    (tmp_path / "headers" / f"{S}.json").write_text("{broken")
    assert len(archive.instances(S, uid)) == 7
    (tmp_path / "headers" / f"{S}.json").unlink()
    assert len(archive.instances(S, uid)) == 7
    os.utime(stored[0].path, ns=(0, 0))
    assert len(archive.instances(S, uid)) == 7


def test_nothing_is_read_again_without_need(
    archive: FolderArchive, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.store(S, files)
    before = archive.studies(S)
    monkeypatch.setattr("eci_annotate.archive.folder.scan", lambda paths: pytest.fail("was read again"))
    assert archive.studies(S) == before


def test_what_is_no_dicom_is_refused_and_leaves_nothing(archive: FolderArchive, tmp_path: Path) -> None:
    with pytest.raises(BadImages):
        archive.store(S, [b"no dicom at all"])
    assert archive.studies(S) == [] and not any((tmp_path / "archive").iterdir())


def test_uids_and_pseudonyms_cannot_leave_the_folder(archive: FolderArchive) -> None:
    for subject in ("../x", "", "a/b", ".hidden"):
        with pytest.raises(Refused):
            archive.studies(subject)
    with pytest.raises(NotDicom):
        archive.content(S, "../..", "1.2")
    with pytest.raises(NotFound):
        archive.content(S, "1.2", "1.3")
    with pytest.raises(NotFound, match=r"See studies\(\)"):
        archive.instances(S, "1.2")
