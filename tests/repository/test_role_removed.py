"""A member whose role is removed while their command is in flight: the event is not written, whatever was checked."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eci_annotate.errors import EciError, NoIdentity, Refused
from eci_annotate.hub.core.token_identity import HubIdentity
from eci_annotate.repository.local import command_handler, sign
from eci_annotate.repository.local.backend import LocalBackend
from eci_annotate.repository.local.event_streams import project_stream, subject_stream
from eci_annotate.repository.open_repository import open
from eci_annotate.repository.task import Task
from eci_annotate.workflow.subject.commands import AddMember, Assign, ChangeMember, RevokeCertificate, Start
from eci_annotate.workflow.trust.certificates import public_pem
from eci_annotate.workflow.trust.rsa_keys import fingerprint
from tests.repository.repository_world import ANSWERS, MEANING, P, S, as_member, lines, local, make


@pytest.fixture(params=["folder", "postgres"])
def owner(request: pytest.FixtureRequest, tmp_path: Path) -> LocalBackend:
    """Anna's backend at a folder, or at PostgreSQL."""
    if request.param == "folder":
        return local(open(Path(shutil.copytree(request.getfixturevalue("made"), tmp_path / "repository"))))
    return local(open(make(tmp_path, request.getfixturevalue("dsn"))))


def member(owner: LocalBackend, name: str) -> LocalBackend:
    """A member's backend, in a process of its own."""
    context = local(open(owner.context.layout.root)).context
    return LocalBackend(context, HubIdentity(name, "one"))


def between(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, act: Callable[[], object]) -> None:
    """Let `act` happen once, after the decision of a command and before its events are written."""
    real, done = getattr(module, name), list[bool]()

    def decided(*args: Any) -> Any:
        events = real(*args)
        if events and not done:
            done.append(True)
            act()
        return events

    monkeypatch.setattr(module, name, decided)


def revoke(owner: LocalBackend, name: str) -> None:
    """Revoke all certificates of a member."""
    found = owner.context.streams.projects()[P].members[name]
    for pem, _ in found.certificates:
        owner.do(RevokeCertificate(P, name, fingerprint(public_pem(pem)), "lost"))


def finished(monkeypatch: pytest.MonkeyPatch, folder: Path, name: str) -> Task:
    """Return a task of a member that is ready to be signed."""
    task = as_member(monkeypatch, folder, name).start(S, "annotate")
    task.save(lines(task))
    task.answer(ANSWERS)
    return task


def length(owner: LocalBackend, stream: str) -> int:
    return len(owner.context.streams.records(stream))


def test_a_command_of_a_member_who_is_removed_meanwhile_writes_nothing(
    owner: LocalBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    ben, before = member(owner, "ben"), length(owner, subject_stream(P, S))
    removal = ChangeMember(P, "ben", ())
    between(monkeypatch, command_handler, "decide", lambda: owner.do(removal))
    with pytest.raises((NoIdentity, Refused)):
        ben.do(Start(P, S, "annotate"))
    assert length(owner, subject_stream(P, S)) == before


def test_who_is_no_owner_any_more_administers_nothing(owner: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    owner.do(ChangeMember(P, "ben", ("owner",), ("*",)))
    ben, after = member(owner, "ben"), length(owner, project_stream(P)) + 1
    removal = ChangeMember(P, "ben", ("annotator",))
    between(monkeypatch, command_handler, "decide_project", lambda: owner.do(removal))
    with pytest.raises(Refused):
        ben.do(AddMember(P, "eve", "KAU", ("owner",), "", ("*",)))
    assert length(owner, project_stream(P)) == after


def test_another_change_of_the_project_refuses_nobody(owner: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    ben = member(owner, "ben")
    between(
        monkeypatch, command_handler, "decide", lambda: owner.do(AddMember(P, "eve", "KAU", ("annotator",), "", ()))
    )
    seen = ben.do(Start(P, S, "annotate"))
    assert seen is not None and seen.task("annotate").mine


def test_no_task_is_assigned_to_a_member_who_is_removed_meanwhile(
    owner: LocalBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = member(owner, "anna")
    removal = ChangeMember(P, "ben", ())
    real, done = command_handler._check_is_member, list[bool]()

    def checked(*args: Any) -> None:
        real(*args)
        if not done:
            done.append(True)
            owner.do(removal)

    monkeypatch.setattr(command_handler, "_check_is_member", checked)
    with pytest.raises(Refused):
        again.do(Assign(P, S, "annotate", "ben"))


def test_a_signature_of_a_member_who_is_removed_meanwhile_counts_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = local(open(folder))
    task = finished(monkeypatch, folder, "ben")
    between(monkeypatch, sign, "decide", lambda: owner.do(ChangeMember(P, "ben", ())))
    with pytest.raises((NoIdentity, Refused)):
        task.sign(MEANING)
    assert not owner.subject(P, S).task("annotate").signed


def test_a_signature_under_a_key_that_is_revoked_meanwhile_counts_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = local(open(folder))
    task = finished(monkeypatch, folder, "ben")
    between(monkeypatch, sign, "decide", lambda: revoke(owner, "ben"))
    with pytest.raises(EciError, match="not valid here now"):
        task.sign(MEANING)
    assert not owner.subject(P, S).task("annotate").signed
