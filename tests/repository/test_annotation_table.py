"""Tables, exports and agreement take the versions that count, and say of each what became of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from eci_annotate.errors import Refused
from eci_annotate.repository.repository import Repository
from eci_annotate.workflow.subject.commands import Reopen
from tests.repository.readings_world import DOUBLE, P, as_member, draw, lesion, make, read, report, subject
from tests.test_cli import run

S = subject(1)
BOX, OTHER = ("lesion 1", (4, 20, 28), (4, 5)), ("lesion 1", (4, 20, 28), (6, 7))
WHICH = ["task", "reader", "version"]


def review(folder: Path, verdict: str) -> None:
    as_member(folder, "ruth").start(S, "review").sign("I looked", verdict=verdict, reason="too large")


def again(folder: Path, who: str, task: str = "annotate") -> None:
    held = as_member(folder, who, "again").start(S, task, rerun=True)
    held.answer(report(lesion("lesion 1")))
    held.sign("drawn again")


def listed(repo: Repository, **asked: object) -> list[tuple[str, str, int]]:
    table = repo.annotations(**asked)  # type: ignore[arg-type]
    return [tuple(row) for row in table.reset_index()[WHICH].values.tolist()]


def told(repo: Repository) -> list[tuple[int, str, bool]]:
    table = repo.annotations(versions="all").reset_index()
    return [tuple(row) for row in table[["version", "verdict", "superseded"]].values.tolist()]


def test_a_table_has_the_newest_version_unless_it_was_rejected(tmp_path: Path) -> None:
    folder = make(tmp_path, 1)
    repo = as_member(folder, "dev")
    assert repo.annotations().empty and repo.annotations()["superseded"].dtype == bool
    read(folder, "anna", 1, report(lesion("lesion 1")), BOX)
    assert listed(repo) == [("annotate", "anna", 1)] and listed(repo, accepted=True) == []
    review(folder, "accept")
    assert listed(repo, accepted=True) == [("annotate", "anna", 1)]
    again(folder, "anna")
    assert listed(repo) == [("annotate", "anna", 2)] and listed(repo, accepted=True) == []
    assert told(repo) == [(1, "accepted", True), (2, "pending", False)]
    review(folder, "reject")
    assert listed(repo) == [] and told(repo) == [(1, "accepted", True), (2, "rejected", False)]
    again(folder, "ben")
    review(folder, "accept")
    assert listed(repo) == listed(repo, accepted=True) == [("annotate", "ben", 3)]
    assert listed(repo, versions="all", accepted=True) == [("annotate", "anna", 1), ("annotate", "ben", 3)]
    table = repo.annotations()
    assert table.index.names == ["project", "subject", "task", "reader", "version", "uid"]
    assert list(table.columns[-2:]) == ["verdict", "superseded"]
    assert repo.annotation(table.index[0]).label == "lesion 1"


def test_lists_filters_and_worklists_follow_the_newest_version(tmp_path: Path) -> None:
    folder = make(tmp_path, 1)
    olga, ruth = as_member(folder, "olga"), as_member(folder, "ruth")

    def stage() -> tuple[str, str]:
        (row,) = olga.subjects().itertuples()
        assert [len(olga.subjects(stage=name)) for name in (row.stage, "nowhere")] == [1, 0]
        return str(row.stage), str(row.progress)

    read(folder, "anna", 1, report(lesion("lesion 1")), BOX)
    review(folder, "accept")
    assert stage() == ("done", "●●●") and ruth.worklist().empty
    again(folder, "anna")
    assert stage() == ("review", "●●○") and ruth.worklist()["task"].tolist() == ["review"]
    review(folder, "reject")
    assert stage() == ("annotate", "●○·") and ruth.worklist().empty
    again(folder, "anna")
    review(folder, "accept")
    olga.backend.do(Reopen(P, S, "annotate", "a cyst is missing"))
    assert stage() == ("annotate", "●○·") and as_member(folder, "ben").worklist()["task"].tolist() == ["annotate"]


def test_an_unknown_choice_is_refused_even_where_nothing_is_signed(tmp_path: Path) -> None:
    repo = as_member(make(tmp_path, 1), "dev")
    for ask in (repo.annotations, repo.signed_versions):
        with pytest.raises(Refused, match="versions='latest' is not known"):
            ask(versions="latest")


def test_an_adjudication_takes_the_place_of_its_readings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make(tmp_path, 1, *DOUBLE)
    repo = as_member(folder, "ruth")
    read(folder, "anna", 1, report(lesion("lesion 1")), BOX)
    read(folder, "ben", 1, report(lesion("lesion 1")), OTHER)
    readings = [("annotate.1", "anna", 1), ("annotate.2", "ben", 1)]
    assert listed(repo) == readings
    decision = as_member(folder, "al").start(S, "adjudicate")
    draw(decision, BOX)
    decision.answer(report(lesion("lesion 1")))
    decision.sign("decided")
    assert listed(repo) == [("adjudicate", "al", 1)]
    assert listed(repo, versions="all") == [*readings, ("adjudicate", "al", 1)]
    table = repo.annotations(versions="all")
    assert set(table["verdict"]) == {"none"} and table["superseded"].tolist() == [True, True, False]
    assert [each.task for each in repo.signed_versions()] == ["adjudicate"]
    assert [each.task for each in repo.signed_versions(task="annotate", versions="all")] == ["annotate.1", "annotate.2"]
    assert len(list(repo.all_signed())) == 4, "with the images that were taken in"
    pairs = repo.agreement(task="annotate")
    assert [each.name for each in pairs.comparisons] == ["anna – ben"], "readers are compared below it"
    monkeypatch.setenv("ECI_ANNOTATE_CREDENTIAL", str(folder / "members" / "al.key"))
    monkeypatch.setenv("COLUMNS", "200")
    code, out, _ = run(capsys, "export", folder, tmp_path / "out")
    assert code == 0 and "adjudicate │ 1 │ al" in out and "annotate.1" not in out
    code, out, _ = run(capsys, "export", folder, tmp_path / "all", "--task", "annotate", "--every")
    assert code == 0 and "annotate.1 │ 1 │ anna" in out and "annotate.2 │ 1 │ ben" in out and "adjudicate" not in out


def test_a_new_reading_puts_the_readings_back_until_it_is_adjudicated_again(tmp_path: Path) -> None:
    folder = make(tmp_path, 1, *DOUBLE)
    for who in ("anna", "ben"):
        read(folder, who, 1, report(lesion("lesion 1")), BOX)
    read(folder, "al", 1, report(lesion("lesion 1")), BOX, task="adjudicate")
    again(folder, "anna", "annotate.1")
    repo = as_member(folder, "ruth")
    assert listed(repo) == [("annotate.1", "anna", 2), ("annotate.2", "ben", 1)]
    assert as_member(folder, "olga").subjects()["stage"].tolist() == ["adjudicate"]


def test_agreement_leaves_out_who_was_rejected_and_says_so(tmp_path: Path) -> None:
    folder = make(tmp_path, 2)
    for number in (1, 2):
        read(folder, "anna", number, report(lesion("lesion 1")), BOX)
    review(folder, "reject")
    for number in (1, 2):
        held = as_member(folder, "ben").start(subject(number), "annotate", rerun=True)
        held.answer(report(lesion("lesion 1")))
        held.sign("checked")
    found = as_member(folder, "ruth").agreement()
    assert [sorted(each.subjects) for each in found.comparisons] == [[subject(2)]]
    assert "Left out: 1 reading whose newest version was rejected." in found.notes


def test_only_accepted_versions_are_exported_when_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make(tmp_path, 1)
    read(folder, "anna", 1, report(lesion("lesion 1")), BOX)
    monkeypatch.setenv("ECI_ANNOTATE_CREDENTIAL", str(folder / "members" / "olga.key"))
    monkeypatch.setenv("COLUMNS", "200")
    assert run(capsys, "export", folder, tmp_path / "out", "--accepted")[0] == 1
    review(folder, "reject")
    assert run(capsys, "export", folder, tmp_path / "out")[0] == 1, "what was rejected is not exported"
    again(folder, "anna")
    review(folder, "accept")
    code, out, _ = run(capsys, "export", folder, tmp_path / "out", "--accepted")
    assert code == 0 and "annotate │ 2 │ anna" in out and "annotate │ 1" not in out
