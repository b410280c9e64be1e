"""A subject is one person: identity is never guessed, one bad object costs that object, and a run can be repeated."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.uid import RLELossless, generate_uid

from eci_annotate.repository.admin.create import create_repository
from eci_annotate.repository.admin.held_files import held_sets
from eci_annotate.repository.admin.import_dicom import Imported, import_folders, release_held
from eci_annotate.repository.admin.import_plan import HoldReason
from eci_annotate.repository.open_repository import open
from eci_annotate.repository.repository import Repository
from tests.dicom.series_maker import make_series
from tests.repository.repository_world import P, local

Edit = Callable[[pydicom.Dataset, int], Any]


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    create_repository(tmp_path / "repository", project=P, member="anna", site="KAU")
    return open(tmp_path / "repository")


def patient(folder: Path, edit: Edit = lambda d, k: None, **values: str) -> list[Path]:
    """One series of one patient."""

    def put(dataset: pydicom.Dataset, k: int) -> None:
        for keyword, value in {"PatientID": "A", "PatientName": "ALFA^A", **values}.items():
            setattr(dataset, keyword, value)
        edit(dataset, k)

    return make_series(folder, 4, modality="CT", edit=put)


def take(repo: Repository, folder: Path) -> Imported:
    return import_folders(local(repo), [folder], project=P, site="KAU")


TWO: dict[str, tuple[dict[str, str], dict[str, str], HoldReason | None]] = {
    "no ID": ({"PatientID": ""}, {"PatientID": "", "PatientName": "BETA^B"}, HoldReason.NO_PATIENT),
    "one ID, two names": ({}, {"PatientName": "BETA^B"}, HoldReason.MIXED_PATIENT),
    "one ID, two birth dates": (
        {"PatientBirthDate": "19500101"},
        {"PatientBirthDate": "1960"},
        HoldReason.MIXED_PATIENT,
    ),
    "one ID, two sexes": ({"PatientSex": "M"}, {"PatientSex": "F"}, HoldReason.MIXED_PATIENT),
    "one ID, two issuers": ({"IssuerOfPatientID": "X"}, {"IssuerOfPatientID": "Y"}, HoldReason.MIXED_PATIENT),
    "an ID that stands for nobody": ({"PatientID": "Unknown"}, {"PatientID": "Unknown"}, HoldReason.NOBODY),
    "an ID of zeros": ({"PatientID": "0000"}, {"PatientID": "0000"}, HoldReason.NOBODY),
    "padded ID, other case": ({"PatientID": "A "}, {"PatientName": "Alfa^a^^"}, None),
    "a sex that is missing": ({"PatientSex": "M"}, {}, None),
}


@pytest.mark.parametrize("name", TWO)
def test_people_are_never_merged(repo: Repository, tmp_path: Path, name: str) -> None:
    one, other, reason = TWO[name]
    patient(tmp_path / "in/1", **one)
    patient(tmp_path / "in/2", **other)
    done = take(repo, tmp_path / "in")
    assert done.held == ({} if reason is None else {reason: 8})
    assert list(done.subjects.values()) == ([8] if reason is None else [])
    if reason is not None:
        (held,) = held_sets(local(repo))
        released = release_held(local(repo), held.id, "two people, their series were looked at")
        assert sorted(released.subjects.values()) == [4, 4] and not held_sets(local(repo))


@pytest.mark.parametrize("name", ["one ID, two names", "one ID, two birth dates", "one ID, two sexes"])
def test_nobody_is_merged_with_a_subject_that_exists(repo: Repository, tmp_path: Path, name: str) -> None:
    one, other, reason = TWO[name]
    patient(tmp_path / "in/1", **one)
    assert list(take(repo, tmp_path / "in").subjects.values()) == [4]
    patient(tmp_path / "in/2", **other)
    done = take(repo, tmp_path / "in")
    assert done.held == {reason: 4} and not done.subjects and sum(done.skipped.values()) == 4
    assert len(repo.backend.subjects(P).views) == 1


@pytest.mark.parametrize("keyword", ["PatientID", "IssuerOfPatientID"])
def test_a_series_is_never_cut_in_two(repo: Repository, tmp_path: Path, keyword: str) -> None:
    patient(tmp_path / "in/1", lambda d, k: setattr(d, keyword, "B" if k == 2 else "A"))
    patient(tmp_path / "in/2", PatientID="C")
    done = take(repo, tmp_path / "in")
    assert done.held == {HoldReason.MIXED_SERIES: 4} and list(done.subjects.values()) == [4]
    (held,) = held_sets(local(repo))
    assert list(release_held(local(repo), held.id, "one person").subjects.values()) == [4]


def pixels_cut(paths: list[Path]) -> None:
    paths[2].write_bytes(paths[2].read_bytes()[:-600])


def compressed_cut(paths: list[Path]) -> None:
    dataset = pydicom.dcmread(paths[-1])
    dataset.compress(RLELossless, generate_instance_uid=False)
    dataset.save_as(paths[-1])
    paths[-1].write_bytes(paths[-1].read_bytes()[:-60])


def bad_uid(paths: list[Path]) -> None:
    content = paths[0].read_bytes()
    uid = str(pydicom.dcmread(paths[0]).SeriesInstanceUID).encode()
    paths[0].write_bytes(content.replace(uid, b"1.2.x" + uid[5:]))


def bad_number(paths: list[Path]) -> None:
    content = paths[0].read_bytes()
    at = content.index(b"\x28\x00\x10\x00US")
    paths[0].write_bytes(content[: at + 4] + b"UL" + content[at + 6 :])


def letter(paths: list[Path]) -> None:
    dataset = pydicom.dcmread(paths[0])
    for keyword in ("Rows", "Columns", "PixelData"):
        delattr(dataset, keyword)
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.104.1"
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.SeriesInstanceUID, dataset.Modality, dataset.EncapsulatedDocument = generate_uid(), "DOC", b"%PDF"
    dataset.save_as(paths[0].with_name("letter.dcm"))


BAD: dict[str, tuple[Callable[[list[Path]], None], HoldReason, int]] = {
    "pixels cut": (pixels_cut, HoldReason.DAMAGED, 7),
    "compressed pixels cut": (compressed_cut, HoldReason.DAMAGED, 7),
    "a UID with a letter": (bad_uid, HoldReason.BAD_UID, 7),
    "rows of a wrong kind": (bad_number, HoldReason.DAMAGED, 7),
    "a letter": (letter, HoldReason.NO_IMAGE, 8),
}


@pytest.mark.parametrize("name", BAD)
def test_one_bad_object_costs_that_object(repo: Repository, tmp_path: Path, name: str) -> None:
    spoil, reason, files = BAD[name]
    spoil(patient(tmp_path / "in/1"))
    patient(tmp_path / "in/2", PatientID="B", PatientName="BETA^B")
    done = take(repo, tmp_path / "in")
    assert done.held == {reason: 1} and not done.failed
    assert len(done.subjects) == 2 and sum(done.subjects.values()) == files
    repo.verify()
    again = take(repo, tmp_path / "in")
    assert not again.subjects and not again.failed and again.held == {reason: 1}
    assert len(held_sets(local(repo))) == 1


def test_a_patient_of_whom_nothing_can_be_decoded_is_excluded_once(repo: Repository, tmp_path: Path) -> None:
    paths = patient(tmp_path / "in")
    for path in paths:
        path.write_bytes(path.read_bytes()[:-600])
    for _ in range(2):
        done = take(repo, tmp_path / "in")
        assert done.held == {HoldReason.DAMAGED: 4} and not done.subjects
    assert [each.included for each in repo.backend.subjects(P).views] == [False]
    repo.verify()


def test_a_patient_without_images_is_held_back(repo: Repository, tmp_path: Path, shared_data: Path) -> None:
    (tmp_path / "in").mkdir()
    source = shared_data / "rtstruct_mim_sts008/CT/rtstruct/RS.dcm"
    (tmp_path / "in/rs.dcm").write_bytes(source.read_bytes())
    done = take(repo, tmp_path / "in")
    assert done.held == {HoldReason.NO_IMAGES: 1} and not repo.backend.subjects(P).views


def test_an_import_that_was_cut_off_finishes_without_its_bad_files(
    repo: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from eci_annotate.repository.admin import import_dicom

    class Cut(BaseException):
        """A kill."""

    def cut(*_: object) -> None:
        raise Cut

    pixels_cut(patient(tmp_path / "in"))
    with monkeypatch.context() as patch, pytest.raises(Cut):
        patch.setattr(import_dicom, "sign_ingest", cut)
        take(repo, tmp_path / "in")
    done = take(repo, tmp_path / "in")
    assert list(done.subjects.values()) == [3] and done.held == {HoldReason.DAMAGED: 1}
    repo.verify()


def test_a_series_in_two_studies_is_held_back(repo: Repository, tmp_path: Path) -> None:
    other = generate_uid()
    patient(tmp_path / "in/1", lambda d, k: setattr(d, "StudyInstanceUID", other if k > 1 else d.StudyInstanceUID))
    patient(tmp_path / "in/2", PatientID="C", PatientName="GAMMA^C")
    done = take(repo, tmp_path / "in")
    assert done.held == {HoldReason.MIXED_STUDY: 4} and list(done.subjects.values()) == [4]
    (held,) = held_sets(local(repo))
    assert list(release_held(local(repo), held.id, "looked at").subjects.values()) == [4]


def test_a_program_that_makes_a_study_of_each_image_holds_nothing_back(repo: Repository, tmp_path: Path) -> None:
    patient(tmp_path / "in", lambda d, k: setattr(d, "StudyInstanceUID", generate_uid()))
    done = take(repo, tmp_path / "in")
    assert not done.held and list(done.subjects.values()) == [4]
