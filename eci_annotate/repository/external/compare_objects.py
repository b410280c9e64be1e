"""Annotations of others beside those of a draft: pairs by overlap, each with Dice and HD95."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import xarray as xr

from eci_annotate.imaging.annotation import Annotation
from eci_annotate.imaging.distances import dice, hd95
from eci_annotate.repository.analysis.delta import measurable, voxels_of


@dataclass(frozen=True)
class ComparedPair:
    """An annotation of others, and the own one that overlaps it most.

    Attributes
    ----------
    label, own_label
        Of both; no own label where nothing overlaps.
    dice, hd95_mm
        On the series of the other one; 0 and infinite where nothing overlaps.
    """

    label: str
    own_label: str | None
    dice: float = 0.0
    hd95_mm: float = float("inf")

    @property
    def words(self) -> str:
        """The pair in a sentence."""
        name = self.label or "An annotation"
        if self.own_label is None:
            return f"{name}: nothing in your draft overlaps it."
        return f"{name} and your {self.own_label or 'annotation'}: Dice {self.dice:.2f}, HD95 {self.hd95_mm:.1f} mm."


def best_pairs(overlaps: Mapping[tuple[int, int], float]) -> dict[tuple[int, int], float]:
    """Return from `overlaps_of` the best pairs; each annotation is in one."""
    chosen: dict[tuple[int, int], float] = {}
    for (n, m), value in overlaps.items():
        if all(n != a and m != b for a, b in chosen):
            chosen[n, m] = value
    return chosen


def is_in_frame_of(other: Annotation, one: Annotation) -> bool:
    """Whether two annotations are on one series or in one frame of reference, so that places can be compared."""
    return other.series_uid == one.series_uid or bool(one.frame_uid and other.frame_uid == one.frame_uid)


def overlaps_of(
    first: Sequence[Annotation], second: Sequence[Annotation], volume: Callable[[str], xr.DataArray]
) -> dict[tuple[int, int], float]:
    """Return the Dice of all pairs that overlap, the best first.

    Parameters
    ----------
    first, second
        Annotations; pairs are compared on the series of the first, and only within one frame of reference.
    volume
        Gives a series (k, j, i).

    Returns
    -------
    dict
        Dice by place in `first` and in `second`.
    """
    overlaps: dict[tuple[int, int], float] = {}
    for n, one in enumerate(first):
        there = volume(one.series_uid)
        mask = voxels_of(one, there)
        for m, other in enumerate(second if mask.any() else ()):
            if is_in_frame_of(other, one):
                overlaps[n, m] = dice(mask, voxels_of(other, there))
    ranked = sorted(overlaps.items(), key=lambda item: (-item[1], item[0]))
    return {pair: value for pair, value in ranked if value > 0}


def compared(
    theirs: Sequence[Annotation], own: Sequence[Annotation], volume: Callable[[str], xr.DataArray]
) -> list[ComparedPair]:
    """Return each annotation of others with the own one that overlaps it most; parameters as `overlaps_of`."""
    known = cache(volume)
    mates: dict[int, tuple[int, float]] = {}
    for (n, m), value in overlaps_of(theirs, own, known).items():
        mates.setdefault(n, (m, value))
    return [_pair(each, own, mates.get(n), known) for n, each in enumerate(theirs)]


def _pair(
    each: Annotation,
    own: Sequence[Annotation],
    mate: tuple[int, float] | None,
    volume: Callable[[str], xr.DataArray],
) -> ComparedPair:
    if mate is None:
        return ComparedPair(each.label, None)
    there = volume(each.series_uid)
    one, other = voxels_of(each, there), voxels_of(own[mate[0]], there)
    distance = hd95(*measurable(one, other, there))
    return ComparedPair(each.label, own[mate[0]].label, mate[1], distance)
