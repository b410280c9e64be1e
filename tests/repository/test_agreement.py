"""Agreement: published numbers, known boxes, what is missing is counted, and nobody compares what he may not see."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from eci_annotate.errors import NotFound
from eci_annotate.repository.analysis.statistics import icc, kappa
from eci_annotate.workflow.subject.commands import Describe, Withdraw
from tests.repository.readings_world import (
    AGAIN,
    DOUBLE,
    LATE,
    P,
    as_member,
    draw,
    lesion,
    make,
    read,
    report,
    series_named,
    subject,
)
from tests.repository.repository_world import MEANING
from tests.test_cli import run

# Shrout and Fleiss, Psychol Bull 1979;86:420, table 2: six targets, four judges
JUDGES = pd.DataFrame([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]])


def test_icc_gives_the_numbers_of_shrout_and_fleiss() -> None:
    found = {each.measure: each for each in icc(JUDGES)}
    assert [round(found[form].value, 2) for form in ("ICC(1,1)", "ICC(2,1)", "ICC(3,1)")] == [0.17, 0.29, 0.71]
    assert found["ICC(2,1)"].low == pytest.approx(0.0188, abs=5e-4)  # as R's psych::ICC prints it
    assert found["ICC(2,1)"].high == pytest.approx(0.7611, abs=5e-4)
    same = icc(pd.DataFrame({0: [1.0, 2, 3], 1: [1.0, 2, 3]}))
    assert all((each.value, each.low, each.high) == (1, 1, 1) for each in same)
    assert {each.remark for each in icc(pd.DataFrame({0: [5.0] * 4, 1: [5.0] * 4}))} == {"no variation"}
    assert {each.remark for each in icc(pd.DataFrame({0: [5.0], 1: [6.0]}))} == {"too few to compute"}


def _table(counts: list[list[int]]) -> pd.DataFrame:
    rows = [(a, b) for a, line in enumerate(counts) for b, count in enumerate(line) for _ in range(count)]
    return pd.DataFrame(rows)


def test_kappa_gives_published_numbers() -> None:
    # Fleiss, Statistical Methods for Rates and Proportions, 2nd ed., table 13.1: kappa 0.68, standard error 0.087
    table = _table([[75, 1, 4], [5, 4, 1], [0, 0, 10]])
    found = kappa(table, [0, 1, 2], False, ["s"] * len(table))
    assert found.value == pytest.approx(0.6765, abs=1e-4)
    assert (found.high - found.low) / 2 / 1.96 == pytest.approx(0.087, abs=2e-3)
    # ten subjects, fourteen raters, five categories: the worked example of Fleiss' kappa in Wikipedia, 0.210
    counts = [[0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
              [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7]]  # fmt: skip
    ratings = pd.DataFrame([np.repeat(range(5), row) for row in counts])
    several = kappa(ratings, range(5), False, [str(n) for n in range(10)])
    assert several.measure == "kappa (Fleiss)" and several.value == pytest.approx(0.210, abs=1e-3)
    assert several.low < several.value < several.high


def test_weighted_kappa_counts_how_far_apart_answers_are() -> None:
    near, far = _table([[8, 2, 0], [0, 8, 2], [0, 0, 8]]), _table([[8, 0, 2], [0, 8, 0], [2, 0, 8]])
    subjects = [str(n) for n in range(28)]
    assert kappa(near, [0, 1, 2], True, subjects).value > kappa(far, [0, 1, 2], True, subjects).value
    assert kappa(near, [0, 1, 2], True, subjects).measure == "weighted kappa (Cohen)"
    three = pd.concat([near, near[0].rename(2)], axis=1)
    light = kappa(three, [0, 1, 2], True, subjects)
    pair = kappa(near, [0, 1, 2], True, subjects).value
    assert light.measure == "weighted kappa (Light)" and light.value == pytest.approx((2 * pair + 1) / 3)


@pytest.fixture(scope="module")
def double(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four subjects read by anna and ben; ben misses one lesion; cora reads one of them as well."""
    folder = make(tmp_path_factory.mktemp("double"), 5, *DOUBLE)
    sizes = [(3, 4), (4, 6), (6, 8), (8, 9)]
    for number, (j, i) in enumerate(sizes, 1):
        box = ("lesion 1", (4, 20, 28), (j, i))
        second = ("lesion 2", (2, 8, 8), (2, 2))
        named = lesion("lesion 1", size_mm=10.0 * i, segment="V")
        read(folder, "anna", number, report(named, *([lesion("lesion 2")] if number == 1 else [])), box,
             *([second] if number == 1 else []))  # fmt: skip
        other = lesion("lesion 1", size_mm=10.0 * i + 2, segment="V" if number > 1 else "VI", confidence=number)
        read(folder, "ben", number, report(other), ("lesion 1", (4, 20, 28), (j, i + (number == 2))))
    read(folder, "cora", 1, report(lesion("lesion 1", size_mm=40.0)), ("lesion 1", (4, 20, 28), (3, 4)))
    read(folder, "anna", 5, report(lesion("lesion 1")), ("lesion 1", (4, 20, 28), (3, 4)))
    return folder


