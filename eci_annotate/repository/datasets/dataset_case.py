"""One annotated series of a signed version: what a training set has one row of, loaded when it is asked for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from eci_annotate.errors import Refused
from eci_annotate.imaging.annotation import Annotation
from eci_annotate.imaging.geometry import Grid
from eci_annotate.imaging.label_map import Overlap, voxels_of
from eci_annotate.imaging.measurements import unit_of
from eci_annotate.imaging.volume import grid_of, is_colour, like
from eci_annotate.repository.datasets.class_map import ClassMap
from eci_annotate.repository.datasets.subject_split import DatasetPart
from eci_annotate.repository.signed import Signed

Instances = NDArray[np.uint16]


@dataclass(frozen=True)
class TrainingCase:
    """One annotated series.

    Parameters
    ----------
    signed
        The version that holds its annotations.
    series_uid, number
        The series, and its number among the annotated series of the subject, from 1.
    verdict
        The result of the reviews of the version.
    labels, classes
        Of its annotations.
    part
        Where its subject belongs.
    """

    signed: Signed
    series_uid: str
    number: int
    verdict: str
    labels: tuple[str, ...]
    classes: tuple[str, ...]
    part: DatasetPart = DatasetPart.TRAINING

    @property
    def name(self) -> str:
        """A name for files: project, subject, number."""
        return f"{re.sub('[^A-Za-z0-9]+', '-', self.signed.project)}_{self.signed.subject}_{self.number}"


@dataclass(frozen=True)
class Sample:
    """A loaded case: the image, the classes of its voxels, and where each annotation is.

    Parameters
    ----------
    image
        (k, j, i), modality values.
    mask
        (k, j, i) on the same grid: 0, or the value of a class.
    instances
        (k, j, i): 0, or n for the n-th annotation of the row.
    row
        What the training set states of it, as plain values.
    """

    case: TrainingCase
    image: xr.DataArray
    mask: xr.DataArray
    instances: Instances
    row: dict[str, Any]


def load_case(case: TrainingCase, values: dict[str, int], classes: ClassMap, overlap: Overlap) -> Sample:
    """Read image and annotations of a case.

    Parameters
    ----------
    values
        The value of each class.
    classes
        From labels to classes.
    overlap
        What happens where annotations overlap.

    Raises
    ------
    Refused
        Annotations overlap and no priority was asked for, one covers no voxel, or the images are in colour.
    """
    image = case.signed.volume(case.series_uid)
    if is_colour(image):
        raise Refused("Its images are in colour, which training sets do not hold.")
    mine = [each for each in case.signed.annotations() if each.series_uid == case.series_uid]
    instances, shared = instance_map(mine, grid_of(image), overlap, case.series_uid)
    lookup = np.array([0, *(values[classes.class_of(each.label)] for each in mine)], np.uint8)
    row = _row(case, image, shared)
    return Sample(case, image, like(image, lookup[instances], name="mask"), instances, row)


def instance_map(
    annotations: Sequence[Annotation], grid: Grid, overlap: Overlap, series_uid: str
) -> tuple[Instances, int]:
    """Return the number (from 1) of the annotation at each voxel (k, j, i), and how many voxels were claimed twice.

    Raises
    ------
    Refused
        Annotations overlap and no priority was asked for, or one covers no voxel or keeps none; with their labels.
    """
    numbers, shared = np.zeros(grid.shape, np.uint16), 0
    for number, annotation in enumerate(annotations, 1):
        voxels = voxels_of(annotation, grid, series_uid)
        if not voxels.any():
            raise Refused(f"{annotation.label!r} covers no voxel.", "Correct it in a new version.")
        taken = numbers[voxels]
        if overlap is Overlap.REFUSE and taken.any():
            first = annotations[int(taken[taken > 0][0]) - 1].label
            raise Refused(f"{first!r} and {annotation.label!r} overlap.", "Use the rule priority: the first one wins.")
        if taken.all():
            raise Refused(f"{annotation.label!r} lies under others.", "Correct it in a new version.")
        shared += int(np.count_nonzero(taken))
        numbers[voxels & (numbers == 0)] = number
    return numbers, shared


def _row(case: TrainingCase, image: xr.DataArray, shared: int) -> dict[str, Any]:
    grid, signed = grid_of(image), case.signed
    return {
        "case": case.name,
        "project": signed.project,
        "subject": signed.subject,
        "part": str(case.part),
        "task": signed.task,
        "version": signed.version,
        "reader": signed.reader,
        "verdict": case.verdict,
        "seal": signed.seal,
        "modality": str(image.attrs.get("modality", "")),
        "shape_kji": list(grid.shape),
        "spacing_kji_mm": [round(float(each), 6) for each in grid.spacing_mm],
        "lengths": str(unit_of(image)),  # what the spacing is stated in: of a projection no millimetres in space
        "labels": list(case.labels),
        "classes": list(case.classes),
        "overlapping_voxels": shared,
        "rulers_left_out": len(signed.measurements["rulers"]),
        "voxels_without_value": int(np.count_nonzero(~np.isfinite(image.values))),
    }
