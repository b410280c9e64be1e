"""The outbox is cut off at each step, and meets targets that fail: nothing is lost, sent twice, or left there."""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from time import sleep

import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

import eci_annotate as eci
from eci_annotate.archive import pace_limit
from eci_annotate.archive.dicomweb import DicomWebObjects
from eci_annotate.archive.remote_archive import Uids
from eci_annotate.archive.xnat import XnatObjects
from eci_annotate.cli.exchange import sync_commands
from eci_annotate.errors import StoreUnavailable, Tampered
from eci_annotate.repository.admin.create import add_member
from eci_annotate.repository.keys.repository_folder import find
from eci_annotate.repository.repository import Repository
from eci_annotate.repository.sync import sync_package
from eci_annotate.repository.sync.outbox_entries import OutboxEntry, OutboxState, log_of
from eci_annotate.repository.sync.sync_outbox import Outbox
from eci_annotate.repository.sync.sync_remotes import Package, WithdrawnFiles
from eci_annotate.repository.sync.sync_targets import SyncTarget, TargetKind, keep_target
from eci_annotate.workflow.codec import to_json
from eci_annotate.workflow.subject.commands import Withdraw
from tests.ports import free_port
from tests.repository.repository_world import ANSWERS, MEANING, P, S, as_member, lines, local
from tests.service.serving_app import running

TARGET = SyncTarget("far", P, TargetKind.DICOMWEB, "http://127.0.0.1:9/dicom-web", images=True)
FILE = Uids("1.2.3", "1.2.4", "1.2.5")


@dataclass
class Place:
    """A target in memory; it is cut off at a step, once, or stores half of what it gets."""

    files: dict[Uids, bytes] = field(default_factory=dict)
    received: list[Uids] = field(default_factory=list)
    cut: str = ""
    error: BaseException = field(default_factory=KeyboardInterrupt)

    def _at(self, step: str) -> None:
        if self.cut == step:
            self.cut = ""
            raise self.error

    def present(self, subject: str, files: Collection[Uids]) -> set[Uids]:
        self._at("before")
        return set(files) & self.files.keys()

    def send(self, package: Package) -> None:
        for number, (uids, content) in enumerate(package.files.items()):
            if number == 1:
                self._at("half")
            self.files[uids] = content
            self.received.append(uids)
        self._at("sent")

    def withdraw(self, gone: WithdrawnFiles) -> str:
        for number, uids in enumerate(gone.files):
            if number == 1:
                self._at("half withdrawn")
            self.files.pop(uids, None)
        self._at("withdrawn")
        return ""