def _value(table: pd.DataFrame, of: str, measure: str, comparison: str = "anna – ben") -> pd.Series:
    found = table[(table.comparison == comparison) & (table.of == of) & table.measure.str.startswith(measure)]
    assert len(found) == 1, (of, measure, table)
    return found.iloc[0]


def test_two_readers_are_compared_and_what_one_missed_is_counted(double: Path, tmp_path: Path) -> None:
    found = as_member(double, "al").agreement(task="annotate")
    assert [each.name for each in found.comparisons] == [
        "anna – ben", "anna – cora", "ben – cora", "all 3 readers", "two readings, whoever read",
    ]  # fmt: skip
    assert found.notes == ("Left out: 1 subject with no signed reading that you may see.",)  # the one is blinded
    assert "anna – cora (1 subject)" in repr(found)
    volumes = _value(found.table, "lesion 1 [mm³]", "ICC(2,1)")
    assert (volumes.n, volumes.missing) == (4, 0) and 0.95 < volumes.value < 1
    assert volumes.low < volumes.value < volumes.high
    assert tuple(_value(found.table, "all labels [mm³]", "ICC(3,1)")[["n", "missing"]]) == (4, 1)
    assert _value(found.table, "Longest diameter [mm]", "ICC(3,1)").value == pytest.approx(1)
    assert _value(found.table, "Longest diameter [mm]", "ICC(2,1)").value < 1
    segment = _value(found.table, "Liver segment (Couinaud)", "kappa (Cohen)")
    assert (segment.n, segment.missing) == (4, 1)
    assert _value(found.table, "Confidence", "weighted kappa").n == 4
    assert _value(found.table, "Image quality", "weighted kappa").remark == "no variation"


def test_shapes_are_compared_lesion_by_lesion(double: Path) -> None:
    found = as_member(double, "al").agreement(task="annotate")
    pairs = found.pairs[found.pairs.comparison == "anna – ben"].set_index(["subject", "label"])
    same = pairs.loc[(subject(1), "lesion 1")]
    assert (same.found_by, same.dice, same.hd95_mm) == ("both", 1.0, 0.0)
    wider = pairs.loc[(subject(2), "lesion 1")]
    assert 0.8 < wider.dice < 1 and wider.volume_b_mm3 > wider.volume_a_mm3
    alone = pairs.loc[(subject(1), "lesion 2")]
    assert (alone.found_by, alone.dice) == ("anna", 0.0)
    assert found.missing.label.tolist().count("lesion 2") == 3  # anna – ben, anna – cora, and whoever read
    mean = found.shapes
    both = mean[(mean.comparison == "anna – ben") & (mean.of == "all labels")].set_index("measure")
    assert tuple(both.loc["Dice, mean", ["n", "missing"]]) == (4, 1)
    assert both.loc["Dice, mean, a missing one is 0", "value"] == pytest.approx(both.loc["Dice, mean", "value"] * 4 / 5)


