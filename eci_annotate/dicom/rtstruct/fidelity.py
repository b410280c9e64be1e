"""The receipt of a structure set: what was written is read again, and compared with what was drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from pydicom import Dataset

from eci_annotate.deid.quiet import quiet
from eci_annotate.dicom.exact_block import PRIVATE_GROUP
from eci_annotate.dicom.rtstruct.read import open_rtstruct, structure_set_of
from eci_annotate.errors import BadStructureSet
from eci_annotate.imaging.annotations import Annotation, AnnotationKind, Box, Contours
from eci_annotate.imaging.geometry import Floats, Grid

MOST_MM = 0.01
AGAIN = "Nothing was signed. Report this with the time; draw the annotation again to go on."


def receipt_of(
    annotations: Sequence[Annotation], content: bytes, grid: Grid, *, has_volume: bool = True
) -> list[dict[str, Any]]:
    """Compare a written structure set with its annotations.

    Parameters
    ----------
    annotations
        What was drawn, in file order.
    content
        The file.
    grid
        Grid of the annotated images.
    has_volume
        Whether voxels have a size along three axes in the patient; if not, no volume is stated.

    Returns
    -------
    list of dict
        For each annotation: `uid`, `kind`, number of `voxels`, how many are `missing` and `extra` when its contours
        alone are read (as other readers do), `volume_mm3` as drawn and `read_volume_mm3` (None if unknown), and
        `vertex_mm`, the largest distance of a corner from where it was drawn (None for masks).

    Raises
    ------
    BadStructureSet
        If a mask differs by a voxel, or a corner of a box or contour by more than 0.01 mm.
    """
    dataset = open_rtstruct(content)
    read, plain = structure_set_of(dataset), _without_private_block(dataset)
    if len(read) != len(annotations):
        raise BadStructureSet("A structure set does not hold all annotations.", AGAIN)
    rows = [_row(*each, grid) for each in zip(annotations, read, plain, strict=True)]
    if not has_volume:
        rows = [row | {"volume_mm3": None, "read_volume_mm3": None} for row in rows]
    for number, row in enumerate(rows, 1):
        wrong = row["missing"] + row["extra"] if row["kind"] == AnnotationKind.MASK else 0
        if wrong or (row["vertex_mm"] or 0.0) > MOST_MM:
            raise BadStructureSet(f"Annotation {number} cannot be written without loss.", AGAIN)
    return rows


def _without_private_block(dataset: Dataset) -> list[Annotation | None]:
    """Return what a reader gets that does not know our private block, which is removed: contours, or nothing."""
    for roi in dataset.StructureSetROISequence:
        for tag in [tag for tag in roi.keys() if tag.group == PRIVATE_GROUP]:  # noqa: SIM118 - items have no tags
            del roi[tag]
    with quiet():
        found = structure_set_of(dataset)
    return _by_place(dataset, list(found)) if found.notes else list(found)


def _by_place(dataset: Dataset, found: list[Annotation]) -> list[Annotation | None]:
    """Put what was read in the place of its structure; those left out have no closed contour."""
    waiting = iter(found)
    contours = {int(item.ReferencedROINumber): item for item in dataset.ROIContourSequence}
    places: list[Annotation | None] = []
    for roi in dataset.StructureSetROISequence:
        items = contours[int(roi.ROINumber)].get("ContourSequence") or ()
        closed = not items or any(item.ContourGeometricType.startswith("CLOSED") for item in items)
        places.append(next(waiting, None) if closed else None)
    return places


def _row(drawn: Annotation, read: Annotation, plain: Annotation | None, grid: Grid) -> dict[str, Any]:
    before = drawn.voxels_on(grid)
    after = np.zeros_like(before) if plain is None else plain.voxels_on(grid)
    return {
        "uid": drawn.uid,
        "kind": drawn.kind,
        "voxels": int(before.sum()),
        "missing": int((before & ~after).sum()),
        "extra": int((after & ~before).sum()),
        "volume_mm3": _number(drawn.volume_mm3),
        "read_volume_mm3": _number(read.volume_mm3),
        "vertex_mm": _apart(drawn, read, grid),
    }


def _number(value: float) -> float | None:
    return None if value != value else round(float(value), 3)


def _apart(drawn: Annotation, read: Annotation, grid: Grid) -> float | None:
    """Return the largest distance of a corner from where it was drawn; None for masks, infinity if one is missing."""
    match drawn, read:
        case Box(), Box():
            return round(float(np.abs(drawn.corners_lps - read.corners_lps).max()), 6)
        case Contours(), Contours():
            return round(max((_from_rings(ring, read.rings_lps, grid) for ring in drawn.rings_lps), default=0.0), 6)
    return None if drawn.kind == read.kind else float("inf")


def _from_rings(ring: Floats, rings: Sequence[Floats], grid: Grid) -> float:
    """Return the largest distance of a ring's corners from rings on the same slice, mm."""
    placed = _on_planes(ring, grid)
    level = round(float(placed[:, 0].mean() / grid.slice_mm))
    others = [_on_planes(other, grid) for other in rings]
    same = [other for other in others if round(float(other[:, 0].mean() / grid.slice_mm)) == level]
    if not same:
        return float("inf")
    lines = shapely.multilinestrings([np.vstack([other[:, 1:], other[:1, 1:]]) for other in same])
    within = float(shapely.distance(shapely.points(placed[:, 1:]), lines).max())
    across = float(np.abs(placed[:, :1] - np.array([[other[:, 0].mean() for other in same]])).min(1).max())
    return float(np.hypot(within, across))


def _on_planes(ring: Floats, grid: Grid) -> Floats:
    """Return a ring in mm along the normal, j and i of a grid."""
    return (ring - np.asarray(grid.origin_lps)) @ np.stack([grid.normal_lps, *np.asarray(grid.directions)[1:]]).T
