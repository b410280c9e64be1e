"""Synthetic studies with known lesions for tests, Binder and workshops: no patient, no licence.

The anatomy is a simplified abdomen: body, liver, spine, vessels; lesions are spheres or ellipsoids.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from eci_annotate.dicom.uids import uid_from
from eci_annotate.errors import BadImages
from eci_annotate.imaging.annotations import Mask
from eci_annotate.imaging.geometry import Floats, Grid
from eci_annotate.imaging.volume import volume_from_array

CT_STORAGE, MR_STORAGE = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"
NOISE_HU = 12.0


@dataclass(frozen=True)
class Kind:
    """Shape of a phantom: grid size, spacing (k, j, i) in mm, tilt in degrees about x and z, modality."""

    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    tilt_deg: tuple[float, float] = (0.0, 0.0)
    modality: str = "CT"


KINDS = {
    "axial": Kind((40, 256, 256), (4.0, 1.4, 1.4)),
    "oblique": Kind((32, 160, 200), (5.0, 1.9, 1.7), (18.0, 11.0)),
    "anisotropic": Kind((24, 96, 150), (6.0, 3.1, 2.3)),
    "mr": Kind((36, 192, 192), (5.0, 1.8, 1.8), modality="MR"),
    "tiny": Kind((8, 40, 56), (5.0, 6.0, 5.0)),
}


@dataclass(frozen=True)
class PhantomLesion:
    """An ellipsoid: centre and half axes in mm from the centre of the phantom, contrast to the liver."""

    label: str
    centre_mm: tuple[float, float, float]
    radii_mm: tuple[float, float, float]
    contrast: float


LESIONS = (
    PhantomLesion("lesion 1", (-62.0, -18.0, 5.0), (16.0, 16.0, 16.0), -55.0),
    PhantomLesion("lesion 2", (-30.0, 12.0, -22.0), (11.0, 8.0, 12.0), -45.0),
    PhantomLesion("lesion 3", (-85.0, 28.0, 26.0), (9.0, 9.0, 14.0), 60.0),
)


def _directions(kind: Kind) -> Floats:
    """Return rows k, j, i: the tilted slice axes in LPS."""
    a, b = np.radians(kind.tilt_deg)
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_z = np.array([[np.cos(b), -np.sin(b), 0], [np.sin(b), np.cos(b), 0], [0, 0, 1]])
    return np.asarray((about_z @ about_x @ np.eye(3)).T[::-1])


def phantom_grid(kind: str) -> Grid:
    """Return the grid of a phantom; its centre is at the patient origin."""
    if kind not in KINDS:
        raise BadImages(f"Unknown phantom {kind!r}.", f"Choose one of {', '.join(KINDS)}.")
    chosen = KINDS[kind]
    directions = _directions(chosen)
    half = (np.array(chosen.shape) - 1) / 2 * chosen.spacing_mm
    frame = uid_from("phantom-frame", kind)
    return Grid.from_arrays(-half @ directions, directions, chosen.spacing_mm, chosen.shape, frame)


def inside(points: Floats, centre: tuple[float, float, float], radii: tuple[float, float, float]) -> NDArray[np.bool_]:
    """Return which points (..., 3) lie in an ellipsoid along the axes, in the unit of its centre and radii."""
    x, y, z = (((points[..., n] - centre[n]) / radii[n]) ** 2 for n in range(3))
    return np.asarray(x + y + z <= 1)


def _points(grid: Grid) -> Floats:
    return grid.reference_from_image(np.moveaxis(np.indices(grid.shape), 0, -1))


def phantom_values(kind: str, seed: int = 0, lesions: Sequence[PhantomLesion] = LESIONS) -> NDArray[np.int16]:
    """Return the intensities of a phantom with these lesions, int16 (k, j, i)."""
    grid = phantom_grid(kind)
    points = _points(grid)
    values = np.full(grid.shape, -1000.0)
    organs = (
        ((0.0, 0.0, 0.0), (150.0, 110.0, 400.0), -80.0),  # fat
        ((0.0, 0.0, 0.0), (135.0, 95.0, 400.0), 45.0),  # soft tissue
        ((-55.0, 5.0, 0.0), (72.0, 68.0, 75.0), 105.0),  # liver
        ((75.0, 10.0, 10.0), (28.0, 38.0, 50.0), 115.0),  # spleen
        ((0.0, 65.0, 0.0), (18.0, 18.0, 400.0), 260.0),  # spine
        ((12.0, 38.0, 0.0), (10.0, 10.0, 400.0), 170.0),  # aorta
    )
    for centre, radii, hounsfield in organs:
        values[inside(points, centre, radii)] = hounsfield
    for lesion in lesions:
        values[inside(points, lesion.centre_mm, lesion.radii_mm)] = 105.0 + lesion.contrast
    noise = np.random.default_rng(seed).normal(0, NOISE_HU, grid.shape)
    values = np.where(values > -900, values + noise, -1000)
    if KINDS[kind].modality == "MR":
        values = np.clip(values + 1000, 0, None)
    return np.round(values).astype(np.int16)


def phantom_slices(kind: str, values: NDArray[np.int16]) -> list[Dataset]:
    """Return the slices of a phantom with these intensities (k, j, i) as DICOM."""
    return grid_slices(phantom_grid(kind), KINDS[kind].modality, values, kind)


def grid_slices(grid: Grid, modality: str, values: NDArray[np.int16], name: str) -> list[Dataset]:
    """Return the slices of a synthetic volume as DICOM.

    Parameters
    ----------
    grid
        Grid of the volume.
    modality
        ``CT`` or ``MR``; every other one is described as MR.
    values
        Stored values (k, j, i); of CT also the modality values, in HU.
    name
        Name of the volume, from which all UIDs follow.
    """
    return [_dataset(name, modality, grid, k, values[k]) for k in range(grid.shape[0])]


def lesion_voxels(kind: str, lesion: PhantomLesion) -> NDArray[np.bool_]:
    """Return which voxels (k, j, i) of a phantom belong to a lesion."""
    return inside(_points(phantom_grid(kind)), lesion.centre_mm, lesion.radii_mm)


def phantom_lesions(kind: str) -> list[Mask]:
    """Return the true lesions of a phantom as masks on its grid."""
    grid, series = phantom_grid(kind), uid_from("phantom-series", kind)
    points, found = _points(grid), []
    for lesion in LESIONS:
        voxels = inside(points, lesion.centre_mm, lesion.radii_mm)
        volume = volume_from_array(voxels, grid, series_uid=series)
        found.append(Mask.from_volume(volume, label=lesion.label, uid=uid_from("phantom-lesion", kind, lesion.label)))
    return found


def _decimal(value: float) -> str:
    return f"{value:.10f}"[:16].rstrip("0").rstrip(".")


def _dataset(kind: str, modality: str, grid: Grid, k: int, pixels: NDArray[np.int16]) -> Dataset:
    dataset, meta = Dataset(), FileMetaDataset()
    meta.MediaStorageSOPClassUID = CT_STORAGE if modality == "CT" else MR_STORAGE
    meta.MediaStorageSOPInstanceUID = uid_from("phantom", kind, str(k))
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta = meta
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID, dataset.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    dataset.PatientName, dataset.PatientID = f"PHANTOM^{kind.upper()}", f"PHANTOM-{kind.upper()}"
    dataset.PatientBirthDate, dataset.PatientSex, dataset.PatientIdentityRemoved = "", "O", "YES"
    dataset.DeidentificationMethod = "synthetic, no patient"
    dataset.StudyDate, dataset.StudyTime, dataset.StudyID, dataset.AccessionNumber = "20260101", "120000", "1", ""
    dataset.ReferringPhysicianName, dataset.StudyDescription = "", f"eci_annotate phantom {kind}"
    dataset.SeriesDescription, dataset.SeriesNumber, dataset.InstanceNumber = f"phantom {kind}", 1, k + 1
    dataset.Modality, dataset.Manufacturer = modality, "eci_annotate"
    dataset.ImageType = ["DERIVED", "PRIMARY", "AXIAL" if modality == "CT" else "OTHER"]
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = (
        uid_from("phantom-study", kind),
        uid_from("phantom-series", kind),
    )
    dataset.FrameOfReferenceUID, dataset.PositionReferenceIndicator = grid.frame_of_reference_uid, ""
    dataset.PatientPosition, dataset.BodyPartExamined = "HFS", "ABDOMEN"
    _place(dataset, grid, k)
    _pixel_module(dataset, modality, pixels)
    return dataset


def _place(dataset: Dataset, grid: Grid, k: int) -> None:
    dataset.ImagePositionPatient = [_decimal(v) for v in grid.reference_from_image([k, 0, 0])]
    dataset.ImageOrientationPatient = [_decimal(v) for v in (*grid.directions[2], *grid.directions[1])]
    dataset.PixelSpacing = [_decimal(grid.spacing_mm[1]), _decimal(grid.spacing_mm[2])]
    dataset.SliceThickness = _decimal(grid.spacing_mm[0])
    dataset.SpacingBetweenSlices = _decimal(grid.spacing_mm[0])


def _pixel_module(dataset: Dataset, modality: str, pixels: NDArray[np.int16]) -> None:
    dataset.AcquisitionNumber = 1
    if modality == "CT":
        dataset.KVP, dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = "120", "0", "1", "HU"
        dataset.WindowCenter, dataset.WindowWidth = "70", "300"
    else:
        dataset.ScanningSequence, dataset.SequenceVariant, dataset.ScanOptions = "GR", "NONE", ""
        dataset.MRAcquisitionType, dataset.EchoTime, dataset.EchoTrainLength, dataset.RepetitionTime = (
            "2D",
            "2",
            "1",
            "5",
        )
        dataset.WindowCenter, dataset.WindowWidth = "1070", "300"
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 1
    dataset.PixelData = np.ascontiguousarray(pixels, "<i2").tobytes()


def write_phantom(
    folder: str | Path, kind: str = "axial", seed: int = 0, progress: Callable[[int, int], None] | None = None
) -> list[Path]:
    """Write a phantom study as DICOM.

    Parameters
    ----------
    folder
        Output folder; created if absent.
    kind
        `axial`, `oblique` (double tilt, non-square), `anisotropic`, `mr` or `tiny`.
    seed
        Seed of the noise.
    progress
        Called with (slices written, total slices).

    Returns
    -------
    list of Path
        One file per slice. The same arguments give the same bytes.

    Examples
    --------
    >>> import tempfile
    >>> import eci_annotate as eci
    >>> len(eci.write_phantom(tempfile.mkdtemp(), "tiny"))
    8
    """
    slices = phantom_slices(kind, phantom_values(kind, seed))
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    written = []
    for number, dataset in enumerate(slices, 1):
        path = target / f"{kind}-{number:03d}.dcm"
        dataset.save_as(path, enforce_file_format=True)
        written.append(path)
        if progress is not None:
            progress(number, len(slices))
    return written
