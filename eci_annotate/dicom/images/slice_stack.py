"""Slice order: which files form one volume, and why others do not. Spacing is measured, never assumed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from pydicom import Dataset

from eci_annotate.dicom.images.files import count_of
from eci_annotate.errors import (
    BadImages,
    MissingGeometry,
    MissingSlice,
    MixedSeries,
    UnevenSlices,
    UnsupportedImages,
)
from eci_annotate.imaging.geometry import Floats, Grid, unit

EVEN = 0.02  # relative tolerance of slice distances
LATERAL_MM = 0.1  # largest distance of slices from their common axis
SAME_POSITION_MM = 1e-2
PROJECTIONS = {"MG", "DX", "CR", "RF", "XA", "PX", "IO"}


def require_plane(dataset: Dataset) -> None:
    """Refuse anything that is not one slice in space.

    Raises
    ------
    UnsupportedImages
        For multi-frame, colour and projection images.
    MissingGeometry
        Names the first absent element.
    """
    modality = str(dataset.get("Modality", "?"))
    if modality in PROJECTIONS and "ImagePositionPatient" not in dataset:
        raise UnsupportedImages(f"{modality} images are projections without a place in space.", "Use CT or MR series.")
    if int(dataset.get("NumberOfFrames", 1) or 1) > 1 or "PerFrameFunctionalGroupsSequence" in dataset:
        raise UnsupportedImages("Multi-frame images are not supported here.", "Convert them to single-frame series.")
    if int(dataset.get("SamplesPerPixel", 1) or 1) != 1:
        raise UnsupportedImages("Colour images cannot become a volume.", "Use greyscale series.")
    for tag in (
        "SeriesInstanceUID",
        "FrameOfReferenceUID",
        "PixelSpacing",
        "ImageOrientationPatient",
        "ImagePositionPatient",
        "Rows",
        "Columns",
    ):
        if dataset.get(tag) in (None, ""):
            raise MissingGeometry(f"{tag} is missing, and is never guessed.", "Ask the sender for complete images.")


@dataclass(frozen=True)
class Stack:
    """Datasets of one volume in slice order, and their grid."""

    slices: tuple[Dataset, ...]
    grid: Grid


def axes_of(dataset: Dataset) -> tuple[Floats, Floats, Floats]:
    """Return unit vectors (normal, down a column, along a row) = directions of k, j, i."""
    cosines = np.asarray(dataset.ImageOrientationPatient, float)
    along_i, along_j = cosines[:3], cosines[3:]
    proper = abs(np.linalg.norm(along_i) - 1) < 1e-2 and abs(np.linalg.norm(along_j) - 1) < 1e-2
    if not proper or abs(along_i @ along_j) > 1e-2:
        raise MissingGeometry("ImageOrientationPatient is no pair of unit vectors.", "Ask the sender to mend it.")
    along_i = unit(along_i)
    along_j = unit(along_j - along_i * (along_j @ along_i))
    return np.cross(along_i, along_j), along_j, along_i


def position_of(dataset: Dataset) -> Floats:
    """Return ImagePositionPatient: centre of the first voxel of a slice."""
    return np.asarray(dataset.ImagePositionPatient, float)


def _kind(dataset: Dataset) -> tuple[object, ...]:
    """Return the attributes that all slices of one volume share."""
    cosines = tuple(np.round(np.asarray(dataset.ImageOrientationPatient, float), 3) + 0.0)
    spacing = tuple(np.round(np.asarray(dataset.PixelSpacing, float), 4))
    return (int(dataset.Rows), int(dataset.Columns), cosines, spacing, str(dataset.FrameOfReferenceUID))


def require_one_series(datasets: Sequence[Dataset]) -> None:
    """Refuse images of more than one series or geometry.

    Raises
    ------
    MixedSeries
        If there is more than one series, matrix, orientation, spacing or frame of reference, or the
        same image twice.
    """
    series = count_of(str(d.SeriesInstanceUID) for d in datasets)
    if series > 1:
        raise MixedSeries(f"These files belong to {series} series.", "Give the files of one series.")
    doubles = len(datasets) - count_of(str(d.SOPInstanceUID) for d in datasets)
    if doubles:
        raise MixedSeries(f"{doubles} images occur more than once.", "Leave out the copies.")


def _require_one_kind(datasets: Sequence[Dataset]) -> None:
    kinds = count_of(map(_kind, datasets))
    if kinds > 1:
        raise MixedSeries(
            f"This series holds {kinds} different matrices, orientations, spacings or frames of reference.",
            "Load it with load_stacks, which gives one volume for each.",
        )


def _sorted(datasets: Sequence[Dataset]) -> tuple[list[Dataset], Floats]:
    normal, _, _ = axes_of(datasets[0])
    height = np.array([position_of(d) @ normal for d in datasets])
    order = np.argsort(height, kind="stable")
    return [datasets[n] for n in order], height[order]


def _require_even(datasets: Sequence[Dataset], height: Floats) -> None:
    """Refuse duplicated, missing, unevenly spaced and sheared slices, and name the position."""
    steps = np.diff(height)
    if (steps < SAME_POSITION_MM).any():
        most = int(np.unique(np.round(height, 2), return_counts=True)[1].max())
        raise UnevenSlices(
            f"Up to {most} slices lie at the same position (time points, echoes or diffusion weightings).",
            "Load them with load_stacks, which gives one volume for each.",
        )
    usual = float(np.median(steps))
    odd = np.flatnonzero(np.abs(steps - usual) > EVEN * usual)
    if odd.size:
        n = int(odd[np.argmax(steps[odd])])
        ratio = steps[n] / usual
        place = f"between {height[n]:.2f} mm and {height[n + 1]:.2f} mm along the slice normal"
        if round(ratio) >= 2 and abs(ratio - round(ratio)) < 0.1:
            raise MissingSlice(
                f"{round(ratio) - 1} slice(s) are missing {place}.", "Fetch them, or use load_stacks for the parts."
            )
        raise UnevenSlices(
            f"Slices are {usual:.3f} mm apart, but {steps[n]:.3f} mm {place}.", "Use load_stacks for the even parts."
        )
    _require_upright(datasets, usual)


def _require_upright(datasets: Sequence[Dataset], usual: float) -> None:
    normal, _, _ = axes_of(datasets[0])
    positions = np.array([position_of(d) for d in datasets])
    offset = positions - positions[0]
    lateral = offset - np.outer(offset @ normal, normal)
    if np.linalg.norm(lateral, axis=1).max() > LATERAL_MM:
        step = (positions[-1] - positions[0]) / (len(positions) - 1)
        tilt = np.degrees(np.arccos(np.clip(abs(unit(step) @ normal), -1, 1)))
        raise UnevenSlices(
            f"The slices are sheared by {tilt:.2f} degrees (gantry tilt) over steps of {usual:.2f} mm.",
            "Resample the series to a right-angled grid first.",
        )


def _slice_mm(datasets: Sequence[Dataset], height: Floats) -> float:
    if len(height) > 1:
        return float((height[-1] - height[0]) / (len(height) - 1))
    for tag in ("SpacingBetweenSlices", "SliceThickness"):
        value = datasets[0].get(tag)
        if value not in (None, "") and float(value) > 0:
            return float(value)
    raise MissingGeometry("A single slice without SliceThickness has no depth.", "Give a series of two slices or more.")


def stack_of(datasets: Sequence[Dataset]) -> Stack:
    """Sort slices and measure their grid; refuse anything that is not an even, right-angled volume."""
    _require_one_kind(datasets)
    slices, height = _sorted(datasets)
    if len(slices) > 1:
        _require_even(slices, height)
    first = slices[0]
    row_mm, column_mm = (float(v) for v in first.PixelSpacing)  # [0] between rows, [1] between columns
    grid = Grid.from_arrays(
        position_of(first),
        axes_of(first),
        (_slice_mm(slices, height), row_mm, column_mm),
        (len(slices), int(first.Rows), int(first.Columns)),
        str(first.FrameOfReferenceUID),
    )
    return Stack(tuple(slices), grid)


def stacks_of(datasets: Sequence[Dataset]) -> list[Stack]:
    """Split slices into even volumes: by matrix and orientation, by repetition, and at gaps."""
    kinds = dict.fromkeys(map(_kind, datasets))
    found: list[Stack] = []
    for kind in kinds:
        for part in _repetitions([d for d in datasets if _kind(d) == kind]):
            found.extend(stack_of(run) for run in _runs(part))
    if not found:
        raise BadImages("No images to load.", "Give the files of one series.")
    return found


def _acquired(dataset: Dataset) -> tuple[float, str, int]:
    time = str(dataset.get("AcquisitionTime", "") or dataset.get("ContentTime", ""))
    return (
        float(dataset.get("TemporalPositionIdentifier", 0) or 0),
        time,
        int(dataset.get("InstanceNumber", 0) or 0),
    )


def _repetitions(datasets: Sequence[Dataset]) -> Iterator[list[Dataset]]:
    """Put the n-th image acquired at each position into the n-th part."""
    slices, height = _sorted(datasets)
    starts = np.flatnonzero(np.diff(height, prepend=-np.inf) >= SAME_POSITION_MM)
    groups = [sorted(slices[a:b], key=_acquired) for a, b in zip(starts, [*starts[1:], len(slices)], strict=True)]
    for n in range(max(map(len, groups))):
        yield [group[n] for group in groups if len(group) > n]


def _runs(datasets: Sequence[Dataset]) -> Iterator[list[Dataset]]:
    """Split where the distance between slices changes."""
    slices, height = _sorted(datasets)
    steps = np.diff(height)
    usual = float(np.median(steps)) if steps.size else 0.0
    cuts = np.flatnonzero(np.abs(steps - usual) > EVEN * usual) + 1
    for a, b in zip([0, *cuts], [*cuts, len(slices)], strict=True):
        yield slices[a:b]
