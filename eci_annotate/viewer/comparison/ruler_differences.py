"""Rulers across sides: which side has each, what it measures there, and where to look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eci_annotate.imaging.geometry import Vector
from eci_annotate.tools.measure import ruler_in_words
from eci_annotate.tools.protocol import Ruler
from eci_annotate.viewer.comparison.sides import Side

Key = tuple[str, str, str, int]  # label, kind, series, and number among those that share all three


@dataclass(frozen=True)
class RulerDifference:
    """One ruler across all sides.

    Parameters
    ----------
    label, series_uid
        Its label, and the series that it was drawn on.
    measured
        What it measures on each side, in words; None where a side does not have it.
    focus_lps
        A point on it, patient mm.
    agreed
        Whether it has the same points on all sides.
    """

    label: str
    series_uid: str
    measured: tuple[str | None, ...]
    focus_lps: Vector
    agreed: bool


def ruler_differences(sides: Sequence[Side]) -> list[RulerDifference]:
    """Return the finished rulers of all sides: those that differ first."""
    found = [_rulers(side) for side in sides]
    keys = dict.fromkeys(key for rulers in found for key in rulers)
    return sorted((_difference(key, sides, [each.get(key) for each in found]) for key in keys), key=lambda d: d.agreed)


def _rulers(side: Side) -> dict[Key, Ruler]:
    rulers: dict[Key, Ruler] = {}
    for thing in side.easel.table.objects.values():
        if isinstance(thing, Ruler) and thing.is_complete:
            same = (thing.label, thing.kind.value, thing.series_uid)
            rulers[(*same, sum(key[:3] == same for key in rulers))] = thing
    return rulers


def _difference(key: Key, sides: Sequence[Side], found: Sequence[Ruler | None]) -> RulerDifference:
    there = [each for each in found if each is not None]
    words = (ruler_in_words(s.easel.table, each.uid) if each else None for s, each in zip(sides, found, strict=True))
    agreed = None not in found and len({each.points_lps for each in there}) == 1
    return RulerDifference(key[0], key[2], tuple(words), there[0].middle_lps, agreed)
