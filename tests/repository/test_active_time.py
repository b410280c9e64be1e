"""How long somebody worked: phases from the times of a draft's entries; pauses do not count."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from eci_annotate.repository.analysis.active_time import active_time, active_times
from eci_annotate.repository.open_repository import open
from eci_annotate.viewer.replay_player import ReplayPlayer
from tests.repository.repository_world import ANSWERS, MEANING, S, lines, make

START = datetime(2026, 1, 1, 8, tzinfo=UTC)


def step(at_s: float, kind: str = "l", begun_s: float | None = None) -> dict[str, Any]:
    """An entry of a draft, at seconds after the start."""
    times = {"t": at_s} if begun_s is None else {"b": begun_s, "t": at_s}
    content: dict[str, Any] = {"l": ["…"]} if kind == "l" else {"a": {}} if kind == "a" else {"s": "0"}
    return content | {name: (START + timedelta(seconds=each)).isoformat() for name, each in times.items()}


def test_each_step_counts_for_its_phase_and_pauses_for_none() -> None:
    work = [step(4, begun_s=0), step(14), step(16, "s"), step(34, "a"), step(134), step(140, "a")]
    found = active_time(work)
    assert found is not None
    assert (found.loading_s, found.drawing_s, found.reporting_s, found.pauses) == (4, 10, 26, 1)
    assert found.words == "active 0:40 min (loading 0:04, drawing 0:10, reporting 0:26)"
    patient = active_time(work, pause_s=200)
    assert patient is not None and (patient.drawing_s, patient.pauses) == (110, 0)


def test_the_time_between_two_sessions_does_not_count() -> None:
    found = active_time([step(2, begun_s=0), step(12), step(3605, begun_s=3600), step(3610)])
    assert found is not None and (found.loading_s, found.drawing_s, found.pauses) == (7, 15, 0)


def test_clocks_that_go_back_and_entries_without_times_count_nothing() -> None:
    assert active_time([{"l": []}, {"a": {}}]) is None
    assert active_time([]) is None
    found = active_time([step(10, begun_s=0), step(5), {"l": [], "t": "yesterday"}, step(8)])
    assert found is not None and (found.loading_s, found.drawing_s) == (10, 3)


def test_a_time_without_a_zone_is_utc() -> None:
    naive = {"l": ["…"], "t": (START + timedelta(seconds=9)).replace(tzinfo=None).isoformat()}
    found = active_time([step(4, begun_s=0), naive])
    assert found is not None and found.drawing_s == 5


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("times"))


def test_a_signed_version_has_its_time_in_table_export_and_replay(made: Path, tmp_path: Path) -> None:
    repo = open(Path(shutil.copytree(made, tmp_path / "repository")))
    before = datetime.now(UTC)
    task = repo.start(S, "annotate")
    task.save(lines(task))
    task.answer(ANSWERS)
    signed = task.sign(MEANING)
    most = (datetime.now(UTC) - before).total_seconds()
    spent = signed.active_time()
    assert spent is not None and 0 < spent.loading_s + spent.reporting_s <= most and spent.pauses == 0
    (row,) = active_times(repo).to_dict("records")
    assert (row["subject"], row["reader"], row["total_s"]) == (S, "anna", spent.total_s)
    assert active_times(repo, project="elsewhere").empty
    (minutes,) = repo.quality().active_minutes.to_dict("records")
    assert (minutes["task"], minutes["versions"]) == ("annotate", 1)
    assert minutes["median"] == minutes["quarter"] == round(spent.total_s / 60, 1)
    (path,) = (each for each in signed.export(tmp_path / "out") if each.name.endswith("_active_time.json"))
    assert json.loads(path.read_text())["drawing_s"] == spent.drawing_s
    assert spent.words in ReplayPlayer(signed).words.value
