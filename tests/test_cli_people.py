"""Pipelines, subjects, keys and the audit trail at the terminal."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

from eci_annotate.workflow.usecase.usecase import forms_folder
from tests.test_cli import run

SUBJECT = "ECI_TEST_S0001"


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from eci_annotate.demo.rehearsal import rehearse
    from eci_annotate.repository.admin.create import create_repository
    from eci_annotate.repository.open_repository import open

    folder = tmp_path_factory.mktemp("people") / "demo"
    create_repository(folder, project="liver-ct", member="anna", site="KAU")
    rehearse(open(folder), kind="axial", project="liver-ct")
    return folder


def test_a_pipeline_is_checked_drawn_and_tried(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = Path(shutil.copytree(forms_folder() / "liver-ct", tmp_path / "case"))
    definition = yaml.safe_load((case / "usecase.yaml").read_text())
    definition["tasks"][1] |= {"readers": {"need": 2, "most": 3}, "blind": True}
    definition["tasks"][2] |= {"kind": "adjudicate", "roles": ["adjudicator"]}
    (case / "usecase.yaml").write_text(yaml.safe_dump(definition, sort_keys=False))
    code, out, _ = run(capsys, "pipeline", "check", case)
    assert code == 0 and "5 tasks" in out
    code, out, _ = run(capsys, "pipeline", "draw", case, "--out", tmp_path / "graph.mmd")
    assert (
        code == 0 and "2 of 3 readers, blind" in out and "annotate --> review" in (tmp_path / "graph.mmd").read_text()
    )
    code, out, _ = run(capsys, "pipeline", "draw", case, "--out", tmp_path / "graph.svg")
    assert code == 0 and "any browser shows it" in out and (tmp_path / "graph.svg").read_text().startswith("<svg")
    code, out, _ = run(capsys, "pipeline", "test", case)
    assert code == 0 and "annotate.2" in out and "adjudicator" in out and "Every task was reached" in out


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "adjudicate"}, "which has one reader"),
        ({"after": ["nothing"]}, "needs 'nothing', which is not before it"),
        ({"roles": ["king"]}, "There is no role 'king'"),
        ({"sites": ["BER"], "roles": ["reviewer"], "after": ["ingest"]}, "does not come after it"),
    ],
)
def test_a_pipeline_that_cannot_work_is_refused(
    change: dict[str, object], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = Path(shutil.copytree(forms_folder() / "liver-ct", tmp_path / "case"))
    definition = yaml.safe_load((case / "usecase.yaml").read_text())
    definition["tasks"][2] |= change
    (case / "usecase.yaml").write_text(yaml.safe_dump(definition, sort_keys=False))
    code, _, err = run(capsys, "pipeline", "check", case)
    assert code == 1 and said in " ".join(err.split())


def test_exported_and_audited_and_withdrawn(
    rehearsed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, _ = run(capsys, "subject", "list", rehearsed)
    assert code == 0 and "●●○" in out
    assert run(capsys, "export", rehearsed, tmp_path / "out")[0] == 0
    code, out, _ = run(capsys, "verify", tmp_path / "out", "--trust", rehearsed / "authority" / "ca.pem")
    assert code == 0 and "checks of 1 subjects passed" in out
    code, _, err = run(capsys, "verify", tmp_path / "out")
    assert code == 1 and "No trusted authority" in err
    code, out, _ = run(capsys, "audit", rehearsed, "--prove")
    assert code == 0 and "checkpoints match" in out
    for name in ("trail.csv", "trail.jsonl"):
        assert run(capsys, "audit", rehearsed, "--out", tmp_path / name)[0] == 0
    table = pd.read_csv(tmp_path / "trail.csv")
    rows = [json.loads(line) for line in (tmp_path / "trail.jsonl").read_text().splitlines()]
    assert {"exported.1", "signed.1"} <= set(table["what"]) and len(rows) >= len(table)
    assert run(capsys, "subject", "set", rehearsed, SUBJECT, "--cohort", "pilot", "--test")[0] == 0
    code, out, _ = run(capsys, "subject", "list", rehearsed, "--live")
    assert "0 subjects" in out
    code, out, _ = run(capsys, "subject", "withdraw", rehearsed, SUBJECT, "--reason", "letter", "--yes")
    assert code == 0 and "was destroyed" in out
    assert run(capsys, "verify", rehearsed)[0] == 0
