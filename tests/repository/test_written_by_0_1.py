"""What release 0.1 wrote opens, verifies and goes on: drafts, signed versions, checkpoints and members."""

from __future__ import annotations

import subprocess
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from eci_annotate.repository.repository import Repository
from tests.postgres import Server
from tests.repository.repository_world import ANSWERS, MEANING, Clock, P, S, local, open_at

WRITTEN = Path(__file__).parents[1] / "data" / "written_by_0_1"
DRAFTED = "ECI_KAU_S0002"


def unpacked(name: str, where: Path) -> Path:
    """One of the stored repositories, in a folder of the test's own."""
    with tarfile.open(WRITTEN / f"{name}.tar.xz") as stored:
        stored.extractall(where, filter="data")
    return where / name


def in_postgres(where: Path, postgres: Server, dsn: str) -> Path:
    """The stored repository whose events are in a database."""
    folder = unpacked("postgres", where)
    subprocess.run(["psql", "-q", "-v", "ON_ERROR_STOP=1", "-f", folder / "dump.sql", dsn], check=True)
    (folder / "store.dsn").write_text(dsn + "\n")
    return folder


@pytest.fixture(params=["folder", "postgres"])
def stored(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The repository, as a folder and in PostgreSQL."""
    if request.param == "folder":
        return unpacked("repository", tmp_path)
    return in_postgres(tmp_path, request.getfixturevalue("postgres"), request.getfixturevalue("dsn"))


def opened(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """It, opened by a member while all certificates are valid."""
    monkeypatch.setenv("ECI_ANNOTATE_CREDENTIAL", str(folder / "members" / f"{name}.key"))
    clock = Clock()
    clock.now = datetime(2026, 12, 1, tzinfo=UTC)
    return open_at(folder, clock)


def test_it_verifies(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = opened(stored, "anna", monkeypatch)
    outcome = repository.verify()
    assert outcome.passed and len(outcome.checks) >= 20
    proofs = local(repository).trail.check_checkpoints()
    assert len(proofs) >= 8 and all(check.passed for check in proofs)


def test_its_versions_read_as_they_were_signed(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = opened(stored, "anna", monkeypatch)
    first, second = repository.versions(S, project=P)
    assert [first.version, second.version] == [1, 2]
    assert [each.label for each in second.annotations()] == ["lesion 1", "lesion 2"]
    ct = repository.volume(second.annotations()[0].series_uid)
    assert [int(each.mask_on(ct).sum()) for each in second.annotations()] == [640, 640]
    assert repository.layer(S, "pathology", project=P) == b"kind,grade\nmetastasis,2\n"


def test_its_draft_goes_on(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = opened(stored, "ben", monkeypatch).start(DRAFTED, "annotate", project=P)
    draft = task.draft()
    assert draft.answers["image_quality"] == "good" and len(draft.lines) == 5
    task.answer(ANSWERS)
    signed = task.sign(MEANING)
    assert signed.version == 1 and [each.label for each in signed.annotations()] == ["lesion 1"]
    assert opened(stored, "anna", monkeypatch).verify(signed).passed


def test_its_next_version_follows(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = opened(stored, "anna", monkeypatch)
    task = repository.start(S, "annotate", project=P, rerun=True)
    signed = task.sign(MEANING)
    assert signed.version == 3 and repository.verify().passed
