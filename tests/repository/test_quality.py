"""The quality of a running project: counts, forecast, rejections, agreement, and why a subject is not ready."""

from __future__ import annotations

from datetime import timedelta
from math import isnan
from pathlib import Path
from typing import Any

import pytest

from eci_annotate.repository.analysis.project_quality import ProjectQuality
from eci_annotate.repository.repository import Repository
from tests.repository.readings_world import (
    AGAIN,
    DOUBLE,
    LATE,
    as_member,
    draw,
    lesion,
    make,
    read,
    report,
    series_named,
    subject,
)

BOX = ("lesion 1", (4, 20, 28), (4, 4))
WIDER = ("lesion 1", (4, 20, 28), (4, 8))


def row(repo: Repository, task: str) -> dict[Any, Any]:
    table = repo.quality().table
    found: dict[Any, Any] = table[table["task"] == task].iloc[0].to_dict()
    return found


def review(folder: Path, number: int, verdict: str, reason: str = "") -> None:
    as_member(folder, "ruth").start(subject(number), "review").sign("I looked", verdict=verdict, reason=reason)


def test_counts_forecast_and_rejections(tmp_path: Path) -> None:
    folder = make(tmp_path, 3)
    owner = as_member(folder, "olga")
    assert "is ready since" in owner.why_not_ready(subject(1)).splitlines()[0]
    for number in (1, 2):
        read(folder, "anna", number, report(lesion("lesion 1")), BOX)
    review(folder, 1, "reject", "too small")
    review(folder, 2, "accept")
    found = row(owner, "annotate")
    assert (found["wanted"], found["signed"], found["ready"], found["progress_percent"]) == (3, 1, 2, 33)
    assert found["per_day"] == 2 and found["days_left"] == 1  # two first versions, within a day
    assert owner.quality().rejections.values.tolist() == [["annotate", "anna", "too small", 1]]
    assert owner.quality().days["signatures"].sum() == 4
    assert owner.why_not_ready(subject(2)) == ""
    assert "needs correction: too small." in owner.why_not_ready(subject(1))
    third = owner.why_not_ready(subject(3))
    assert "nobody has begun it" in third and "waits for" in third
    as_member(folder, "ben").start(subject(3), "annotate")
    assert "is in work by ben until" in owner.why_not_ready(subject(3))


def test_a_forecast_counts_the_last_four_weeks_only(tmp_path: Path) -> None:
    folder = make(tmp_path, 2)
    read(folder, "anna", 1, report(lesion("lesion 1")), BOX)
    now = as_member(folder, "olga").quality()
    for days, rate, left in ((2, 0.5, 2), (14, 0.07, 14)):
        later = ProjectQuality(now.subjects, now.case_of, now.handle, now.now + timedelta(days=days))
        found = later.table[later.table["task"] == "annotate"].iloc[0]
        assert found["per_day"] == pytest.approx(rate, abs=0.01) and found["days_left"] == pytest.approx(left, abs=1)
    late = ProjectQuality(now.subjects, now.case_of, now.handle, now.now + timedelta(days=60))
    assert late.table["per_day"].isna().all() and late.table["days_left"].isna().all()


def test_double_readings_are_compared_by_week_and_hidden_readers_are_not_named(tmp_path: Path) -> None:
    folder = make(tmp_path, 1, *DOUBLE[:2], {**DOUBLE[2], "blind": True})
    one = read(folder, "anna", 1, report(lesion("lesion 1")), BOX)
    blind = as_member(folder, "cora")
    assert blind.quality().days.empty and "anna" not in blind.why_not_ready(subject(1))
    assert row(as_member(folder, "olga"), "annotate")["wanted"] == 2
    other = read(folder, "ben", 1, report(lesion("lesion 1")), WIDER)
    (found,) = as_member(folder, "olga").quality().agreement.to_dict("records")
    assert (found["task"], found["subjects"], found["same_number_of_lesions"]) == ("annotate", 1, 1.0)
    (small,), (large,) = ([each.volume_mm3 for each in signed.annotations()] for signed in (one, other))
    assert found["volume_difference_percent"] == pytest.approx(200 * (large - small) / (large + small), abs=0.1)
    assert found["week"].weekday() == 0
    adjudicator = as_member(folder, "al").quality()
    assert adjudicator.agreement.empty  # readers are hidden from them
    assert not {"anna", "ben"} & {str(each) for each in adjudicator.days.to_numpy().ravel()}


