"""Taking folders in: what is there already, twice, or the same in name only, stops nothing and is counted."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.pixels.decoders.base import DecodeRunner
from pydicom.uid import RLELossless

from eci_annotate.archive import file_cipher
from eci_annotate.archive.folder import FolderArchive
from eci_annotate.dicom.images import files
from eci_annotate.dicom.phantom import write_phantom
from eci_annotate.errors import NoImages
from eci_annotate.imaging.annotations import new_uid
from eci_annotate.repository.admin import ingest_subject
from eci_annotate.repository.admin.import_dicom import OTHER, THERE, Imported, import_as, import_folders
from eci_annotate.repository.keys.repository_folder import credential
from eci_annotate.repository.local.identity import KeyIdentity
from eci_annotate.repository.repository import Repository
from eci_annotate.store.atomic_files import write_atomic
from eci_annotate.workflow.subject.commands import Enrol, Withdraw
from tests.repository.repository_world import P, S, local


@pytest.fixture
def dicom(tmp_path: Path) -> Path:
    """The files of the subject that the repository holds."""
    write_phantom(tmp_path / "dicom", "tiny")
    return tmp_path / "dicom"


def take_in(repo: Repository, *folders: Path) -> Imported:
    return import_folders(local(repo), folders, project=P, site="KAU")


def changed(path: Path, to: Path, **elements: str) -> Path:
    """A copy of a file with other values in some elements."""
    dataset = pydicom.dcmread(path)
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    to.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(to)
    return to


def images(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.dcm") if pydicom.dcmread(path, stop_before_pixels=True).Rows)


def test_the_same_again_changes_nothing(repo: Repository, dicom: Path) -> None:
    done = take_in(repo, dicom)
    assert done.subjects == {} and set(done.skipped) == {THERE}


def test_what_is_left_out_is_named(repo: Repository, dicom: Path, tmp_path: Path) -> None:
    away = tmp_path / "away"
    (away / "more").mkdir(parents=True)
    bare = images(dicom)[0].read_bytes()
    (away / "old").write_bytes(bare[bare.index(b"\x08\0\x05\0CS") :])
    (away / "text").write_text("no image")
    (away / "linked").symlink_to(dicom)
    (away / "lost").symlink_to(tmp_path / "nowhere")
    with pytest.raises(NoImages, match="1 x DICOM without prefix"):
        take_in(repo, away)
    shutil.copy(images(dicom)[0], away)
    assert take_in(repo, away).skipped == {
        THERE: 1,
        "DICOM without prefix: convert it, for instance with dcmconv": 1, "no DICOM file": 1, "not readable": 2
    }  # fmt: skip


def test_another_file_of_a_known_image_is_skipped_and_the_rest_goes_on(
    repo: Repository, dicom: Path, tmp_path: Path
) -> None:
    first, second = images(dicom)[:2]
    changed(first, tmp_path / "more" / "other.dcm", SeriesDescription="something else")
    changed(second, tmp_path / "more" / "new.dcm", SOPInstanceUID=new_uid(), SeriesInstanceUID=new_uid())
    done = take_in(repo, tmp_path / "more")
    assert done.subjects == {S: 1} and done.skipped == {OTHER: 1}


def test_two_files_of_one_image_in_one_import(repo: Repository, dicom: Path, tmp_path: Path) -> None:
    fresh = {"SOPInstanceUID": new_uid(), "SeriesInstanceUID": new_uid(), "StudyInstanceUID": new_uid()}
    one = changed(images(dicom)[0], tmp_path / "more" / "1.dcm", **fresh, PatientID="somebody else")
    shutil.copy(one, tmp_path / "more" / "2.dcm")
    changed(one, tmp_path / "more" / "3.dcm", SeriesDescription="something else")
    done = take_in(repo, tmp_path / "more")
    assert done.subjects == {"ECI_KAU_S0002": 1} and done.skipped == {THERE: 1, OTHER: 1}
    assert len(repo.studies("ECI_KAU_S0002")) == 1


def test_a_repeated_uid_of_another_study_does_not_join_two_patients(
    repo: Repository, dicom: Path, tmp_path: Path
) -> None:
    first, second = images(dicom)[:2]
    study = new_uid()
    changed(first, tmp_path / "more" / "1.dcm", PatientID="somebody else", StudyInstanceUID=study)
    changed(
        second, tmp_path / "more" / "2.dcm", PatientID="somebody else", StudyInstanceUID=study, SOPInstanceUID=new_uid()
    )
    done = take_in(repo, tmp_path / "more")
    assert done.subjects == {"ECI_KAU_S0002": 1} and done.skipped == {OTHER: 1}


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    """Compressed files of a person that the repository does not hold."""
    write_phantom(tmp_path / "plain", "tiny")
    fresh = {"StudyInstanceUID": new_uid(), "SeriesInstanceUID": new_uid(), "PatientID": "somebody else"}
    for number, path in enumerate(images(tmp_path / "plain")):
        dataset = pydicom.dcmread(
            changed(path, tmp_path / "packed" / f"{number}.dcm", SOPInstanceUID=new_uid(), **fresh)
        )
        dataset.compress(RLELossless, generate_instance_uid=False)
        dataset.save_as(tmp_path / "packed" / f"{number}.dcm")
    return tmp_path / "packed"


@dataclass
class Work:
    """What an import does: headers parsed, whole files parsed, frames decoded, files written, subjects listed."""

    headers: int = 0
    wholes: int = 0
    decoded: int = 0
    written: int = 0
    listed: list[str] = field(default_factory=list)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    """Counts the work while a test lasts."""
    done = Work()
    read, decode = pydicom.dcmread, DecodeRunner._decode_frame
    write, rows = write_atomic, FolderArchive._rows

    def counted_read(*args: Any, stop_before_pixels: bool, **more: Any) -> Any:
        done.headers += stop_before_pixels
        done.wholes += not stop_before_pixels
        return read(*args, stop_before_pixels=stop_before_pixels, **more)

    def counted_decode(*args: Any) -> Any:
        done.decoded += 1
        return decode(*args)

    def counted_write(path: Path, content: bytes) -> None:
        done.written += path.suffix == ".dcm"
        write(path, content)

    def counted_rows(archive: FolderArchive, subject: str) -> Any:
        done.listed.append(subject)
        return rows(archive, subject)

    monkeypatch.setattr(files, "dcmread", counted_read)
    monkeypatch.setattr(DecodeRunner, "_decode_frame", counted_decode)
    monkeypatch.setattr(file_cipher, "write_atomic", counted_write)
    monkeypatch.setattr(FolderArchive, "_rows", counted_rows)
    return done


def test_each_file_is_scanned_read_decoded_and_written_once(repo: Repository, packed: Path, work: Work) -> None:
    assert take_in(repo, packed).subjects == {"ECI_KAU_S0002": 8}
    assert (work.headers, work.wholes, work.decoded, work.written) == (2 * 8, 8, 8, 8)  # headers: also their claims
    assert set(work.listed) == {"ECI_KAU_S0002"}, "no other subject's images are looked at"
    (series,) = repo.studies("ECI_KAU_S0002")[0].series
    before = work.wholes
    assert repo.volume(series.series_uid, subject="ECI_KAU_S0002").shape[0] == 8 and work.wholes == before
    assert repo.verify().passed


def test_a_program_imports_under_its_identity(repo: Repository, packed: Path) -> None:
    context = local(repo).context
    identity = KeyIdentity(context.layout, credential(context.layout), "a program")
    assert import_as(context, identity, [packed], project=P, site="VIE").subjects == {"ECI_VIE_S0001": 8}
    (signed,) = repo.versions("ECI_VIE_S0001", "ingest")
    assert signed.reader == "anna" and repo.verify(signed).passed


def test_a_pseudonym_is_never_used_twice(repo: Repository, packed: Path, folder: Path) -> None:
    backend, case = local(repo), repo.use_case()
    backend.do(Enrol(P, "ECI_KAU_S0002", "KAU", case.digest, case.pipeline))
    backend.do(Withdraw(P, "ECI_KAU_S0002", "letter"))
    backend.context.archive.store("ECI_KAU_S0003", images(packed)[:1])  # images of an import that was cut off
    shutil.rmtree(folder / "archive" / "ECI_KAU_S0002", ignore_errors=True)
    assert take_in(repo, packed).subjects == {"ECI_KAU_S0004": 8}


def test_an_import_that_was_cut_off_is_finished_by_the_next(
    repo: Repository, packed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as cut, pytest.raises(KeyboardInterrupt):
        cut.setattr(ingest_subject, "_ingest", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        take_in(repo, packed)
    assert repo.versions("ECI_KAU_S0002", "ingest") == []
    assert take_in(repo, packed).subjects == {"ECI_KAU_S0002": 8}
    assert len(repo.versions("ECI_KAU_S0002", "ingest")) == 1
