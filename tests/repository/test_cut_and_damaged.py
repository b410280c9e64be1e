"""What was cut off is finished, what was cut out is noticed, and what is damaged is named; the rest goes on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

import eci_annotate as eci
from eci_annotate.errors import BadJournal, NotARepository, Refused, Tampered
from eci_annotate.repository.admin.backup import back_up, restore
from eci_annotate.repository.local import command_handler
from eci_annotate.repository.repository import Repository
from eci_annotate.workflow.codec import from_json, to_json
from eci_annotate.workflow.subject.commands import ChangeMember, Describe, Withdraw
from eci_annotate.workflow.subject.lease import Lease
from tests.repository.repository_world import ANSWERS, MEANING, P, S, as_member, lines, local
from tests.test_cli import run


def sign(repo: Repository) -> None:
    task = repo.start(S, "annotate")
    task.save(lines(task))
    task.answer(ANSWERS)
    task.sign(MEANING)


# -- a withdrawal that was cut off ------------------------------------------------
def test_a_withdrawal_that_was_cut_off_is_noticed_and_finished(
    repo: Repository, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as cut:
        cut.setattr(command_handler, "erase", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            repo.backend.do(Withdraw(P, S, "letter"))
    assert "withdrawal" in {c.check for c in repo.backend.trail.verify(P, S) if not c.passed}
    again = eci.open(folder)
    assert not list((folder / "archive").rglob("*.dcm")) and local(again).context.vault.is_gone(P, S)
    assert all(c.passed for c in again.backend.trail.verify(P, S))


# -- what is missing ------------------------------------------------------------------
def without_last_event(streams: Path) -> None:
    """Cut the last event of the subject, as a file system or an attacker would."""
    (path,) = streams.rglob(f"{S}.json")
    table = json.loads(path.read_text())
    events = table["events"]
    del events[max(events, key=int)]
    path.write_text(json.dumps(table))


def cut_event(folder: Path) -> None:
    without_last_event(folder / "streams")
    shutil.rmtree(folder / "streams" / "feed", ignore_errors=True)


def cut_subject(folder: Path) -> None:
    (path,) = (folder / "streams").rglob(f"{S}.json")
    path.unlink()


@pytest.mark.parametrize("cut", [cut_event, cut_subject])
def test_verify_notices_what_is_missing(
    repo: Repository, folder: Path, capsys: pytest.CaptureFixture[str], cut: Callable[[Path], None]
) -> None:
    sign(repo)
    code, told, _ = run(capsys, "verify", folder)
    assert code == 0 and "covers 1 subjects" in told and "2 versions; all are there. 0 events came later." in told
    cut(folder)
    code, told, _ = run(capsys, "verify", folder)
    assert code == 1 and "checkpoint" in told


def test_restore_notices_what_is_missing_in_a_backup(repo: Repository, folder: Path, tmp_path: Path) -> None:
    sign(repo)
    back_up(folder, tmp_path / "out", tmp_path / "keys")
    whole = restore(tmp_path / "out", tmp_path / "keys", tmp_path / "whole")
    assert all(c.passed for c in whole.checks) and "2 versions; all are there" in whole.checks[-1].detail
    cut_event(tmp_path / "out" / "store")
    found = restore(tmp_path / "out", tmp_path / "keys", tmp_path / "again")
    assert any("missing" in c.detail or "changed" in c.detail for c in found.checks if not c.passed)


# -- a damaged draft ----------------------------------------------------------------------
def test_a_damaged_entry_costs_no_other(repo: Repository, folder: Path) -> None:
    task = repo.start(S, "annotate")
    task.answer({"image_quality": "good"})
    every = lines(task)
    task.save(every)
    task.save(lines(task, "lesion 2", uid="u2"))
    task.save(lines(task, "lesion 3", uid="u3"))
    task.answer(ANSWERS)
    (journal,) = (folder / "drafts").rglob("annotate/*.jsonl")
    rows = bytearray(journal.read_bytes()).split(b"\n")
    rows[3][40] ^= 1  # the second entry of lines: the first row is the journal's head
    journal.write_bytes(b"\n".join(rows))
    with pytest.warns(UserWarning, match=r"cannot be read: 3\. 10 drawing steps are missing"):
        draft = task.draft()
    assert draft.lines == every and draft.answers == ANSWERS
    with pytest.raises(BadJournal, match="Start the task again"):
        task.sign(MEANING)
    resumed = eci.open(folder).start(S, "annotate", take_over=True)
    with pytest.warns(UserWarning, match="cannot be read: 3"):
        assert resumed.draft().lines == every
    resumed.save(lines(resumed, "lesion 4", uid="u4"))
    with pytest.warns(UserWarning):
        assert len(resumed.draft().lines) == 2 * len(every)
    resumed.answer({**ANSWERS, "lesions": [{**ANSWERS["lesions"][0], "label": f"lesion {n}"} for n in (1, 4)]})
    assert [each.label for each in resumed.sign(MEANING).annotations()] == ["lesion 1", "lesion 4"]


# -- roles that ended -----------------------------------------------------------------------
def test_a_save_ends_with_the_role(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = as_member(monkeypatch, folder, "ben").start(S, "annotate")
    task.save(lines(task))
    as_member(monkeypatch, folder, "anna").backend.do(ChangeMember(P, "ben", ("reviewer",)))
    for act in (lambda: task.save(["x"]), lambda: task.answer(ANSWERS)):
        with pytest.raises(Refused, match="Your role has changed"):
            act()
    as_member(monkeypatch, folder, "anna").backend.do(ChangeMember(P, "ben", ("annotator",)))
    task.answer(ANSWERS)


# -- the certificate of checkpoints -----------------------------------------------------------
def test_a_damaged_checkpoint_certificate_signs_nothing(repo: Repository, folder: Path) -> None:
    path = folder / "authority" / "service.pem"
    good, before = path.read_text(), len(local(repo).context.streams.feed())
    line = good.splitlines()[3]
    path.write_text(good.replace(line, line[:10] + ("A" if line[10] != "A" else "B") + line[11:]))
    with pytest.raises(Tampered, match="certificate of checkpoints is damaged"):
        repo.backend.do(Describe(P, S, cohort="a"))
    assert len(local(repo).context.streams.feed()) == before
    path.write_text(good)
    sign(repo)
    assert all(c.passed for c in local(repo).trail.check_checkpoints())


# -- other releases -----------------------------------------------------------------------------
def test_what_a_newer_release_wrote_is_not_called_damaged() -> None:
    known = to_json(Lease("ben", "one", 1, datetime(2026, 1, 1, tzinfo=UTC)))
    with pytest.raises(Tampered, match=r"newer release.*Update eci_annotate"):
        from_json(Lease, {**known, "new": 1})
    with pytest.raises(Tampered, match="damaged"):
        from_json(Lease, {key: value for key, value in known.items() if key != "fence"})


@pytest.mark.parametrize(("number", "said"), [(1, "eci-annotate import NEW_FOLDER"), (3, "Update eci_annotate")])
def test_another_format_says_what_to_do(folder: Path, number: int, said: str) -> None:
    head = json.loads((folder / "eci.json").read_text())
    (folder / "eci.json").write_text(json.dumps({**head, "format": number}))
    with pytest.raises(NotARepository, match=said):
        eci.open(folder)
