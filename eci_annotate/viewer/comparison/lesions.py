"""Differences by lesion: which sides have it, how similar the two most different annotations are, and where to look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import xarray as xr

from eci_annotate.errors import EciError
from eci_annotate.imaging.annotations import Annotation
from eci_annotate.imaging.geometry import Vector
from eci_annotate.imaging.volume import grid_of
from eci_annotate.repository.analysis.annotation_pairs import StudyOf, grouped, unknown_study
from eci_annotate.repository.analysis.delta import Delta, Volume, largest, voxels_of
from eci_annotate.viewer.comparison.sides import Side


@dataclass(frozen=True)
class LesionDifference:
    """One lesion across all sides.

    Parameters
    ----------
    label, series_uid
        From the first side that has the lesion.
    found
        Annotation of each side, or None.
    row
        Measures of the two sides that differ most (a row of `Delta.table`); empty if only one side has it.
    focus_lps
        Where the two differ most, else the centre of its largest slice; patient mm.
    """

    label: str
    series_uid: str
    found: tuple[Annotation | None, ...]
    row: dict[str, Any]
    focus_lps: Vector

    @property
    def agreed(self) -> bool:
        """Whether all sides have exactly the same annotation."""
        return None not in self.found and self.row.get("change") == "same"


def lesions(sides: Sequence[Side], volume_of: Volume, study_of: StudyOf = unknown_study) -> list[LesionDifference]:
    """Return all lesions: those missing on a side first, then by increasing similarity."""
    delta = Delta(sides[0], sides[-1], volume_of)
    found = [_lesion(delta, group) for group in grouped([side.annotations() for side in sides], study_of)]
    return sorted(found, key=lambda each: (each.agreed, None not in each.found, each.row.get("dice", 0.0)))


def _lesion(delta: Delta, group: tuple[Annotation | None, ...]) -> LesionDifference:
    there = [each for each in group if each is not None]
    rows = [(delta.row(a, b), a, b) for a, b in combinations(there, 2)]
    row, a, b = min(rows, key=lambda each: each[0]["dice"]) if rows else ({}, there[0], there[0])
    return LesionDifference(
        there[0].label, there[0].series_uid, group, row, _focus(delta.volume(there[0].series_uid), a, b)
    )


def _focus(volume: xr.DataArray, a: Annotation, b: Annotation) -> Vector:
    try:
        one, other = voxels_of(a, volume), voxels_of(b, volume)
    except EciError:
        return grid_of(volume).origin_lps
    differing = one ^ other
    x, y, z = grid_of(volume).reference_from_image(_middle(differing if differing.any() else one))
    return float(x), float(y), float(z)


def _middle(mask: Any) -> list[float]:
    """Return the centre of a mask's largest slice: its voxel nearest to their mean."""
    if not mask.any():
        return [(n - 1) / 2 for n in mask.shape]
    k = largest(mask.sum((1, 2)))
    at = np.argwhere(mask[k])
    j, i = at[np.argmin(((at - at.mean(0)) ** 2).sum(1))]
    return [k, float(j), float(i)]
