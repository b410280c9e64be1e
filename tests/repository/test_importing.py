"""Taking folders in: what is there already, twice, or the same in name only, stops nothing and is counted."""

from __future__ import annotations

import shutil
from pathlib import Path

import pydicom
import pytest

from eci_annotate.dicom.phantom import write_phantom
from eci_annotate.imaging.annotations import new_uid
from eci_annotate.repository.admin.import_dicom import OTHER, THERE, Imported, import_folders
from eci_annotate.repository.repository import Repository
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
