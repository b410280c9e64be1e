"""Writes the studies of a synthetic patient as DICOM; the same plan gives the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from eci_annotate.demo.phantoms.anatomy import LESION
from eci_annotate.demo.phantoms.plan import BEFORE, Lesion, PhantomPlan, SeriesPlan
from eci_annotate.dicom.phantom import grid_slices, inside
from eci_annotate.dicom.uids import uid_from
from eci_annotate.imaging.geometry import Floats, Grid

DATES = {"now": "20260101", BEFORE: "20250601"}
NOISE = {"CT": 12.0, "MR": 14.0, "MG": 40.0}
AIR = {"CT": -1000.0, "MR": 8.0, "MG": 0.0}
MG_STORAGE = "1.2.840.10008.5.1.4.1.1.1.2"
# rows: axes k, j, i in patient coordinates (L, P, H)
DIRECTIONS = {
    "axial": ((0, 0, 1), (0, 1, 0), (1, 0, 0)),
    "sagittal": ((-1, 0, 0), (0, 0, -1), (0, 1, 0)),
    "coronal": ((0, 1, 0), (0, 0, -1), (1, 0, 0)),
    "oblique": ((0, 0.573576436, 0.819152044), (0, 0.819152044, -0.573576436), (1, 0, 0)),
}


def write_study(
    plan: PhantomPlan, folder: Path | str, progress: Callable[[int, int], None] | None = None
) -> list[Path]:
    """Write all series of a plan.

    Parameters
    ----------
    plan
        The synthetic patient.
    folder
        Output folder, created if absent; each series gets a folder of its own in it.
    progress
        Called with (series written, all series).
    """
    written = []
    for number, series in enumerate(plan.series, 1):
        target = Path(folder) / f"{number:02d}"
        target.mkdir(parents=True, exist_ok=True)
        for k, dataset in enumerate(_datasets(plan, series, number), 1):
            path = target / f"{k:03d}.dcm"
            dataset.save_as(path, enforce_file_format=True)
            written.append(path)
        if progress is not None:
            progress(number, len(plan.series))
    return written


def series_uid_of(plan: PhantomPlan, number: int) -> str:
    """Return the Series Instance UID of the n-th series, from 1."""
    return uid_from("phantom-series", plan.name, str(number))


def grid_of_series(plan: PhantomPlan, series: SeriesPlan) -> Grid:
    """Return the grid of a series; its centre is at the origin of its study's frame of reference."""
    shape = np.array(series.shape or plan.anatomy.shape)
    spacing = np.array(series.spacing_mm or plan.anatomy.spacing_mm, float)
    directions = np.array(DIRECTIONS[series.plane], float)
    origin = -((shape - 1) / 2 * spacing) @ directions
    frame = uid_from("phantom-frame", plan.name, series.study)
    return Grid.from_arrays(origin, directions, tuple(spacing), tuple(int(n) for n in shape), frame)


def lesion_voxels(plan: PhantomPlan, series: SeriesPlan, lesion: Lesion) -> NDArray[np.bool_]:
    """Return which voxels (k, j, i) of a series belong to a lesion."""
    return _lesion(_points(grid_of_series(plan, series)), series, lesion)


def _lesion(points: Floats, series: SeriesPlan, lesion: Lesion) -> NDArray[np.bool_]:
    factor = lesion.before if series.study == BEFORE else 1.0
    x, y, z = (radius * factor for radius in lesion.radii_mm)
    return inside(points, lesion.centre_mm, (x, y, z))


def _points(grid: Grid) -> Floats:
    return grid.reference_from_image(np.moveaxis(np.indices(grid.shape), 0, -1))


def intensities(plan: PhantomPlan, series: SeriesPlan, number: int) -> NDArray[np.int16]:
    """Return the intensities of a series, (k, j, i)."""
    grid, modality = grid_of_series(plan, series), series.modality
    points = _breast(grid, series) if modality == "MG" else _points(grid)
    values = np.full(grid.shape, AIR[modality])
    for organ in plan.anatomy.organs:
        usual = organ.ct if modality == "CT" else organ.mr
        values[inside(points, organ.centre_mm, organ.radii_mm)] = series.values.get(organ.name, usual)
    usual = plan.anatomy.lesion_ct if modality == "CT" else plan.anatomy.lesion_mr
    for lesion in plan.lesions:
        if modality == "MG" and lesion.side not in ("", series.side):
            continue
        values[_lesion(points, series, lesion)] = series.values.get(LESION, usual)
    noise = np.random.default_rng(number).normal(0, NOISE[modality], grid.shape)
    values = np.where(values > AIR[modality] + 1, values + noise, values)
    return np.round(np.clip(values, -1024 if modality == "CT" else 0, 4095)).astype(np.int16)


