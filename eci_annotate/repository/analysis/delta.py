"""What differs between two signed versions, or two readers: annotations by table and picture, the form by field.

Which annotations belong together: `annotation_pairs`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import pandas as pd
import xarray as xr

from eci_annotate.errors import FrameMismatch, NotFound, Refused
from eci_annotate.imaging.annotations import Annotation, Box, shape_of
from eci_annotate.imaging.blocks import bounding_box, is_empty
from eci_annotate.imaging.display import picture_of
from eci_annotate.imaging.distances import dice, hd95, mean_distance, surface_dice
from eci_annotate.imaging.measurements import has_volume, volume_mm3_on
from eci_annotate.imaging.reslice import nearest, upright_grid
from eci_annotate.imaging.volume import grid_of, values_kji
from eci_annotate.repository.analysis.annotation_pairs import StudyOf, paired, unknown_study

COLUMNS = [
    "label", "change", "voxels_added", "voxels_removed", "volume_before_mm3", "volume_after_mm3", "dice",
    "hd95_mm", "mean_distance_mm", "surface_dice", "box_moved_mm", "box_resized_mm", "series_before", "series_after",
    "study", "uid",
]  # fmt: skip
ELSEWHERE = "in another frame of reference"
Pair = tuple[Annotation | None, Annotation | None]
Volume = Callable[[str], xr.DataArray]


class Version(Protocol):
    """A signed version, or a reading."""

    @property
    def version(self) -> int:
        """Its number."""

    @property
    def report(self) -> dict[str, Any]:
        """The form's answers."""

    def annotations(self) -> list[Annotation]:
        """What was drawn."""


@dataclass(frozen=True)
class Delta:
    """The difference from `before` to `after`; `tolerance_mm` is that of the Dice of surfaces.

    `study_of` returns the study of a series.
    """

    before: Version
    after: Version
    volume: Volume
    tolerance_mm: float = 1.0
    study_of: StudyOf = unknown_study

    @cached_property
    def pairs(self) -> list[Pair]:
        """Annotations that belong together; None where one has no counterpart."""
        return paired(self.before.annotations(), self.after.annotations(), self.study_of)

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row per annotation: added, removed, changed, same or in another frame of reference, and by how much."""
        return pd.DataFrame([self.row(*pair) for pair in self.pairs], columns=COLUMNS)

    @cached_property
    def form(self) -> pd.DataFrame:
        """The form's fields that differ: path, before, after."""
        rows = list(_fields("", self.before.report, self.after.report))
        return pd.DataFrame(rows, columns=["field", "before", "after"])

    def _repr_html_(self) -> str:
        return str(self.table.to_html(index=False)) + str(self.form.to_html(index=False))

    def row(self, old: Annotation | None, new: Annotation | None) -> dict[str, Any]:
        """How much the two differ; one may be None. Places in different frames are not compared."""
        some = new or old
        assert some is not None
        row: dict[str, Any] = {
            "label": some.label,
            "uid": some.uid,
            "study": self.study_of(some.series_uid),
            "series_before": old.series_uid if old else "",
            "series_after": new.series_uid if new else "",
            "volume_before_mm3": self._volume_mm3(old),
            "volume_after_mm3": self._volume_mm3(new),
        }
        try:
            a, b, spacing = self._masks(old, new)
        except FrameMismatch:
            return {**dict.fromkeys(COLUMNS, np.nan), **row, "change": ELSEWHERE}
        row |= {
            "voxels_added": int((b & ~a).sum()),
            "voxels_removed": int((a & ~b).sum()),
            "dice": dice(a, b),
            "hd95_mm": hd95(a, b, spacing),
            "mean_distance_mm": mean_distance(a, b, spacing),
            "surface_dice": surface_dice(a, b, spacing, self.tolerance_mm),
            **_box_moves(old, new),
        }
        if not a.any() and not b.any():  # annotations between the voxels: nothing says how alike they are
            one = old is None or new is None
            alike = {"dice": 0.0, "hd95_mm": np.inf, "mean_distance_mm": np.inf, "surface_dice": 0.0}
            row |= alike if one else dict.fromkeys(alike, np.nan)
        return row | {"change": _change(old, new, row)}

    def _volume_mm3(self, annotation: Annotation | None) -> float:
        return volume_mm3_on(annotation, self.volume(annotation.series_uid)) if annotation else 0.0

    def _masks(self, old: Annotation | None, new: Annotation | None) -> tuple[Any, Any, tuple[float, float, float]]:
        """Both masks on the series of the newer one, cut to where either is."""
        some = new or old
        assert some is not None
        volume = self.volume(some.series_uid)
        whole = [
            np.zeros(grid_of(volume).shape, bool) if each is None else voxels_of(each, volume) for each in (old, new)
        ]
        return measurable(whole[0], whole[1], volume)

    def picture(self, label: str = "", uid: str = "") -> Any:
        """The slice with the greatest difference: what stayed (blue), came (green), went (red); a matplotlib figure.

        Parameters
        ----------
        label, uid
            The annotation, by its label if no other has the same, or by its UID in `table`.

        Raises
        ------
        NotFound, Refused
            If no annotation is labelled like this, or several are.
        """
        from eci_annotate.repository.analysis.plots import new_figure

        old, new = self._pair(label, uid)
        some = new or old
        assert some is not None
        volume = self.volume(some.series_uid)
        a, b = (
            np.zeros(grid_of(volume).shape, bool) if each is None else voxels_of(each, volume) for each in (old, new)
        )
        k = largest((a ^ b).sum((1, 2)) * 1_000_000 + (a | b).sum((1, 2)))
        figure = new_figure(5, 5)
        axes = figure.subplots()
        y, x = grid_of(volume).spacing_mm[1:]
        axes.imshow(picture_of(volume, k), aspect=y / x)
        for mask, colour in ((a & b, "#38bdf8"), (b & ~a, "#22c55e"), (a & ~b, "#ef4444")):
            if mask[k].any():
                axes.contourf(mask[k], levels=[0.5, 1.5], colors=[colour], alpha=0.5)
        axes.set_title(f"{some.label}, slice {k + 1} of {len(a)}")
        axes.set_axis_off()
        return figure

    def _pair(self, label: str, uid: str) -> Pair:
        things = [(pair, [each for each in pair if each]) for pair in self.pairs]
        found = [pair for pair, two in things if any(each.uid == uid if uid else each.label == label for each in two)]
        if not found:
            labels = ", ".join(sorted({repr(each.label) for _, two in things for each in two}))
            raise NotFound(f"No annotation is {uid or label!r}.", f"Labels are {labels or 'none'}.")
        if len(found) > 1:
            raise Refused(
                f"{len(found)} annotations are labelled {label!r}.",
                f"Name one by its UID in the table: picture(uid={next(e.uid for e in found[0] if e)!r}).",
            )
        return found[0]


