"""A repository whose one subject has two series of different frames of reference, and objects that came with them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
from pydicom import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from eci_annotate.repository.admin.create import create_repository
from eci_annotate.repository.admin.import_dicom import import_folders
from eci_annotate.repository.open_repository import open
from eci_annotate.repository.repository import Repository
from tests.viewer.study_world import write_study

P, S = "liver-ct", "ECI_KAU_S0001"
MOVED = "2.25.99"
SHIFT = (6.0, -4.0, 9.0)  # mm, from the frame of reference of the first series to that of the second
RIGID = "1.2.840.10008.5.1.4.1.1.66.1"


def write_files(folder: Path) -> Path:
    """Write two series: `portal`, and `late`, in which the patient lies elsewhere."""
    write_study(folder, {"portal": {}, "late": {"FrameOfReferenceUID": MOVED}})
    for path in (folder / "2").glob("*.dcm"):
        dataset = pydicom.dcmread(path)
        dataset.ImagePositionPatient = [float(v) + s for v, s in zip(dataset.ImagePositionPatient, SHIFT, strict=True)]
        dataset.save_as(path)
    return folder


def first(folder: Path, series: int = 1) -> Dataset:
    """An image of a series, without its pixels."""
    return pydicom.dcmread(sorted((folder / str(series)).glob("*.dcm"))[0], stop_before_pixels=True)


def write_registration(folder: Path, name: str = "Motion", matrix: np.ndarray | None = None) -> Path:
    """Write a DICOM registration from `portal` to `late` beside the series."""
    image, made = first(folder), Dataset()
    for keyword in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyDate",
                    "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName", "PatientIdentityRemoved",
                    "DeidentificationMethod"):  # fmt: skip
        setattr(made, keyword, image.get(keyword, ""))
    made.SOPClassUID, made.SOPInstanceUID, made.SeriesInstanceUID = RIGID, generate_uid(), generate_uid()
    made.Modality, made.SeriesDescription, made.SeriesNumber, made.Manufacturer = "REG", name, 7, "MIM"
    made.FrameOfReferenceUID = MOVED
    shift = np.eye(4)
    shift[:3, 3] = SHIFT
    made.RegistrationSequence = [_item(MOVED, np.eye(4))]
    made.RegistrationSequence.append(_item(image.FrameOfReferenceUID, shift if matrix is None else matrix))
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID, made.file_meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, RIGID
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    path = folder / f"{made.SOPInstanceUID}.dcm"
    made.save_as(path, enforce_file_format=True)
    return path


def _item(frame: str, matrix: np.ndarray) -> Dataset:
    item, sequence, stored = Dataset(), Dataset(), Dataset()
    stored.FrameOfReferenceTransformationMatrixType = "RIGID"
    stored.FrameOfReferenceTransformationMatrix = [float(v) for v in np.ravel(matrix)]
    sequence.MatrixSequence = [stored]
    item.FrameOfReferenceUID, item.MatrixRegistrationSequence = frame, [sequence]
    return item


def repository(root: Path, *objects: Callable[[Path], object]) -> Repository:
    """A repository of anna with this study, and with what `objects` write beside its series."""
    folder = write_files(root / "dicom")
    for write in objects:
        write(folder)
    create_repository(root / "repository", project=P, member="anna", site="KAU")
    repo = open(root / "repository")
    done = import_folders(repo.backend, [folder], project=P, site="KAU")
    assert not done.held and not done.failed, done
    return repo


def uid_of(repo: Repository, description: str) -> str:
    """The UID of a series by its description."""
    rows = [each for study in repo.studies(S) for each in study.series]
    return next(each.series_uid for each in rows if each.description == description)
