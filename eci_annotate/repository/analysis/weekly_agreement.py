"""Pairs of readings of one subject by week: how far their volumes differ, and whether they count as many lesions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from math import isnan

import pandas as pd

from eci_annotate.imaging.annotation import AnnotationKind
from eci_annotate.repository.analysis.annotation_pairs import studies_by_series, unknown_study
from eci_annotate.repository.analysis.readings import Reading, volume_in

COLUMNS = ["week", "task", "subjects", "volume_difference_percent", "same_number_of_lesions"]
Weekly = tuple[date, str, str]
Places = dict[tuple[bool, str], float]  # volume by whether it is a box, and series


def weekly(pairs: Iterable[tuple[str, str, Reading, Reading]], by_reader: bool = False) -> pd.DataFrame:
    """Return one row per week (Monday, UTC, of the later reading), task and reader.

    Parameters
    ----------
    pairs
        Task, reader (empty if there are two), and the two readings.
    by_reader
        Whether there is a column of readers.
    """
    found: dict[Weekly, list[tuple[float | None, bool]]] = defaultdict(list)
    for task, reader, one, other in pairs:
        found[monday_of(max(one.signed.at, other.signed.at).date()), task, reader].append(_difference(one, other))
    rows = [_row(key, some) for key, some in sorted(found.items())]
    columns = [*COLUMNS[:2], "reader", *COLUMNS[2:]]
    return pd.DataFrame(rows, columns=columns if by_reader else COLUMNS)


def monday_of(day: date) -> date:
    """Return the Monday of a day's week."""
    return day - timedelta(days=day.weekday())


def _difference(one: Reading, other: Reading) -> tuple[float | None, bool]:
    """Return the difference of the volume of all lesions in per cent of their mean, and whether there are as many."""
    volumes = _volumes(one, other)
    mean = sum(volumes) / 2
    difference = 100 * abs(volumes[0] - volumes[1]) / mean if mean > 0 else None  # nan: none on a projection
    return difference, _lesions(one) == _lesions(other)


def _volumes(one: Reading, other: Reading) -> tuple[float, float]:
    """Return the volume of all lesions of each reading, mm3.

    A lesion of a study counts once, however many series it is drawn on: where both readings have drawn it, on the same
    series and as the same kind if there is one, else as a mask or contours. Its parts on one series are added.
    """
    mine, theirs = _drawings(one), _drawings(other)
    found = [(mine.get(lesion, {}), theirs.get(lesion, {})) for lesion in {**mine, **theirs}]
    return sum(_volume(a, b) for a, b in found), sum(_volume(b, a) for a, b in found)


def _drawings(reading: Reading) -> dict[tuple[str, ...], Places]:
    """Return the volumes of each lesion by place."""
    series: dict[str, set[str]] = defaultdict(set)
    for row in reading.lesion_rows:
        series[row["label"]].add(row["series"])
    several = any(len(each) > 1 for each in series.values())
    study_of = studies_by_series(reading.studies) if several else unknown_study
    found: dict[tuple[str, ...], Places] = defaultdict(lambda: defaultdict(float))
    for row in reading.lesion_rows:
        lesion = (row["label"], study_of(row["series"])) if row["label"] else (row["uid"],)
        found[lesion][row["kind"] == AnnotationKind.BOX, row["series"]] += volume_in(row)
    return found


def _volume(places: Places, others: Places) -> float:
    """Return the volume of a lesion that is drawn at these places, beside those of another reading; 0 if at none."""
    kinds = {is_box for is_box, _ in others}
    ranked = sorted(places, key=lambda each: (each not in others, each[0] not in kinds, isnan(places[each]), each[0]))
    return places[ranked[0]] if ranked else 0.0


def _lesions(reading: Reading) -> int:
    """Return how many lesions were drawn: annotations of one label are one, also on several series or projections."""
    labels = [str(row["label"]) for row in reading.lesion_rows]
    return len(set(filter(None, labels))) + labels.count("")


def _row(key: Weekly, some: list[tuple[float | None, bool]]) -> dict[str, object]:
    week, task, reader = key
    volumes = [each for each, _ in some if each is not None]
    return {
        "week": week,
        "task": task,
        "reader": reader,
        "subjects": len(some),
        "volume_difference_percent": round(sum(volumes) / len(volumes), 1) if volumes else None,
        "same_number_of_lesions": round(sum(same for _, same in some) / len(some), 2),
    }