def test_repeated_readings_are_compared_by_week_and_reader(tmp_path: Path) -> None:
    folder = make(tmp_path, 1, *AGAIN)
    read(folder, "anna", 1, report(lesion("lesion 1")), BOX)
    read(folder, "anna", 1, report(lesion("lesion 1")), WIDER, task="again")
    owner = as_member(folder, "olga")
    one, other = owner.signed(subject(1), "annotate", 1), owner.signed(subject(1), "again", 1)
    quality = owner.quality()
    (found,) = quality.repeats.to_dict("records")
    (small,), (large,) = ([each.volume_mm3 for each in signed.annotations()] for signed in (one, other))
    assert (found["reader"], found["task"], found["subjects"]) == ("anna", "annotate", 1)
    assert found["volume_difference_percent"] == pytest.approx(200 * (large - small) / (large + small), abs=0.1)
    assert quality.agreement.empty


def test_a_third_reading_of_one_subject_does_not_count_for_another(tmp_path: Path) -> None:
    folder = make(tmp_path, 2, *DOUBLE)
    for reader in ("anna", "ben", "cora"):
        read(folder, reader, 1, report(lesion("lesion 1")), BOX)
    read(folder, "anna", 2, report(lesion("lesion 1")), BOX)
    found = row(as_member(folder, "olga"), "annotate")
    assert (found["wanted"], found["signed"], found["progress_percent"]) == (4, 4, 75)
    assert found["per_day"] is None or isnan(found["per_day"])  # the only reading of a subject is hidden
    read(folder, "ben", 2, report(lesion("lesion 1")), BOX)
    found = row(as_member(folder, "olga"), "annotate")
    assert (found["per_day"], found["days_left"], found["title"]) == (4, 0, "Annotate liver lesions")
    minutes = as_member(folder, "olga").quality().active_minutes
    assert minutes[["task", "title", "versions"]].values.tolist() == [["annotate", "Annotate liver lesions", 5]]


def test_versions_by_two_people_are_no_double_reading(tmp_path: Path) -> None:
    folder = make(tmp_path, 1)
    read(folder, "anna", 1, report(lesion("lesion 1")), BOX)
    held = as_member(folder, "ben").start(subject(1), "annotate", rerun=True)
    held.sign("I looked at it again")
    assert {each.reader for each in as_member(folder, "olga").versions(subject(1), "annotate")} == {"anna", "ben"}
    assert as_member(folder, "olga").quality().agreement.empty


def test_a_lesion_on_two_series_is_one(tmp_path: Path) -> None:
    folder = make(tmp_path, 1, *DOUBLE)
    read(folder, "anna", 1, report(lesion("lesion 1")), BOX)
    read(folder, "ben", 1, report(lesion("lesion 1")), BOX, BOX)
    assert as_member(folder, "olga").quality().agreement["same_number_of_lesions"].tolist() == [1.0]


def test_the_organ_beside_the_lesions_is_none(tmp_path: Path) -> None:
    folder = make(tmp_path, 1, *DOUBLE)
    read(folder, "anna", 1, report(lesion("lesion 1")), BOX)
    read(folder, "ben", 1, report(lesion("lesion 1")), BOX, ("liver", (4, 20, 28), (12, 14)))
    (found,) = as_member(folder, "olga").quality().agreement.to_dict("records")
    assert (found["volume_difference_percent"], found["same_number_of_lesions"]) == (0, 1)


def test_the_volume_of_a_lesion_on_two_series_counts_once(tmp_path: Path) -> None:
    folder = make(tmp_path, 1, *DOUBLE, late=True)
    read(folder, "anna", 1, report(lesion("lesion 1")), BOX)
    held = as_member(folder, "ben").start(subject(1), "annotate.2")
    draw(held, BOX)
    draw(held, WIDER, on=series_named(held, LATE))
    held.answer(report(lesion("lesion 1")))
    held.sign("I looked")
    (found,) = as_member(folder, "olga").quality().agreement.to_dict("records")
    assert (found["volume_difference_percent"], found["same_number_of_lesions"]) == (0, 1)
