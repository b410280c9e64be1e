"""Subtractions that a hanging protocol asks for are computed at import, and say what they are made of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pydicom
import pytest

from eci_annotate.archive.protocol import hanging_headers
from eci_annotate.dicom.image_references import one_stack_of
from eci_annotate.dicom.images.series import load_series
from eci_annotate.dicom.images.study import folder_headers
from eci_annotate.dicom.phantom import write_phantom
from eci_annotate.dicom.subtraction import subtract, subtraction_files
from eci_annotate.imaging.volume import grid_of, like, measured, values_kji
from eci_annotate.repository.admin.create import create_repository
from eci_annotate.repository.admin.import_dicom import Imported, import_folders
from eci_annotate.repository.open_repository import open as open_repository
from eci_annotate.repository.repository import Repository
from tests.dicom.peers import dciodvfy_errors

S = "ECI_KAU_S0001"


@pytest.fixture(scope="module")
def dce(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Path:
    """A breast DCE of three times in one series, as of one pseudonymous person."""
    folder = tmp_path_factory.mktemp("dce")
    for number, path in enumerate(sorted((shared_data / "breast_mr_ucsf_br08" / "dce").rglob("*.dcm"))):
        dataset = pydicom.dcmread(path)
        dataset.PatientID = dataset.PatientName = "br08"
        dataset.PatientIdentityRemoved, dataset.BurnedInAnnotation = "YES", "NO"
        dataset.save_as(folder / f"{number:02d}.dcm")
    return folder


def taken_in(folder: Path, images: Path) -> tuple[Repository, Imported]:
    create_repository(folder, project="breast-mri", member="anna", site="KAU")
    repo = open_repository(folder)
    return repo, import_folders(repo.backend, [images], project="breast-mri", site="KAU")  # type: ignore[arg-type]


def test_a_study_without_subtractions_gets_them(tmp_path: Path, dce: Path) -> None:
    repo, done = taken_in(tmp_path / "repository", dce)
    assert done.computed == {"Subtraction": 1, "Last subtraction": 1} and done.subjects == {S: 30}
    task = repo.start(S, "annotate")
    series = {each.description: each.series_uid for study in task.studies() for each in study.series}
    times_of = [uid for name, uid in series.items() if name.startswith("Dynamic")]
    times = [task.volume(uid) for uid in times_of]
    assert len(times) == 3
    for number in (1, 2):
        found, post, pre = task.volume(series[f"SUB {number} computed"]), times[number], times[0]
        known = measured(post) & measured(pre)
        assert known.any() and (measured(found) == known).all()
        difference = values_kji(post).astype(int) - values_kji(pre)
        assert np.array_equal(values_kji(found)[known], difference[known])
        assert grid_of(found).same_voxels(grid_of(post))
        assert found.attrs["study_uid"] == post.attrs["study_uid"]
    explained = task.use_case.hang([header for _, header in folder_headers(dce)])
    alike = [each for each in explained.placed if each.slot in ("native", "last")]
    assert {each.slot: each.series_uid for each in alike} == {"native": times_of[0], "last": times_of[2]}
    assert repo.verify().passed
    again = import_folders(repo.backend, [dce], project="breast-mri", site="KAU")  # type: ignore[arg-type]
    assert not again.subjects and not again.computed


def separate(dce: Path, folder: Path, names: Sequence[str]) -> Path:
    """The times as series of their own; a later one has the images of the last."""
    folder.mkdir()
    times: dict[str, list[pydicom.Dataset]] = {}
    for path in sorted(dce.iterdir()):
        times.setdefault(str((dataset := pydicom.dcmread(path)).AcquisitionTime), []).append(dataset)
    for number, name in enumerate(names):
        for k, dataset in enumerate(list(times.values())[min(number, 2)]):
            dataset.SeriesDescription, dataset.SeriesNumber = name, number + 1
            dataset.SeriesInstanceUID, dataset.SOPInstanceUID = f"2.25.7{number}", f"2.25.7{number}{k:02d}"
            dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
            dataset.save_as(folder / f"{number}-{k:02d}.dcm")
    return folder


def test_a_later_series_gives_another_last_subtraction(tmp_path: Path, dce: Path) -> None:
    names = ("dyn pre", "dyn post 1", "dyn post 2", "dyn post 3")
    repo, done = taken_in(tmp_path / "repository", separate(dce, tmp_path / "some", names[:3]))
    assert done.computed == {"Subtraction": 1, "Last subtraction": 1}
    images = separate(dce, tmp_path / "all", names)
    done = import_folders(repo.backend, [images], project="breast-mri", site="KAU")  # type: ignore[arg-type]
    assert done.computed == {"Last subtraction": 1} and done.subjects == {S: 10}
    studies = repo.start(S, "annotate").studies()
    named = {each.series_uid: each.description for study in studies for each in study.series}
    placed = repo.backend.account.use_case("breast-mri").hang(hanging_headers(studies)).placed
    slots = {each.slot: named[each.series_uid] for each in placed}
    assert slots["subtraction"] == "SUB 1 computed" and slots["last-subtraction"] == "SUB 3 computed"


def test_a_study_with_subtractions_gets_none(tmp_path: Path, dce: Path) -> None:
    _, done = taken_in(tmp_path / "repository", separate(dce, tmp_path / "i", ("dyn pre", "dyn post 1", "Subtraction")))
    assert done.computed == {}


@pytest.mark.parametrize(("keyword", "value"), [("EchoTime", "9"), ("ImagePositionPatient", None)])
def test_series_that_differ_in_more_than_contrast_are_not_subtracted(
    tmp_path: Path, dce: Path, keyword: str, value: str | None
) -> None:
    (tmp_path / "images").mkdir()
    for path in sorted(dce.iterdir()):
        dataset = pydicom.dcmread(path)
        if dataset.AcquisitionNumber == 0 and value:
            setattr(dataset, keyword, value)
        elif dataset.AcquisitionNumber == 0:
            dataset.ImagePositionPatient[2] += 0.5
        dataset.save_as(tmp_path / "images" / path.name)
    repo, done = taken_in(tmp_path / "repository", tmp_path / "images")
    assert done.computed == {} and len(repo.start(S, "annotate").studies()[0].series) == 3


@pytest.mark.needs_debian
def test_files_conform_and_keep_fractions(tmp_path: Path) -> None:
    write_phantom(tmp_path / "pre", "mr")
    pre, images = load_series(tmp_path / "pre"), one_stack_of(tmp_path / "pre")
    values = values_kji(pre).astype(np.float32)
    for factor in (2.0, 1.3):
        volume = subtract(like(pre, values * np.float32(factor)), pre)
        out = tmp_path / str(factor)
        out.mkdir()
        for k, content in enumerate(subtraction_files(volume, images, images, 1)):
            (out / f"{k}.dcm").write_bytes(content)
        assert dciodvfy_errors(out / "0.dcm") == []
        step = 0 if factor == 2 else float(np.abs(volume).max()) / 32767
        assert np.abs(values_kji(load_series(out)) - values_kji(volume)).max() <= step
        first = pydicom.dcmread(out / "0.dcm")
        assert [each.ReferencedSOPInstanceUID for each in first.SourceImageSequence] == [images.frames[0].sop_uid] * 2
