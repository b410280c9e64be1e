"""What counted at an earlier position of the feed is listed and exported again, whatever was signed since."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import eci_annotate as eci
from eci_annotate import cli, errors
from eci_annotate.repository.backend import SubjectQuery, newest_position
from eci_annotate.repository.datasets.dataset_rules import rules_of
from eci_annotate.repository.datasets.earlier_set import EarlierSet
from eci_annotate.repository.datasets.export_dataset import export_dataset
from eci_annotate.repository.datasets.subject_split import DatasetPart
from eci_annotate.repository.repository import Repository
from eci_annotate.workflow.subject.commands import Describe, Withdraw
from tests.repository.readings_world import DOUBLE, Box, as_member, draw, lesion, make, read, report, subject
from tests.repository.repository_world import MEANING, P

BOX: Box = ("lesion 1", (4, 12, 14), (4, 5))
LARGER: Box = ("lesion 1", (4, 14, 16), (6, 7))


def files(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


def sign(folder: Path, number: int, box: Box) -> None:
    """Sign a version; the next one, if there is one."""
    anna = as_member(folder, "anna")
    held = anna.start(subject(number), "annotate", rerun=bool(anna.versions(subject(number))))
    draw(held, box)
    held.answer(report(lesion(box[0])))
    held.sign(MEANING)


def review(folder: Path, number: int, verdict: str) -> None:
    as_member(folder, "ruth").start(subject(number), "review").sign(
        "I looked at it", verdict=verdict, reason="too small" * (verdict == "reject")
    )


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, dict[str, dict[str, bytes]], Any]:
    """A repository, a position, what was exported there, and the table there; then work goes on."""
    root = tmp_path_factory.mktemp("past")
    folder = make(root, 5)
    for number in (1, 2, 3):
        sign(folder, number, BOX)
    for number in (1, 2):
        review(folder, number, "accept")
    olga = as_member(folder, "olga")
    position = newest_position(olga.backend)
    table = olga.annotations(versions="all")
    made = {}
    for kind in ("monai", "bids"):
        export_dataset(olga, root / kind, kind, rules_of(include_pending=True))
        made[kind] = files(root / kind)
    olga.export(root / "rtstruct")
    made["rtstruct"] = files(root / "rtstruct")
    review(folder, 3, "reject")
    sign(folder, 3, LARGER)
    sign(folder, 4, BOX)
    sign(folder, 1, LARGER)
    olga.backend.do(Describe(P, subject(2), included=False, reason="left"))
    return folder, position, made, table


@pytest.fixture
def olga(worked: Any) -> Repository:
    return as_member(worked[0], "olga")


@pytest.mark.parametrize("kind", ["monai", "bids"])
def test_a_training_set_of_an_earlier_position_has_the_same_bytes(
    worked: Any, olga: Repository, tmp_path: Path, kind: str
) -> None:
    export_dataset(olga, tmp_path / "now", kind, rules_of(include_pending=True))
    export_dataset(olga, tmp_path / "then", kind, rules_of(include_pending=True), position=worked[1])
    assert files(tmp_path / "then") == worked[2][kind] != files(tmp_path / "now")


def test_signed_files_and_tables_of_an_earlier_position_are_the_same(
    worked: Any, olga: Repository, tmp_path: Path
) -> None:
    olga.export(tmp_path / "then", position=worked[1])
    assert files(tmp_path / "then") == worked[2]["rtstruct"]
    assert olga.annotations(versions="all", position=worked[1]).equals(worked[3])
    assert len(olga.annotations(versions="all")) > len(worked[3])
    then = {seen.subject: seen for seen in olga.backend.subjects(P, SubjectQuery(position=worked[1])).views}
    assert then[subject(2)].included and not olga.backend.subject(P, subject(2)).included
    assert dict(then[subject(3)].progress)["review"] == "ready" and not then[subject(4)].task("annotate").signed


def test_the_command_states_the_position_and_takes_it(
    worked: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ECI_ANNOTATE_CREDENTIAL", str(worked[0] / "members" / "olga.key"))
    run = CliRunner().invoke(cli.app, ["export", str(worked[0]), str(tmp_path / "out"), "--position", str(worked[1])])
    assert run.exit_code == 0 and f"--position {worked[1]}" in run.output, run.output
    signed = {
        name: content for name, content in files(tmp_path / "out").items() if name[:8] not in ("software", "versions")
    }
    assert signed == worked[2]["rtstruct"]


@pytest.mark.parametrize("position", [10**9, -1])
def test_a_position_that_never_was_is_refused(olga: Repository, tmp_path: Path, position: int) -> None:
    with pytest.raises(errors.Refused):
        export_dataset(olga, tmp_path / "out", "monai", rules_of(), position=position)
    with pytest.raises(errors.Refused):
        eci.datasets(olga, position=position)
    with pytest.raises(errors.Refused, match="by name only"):
        olga.subjects(position=1, stage="review")


def test_consent_that_was_withdrawn_since_holds_in_the_past(tmp_path: Path) -> None:
    folder = make(tmp_path, 2)
    for number in (1, 2):
        sign(folder, number, BOX)
    olga = as_member(folder, "olga")
    position = newest_position(olga.backend)
    export_dataset(olga, tmp_path / "before", "monai", rules_of(include_pending=True))
    olga.backend.do(Withdraw(P, subject(1), "letter"))
    export_dataset(olga, tmp_path / "after", "monai", rules_of(include_pending=True), position=position)
    sheet = json.loads((tmp_path / "after" / "datasheet.json").read_text())
    assert sheet["consent"]["withdrawn"] == [{"project": P, "subject": subject(1)}]
    assert sheet["feed_position"] == position and sheet["counts"]["subjects"] == 1
    before, after = files(tmp_path / "before"), files(tmp_path / "after")
    assert {name for name in after if subject(2) in name} == {name for name in before if subject(2) in name}
    assert all(content == before[name] for name, content in after.items() if subject(2) in name)
    assert not [name for name in after if subject(1) in name]


def test_subjects_keep_their_part_and_classes_their_value(tmp_path: Path) -> None:
    folder = make(tmp_path, 6)
    for number in range(1, 6):
        sign(folder, number, BOX)
    olga = as_member(folder, "olga")
    rules: dict[str, Any] = {"include_pending": True, "split": "0.4/0.3/0.3"}
    export_dataset(olga, tmp_path / "before", "monai", rules_of(**rules))
    sheet = json.loads((tmp_path / "before" / "datasheet.json").read_text())
    olga.backend.do(Withdraw(P, sheet["split"]["training"][0], "letter"))
    sign(folder, 6, ("another", *BOX[1:]))
    rules["seed"] = 3
    again = eci.datasets(olga, **rules, keep=tmp_path / "before" / "datasheet.json").plan
    parts = {case.signed.subject: case.part for case in again.cases}
    kept = {name: part for part, names in sheet["split"].items() for name in names[part == "training" :]}
    assert parts == {**kept, subject(6): "training"}, "who comes makes up for who went"
    assert again.values == {"lesion": 1, "another": 2} and "keep" in again.rules.document()
    changed = {case.signed.subject: case.part for case in eci.datasets(olga, **rules).plan.cases}
    assert changed != parts, "a rule without the earlier set moves subjects"


def test_what_is_no_datasheet_is_refused(olga: Repository, tmp_path: Path) -> None:
    path = tmp_path / "datasheet.json"
    whole = {"split": {"training": ["A"]}, "classes": {"lesion": 1}}
    bad: list[dict[str, Any]] = [
        {"split": {"training": ["A"], "test": ["A"]}}, {"split": {"other": ["A"]}}, {"split": []},
        {"classes": {"lesion": 2}}, {"classes": {"lesion": "x"}}, {"classes": None},
    ]  # fmt: skip
    texts = [json.dumps(whole | each) for each in bad] + ["[]", "{", "\udcff"]
    for text in texts:
        path.write_text(text, errors="surrogateescape")
        with pytest.raises(errors.BadRequest, match="earlier datasheet"):
            eci.datasets(olga, keep=path)
    with pytest.raises(errors.BadRequest, match="earlier datasheet"):
        eci.datasets(olga, keep=tmp_path / "none.json")


def test_the_past_shows_nobody_what_today_hides(tmp_path: Path) -> None:
    folder = make(tmp_path, 1, *DOUBLE)
    read(folder, "anna", 1, report(lesion("lesion 1")), BOX)
    olga = as_member(folder, "olga")
    position = newest_position(olga.backend)
    asked = SubjectQuery(position=position)
    for who in ("anna", "ben", "al", "dev"):
        actor = as_member(folder, who).backend
        seen = [each for view in actor.subjects(P, asked).views for task in view.tasks for each in task.signed]
        today = [each for view in actor.subjects(P).views for task in view.tasks for each in task.signed]
        assert seen == today
    read(folder, "ben", 1, report(lesion("lesion 1")), LARGER)
    al = as_member(folder, "al").backend
    tasks = [task for view in al.subjects(P, asked).views for task in view.tasks if task.kind == "annotate"]
    names = {each.by for task in tasks for each in task.signed}
    assert names <= {"Reader A"}, "what an adjudicator must not know is not told from the past"


def test_the_command_lists_what_reviews_decided(
    worked: Any, olga: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ECI_ANNOTATE_CREDENTIAL", str(worked[0] / "members" / "olga.key"))

    def listed(*words: str) -> dict[tuple[str, str], dict[str, str]]:
        run = CliRunner().invoke(cli.app, ["export", str(worked[0]), str(tmp_path / "out"), *words])
        assert run.exit_code == 0, run.output
        rows = csv.DictReader((tmp_path / "out" / "versions.csv").open())
        return {(row["subject"], row["version"]): row for row in rows}

    every = listed("--every")
    assert {which: (row["verdict"], row["superseded"]) for which, row in every.items()} == {
        (subject(1), "1"): ("accepted", "true"), (subject(1), "2"): ("pending", "false"),
        (subject(2), "1"): ("accepted", "false"), (subject(3), "1"): ("rejected", "true"),
        (subject(3), "2"): ("pending", "false"), (subject(4), "1"): ("pending", "false"),
    }  # fmt: skip
    assert {row["seal"] for row in every.values()} == {each.seal for each in olga.signed_versions(versions="all")}
    now = listed("--position", str(worked[1]))
    assert len(now) == 6 and now[subject(3), "1"]["verdict"] == "pending", "others stay in the list"
    assert now[subject(3), "1"]["position"] == str(worked[1]) != now[subject(3), "2"]["position"]


def test_pseudonyms_of_one_person_have_one_part() -> None:
    earlier = EarlierSet({"A": DatasetPart.TEST, "B": DatasetPart.TRAINING, "C": DatasetPart.TEST})
    assert earlier.parts_of(["A", "D"], {"A": "A", "C": "A"}) == {"A": DatasetPart.TEST}
    with pytest.raises(errors.Refused, match="A and B are one person"):
        earlier.parts_of(["A"], {"A": "A", "B": "A"})
