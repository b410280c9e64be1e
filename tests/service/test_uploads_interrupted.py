"""What arrived from a site is taken in whole, whatever fails on the way: it waits, and is not held back."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom import dcmread

from eci_annotate.errors import BadImages, Conflict, LeaseLost, StoreUnavailable
from eci_annotate.repository.admin import import_dicom
from eci_annotate.repository.admin.backup import back_up, restore
from eci_annotate.repository.admin.held_files import held_sets
from eci_annotate.repository.admin.import_dicom import release_held
from eci_annotate.repository.admin.ingest_subject import is_ingested
from eci_annotate.repository.local.backend import LocalBackend
from eci_annotate.repository.sites.arrivals import Arrivals, FileState
from eci_annotate.repository.sites.ingest_arrivals import ingest, ingest_all
from eci_annotate.repository.sites.site_credentials import credential_named, issue
from eci_annotate.workflow.subject.commands import Describe
from tests.service.service_world import P
from tests.service.site_world import deidentified, owner, sha256

S = "ECI_KAU_S0002"


def arrived(backend: LocalBackend, paths: list[Path], site: str = "KAU") -> Arrivals:
    """What a site sent, before it is taken in."""
    credential, _ = issue(backend, P, site)
    arrivals = Arrivals(backend.context, credential_named(backend.context.layout, credential))
    for path in paths:
        content = path.read_bytes()
        arrivals.require_space(len(content))
        arrivals.append(sha256(path), 0, [content], len(content))
    return arrivals


def fail_once(monkeypatch: pytest.MonkeyPatch, step: str, error: Exception) -> None:
    """Let a step of the import fail at its first call."""
    real, left = getattr(import_dicom, step), [error]

    def failing(*given: object, **named: object) -> object:
        if left:
            raise left.pop()
        return real(*given, **named)

    monkeypatch.setattr(import_dicom, step, failing)


@pytest.mark.parametrize("step", ["known_images", "sign_ingest"])
def test_what_could_not_be_taken_in_now_waits(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    backend, paths = owner(folder), deidentified(tmp_path)
    arrivals = arrived(backend, paths)
    fail_once(monkeypatch, step, StoreUnavailable("No database.", ""))
    with pytest.raises(StoreUnavailable):
        ingest(backend.context, arrivals.credential.id, 0.0)
    assert {each.state for each in arrivals.states(map(sha256, paths)).values()} == {FileState.RECEIVED}
    assert ingest(backend.context, arrivals.credential.id, 0.0) == len(paths)
    done = arrivals.states(map(sha256, paths)).values()
    assert {(each.state, each.subject) for each in done} == {(FileState.CONFIRMED, S)}
    assert is_ingested(backend.context, P, S) and not held_sets(backend)


@pytest.mark.parametrize("error", [LeaseLost("Another process imports.", ""), Conflict("Too busy.", "")])
def test_images_are_confirmed_only_under_a_signed_ingest(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    backend, paths = owner(folder), deidentified(tmp_path)
    arrivals = arrived(backend, paths)
    fail_once(monkeypatch, "sign_ingest", error)
    with pytest.raises(type(error)):
        ingest(backend.context, arrivals.credential.id, 0.0)
    ingest(backend.context, arrivals.credential.id, 0.0)
    assert {each.state for each in arrivals.states(map(sha256, paths)).values()} == {FileState.CONFIRMED}
    assert is_ingested(backend.context, P, S)


def test_images_whose_ingest_always_fails_are_held_back_and_not_confirmed(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend, paths = owner(folder), deidentified(tmp_path)
    arrivals = arrived(backend, paths)

    def failing(*given: object, **named: object) -> None:
        raise BadImages("The slices contradict each other.", "")

    with monkeypatch.context() as patched:
        patched.setattr(import_dicom, "sign_ingest", failing)
        assert ingest(backend.context, arrivals.credential.id, 0.0) == len(paths)
    states = arrivals.states(map(sha256, paths)).values()
    assert {(each.state, each.reason) for each in states} == {(FileState.HELD, "cannot be taken in (BadImages)")}
    assert not backend.context.archive.studies(S) and not backend.subject(P, S).included
    (one,) = held_sets(backend)
    backend.do(Describe(P, S, included=True))
    release_held(backend, one.id, "the release before could not read them")
    assert {each.state for each in arrivals.states(map(sha256, paths)).values()} == {FileState.CONFIRMED}
    assert is_ingested(backend.context, P, S)


def test_a_credential_whose_files_fail_keeps_no_other_waiting(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = owner(folder)
    both = {path: arrived(backend, [path]) for path in deidentified(tmp_path)[:2]}
    fail_once(monkeypatch, "known_images", OSError(28, "full"))
    assert ingest_all(backend.context, 0.0) == 1
    states = sorted(each.states([sha256(path)])[sha256(path)].state for path, each in both.items())
    assert states == [FileState.CONFIRMED, FileState.RECEIVED]


def test_a_subject_that_comes_during_a_backup_is_readable_and_one_after_a_restore(folder: Path, tmp_path: Path) -> None:
    backend, paths, ingested = owner(folder), deidentified(tmp_path), list[int]()
    arrivals = arrived(backend, paths[:1])

    def meanwhile(part: str, done: int, of: int) -> None:
        if not ingested:
            ingested.append(ingest(backend.context, arrivals.credential.id, 0.0))

    back_up(folder, tmp_path / "out", tmp_path / "keys", meanwhile)
    assert all(check.passed for check in restore(tmp_path / "out", tmp_path / "keys", tmp_path / "restored").checks)
    again = owner(tmp_path / "restored")
    later = arrived(again, paths[1:])
    ingest(again.context, later.credential.id, 0.0)
    assert {each.subject for each in later.states(map(sha256, paths[1:])).values()} == {S}


def test_a_recorded_subject_that_a_restored_repository_lacks_is_enrolled(folder: Path, tmp_path: Path) -> None:
    backend, paths = owner(folder), deidentified(tmp_path)
    arrivals = arrived(backend, paths)
    arrivals.subjects.add({str(dcmread(paths[0]).PatientID): "ECI_KAU_S0009"})
    ingest(backend.context, arrivals.credential.id, 0.0)
    found = arrivals.states(map(sha256, paths)).values()
    assert {(each.state, each.subject) for each in found} == {(FileState.CONFIRMED, "ECI_KAU_S0009")}


def test_what_was_held_back_is_sent_again_after_a_restore(folder: Path, tmp_path: Path) -> None:
    backend, (first, *others) = owner(folder), deidentified(tmp_path)
    dataset = dcmread(first)
    dataset.ReferringPhysicianName = "Kanarie"
    dataset.save_as(first)
    arrivals = arrived(backend, [first, others[0]])
    ingest(backend.context, arrivals.credential.id, 0.0)
    assert arrivals.states([sha256(first)])[sha256(first)].state is FileState.HELD
    back_up(folder, tmp_path / "out", tmp_path / "keys")
    restore(tmp_path / "out", tmp_path / "keys", tmp_path / "restored")
    found = arrived(owner(tmp_path / "restored"), []).states([sha256(first), sha256(others[0])])
    assert [each.state for each in found.values()] == [FileState.ABSENT, FileState.CONFIRMED]
