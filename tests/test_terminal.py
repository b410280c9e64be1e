"""What members write is shown by a terminal and a spreadsheet, and does nothing there."""

from __future__ import annotations

import csv
import errno
from pathlib import Path

import pytest

import eci_annotate as eci
from eci_annotate.cli import terminal
from eci_annotate.repository.admin.create import create_repository
from tests.repository.repository_world import local
from tests.test_cli import run

ATTACKS = ["[/x]", "[link=https://evil.example]click[/link]", "\x1b[2J\x1b]0;owned\x07", "\u202eevil", "[red]x"]
FORMULAS = ["=HYPERLINK(1)", "+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", " =1+1"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository whose audit trail holds what an attacker wrote."""
    create_repository(tmp_path / "demo", project="liver-ct", member="anna", site="KAU")
    backend = local(eci.open(tmp_path / "demo"))
    for text in [*ATTACKS, *FORMULAS]:
        backend.trail.note("exported.1", "liver-ct", "", text)
    return tmp_path / "demo"


def test_the_audit_trail_is_shown_as_text(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    code, told, _ = run(capsys, "audit", folder)
    assert code == 0 and "[/x]" in told and "[link=https://evil.example]click[/link]" in told
    assert "\x1b" not in told and "\x07" not in told and "\u202e" not in told
    terminal.say(ATTACKS[2])
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize("width", [30, 60, 80, 200])
def test_no_value_of_a_table_is_cut(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    subjects = [f"ECI_KAU_S{number:04}" for number in (1, 2, 10)]
    rows = [["liver-ct", subject, "annotate", "Annotate liver lesions", "ready", 1, "", ""] for subject in subjects]
    terminal.show("Worklist", ["project", "subject", "task", "title", "status", "version", "until", "remark"], rows)
    printed = capsys.readouterr().out
    assert all(printed.count(subject) == 1 for subject in subjects) and "…" not in printed


def test_no_cell_of_a_csv_is_a_formula(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "audit", folder, "--out", tmp_path / "trail.csv")[0] == 0
    with (tmp_path / "trail.csv").open(encoding="utf-8", newline="") as stream:
        cells = [cell for row in csv.reader(stream) for cell in row]
    assert {f"'{text}" for text in FORMULAS} <= set(cells)
    assert not any(cell.lstrip()[:1] in ("=", "+", "-", "@") for cell in cells)


def test_an_error_of_the_system_names_no_path(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (source := tmp_path / "19540312-1234").mkdir()
    eci.write_phantom(source, "tiny")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(source / "x.dcm"))

    monkeypatch.setattr("eci_annotate.archive.folder.InstanceIndex.add", full)
    code, told, problem = run(capsys, "import", folder, source)
    assert code == 1 and "No space left on device" in problem and "19540312" not in told + problem
    monkeypatch.setattr("eci_annotate.repository.admin.import_dicom.import_folders", full)
    code, told, problem = run(capsys, "import", folder, source)
    assert code == 1 and "No space left on device" in problem and "19540312" not in told + problem