def _breast(grid: Grid, series: SeriesPlan) -> Floats:
    """Return for each pixel of a mammogram the point of the breast (from the chest wall, across, 0) that it shows."""
    shape, spacing = grid.shape, grid.spacing_mm
    rows, cols = np.indices(shape[1:])
    depth = cols * spacing[2]
    if series.side == "R":  # its chest wall is on the right of the image
        depth = depth[:, ::-1]
    across = (rows - (shape[1] - 1) / 2) * spacing[1] * (1.0 if series.view == "CC" else 0.8)
    return np.stack([depth, across, np.zeros(depth.shape)], -1)[None]


def _datasets(plan: PhantomPlan, series: SeriesPlan, number: int) -> Iterator[Dataset]:
    grid, values = grid_of_series(plan, series), intensities(plan, series, number)
    name, bright = f"{plan.name} {number}", float(np.percentile(values, 99.5))
    for k, dataset in enumerate(grid_slices(grid, series.modality, values, name), 1):
        _place_in_study(dataset, plan, series, number)
        if series.modality == "MG":
            _as_mammogram(dataset, series, grid)
        if series.modality != "CT":
            dataset.WindowCenter, dataset.WindowWidth = str(round(bright / 2)), str(round(bright))
        for keyword, value in series.elements.items():
            setattr(dataset, keyword, value)
        dataset.SOPInstanceUID = uid_from("phantom-instance", plan.name, str(number), str(k))
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        yield dataset


def _place_in_study(dataset: Dataset, plan: PhantomPlan, series: SeriesPlan, number: int) -> None:
    dataset.PatientID = dataset.PatientName = f"PHANTOM-{plan.name.upper()}"
    dataset.StudyDate = dataset.SeriesDate = dataset.AcquisitionDate = DATES[series.study]
    dataset.SeriesTime = dataset.AcquisitionTime = f"1200{number:02d}"
    dataset.StudyDescription = f"eci_annotate phantom {plan.name}"
    dataset.StudyInstanceUID = uid_from("phantom-study", plan.name, series.study)
    dataset.SeriesInstanceUID = series_uid_of(plan, number)
    dataset.SeriesDescription, dataset.SeriesNumber = series.description, number
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL" if series.modality == "CT" else "M"]


_VOLUME_ONLY: Sequence[str] = (
    "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness", "SpacingBetweenSlices",
    "FrameOfReferenceUID", "PositionReferenceIndicator", "PatientPosition", "ScanningSequence", "SequenceVariant",
    "ScanOptions", "MRAcquisitionType", "EchoTime", "EchoTrainLength", "RepetitionTime",
)  # fmt: skip


# PS3.3 C.7.6.1.1.1: to the right and down; of both breasts the chest wall is at one side, and medial is below
ORIENTATIONS = {
    ("L", True): ["A", "R"], ("L", False): ["A", "FR"], ("R", True): ["P", "L"], ("R", False): ["P", "FL"],
}  # fmt: skip


def _as_mammogram(dataset: Dataset, series: SeriesPlan, grid: Grid) -> None:
    for keyword in _VOLUME_ONLY:
        if keyword in dataset:
            delattr(dataset, keyword)
    dataset.SOPClassUID, dataset.BodyPartExamined = MG_STORAGE, "BREAST"
    dataset.ImageLaterality, dataset.ViewPosition = series.side, series.view
    dataset.PatientOrientation = ORIENTATIONS[series.side, series.view == "CC"]
    dataset.ImagerPixelSpacing = [grid.spacing_mm[1], grid.spacing_mm[2]]
    dataset.PresentationIntentType, dataset.PresentationLUTShape = "FOR PRESENTATION", "IDENTITY"
    dataset.PixelIntensityRelationship, dataset.PixelIntensityRelationshipSign = "LOG", -1
    dataset.BurnedInAnnotation, dataset.LossyImageCompression = "NO", "00"
