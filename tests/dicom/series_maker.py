"""Synthetic series with every header edited at will."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, MRImageStorage, generate_uid

SHAPE = (32, 40)


def make_series(
    folder: Path,
    n: int = 6,
    *,
    modality: str = "MR",
    axes: Any = None,
    spacing: Sequence[float] = (2.5, 0.9, 0.7),
    edit: Callable[[Dataset, int], None] | None = None,
    value: int = 0,
    like: Dataset | None = None,
    name: str = "s",
    start: Sequence[float] = (-31.7, 12.3, 55.1),
) -> list[Path]:
    """Write a series; slice k holds the value `value` + k. `like` gives study, series and frame of reference."""
    folder.mkdir(parents=True, exist_ok=True)
    right, down = (np.eye(3) if axes is None else np.asarray(axes, float))[:2]
    uids = {key: like[key].value if like else generate_uid() for key in ("StudyInstanceUID", "SeriesInstanceUID")}
    uids["FrameOfReferenceUID"] = like.FrameOfReferenceUID if like else generate_uid()
    written = []
    for k in range(n):
        dataset = _slice(modality, k, uids)
        dataset.PixelSpacing, dataset.SliceThickness = list(spacing[1:]), spacing[0]
        dataset.ImageOrientationPatient = [f"{v:.10f}"[:16] for v in (*right, *down)]
        origin = np.asarray(start, float) + np.cross(right, down) * spacing[0] * k
        dataset.ImagePositionPatient = [f"{v:.8f}"[:16] for v in origin]
        dataset.PixelData = np.full(SHAPE, value + k, np.int16).tobytes()
        if edit:
            edit(dataset, k)
        path = folder / f"{name}{k:03d}.dcm"
        dataset.save_as(path, enforce_file_format=True)
        written.append(path)
    return written


def _slice(modality: str, k: int, uids: dict[str, str]) -> Dataset:
    dataset, meta = Dataset(), FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage if modality == "CT" else MRImageStorage
    meta.MediaStorageSOPInstanceUID, meta.TransferSyntaxUID = generate_uid(), ExplicitVRLittleEndian
    dataset.file_meta = meta
    dataset.SOPClassUID, dataset.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    dataset.update({})
    for keyword, uid in uids.items():
        setattr(dataset, keyword, uid)
    dataset.PatientName = dataset.PatientID = "MADE^UP"
    dataset.PatientBirthDate = dataset.PatientSex = dataset.AccessionNumber = dataset.ReferringPhysicianName = ""
    dataset.StudyDate, dataset.StudyTime, dataset.StudyID = "20200102", "101010", "1"
    dataset.PatientIdentityRemoved, dataset.Modality = "YES", modality
    dataset.SeriesNumber, dataset.InstanceNumber = 1, k + 1
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.Rows, dataset.Columns = SHAPE
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 1
    return dataset