def test_it_shows_itself(double: Path, tmp_path: Path) -> None:
    found = as_member(double, "al").agreement()
    html = found._repr_html_()
    assert "Bland–Altman" in html and "anna – ben" in html and "in one of two readings alone" in html
    found.picture("anna – ben").savefig(tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 5000
    with pytest.raises(NotFound, match="Choose one of 'anna – ben'"):
        found.picture("anna – nobody")


def test_nobody_compares_what_he_may_not_see(double: Path) -> None:
    with pytest.raises(NotFound, match="No subject has two signed readings"):
        as_member(double, "anna").agreement()
    with pytest.raises(NotFound, match="has a task 'nothing'"):
        as_member(double, "al").agreement(task="nothing")
    seen = as_member(double, "dev").agreement().comparisons[0].subjects
    assert sorted(seen) == [subject(number) for number in (1, 2, 3, 4)]


def test_what_is_left_out_is_said(double: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(double, tmp_path / "copy"))
    olga = as_member(folder, "olga").backend
    olga.do(Describe(P, subject(1), included=False, reason="wrong organ"))
    olga.do(Describe(P, subject(2), live=False))
    olga.do(Withdraw(P, subject(3), "letter"))
    found = as_member(folder, "olga").agreement()
    assert [(each.name, sorted(each.subjects)) for each in found.comparisons] == [("anna – ben", [subject(4)])]
    assert {f"Left out: 1 subject {why}." for why in ("excluded", "for test", "withdrawn")} <= set(found.notes)
    one = _value(found.table, "lesion 1", "Dice, mean, a")
    assert one.n == 1 and one.remark == "one subject: no interval" and np.isnan(one.low)
    assert _value(found.table, "lesion 1 [mm³]", "ICC(2,1)").remark == "too few to compute"


def test_lesions_on_different_series_of_one_study_are_compared_and_said(tmp_path: Path) -> None:
    folder = make(tmp_path, 1, *DOUBLE, late=True)
    for task, who in (("annotate.1", "anna"), ("annotate.2", "ben")):
        held = as_member(folder, who).start(subject(1), task)
        series = series_named(held, LATE) if who == "ben" else str(held.hanging().first)
        voxels = (4, 20, 28) if who == "anna" else (2, 20, 28)  # the late series begins two slices higher
        draw(held, ("lesion 1", voxels, (4, 4)), on=series)
        held.answer(report(lesion("lesion 1")))
        held.sign(MEANING)
    found = as_member(folder, "al").agreement(task="annotate")
    (pair,) = found.pairs.to_dict("records")
    assert pair["found_by"] == "both" and pair["dice"] == 1.0 and pair["series"] != pair["series_b"]
    assert tuple(_value(found.table, "lesion 1 [mm³]", "ICC(2,1)")[["n", "missing"]]) == (1, 0)
    assert f"Drawn on different series of one study, and compared there: 'lesion 1' of {subject(1)}." in found.notes


def test_a_lesion_that_one_reader_drew_on_a_further_series_is_not_missing_to_the_other(tmp_path: Path) -> None:
    folder = make(tmp_path, 1, *DOUBLE, late=True)
    for task, who in (("annotate.1", "anna"), ("annotate.2", "ben")):
        held = as_member(folder, who).start(subject(1), task)
        draw(held, ("lesion 1", (4, 20, 28), (4, 4)))
        if who == "ben":
            draw(held, ("lesion 1", (2, 20, 28), (4, 6)), on=series_named(held, LATE))
        held.answer(report(lesion("lesion 1")))
        held.sign(MEANING)
    found = as_member(folder, "al").agreement(task="annotate")
    assert sorted(found.pairs["found_by"]) == ["both", "both, drawn otherwise"] and found.missing.empty
    assert tuple(_value(found.table, "lesion 1", "Dice, mean, a missing")[["value", "n", "missing"]]) == (1, 1, 0)
    assert tuple(_value(found.table, "lesion 1 [mm³]", "ICC(2,1)")[["n", "missing"]]) == (1, 0)
    (note,) = (each for each in found.notes if each.startswith("Drawn several times"))
    assert note.endswith(f"left out: 'lesion 1' of {subject(1)}.")


def test_readers_who_saw_nothing_agree_without_an_error(tmp_path: Path) -> None:
    folder = make(tmp_path, 2, *DOUBLE)
    for number in (1, 2):
        for who, quality in (("anna", "good"), ("ben", "good" if number == 1 else "poor")):
            read(folder, who, number, report(quality=quality))
    found = as_member(folder, "al").agreement()
    assert _value(found.table, "Image quality", "weighted kappa").n == 2
    assert found.pairs.empty and found.missing.empty
    assert _value(found.table, "all labels", "Dice, mean, a").remark == "too few to compute"
    assert "Bland–Altman" in found._repr_html_()


def test_versions_by_several_people_are_compared_with_a_warning(tmp_path: Path) -> None:
    folder = make(tmp_path, 1)
    read(folder, "anna", 1, report(lesion("lesion 1")), ("lesion 1", (4, 20, 28), (4, 5)))
    task = as_member(folder, "ben").start(subject(1), "annotate", rerun=True)
    task.answer(report(lesion("lesion 1", confidence=2)))
    task.sign("checked")
    found = as_member(folder, "ruth").agreement()
    assert [each.name for each in found.comparisons] == ["anna – ben"] and "not independent" in found.notes[0]
    assert found.pairs.dice.tolist() == [1.0]


def test_a_reader_is_compared_with_himself(tmp_path: Path) -> None:
    folder = make(tmp_path, 3, *AGAIN)
    for number in (1, 2, 3):
        for task in ("annotate", "again"):
            half = (3 + number, 4 + number + (task == "again" and number == 3))
            read(folder, "anna", number, report(lesion("lesion 1")), ("lesion 1", (4, 20, 28), half), task=task)
    found = as_member(folder, "ruth").agreement()
    assert [(each.name, each.kind) for each in found.comparisons] == [("anna, again", "of one reader")]
    again = _value(found.table, "lesion 1 [mm³]", "ICC(2,1)", "anna, again")
    assert again.n == 3 and 0.9 < again.value < 1


def test_the_command_prints_and_writes(
    double: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ECI_ANNOTATE_CREDENTIAL", str(double / "members" / "al.key"))
    monkeypatch.setenv("COLUMNS", "220")
    code, out, _ = run(capsys, "agreement", double, "--out", tmp_path / "agreement.csv")
    assert code == 0 and "anna – ben: 4 subjects" in out and "one of two readings alone" in out
    table = pd.read_csv(tmp_path / "agreement.csv")
    assert {"ICC(2,1)", "Dice, mean"} <= set(table.measure)
    assert "found_by" in pd.read_csv(tmp_path / "agreement-pairs.csv")


def test_what_is_not_installed_is_named(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['pingouin'] = None\n"
        "from eci_annotate.errors import NotInstalled\n"
        "from eci_annotate.repository.analysis.statistics import library\n"
        "try: library('pingouin')\nexcept NotInstalled as error: print(error)\n"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "needs pingouin" in said and "eci-annotate[agreement]" in said
