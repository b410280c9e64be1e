"""Cohorts on disk, and what independent readers say about them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import SimpleITK
from pydicom import dcmread

from eci_annotate.batch.cohort_files import CohortReport
from eci_annotate.batch.cohort_scan import scan_cohort
from eci_annotate.batch.prepare import prepare_cohort
from eci_annotate.batch.prepare_options import PrepareOptions
from eci_annotate.batch.prepare_series import prepare_series
from eci_annotate.batch.series_record import SeriesRecord
from eci_annotate.deid.pseudonymiser import Pseudonymiser, create_key

DATA = Path(__file__).parents[1] / "data"
RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def site_key(folder: Path) -> Path:
    """The secret of a site, made once."""
    path = folder / "site.key"
    if not path.exists():
        create_key(path)
    return path


def prepared(source: Path, target: Path, **options: Any) -> CohortReport:
    """Prepare a folder as the command does, with a key beside the target unless told otherwise."""
    workers, scheduler = options.pop("workers", 1), options.pop("scheduler", "")
    options.setdefault("key", site_key(target.parent))
    asked = PrepareOptions(target, **options)
    return prepare_cohort(source, asked, workers=workers, scheduler=scheduler, progress=lambda *_: None)


def prepared_here(source: Path, target: Path, **options: Any) -> list[SeriesRecord]:
    """Prepare each series of a folder in this process: the same function without workers and reports."""
    asked = PrepareOptions(target, site_key(target.parent), **options)
    scan = scan_cohort(source, asked.pseudonymiser(), lambda *_: None)
    return [prepare_series(job, asked, asked.digest()) for job in scan.jobs]


def images(target: Path) -> list[Path]:
    """All images of a prepared cohort."""
    return sorted(target.glob("sub-*/ses-*/*/*.nii.gz"))


def sidecar(image: Path) -> dict[str, Any]:
    """What is written beside an image."""
    found: dict[str, Any] = json.loads(image.with_name(image.name.replace(".nii.gz", ".json")).read_text("utf-8"))
    return found


def tree(folder: Path) -> dict[str, bytes]:
    """Content of each file of a folder, by its path."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def read_by_nibabel(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Values (i, j, k) and affine to RAS; the quaternion must say the same as the matrix."""
    image = nibabel.load(path)
    np.testing.assert_allclose(image.get_sform(), image.get_qform(), atol=2e-4)
    return np.asarray(image.dataobj), image.affine


def source_files(image: Path, source: Path, target: Path) -> list[Path]:
    """The files from which an image was made, in the order of its slices."""
    pseudonymiser = Pseudonymiser.from_file(site_key(target.parent))
    places = {
        pseudonymiser.uid(str(dcmread(p, stop_before_pixels=True).SOPInstanceUID)): p for p in source.glob("*.dcm")
    }
    return [places[uid] for uid in sidecar(image)["SOPInstanceUIDs"]]


def read_by_simpleitk(files: list[Path]) -> tuple[np.ndarray, np.ndarray]:
    """Values (i, j, k) of DICOM files in slice order, and the affine to RAS."""
    image = SimpleITK.ReadImage([str(each) for each in files])
    affine = np.eye(4)
    affine[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    affine[:3, 3] = image.GetOrigin()
    return SimpleITK.GetArrayFromImage(image).T, RAS @ affine


def assert_same_image(ours: tuple[np.ndarray, np.ndarray], theirs: tuple[np.ndarray, np.ndarray]) -> None:
    """Same voxels at the same places: affines within 1e-4, corners within 1e-3 mm."""
    (values, affine), (others, other) = ours, theirs
    assert values.shape == others.shape
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in values.shape], [1], indexing="ij")).reshape(4, -1)
    np.testing.assert_allclose(affine @ corners, other @ corners, atol=1e-3)
    np.testing.assert_allclose(affine, other, atol=1e-4)
    np.testing.assert_allclose(values, others, rtol=1e-6)
