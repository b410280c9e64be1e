"""Who is told what, once: by mail to the person, by webhook to other systems; and a checkpoint when there is news."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

import eci_annotate as eci
from eci_annotate.errors import NotARepository
from eci_annotate.hub.background.notifier import VARIABLE, Notifier, Ways
from eci_annotate.hub.core.middleware import Numbers
from eci_annotate.repository.service.local_service import service_of
from eci_annotate.repository.sync.outbox_entries import OutboxState
from eci_annotate.repository.sync.sync_outbox import Outbox
from eci_annotate.repository.sync.sync_targets import SyncTarget, TargetKind, keep_target
from eci_annotate.workflow.subject.commands import AddMember, Assign, ChangeMember, Reopen
from tests.ports import free_port
from tests.repository.repository_world import ANSWERS, MEANING, as_member, lines, local
from tests.service.matrix_world import Q, other_project
from tests.service.service_world import P, S


class Mail(socketserver.StreamRequestHandler):
    """A mail server that keeps what it is sent."""

    got: ClassVar[list[str]] = []

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        text, body = "", False
        for line in self.rfile:
            if body:
                body = line != b".\r\n"
                text += line.decode() if body else ""
                if not body:
                    self.got.append(text)
                    self.wfile.write(b"250 kept\r\n")
            elif line.upper().startswith(b"DATA"):
                body = True
                self.wfile.write(b"354 go on\r\n")
            elif line.upper().startswith(b"QUIT"):
                self.wfile.write(b"221 bye\r\n")
                return
            else:
                self.wfile.write(b"250 ok\r\n")


class Hook(BaseHTTPRequestHandler):
    """A webhook that keeps what it is sent."""

    got: ClassVar[list[dict[str, Any]]] = []

    def do_POST(self) -> None:
        self.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@contextmanager
def listening(server: Any) -> Iterator[int]:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield int(server.server_address[1])
    server.shutdown()
    server.server_close()


def test_people_are_told_and_systems_too(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Mail.got.clear()
    Hook.got.clear()
    mail, hook = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mail), HTTPServer(("127.0.0.1", 0), Hook)
    with listening(mail) as mail_port, listening(hook) as hook_port:
        file = tmp_path / "notify.yaml"
        people = "{anna: anna@example.org, ruth: ruth@example.org}"
        file.write_text(
            f"server: 127.0.0.1:{mail_port}\npeople: {people}\nwebhooks: ['http://127.0.0.1:{hook_port}/']\n"
        )
        monkeypatch.setenv(VARIABLE, str(file))
        ways = Ways.from_environment()
        repo = as_member(monkeypatch, folder, "anna")
        assert ways is not None
        notifier = Notifier(service_of(local(repo)), ways)
        assert notifier.step() == 0  # the past is no news
        repo.backend.do(Assign(P, S, "review", "ruth"))
        task = repo.start(S, "annotate")
        task.save(lines(task))
        task.answer(ANSWERS)
        task.sign(MEANING)
        assert notifier.step() == 2 and notifier.step() == 0
        ruth = as_member(monkeypatch, folder, "ruth")
        ruth.start(S, "review").sign("I looked", verdict="reject", reason="the cyst is missing")
        assert notifier.step() >= 2
    assert [(told["what"], told["task"], told["to"]) for told in Hook.got][:2] == [
        ("signed", "annotate", "anna"), ("ready", "review", "ruth"),
    ]  # fmt: skip
    assert ("rejected", "annotate", "anna") in [(t["what"], t["task"], t["to"]) for t in Hook.got]
    got = [text.replace("=\r\n", "") for text in Mail.got]
    first, second = got[0], next(text for text in got if "rejected" in text)
    assert "To: ruth@example.org" in first and "is ready for you" in first
    assert "To: anna@example.org" in second and "the cyst is missing" in second


def test_who_left_the_project_gets_no_mail_about_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Mail.got.clear()
    owner = as_member(monkeypatch, folder, "anna")
    other_project(folder)
    with listening(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mail)) as port:
        ways = Ways(f"127.0.0.1:{port}", people={name: f"{name}@example.org" for name in ("anna", "ben")})
        notifier = Notifier(service_of(local(owner)), ways)
        notifier.step()
        task = as_member(monkeypatch, folder, "ben").start(S, "annotate")
        task.save(lines(task))
        task.answer(ANSWERS)
        task.sign(MEANING)
        (key,) = (each.key for each in owner.backend.account.members(P) if each.name == "ben")
        owner.backend.do(AddMember(Q, "ben", "KAU", ("annotator",), key))
        owner.backend.do(ChangeMember(P, "ben", ()))
        as_member(monkeypatch, folder, "ruth").start(S, "review").sign("I looked", verdict="reject", reason="a cyst")
        assert notifier.step() and not [text for text in Mail.got if "ben@" in text]
        owner.backend.do(ChangeMember(P, "ben", ("annotator",)))
        owner.backend.do(Reopen(P, S, "annotate", "cyst"))
        assert notifier.step() and "cyst" in Mail.got[-1] and "To: ben@example.org" in Mail.got[-1]


def test_nothing_is_told_without_a_way_and_a_bad_file_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert Ways.from_environment() is None
    monkeypatch.setenv(VARIABLE, str(tmp_path / "none.yaml"))
    with pytest.raises(NotARepository, match="cannot be read"):
        Ways.from_environment()


def test_a_checkpoint_is_taken_when_there_is_news_and_not_without(folder: Path) -> None:
    repo = eci.open(folder)
    upkeep = service_of(local(repo)).upkeep
    upkeep.checkpoint()
    assert not upkeep.checkpoint()
    repo.studies(S)  # a reading is news
    assert upkeep.checkpoint() and not upkeep.checkpoint()
    assert all(check.passed for check in local(repo).trail.check_checkpoints())


def test_an_owner_is_told_once_that_an_archive_cannot_be_reached(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    Mail.got.clear()
    repo = as_member(monkeypatch, folder, "anna")
    box = Outbox(local(repo), SyncTarget("far", P, TargetKind.DICOMWEB, f"http://127.0.0.1:{free_port()}", by="anna"))
    keep_target(local(repo), box.target)
    task = repo.start(S, "annotate")
    task.save(lines(task))
    task.answer(ANSWERS)
    task.sign(MEANING)
    assert box.run()[OutboxState.FAILED] == 1
    service, numbers = service_of(local(repo)), Numbers()
    mail = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mail)
    with listening(mail) as port:
        ways = Ways(server=f"127.0.0.1:{port}", people={"anna": "anna@example.org"})
        notifier = Notifier(service, ways)
        states = service.upkeep.synchronise()
        numbers.count_sync(states)
        assert [notifier.tell_of_sync(each) for each in (states, service.upkeep.synchronise())] == [1, 0]
    (text,) = [each.replace("=\r\n", "") for each in Mail.got]
    assert "To: anna@example.org" in text and "Sending to 'far' in" in text and "failed and is tried again" in text
    exported = numbers.text().decode()
    assert 'eci_sync_failing{direction="send",name="far"} 1.0' in exported
    assert 'eci_sync{direction="send",name="far",state="failed"} 1.0' in exported
    assert S not in exported
