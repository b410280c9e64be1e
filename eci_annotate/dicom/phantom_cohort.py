"""A cohort of synthetic patients: the anatomy of the phantom with lesions of other places and sizes, a patient each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eci_annotate.dicom.phantom import LESIONS, PhantomLesion, lesion_voxels, phantom_slices, phantom_values
from eci_annotate.dicom.uids import uid_from

_UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "SOPInstanceUID")


def patient_lesions(number: int, count: int = 3) -> list[PhantomLesion]:
    """Return the lesions of the n-th patient; the same number gives the same lesions."""
    rng = np.random.default_rng(1000 + number)
    found = []
    for lesion in LESIONS[:count]:
        centre = np.array(lesion.centre_mm) + rng.normal(0, 5, 3)
        radii = np.array(lesion.radii_mm) * rng.uniform(0.8, 1.4)
        found.append(PhantomLesion(lesion.label, tuple(centre), tuple(radii), lesion.contrast))
    return found


def write_patient(
    folder: str | Path, number: int, *, kind: str = "anisotropic", count: int = 3, identified: bool = False
) -> list[Path]:
    """Write the study of the n-th synthetic patient as DICOM.

    Parameters
    ----------
    folder
        Output folder; created if absent.
    number
        Which patient; the same number gives the same bytes.
    kind
        Grid, as of `write_phantom`.
    count
        Number of lesions, at most three.
    identified
        With a made-up name, birth date and ID, and without the statement that these were removed.
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    written = []
    for k, dataset in enumerate(phantom_slices(kind, phantom_values(kind, number, patient_lesions(number, count)))):
        for keyword in _UIDS:
            dataset[keyword].value = uid_from(str(dataset[keyword].value), str(number))
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.PatientID = dataset.PatientName = f"PHANTOM-{number}"
        if identified:
            dataset.PatientName, dataset.PatientID = f"INVENTED^PERSON {number}", f"ID-{number:05d}"
            dataset.PatientBirthDate, dataset.InstitutionName = "19600101", "Invented Hospital"
            del dataset.PatientIdentityRemoved, dataset.DeidentificationMethod
        path = target / f"{number:03d}-{k + 1:03d}.dcm"
        dataset.save_as(path, enforce_file_format=True)
        written.append(path)
    return written


def patient_masks(number: int, *, kind: str = "anisotropic", count: int = 3) -> dict[str, NDArray[np.bool_]]:
    """Return the true voxels (k, j, i) of each lesion of the n-th patient, by label."""
    return {lesion.label: lesion_voxels(kind, lesion) for lesion in patient_lesions(number, count)}