@pytest.fixture
def anna(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A repository with one signed version."""
    repository = as_member(monkeypatch, folder, "anna")
    sign(repository)
    return repository


def sign(repository: Repository) -> None:
    """Sign a first version."""
    task = repository.start(S, "annotate", project=P)
    task.save(lines(task))
    task.answer(ANSWERS)
    task.sign(MEANING)


@pytest.mark.parametrize("step", ["before", "half", "sent"])
def test_a_version_that_was_cut_off_is_sent_and_withdrawn_whole(anna: Repository, step: str) -> None:
    place, box = Place(cut=step), Outbox(local(anna), TARGET)
    with pytest.raises(KeyboardInterrupt):
        box.run(place)
    assert Outbox(local(anna), TARGET).run(place)[OutboxState.SENT] == 1
    whole = set(place.files)
    assert len(whole) >= 4 and set(place.received) == whole
    again = len(place.received)
    assert box.run(place)[OutboxState.SENT] == 1 and len(place.received) == again
    anna.backend.do(Withdraw(P, S, "letter"))
    assert box.run(place)[OutboxState.WITHDRAWN] == 2 and not place.files


@pytest.mark.parametrize("error", [KeyboardInterrupt(), StoreUnavailable("It is full.", "Make space."), ValueError()])
@pytest.mark.parametrize("step", ["half", "sent"])
def test_what_was_sent_in_part_is_withdrawn(anna: Repository, step: str, error: BaseException) -> None:
    place, box = Place(cut=step, error=error), Outbox(local(anna), TARGET)
    with suppress(KeyboardInterrupt):
        box.run(place)
    assert place.files
    anna.backend.do(Withdraw(P, S, "letter"))
    assert box.run(place)[OutboxState.WITHDRAWN] == 2 and not place.files
    assert box.run(place)[OutboxState.WITHDRAWN] == 2 and not place.files


@pytest.mark.parametrize("step", ["half withdrawn", "withdrawn"])
def test_a_withdrawal_that_was_cut_off_is_finished_and_nothing_is_sent_again(anna: Repository, step: str) -> None:
    place, box = Place(cut=step), Outbox(local(anna), TARGET)
    box.run(place)
    sent = len(place.received)
    anna.backend.do(Withdraw(P, S, "letter"))
    with pytest.raises(KeyboardInterrupt):
        box.run(place)
    assert box.run(place)[OutboxState.WITHDRAWN] == 2
    assert not place.files and len(place.received) == sent


def test_the_next_version_sends_and_reads_no_image_again(anna: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    place, box = Place(), Outbox(local(anna), TARGET)
    box.run(place)
    first = set(place.received)
    task = anna.start(S, "annotate", project=P, rerun=True)
    task.sign(MEANING)
    monkeypatch.delattr(sync_package, "under_pseudonym")
    box.run(place)
    assert len(place.received) == len(set(place.received)) and len(set(place.received) - first) == 2


def test_a_restored_repository_whose_outbox_is_newer_sends_all_and_withdraws_all(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, restored = Place(), Path(shutil.copytree(folder, tmp_path / "restored"))
    sign(as_member(monkeypatch, folder, "anna"))
    assert Outbox(local(eci.open(folder)), TARGET).run(place)[OutboxState.SENT] == 1
    lost = set(place.files)
    shutil.copytree(folder / "sites", restored / "sites", dirs_exist_ok=True)
    again = as_member(monkeypatch, restored, "anna")
    sign(again)  # as many events as before, of another version 1
    box = Outbox(local(again), TARGET)
    assert box.run(place)[OutboxState.SENT] == 1 and len(set(place.files) - lost) == 2
    (entry,) = box.entries()
    assert len(entry.labels) == 2 and entry.label in entry.labels
    again.backend.do(Withdraw(P, S, "letter"))
    assert box.run(place)[OutboxState.WITHDRAWN] == 2 and not place.files


def test_a_run_with_nothing_to_do_writes_nothing(anna: Repository, folder: Path) -> None:
    place, box = Place(), Outbox(local(anna), TARGET)
    box.run(place)
    log = folder / "sites" / "outbox" / "far.jsonl"
    size = log.stat().st_size
    box.run(place)
    assert log.stat().st_size == size


def test_two_runs_at_once_send_each_file_once(anna: Repository) -> None:
    place = Place()
    runs = [Thread(target=Outbox(local(anna), TARGET).run, args=(place,)) for _ in range(4)]
    for each in runs:
        each.start()
    for each in runs:
        each.join()
    assert len(place.received) == len(place.files) >= 4


def test_a_target_that_is_away_is_not_tried_for_each_subject_and_keeps_none_back(anna: Repository) -> None:
    asked = list[str]()

    class Away(Place):
        def withdraw(self, gone: WithdrawnFiles) -> str:
            asked.append(gone.subject)
            raise StoreUnavailable("It does not answer.", "Wait.")

    root, now = local(anna).context.layout.root, local(anna).context.clock()
    names = [f"ECI_KAU_S{number:04d}" for number in range(5, 10)]
    waiting = [OutboxEntry(name, "", 0, "", now, due=now + timedelta(days=9)) for name in names]  # by a clock ahead
    log_of(root, TARGET).add({each.key: to_json(each) for each in waiting})
    box = Outbox(local(anna), TARGET)
    box.run(Away())
    assert asked == names[:3]
    box.retry()
    box.run(Away())
    assert asked[3:] == [*names[3:], names[0]]


def test_a_target_whose_list_is_damaged_keeps_no_other_target_back(anna: Repository) -> None:
    folder = local(anna).context.layout.root
    for name in ("a", "b"):
        keep_target(local(anna), SyncTarget(name, P, TargetKind.XNAT, f"http://127.0.0.1:9/{name}", "eci"))
    (folder / "sites" / "outbox").mkdir()
    (folder / "sites" / "outbox" / "a.jsonl").write_text("damaged\n")
    with pytest.raises(Tampered):
        sync_commands.run(folder, None)
    assert (folder / "sites" / "outbox" / "b.jsonl").exists()


def test_an_error_that_nobody_foresaw_is_listed_and_names_no_value(anna: Repository) -> None:
    box = Outbox(local(anna), TARGET)
    assert box.run(Place(cut="before", error=KeyError("KANARIE^A")))[OutboxState.FAILED] == 1
    (entry,) = box.entries()
    assert entry.problem == "KeyError" and entry.due is not None


def test_a_member_who_sees_fewer_subjects_takes_none_from_the_others(
    anna: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = local(anna).context.layout.root
    add_member(anna, find(folder), "vera", project=P, roles=("reviewer",), site="VIE", sites=("VIE",))
    place = Place()
    vera = as_member(monkeypatch, folder, "vera")
    assert Outbox(local(vera), TARGET).run(place)[OutboxState.SENT] == 0 and not place.files
    assert Outbox(local(anna), TARGET).run(place)[OutboxState.SENT] == 1


# -- what a DICOMweb archive answers ----------------------------------------------
def row(reason: int = 0) -> dict[str, object]:
    found: dict[str, object] = {"00081155": {"vr": "UI", "Value": [FILE.sop]}}
    return found | ({"00081197": {"vr": "US", "Value": [reason]}} if reason else {})


def answer(*kept: object, failed: tuple[object, ...] = ()) -> str:
    sequences = {"00081199": {"vr": "SQ", "Value": list(kept)}, "00081198": {"vr": "SQ", "Value": list(failed)}}
    return json.dumps({tag: each for tag, each in sequences.items() if each["Value"]})


@dataclass
class Scripted:
    """A DICOMweb archive that gives one answer to whatever is stored."""

    status: int = 200
    body: str = ""
    has: bytes = b""
    search: int = 200


@pytest.fixture(scope="module")
def scripted() -> Iterator[tuple[str, Scripted]]:
    script, app, port = Scripted(), FastAPI(), free_port()

    @app.post("/studies")
    async def store(request: Request) -> Response:
        await request.body()
        return Response(script.body, script.status)

    @app.get("/studies")
    async def search() -> Response:
        return Response("[]", script.search)

    @app.delete("/{path:path}")
    async def delete(path: str) -> Response:
        return Response(status_code=script.status)

    @app.get("/{path:path}")
    async def get(path: str) -> Response:
        content = b"--x\r\nContent-Type: application/dicom\r\n\r\n" + script.has + b"\r\n--x--\r\n"
        return Response(content, media_type='multipart/related; type="application/dicom"; boundary=x')

    with running(app, port):
        yield f"http://127.0.0.1:{port}", script


@pytest.mark.parametrize(
    ("status", "body", "has"),
    [(200, answer(row()), b""), (202, answer(row()), b""), (409, answer(failed=(row(0x0111),)), b"content")],
)
def test_an_archive_has_the_file(scripted: tuple[str, Scripted], status: int, body: str, has: bytes) -> None:
    url, script = scripted
    script.status, script.body, script.has = status, body, has
    DicomWebObjects(url).put(S, {FILE: b"content"})


@pytest.mark.parametrize(
    ("status", "body", "what"),
    [
        (200, answer(failed=(row(0xA700),)), "A700H"),
        (202, answer(failed=(row(0x0110),)), "0110H"),
        (200, answer(row(), failed=(row(0x0110),)), "0110H"),
        (409, answer(failed=(row(0x0111),)), "0111H"),
        (409, "", "not JSON"),
        (200, "<html>Please log in</html>", "not JSON"),
        (200, "{}", "did not keep 1"),
        (200, "[]", "did not keep 1"),
        (200, '{"00081199": {"Value": [{}]}}', "did not keep 1"),
        (200, '{"00081199": 5}', "did not keep 1"),
        (401, "", "401"),
        (500, answer(row()), "500"),
        (507, "", "507"),
        (302, "", "302"),
    ],
)
def test_an_archive_that_did_not_keep_the_file_is_named(
    scripted: tuple[str, Scripted], status: int, body: str, what: str
) -> None:
    url, script = scripted
    script.status, script.body, script.has = status, body, b"another file"
    with pytest.raises(StoreUnavailable, match=what):
        DicomWebObjects(url).put(S, {FILE: b"content"})


@pytest.mark.parametrize("search", [404, 401, 502])
def test_an_archive_that_is_not_there_has_deleted_nothing(scripted: tuple[str, Scripted], search: int) -> None:
    url, script = scripted
    script.status, script.search = 404, search
    with pytest.raises(StoreUnavailable, match=str(search)):
        DicomWebObjects(url).delete(S, FILE)
    script.search = 204
    DicomWebObjects(url).delete(S, FILE)


def test_a_target_that_sends_a_byte_now_and_then_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace_limit, "GRACE_S", 0.2)

    class Dripping(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "60")
            self.end_headers()
            for _ in range(60):
                self.wfile.write(b"x")
                self.wfile.flush()
                sleep(0.05)

    server = HTTPServer(("127.0.0.1", 0), Dripping)
    Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        for objects in (DicomWebObjects(url), XnatObjects(url, "p")):
            with pytest.raises(StoreUnavailable, match="ReadTimeout"):
                objects.get(S, FILE)
    finally:
        server.shutdown()
        server.server_close()


def test_a_certificate_that_nobody_vouches_for_is_named(tmp_path: Path) -> None:
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    subprocess.run([*words, "-keyout", tmp_path / "key", "-out", tmp_path / "cert"], check=True, capture_output=True)
    server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    Thread(target=server.serve_forever, daemon=True).start()
    url = f"https://127.0.0.1:{server.server_port}"
    try:
        for act in (
            lambda: DicomWebObjects(url).put(S, {FILE: b"content"}),
            lambda: DicomWebObjects(url).present(S, {FILE}),
            lambda: XnatObjects(url, "eci").put(S, {FILE: b"content"}),
        ):
            with pytest.raises(StoreUnavailable, match=r"certificate of the .* is not trusted"):
                act()
    finally:
        server.shutdown()
