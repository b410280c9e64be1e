"""Each stack of a series is listed, drawn on and signed like a series; what is signed refers to its own images only."""

from pathlib import Path

import numpy as np
import pydicom
import pytest

from eci_annotate.dicom.images.series import load_stacks
from eci_annotate.dicom.rtstruct.read import read_rtstruct
from eci_annotate.imaging.volume import grid_of, series_uid_of
from eci_annotate.repository.admin.create import create_repository
from eci_annotate.repository.admin.import_dicom import import_folders
from eci_annotate.repository.open_repository import open
from eci_annotate.repository.repository import Repository
from eci_annotate.repository.verify_export import verify_exported
from tests.dicom.series_maker import make_series
from tests.repository.repository_world import ANSWERS, MEANING, P, S, anchor, lines, local


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    """A subject with two phases in one CT series."""
    first = None
    for phase in (1, 2):

        def edit(dataset, k, phase=phase):
            dataset.TemporalPositionIdentifier = phase
            dataset.SeriesDescription, dataset.BodyPartExamined = "Liver", "LIVER"

        paths = make_series(
            tmp_path / "dicom", 8, modality="CT", value=100 * phase, like=first, edit=edit, name=f"p{phase}-"
        )
        first = first or pydicom.dcmread(paths[0])
    create_repository(tmp_path / "repository", project=P, member="anna", site="KAU")
    made = open(tmp_path / "repository")
    imported = import_folders(local(made), [tmp_path / "dicom"], project=P, site="KAU")
    assert imported.subjects == {S: 16} and not imported.not_shown
    return made


def stacks(repo: Repository):
    return [each for study in repo.studies(S) for each in study.series]


def test_phases_are_listed_and_read_one_by_one(repo: Repository) -> None:
    found = stacks(repo)
    assert [each.description for each in found] == ["Liver, phase 1 of 2", "Liver, phase 2 of 2"]
    assert [each.instances for each in found] == [8, 8] == [each.header["slices"] for each in found]
    assert [int(repo.volume(each.series_uid).values.max()) // 100 for each in found] == [1, 2]
    again = open(local(repo).context.layout.root)
    assert [each.series_uid for each in stacks(again)] == [each.series_uid for each in found]


def test_what_is_drawn_on_a_phase_refers_to_it(repo: Repository, tmp_path: Path) -> None:
    task = repo.start(S, "annotate", project=P)
    uid = task.hanging().first
    task.save(lines(task))
    task.answer(ANSWERS)
    signed = task.sign(MEANING)
    (annotation,) = signed.annotations()
    volume = repo.volume(uid)
    assert annotation.series_uid == uid == series_uid_of(volume) and uid in {s.series_uid for s in stacks(repo)}
    signed.export(tmp_path / "out")
    (path,) = [p for p in (tmp_path / "out").rglob("*.dcm") if pydicom.dcmread(p).Modality == "RTSTRUCT"]
    (back,) = read_rtstruct(path)
    assert back.series_uid == uid and np.array_equal(back.mask_on(volume), annotation.mask_on(volume))
    make_series(tmp_path / "dicom" / "another", 3)
    (alone,) = load_stacks(tmp_path / "dicom", series_uid=back.series_uid)  # as the notebook of an export loads it
    assert alone.equals(volume)
    frame = pydicom.dcmread(path).ReferencedFrameOfReferenceSequence[0]
    listed = frame.RTReferencedStudySequence[0].RTReferencedSeriesSequence[0].ContourImageSequence
    assert {item.ReferencedSOPInstanceUID for item in listed} == set(volume.instance_uid.values)
    assert grid_of(volume).shape[0] == len(listed)
    repo.verify()
    checks = verify_exported(tmp_path / "out", [anchor(tmp_path / "repository")])
    assert checks and all(check.passed for check in checks)


def test_a_multi_frame_file_has_as_many_slices_as_frames(tmp_path: Path, shared_data: Path) -> None:
    """So that hanging rules about the number of slices hold for it."""
    (source,) = (shared_data / "mr_multivendor_dicom2nifti/philips_enhanced_anatomical_001_implicit").glob("*.dcm")
    create_repository(tmp_path / "repository", project=P, member="anna", site="KAU")
    made = open(tmp_path / "repository")
    import_folders(local(made), [source], project=P, site="KAU", accept_identified=True)
    (series,) = stacks(made)
    assert series.series_uid == str(pydicom.dcmread(source).SeriesInstanceUID)
    assert (series.instances, series.header["slices"], series.header["plane"]) == (8, 8, "sagittal")
