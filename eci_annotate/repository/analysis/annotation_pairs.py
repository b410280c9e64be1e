"""Which annotations of two versions, or of several readers, belong together.

They are paired by UID where both have it (a re-run), else by label and series (another reader), then by label on
different series of one study that share the frame of reference; the same kind first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from eci_annotate.archive.protocol import Study

StudyOf = Callable[[str], str]


class Labelled(Protocol):
    """What can be paired: an annotation, or a row about one."""

    @property
    def uid(self) -> str:
        """Its own."""

    @property
    def label(self) -> str:
        """What people call it."""

    @property
    def series_uid(self) -> str:
        """What it was drawn on."""

    @property
    def kind(self) -> str:
        """``box``, ``contours`` or ``mask``."""

    @property
    def frame_uid(self) -> str:
        """Its frame of reference; empty if unknown."""


T = TypeVar("T", bound=Labelled)


def unknown_study(series_uid: str) -> str:
    """Return no study, for series of which it is not known."""
    return ""


def studies_by_series(studies: Sequence[Study]) -> StudyOf:
    """Return a function that gives the study of a series; empty for an unknown one."""
    found = {series.series_uid: study.study_uid for study in studies for series in study.series}
    return lambda series_uid: found.get(series_uid, "")


def paired(
    before: Sequence[T], after: Sequence[T], study_of: StudyOf = unknown_study
) -> list[tuple[T | None, T | None]]:
    """Return pairs in the order of `before`, then what is new; `study_of`: the study of a series."""
    partner: dict[int, int] = {}
    for mark in _MARKS:
        free = [n for n in range(len(after)) if n not in partner.values()]
        for o, old in enumerate(before):
            own = mark(old, study_of(old.series_uid))
            same = (n for n in free if mark(after[n], study_of(after[n].series_uid)) == own)
            chosen = next(same, None) if o not in partner else None
            if chosen is not None:
                partner[o] = chosen
                free.remove(chosen)
    pairs: list[tuple[T | None, T | None]] = [
        (old, after[partner[o]] if o in partner else None) for o, old in enumerate(before)
    ]
    return pairs + [(None, each) for n, each in enumerate(after) if n not in partner.values()]


# what two annotations of a pair have in common, given their studies; without a frame of reference only their UID
_MARKS: tuple[Callable[[Labelled, str], object], ...] = (
    lambda each, study: each.uid,
    lambda each, study: (each.label, each.series_uid, each.kind),
    lambda each, study: (each.label, each.series_uid),
    lambda each, study: (each.label, study, each.frame_uid or each.uid, each.kind),
    lambda each, study: (each.label, study, each.frame_uid or each.uid),
)


def grouped(columns: Sequence[Sequence[T]], study_of: StudyOf = unknown_study) -> list[tuple[T | None, ...]]:
    """What belongs together over any number of columns, as `paired` finds it; None where a column has none."""
    groups: list[tuple[T | None, ...]] = [(each,) for each in columns[0]]
    for count, column in enumerate(columns[1:], 1):
        heads = [next(each for each in group if each is not None) for group in groups]
        mates = paired(heads, column, study_of)
        groups = [(*group, mate) for group, (_, mate) in zip(groups, mates, strict=False)]
        groups += [(*[None] * count, new) for _, new in mates[len(heads) :]]
    return groups