def measurable(a: Any, b: Any, volume: xr.DataArray) -> tuple[Any, Any, tuple[float, float, float]]:
    """Two masks of a volume, cut to where either is, and the spacing of their voxels, as distances need them.

    Slices that lean are resampled to right angles; pictures, and a slice alone, are measured in their plane.
    """
    grid = grid_of(volume)
    if grid.is_sheared:
        a, b = (nearest(each.view(np.uint8), grid, upright_grid(grid)).view(np.bool_) for each in (a, b))
    where = _around(a | b)
    z, y, x = (grid.slice_mm, *grid.spacing_mm[1:])
    apart = np.inf if grid.shape[0] == 1 or not has_volume(volume) else z
    return a[where], b[where], (float(apart), float(y), float(x))


def voxels_of(annotation: Annotation, volume: xr.DataArray) -> Any:
    """The annotation's voxels on a volume, bool (k, j, i)."""
    return values_kji(annotation.mask_on(volume)).astype(bool)


def largest(counts: Any) -> int:
    """Where the largest number stands; the middle one of equals."""
    at = np.flatnonzero(counts == counts.max())
    return int(at[len(at) // 2])


def _around(mask: Any) -> tuple[slice, ...]:
    where = bounding_box(mask)
    return (slice(0, 1),) * 3 if is_empty(where) else where


def _box_moves(old: Annotation | None, new: Annotation | None) -> dict[str, float]:
    if not (isinstance(old, Box) and isinstance(new, Box)):
        return {"box_moved_mm": np.nan, "box_resized_mm": np.nan}
    moved = float(np.linalg.norm(np.subtract(new.centre_lps, old.centre_lps)))
    return {"box_moved_mm": moved, "box_resized_mm": float(np.abs(np.subtract(new.size_mm, old.size_mm)).max())}


def _change(old: Annotation | None, new: Annotation | None, row: dict[str, Any]) -> str:
    if old is None or new is None:
        return "added" if old is None else "removed"
    if row["voxels_added"] or row["voxels_removed"] or old.kind != new.kind or old.label != new.label:
        return "changed"
    return "same" if shape_of(old) == shape_of(new) else "changed"


def _fields(path: str, old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys([*old, *new]):
            yield from _fields(f"{path}.{key}".lstrip("."), old.get(key), new.get(key))
    elif isinstance(old, list) and isinstance(new, list):
        for n in range(max(len(old), len(new))):
            pair = (each[n] if n < len(each) else None for each in (old, new))
            yield from _fields(f"{path}[{n + 1}]", *pair)
    elif old != new:
        yield path, old, new
