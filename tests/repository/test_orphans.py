"""Uploads whose command never came are removed when they are old; nothing that is or will be referred to ever is."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import eci_annotate as eci
from eci_annotate.cli.repository_commands import clean_up
from eci_annotate.errors import NotFound
from eci_annotate.repository.admin.orphans import remove_orphans, remove_when_due
from eci_annotate.repository.draft_entries import snapshots
from eci_annotate.repository.keys.subject_encryption import SubjectBlobs, Vault
from eci_annotate.repository.local.audit import AuditQuery
from eci_annotate.repository.local.backend import LocalBackend
from eci_annotate.repository.repository import Repository
from eci_annotate.store.folder.blob_store import FolderBlobs
from eci_annotate.store.memory import MemoryBlobs
from eci_annotate.store.protocols import BlobStore
from eci_annotate.tools.editing.snapshot import replay, save
from eci_annotate.workflow.codec import digest
from eci_annotate.workflow.subject.commands import Attach
from tests.counts import examples
from tests.repository.repository_world import ANSWERS, MEANING, Clock, P, S, lines, local, make, open_at

SOON = timedelta(seconds=-60)  # as if all content were old


@pytest.fixture(params=["folder", "postgres"])
def repo(request: pytest.FixtureRequest, tmp_path: Path) -> Repository:
    """A repository in a folder, or in PostgreSQL."""
    if request.param == "folder":
        return eci.open(Path(shutil.copytree(request.getfixturevalue("made"), tmp_path / "repository")))
    return eci.open(make(tmp_path, request.getfixturevalue("dsn")))


def removals(backend: LocalBackend) -> list[str]:
    """What the audit trail says was removed."""
    table = backend.trail.audit(AuditQuery(project=P, subject=S, what="orphans"))
    return [str(detail) for detail in table["detail"]]


def test_only_what_nothing_refers_to_is_removed_and_noted(repo: Repository) -> None:
    backend, context = local(repo), local(repo).context
    task = repo.start(S, "annotate")
    task.save(lines(task))
    task.snapshot(b"drawn so far")
    orphan = backend.put(P, S, b"never attached", attached=True)
    layer = backend.put(P, S, b"a,b\n1,2\n", attached=True)
    backend.do(Attach(P, S, "table", "text/csv", layer, 8))
    before = set(context.blobs.names(f"{P}/{S}"))
    assert remove_orphans(context) == 0 and set(context.blobs.names(f"{P}/{S}")) == before
    assert remove_orphans(context, SOON) == 1 and set(context.blobs.names(f"{P}/{S}")) == before - {orphan}
    assert removals(backend) == ["1 files that nothing referred to"]
    with pytest.raises(NotFound):
        backend.do(Attach(P, S, "other", "text/csv", orphan, 14))


def test_a_repository_without_a_service_is_cleaned_by_a_command(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(shutil.copytree(made, tmp_path / "repository"))
    backend = local(eci.open(folder))
    old, young = (backend.put(P, S, content, attached=True) for content in (b"old", b"young"))
    for path in folder.rglob(old[2:]):
        os.utime(path, (0, 0))
    clean_up(folder)
    assert "Removed 1 files" in capsys.readouterr().out
    names = backend.context.blobs.names(f"{P}/{S}")
    assert young in names and old not in names


def test_what_signed_work_rests_on_stays(repo: Repository) -> None:
    task = repo.start(S, "annotate")
    drawn = lines(task)
    task.save(drawn)
    task.snapshot(save(replay(task.volume, None, drawn)))  # the journal of the version names it, and nothing else
    task.save(lines(task, "liver", uid="u2"))
    task.answer(ANSWERS)
    first = task.sign(MEANING)
    again = repo.start(S, "annotate", rerun=True)
    again.answer({**ANSWERS, "comment": "seen again"})
    second = again.sign(MEANING)
    context = local(repo).context
    (named,) = set(snapshots(json.loads(first.content("journal")[0])))
    assert named not in {part.digest for each in (first, second) for part in each.event.manifest.parts}
    before = context.blobs.names(f"{P}/{S}")
    context.drafts.drop(P, S)
    assert remove_orphans(context, SOON) == 0 and context.blobs.names(f"{P}/{S}") == before
    assert [each.journal() for each in (first, second)] and repo.verify().passed


def test_damage_keeps_everything(folder: Path) -> None:
    repo = eci.open(folder)
    backend = local(repo)
    task = repo.start(S, "annotate")
    task.save(lines(task))
    backend.put(P, S, b"never attached", attached=True)
    (journal,) = (path for path in (folder / "drafts").rglob("*.jsonl") if b'"x":"' in path.read_bytes())
    journal.write_bytes(journal.read_bytes().replace(b'"x":"', b'"x":"AAAA', 1))
    assert remove_orphans(backend.context, SOON) == 0


def test_housekeeping_looks_once_a_day(folder: Path) -> None:
    clock = Clock()
    clock.now = datetime.now(UTC)
    repo = open_at(folder, clock)
    backend = local(repo)
    backend.put(P, S, b"never attached", attached=True)
    assert remove_when_due(backend.context) == 0
    for days, removed in ((0.5, 0), (2, 0), (2.5, 0), (7.9, 1), (20, 0)):
        clock.now = datetime.now(UTC) + timedelta(days=days)
        assert remove_when_due(backend.context) == removed, days


STEP = st.sampled_from(["put", "refer", "list", "expire"])
UPLOADED_AGAIN = [
    (step, 0) for step in ("put", "list", "list", "list", "list", "put", "list", "refer", *["expire"] * 5)
]
WAIT = 3  # steps between an upload and its command, at most; what was kept as long ago may expire


@settings(max_examples=examples(200, 20_000), deadline=None)
@given(st.booleans(), st.lists(st.tuples(STEP, st.integers(0, 1)), max_size=30))
@example(is_folder=True, steps=UPLOADED_AGAIN)
@example(is_folder=False, steps=UPLOADED_AGAIN)
def test_whatever_happens_in_between_no_content_is_missing(is_folder: bool, steps: list[tuple[str, int]]) -> None:
    now = count(1_700_000_000)
    with tempfile.TemporaryDirectory() as place:
        root, at = Path(place), [next(now)]
        clock = partial(at.__getitem__, 0)
        store: BlobStore = FolderBlobs(root / "blobs", clock) if is_folder else MemoryBlobs(clock)
        blobs = SubjectBlobs(store, Vault(root / "vault"), "p", "s")
        kept, referred, listed = dict[str, int](), set[str](), list[tuple[float, set[str]]]()
        for step, number in steps:
            at[0] = next(now)
            content = bytes([number])
            name = digest(content)
            if step == "put":
                assert blobs.put(content) == name
                kept[name] = at[0]
            elif step == "refer" and at[0] - kept.get(name, 0) <= WAIT:
                referred.add(name)
            elif step == "list":
                listed.append((at[0] - WAIT, set(store.names("p/s")) - referred))
            elif step == "expire" and listed:
                before, unused = listed.pop(0)
                store.expire("p/s", unused, datetime.fromtimestamp(before, UTC))
            assert referred <= set(store.names("p/s"))
        at[0] += WAIT + 1
        store.expire("p/s", set(store.names("p/s")) - referred, datetime.fromtimestamp(at[0], UTC))
        assert set(store.names("p/s")) == referred and all(digest(blobs.get(name)) == name for name in referred)
