"""Several annotations on one grid: their voxels, and one label map of them under stated rules.

Label n + 1 is annotation n. Overlaps are refused unless a priority is asked for; equal labels get a suffix; what has no
voxel is told.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eci_annotate.errors import BadSegmentation
from eci_annotate.imaging.annotation import Annotation
from eci_annotate.imaging.annotations import Contours
from eci_annotate.imaging.geometry import Grid

Labels = NDArray[np.uint8] | NDArray[np.uint16]
MOST_LABELS = (1 << 16) - 1


class Overlap(StrEnum):
    """What happens where annotations overlap and the format holds one label per voxel."""

    REFUSE = "refuse"
    PRIORITY = "priority"  # the first annotation of the list keeps the voxel


def overlap_of(name: str) -> Overlap:
    """Return the rule with a name; BadSegmentation if there is none."""
    try:
        return Overlap(name)
    except ValueError as error:
        raise BadSegmentation("The rule for overlaps is unknown.", "Choose 'refuse' or 'priority'.") from error


def voxels_of(annotation: Annotation, grid: Grid, series_uid: str = "") -> NDArray[np.bool_]:
    """Return the voxels (k, j, i) of an annotation on a grid; contours fill the slices of their own series."""
    if isinstance(annotation, Contours) and series_uid and annotation.series_uid == series_uid:
        return annotation.voxels_drawn(grid)
    return annotation.voxels_on(grid)


def tell_empty(annotation: Annotation, voxels: NDArray[np.bool_], kept: NDArray[np.bool_] | None = None) -> None:
    """Warn by name of an annotation that has no voxel here, or keeps none under others; `kept`: what it keeps."""
    if not voxels.any():
        warnings.warn(f"{annotation.label!r} covers no voxel of these images: its segment is empty.", stacklevel=3)
    elif kept is not None and not kept.any():
        warnings.warn(f"{annotation.label!r} lies under others: its segment is empty.", stacklevel=3)


def distinct_names(annotations: Sequence[Annotation]) -> list[str]:
    """Return one name for each annotation: its label; "(2)", "(3)" … follow where labels are equal or empty."""
    return distinct(" ".join(annotation.label.split()) or "annotation" for annotation in annotations)


def distinct(texts: Iterable[str]) -> list[str]:
    """Return the texts, each once: "(2)", "(3)" … follow those that were there before."""
    taken: dict[str, None] = {}
    for text in texts:
        name, n = text, 1
        while name in taken:
            n += 1
            name = f"{text} ({n})"
        taken[name] = None
    return list(taken)


def _type_for(count: int) -> Any:
    if count > MOST_LABELS:
        raise BadSegmentation(f"A label map holds at most {MOST_LABELS} annotations.", "Write them to several files.")
    return np.uint8 if count < 256 else np.uint16


def label_map(
    annotations: Sequence[Annotation], grid: Grid, overlap: Overlap = Overlap.REFUSE, *, series_uid: str = ""
) -> Labels:
    """Return the label map (k, j, i) of annotations: 0 is background, n + 1 is annotation n.

    Parameters
    ----------
    annotations
        In order; with `Overlap.PRIORITY` the first one keeps a voxel that several share.
    grid
        Where the voxels are, in patient millimetres (LPS).
    overlap
        `Overlap.REFUSE` or `Overlap.PRIORITY`.
    series_uid
        Series of the grid.

    Raises
    ------
    BadSegmentation
        If annotations overlap and no priority was asked for, with their numbers.
    """
    labels: Labels = np.zeros(grid.shape, _type_for(len(annotations)))
    for number, annotation in enumerate(annotations, 1):
        voxels = voxels_of(annotation, grid, series_uid)
        taken = labels[voxels]
        if overlap is Overlap.REFUSE and taken.any():
            first = int(taken[taken > 0][0])
            raise BadSegmentation(
                f"Annotations {first} and {number} overlap, and a label map holds one label per voxel.",
                "Write a BINARY segmentation or .seg.nrrd, or use overlap='priority': the first in the list wins.",
            )
        kept = voxels & (labels == 0)
        tell_empty(annotation, voxels, kept)
        labels[kept] = number
    return labels


def layers_of(annotations: Sequence[Annotation], grid: Grid, *, series_uid: str = "") -> tuple[list[Labels], list[int]]:
    """Return label maps (k, j, i) without overlaps in each, and the layer of each annotation.

    Each annotation goes to the first layer where it overlaps nothing; without overlaps there is one layer.
    """
    kind = _type_for(len(annotations))
    layers: list[Labels] = [np.zeros(grid.shape, kind)]
    which = []
    for number, annotation in enumerate(annotations, 1):
        voxels = voxels_of(annotation, grid, series_uid)
        tell_empty(annotation, voxels)
        n = next((n for n, layer in enumerate(layers) if not layer[voxels].any()), len(layers))
        if n == len(layers):
            layers.append(np.zeros(grid.shape, kind))
        layers[n][voxels] = number
        which.append(n)
    return layers, which
