"""Checkpoints kept elsewhere show what was changed or cut out of any stream; the audit trail shows who did what."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import eci_annotate as eci
from eci_annotate.errors import BadRequest, Refused
from eci_annotate.repository.local.audit import AuditQuery, audit_page, audit_table
from eci_annotate.repository.repository import Repository
from eci_annotate.workflow.subject.commands import Start
from eci_annotate.workflow.trust.merkle import Range
from tests.counts import count
from tests.repository.repository_world import ANSWERS, MEANING, P, S, lines, local, means_the_same


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ECI_ANNOTATE_CHECKPOINTS", str(tmp_path / "elsewhere"))
    return tmp_path / "elsewhere"


def sign(repo: Repository) -> None:
    task = repo.start(S, "annotate")
    task.save(lines(task))
    task.answer(ANSWERS)
    task.sign(MEANING)


@given(st.lists(st.binary(max_size=5), max_size=40), st.data())
def test_a_range_is_the_same_however_it_grew(leaves: list[bytes], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(leaves)))
    whole = Range().extended(leaves)
    assert Range().extended(leaves[:cut]).extended(leaves[cut:]) == whole
    assert len(whole.peaks) == bin(len(leaves)).count("1")
    if leaves:
        other = [*leaves]
        other[data.draw(st.integers(0, len(leaves) - 1))] += b"x"
        assert Range().extended(other).root != whole.root


def test_the_last_events_cannot_be_removed_unseen(repo: Repository, folder: Path, outside: Path) -> None:
    before = Path(shutil.copytree(folder, folder.parent / "before"))
    sign(repo)
    (kept,) = outside.iterdir()
    assert all(check.passed for check in local(repo).trail.check_checkpoints(kept))
    old = local(eci.open(before))
    failed = [check for check in old.trail.check_checkpoints(kept) if not check.passed]
    assert failed and "events that existed at" in failed[-1].detail
    assert all(check.passed for check in old.trail.check_checkpoints()), "only a copy kept elsewhere shows it"


def test_any_flipped_byte_of_a_checkpoint_or_event_is_found(repo: Repository, folder: Path, outside: Path) -> None:
    sign(repo)
    (kept,) = outside.iterdir()
    dice = random.Random(11)
    paths = [sorted(kept.iterdir())[-1], *(folder / "streams").rglob("*.json")]
    for path in paths:
        good = path.read_bytes()
        for place in dice.sample(range(len(good)), min(len(good), count(60, 10_000))):
            bad = bytearray(good)
            bad[place] ^= 1 << dice.randrange(8)
            path.write_bytes(bytes(bad))
            assert not _passes(folder, kept) or means_the_same(bad, good), (path.name, place)
        path.write_bytes(good)
    assert _passes(folder, kept)


def _passes(folder: Path, kept: Path) -> bool:
    from eci_annotate.errors import EciError
    from eci_annotate.repository.keys.repository_folder import find
    from eci_annotate.repository.local.checkpoints import check_checkpoints
    from eci_annotate.repository.local.context import Context

    layout = find(folder)
    try:
        anchors = (layout.authority.read_text(),)
        return all(check.passed for check in check_checkpoints(Context.from_layout(layout), kept, anchors))
    except EciError:
        return False


def test_the_audit_trail_tells_reads_refusals_and_who(repo: Repository) -> None:
    sign(repo)
    repo.studies(S)
    with pytest.raises(Refused):
        repo.backend.do(Start(P, S, "review"))
    table = local(repo).trail.audit(AuditQuery(project=P, subject=S))
    assert {"enrolled.1", "started.1", "signed.1", "read.1", "refused.1"} <= set(table["what"])
    assert set(table["by"]) == {"anna"} and set(table["assurance"]) == {"key"} and table["at"].is_monotonic_increasing
    assert len(local(repo).trail.audit(AuditQuery(what="signed", by="anna", until="2999"))) == 2
    assert local(repo).trail.audit(AuditQuery(until="1999")).empty


def test_the_trail_of_one_subject_reads_no_other(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    sign(repo)
    repo.studies(S)
    backend = local(repo)
    whole = backend.trail.audit(AuditQuery(project=P))
    monkeypatch.setattr(backend.context.streams, "all_after", lambda *_: pytest.fail("every stream was read"))
    table = backend.trail.audit(AuditQuery(project=P, subject=S))
    assert len(table) == (whole["subject"] == S).sum() >= 5
    month = table["at"].iloc[0][:7]
    assert len(backend.trail.audit(AuditQuery(project=P, subject=S, since=month, until=month))) >= len(table)
    assert backend.trail.audit(AuditQuery(project=P, subject=S, until="2001-01")).empty


def str_of(row: dict[str, object]) -> str:
    return str(sorted(row.items()))


def pages_of(repo: Repository, query: AuditQuery, size: int, search_s: float) -> list[dict[str, object]]:
    context, actor = local(repo).context, repo.backend.account.actor
    rows, older, begun = [], "", 0
    while (older or not begun) and begun < 1000:
        page = audit_page(context, actor, query, size, older, search_s)
        rows, older, begun = rows + page.rows, page.older, begun + 1
        assert len(page.rows) <= size and len(rows) < 2000
    return rows


def test_pages_of_the_audit_trail_lose_and_repeat_no_row(repo: Repository) -> None:
    sign(repo)
    context, trail, actor = local(repo).context, local(repo).trail, repo.backend.account.actor
    for month in ("2025-11", "2025-12"):
        data = {"by": 'é"%', "assurance": "key", "session": "", "where": "", "project": P, "subject": S, "what": "w"}
        rows = [{"name": "read.1", "data": {**data, "at": f"{month}-0{1 + n % 9}T00:00:00"}} for n in range(150)]
        context.access.extend(month, rows)
    queries = (AuditQuery(P), AuditQuery(P, S), AuditQuery(by='é"%'), AuditQuery(what="signed"),
               AuditQuery(P, since="2025-12", until="2025-12-04"), AuditQuery(what="nothing"))  # fmt: skip
    for query in queries:
        whole = audit_table(context, actor, query).to_dict("records")
        for size, search_s in ((7, 9.0), (100, 0.0), (1000, 9.0)):
            found = pages_of(repo, query, size, search_s)
            missing, more = ({*map(str_of, a)} - {*map(str_of, b)} for a, b in ((whole, found), (found, whole)))
            assert (len(found), missing, more) == (len(whole), set(), set()), (query, size)
    newest = trail.audit_page(AuditQuery(P), 5)
    assert [row["at"] for row in newest.rows] == sorted((row["at"] for row in newest.rows), reverse=True)
    with pytest.raises(BadRequest):
        trail.audit_page(AuditQuery(P), 5, "1-2")
