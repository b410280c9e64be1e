"""A reading of a control case against what is known: which lesions were found, how well, and which answers are right.

A known lesion is found by the annotation that overlaps it most; each annotation finds one. Labels do not matter.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import xarray as xr

from eci_annotate.imaging.annotations import Annotation
from eci_annotate.repository.analysis.annotation_pairs import StudyOf, unknown_study
from eci_annotate.repository.analysis.delta import Version
from eci_annotate.repository.analysis.form_answers import Answers, answered, by_path
from eci_annotate.repository.external.compare_objects import best_pairs, is_in_frame_of, overlaps_of
from eci_annotate.workflow.usecase.form import CHOICE, YES_NO, Question


@dataclass(frozen=True)
class ControlScore:
    """How a reading compares with what is known.

    Attributes
    ----------
    dices
        Of each known lesion that was found, by its label.
    missed
        Labels of known lesions that no annotation overlaps.
    extra
        Labels of lesions of which no annotation, on any series, overlaps a known one.
    apart
        Labels of lesions that are drawn in another frame of reference than each known one alone: neither found nor
        extra. Where there are some, known lesions of the same study are not missed for certain, and do not count.
    right, wrong
        Choices and yes-or-no answers that are, and are not, as known; path and lesion.
    """

    dices: Mapping[str, float]
    missed: tuple[str, ...]
    extra: tuple[str, ...]
    right: tuple[str, ...]
    wrong: tuple[str, ...]
    apart: tuple[str, ...] = ()


def score(
    known: Version,
    reading: Version,
    volume: Callable[[str], xr.DataArray],
    asked: Sequence[Question],
    beside: Collection[str] = (),
    study_of: StudyOf = unknown_study,
) -> ControlScore:
    """Compare a reading with what is known.

    Parameters
    ----------
    known, reading
        Both with annotations and answers.
    volume
        Gives a series (k, j, i); lesions are compared on the series of the known one.
    asked
        The questions of the form.
    beside
        Labels of what is drawn beside the lesions, such as the organ.
    study_of
        Gives the study of a series.
    """
    lesions, drawn = ([a for a in each.annotations() if a.label not in beside] for each in (known, reading))
    overlaps = overlaps_of(lesions, drawn, volume)
    pairs = best_pairs(overlaps)
    found = {n for n, _ in pairs}
    here = {m for _, m in overlaps}
    names = {drawn[m].label for m in here} - {""}
    others = [(m, each) for m, each in enumerate(drawn) if m not in here and each.label not in names]
    near = [each.label for _, each in others if not lesions or any(is_in_frame_of(each, one) for one in lesions)]
    extra = dict.fromkeys(_name(each, m) for m, each in others if each.label in near)
    far = [(m, each) for m, each in others if each.label not in near]
    unsure = {study_of(each.series_uid) for _, each in far}
    renamed = {drawn[m].label: lesions[n].label for n, m in pairs}
    right, wrong = _answers(known, reading, asked, renamed)
    return ControlScore(
        {_name(lesions[n], n): value for (n, _), value in pairs.items()},
        tuple(
            _name(each, n)
            for n, each in enumerate(lesions)
            if n not in found and study_of(each.series_uid) not in unsure
        ),
        tuple(extra),
        right,
        wrong,
        tuple(dict.fromkeys(_name(each, m) for m, each in far)),
    )


def _name(annotation: Annotation, number: int) -> str:
    return annotation.label or f"annotation {number + 1}"


def _answers(
    known: Version, reading: Version, asked: Sequence[Question], renamed: Mapping[str, str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    given = _by_known_lesion(answered(asked, reading.report), renamed)
    expected = dict(_comparable(answered(asked, known.report), asked))
    judged = [(": ".join([*item, path]), given.get((path, item)) == value) for (path, item), value in expected.items()]
    return tuple(name for name, right in judged if right), tuple(name for name, right in judged if not right)


def _by_known_lesion(given: Answers, renamed: Mapping[str, str]) -> Answers:
    """Return answers under the labels of the known lesions; those about other lesions are left out."""
    return {
        (path, tuple(renamed[label] for label in item)): value
        for (path, item), value in given.items()
        if all(label in renamed for label in item)
    }


def _comparable(answers: Answers, asked: Sequence[Question]) -> Iterator[tuple[tuple[str, tuple[str, ...]], Any]]:
    kinds = {each.path: each.question.kind for each in by_path(asked)}
    return ((key, value) for key, value in answers.items() if kinds[key[0]] in (CHOICE, YES_NO))
