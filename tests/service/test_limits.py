"""Nobody exhausts the service: bodies, requests a second and open streams are bounded for each person, not for all."""

from __future__ import annotations

import asyncio
import resource
import socket
from collections.abc import Iterator, MutableMapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from eci_annotate.errors import Overloaded
from eci_annotate.hub.api import content
from eci_annotate.hub.app import make_app
from eci_annotate.hub.core import middleware as watching
from eci_annotate.hub.core import slow_clients
from eci_annotate.hub.core.service_context import AT_ONCE, LOADING, Allowance
from eci_annotate.hub.core.settings import Settings
from eci_annotate.hub.pages.router import PAGES
from eci_annotate.workflow.subject.commands import Attach
from tests.ports import free_port
from tests.service.service_world import P, S, remote, tokens
from tests.service.serving_app import running


@pytest.fixture
def served(folder: Path) -> Iterator[tuple[str, Allowance]]:
    """A service with small limits."""
    port = free_port()
    app = make_app(Settings(folder, port=port), tokens())
    app.state.desk.allowance = Allowance(per_second=5, burst=10, streams=2)
    with running(app, port, keep_alive_s=1):
        yield f"http://127.0.0.1:{port}/services/eci", app.state.desk.allowance


def line(address: str, name: str) -> httpx.Client:
    return httpx.Client(
        base_url=f"{address}/api", headers={"Authorization": f"Bearer token-{name}"}, timeout=30, verify=False
    )


def test_who_asks_too_often_waits_and_others_do_not(served: tuple[str, Allowance]) -> None:
    with line(served[0], "ben") as ben, line(served[0], "anna") as anna:
        answers = [ben.get("/projects") for _ in range(30)]
        assert {a.status_code for a in answers} == {200, 429} and answers[-1].json()["error"] == "Overloaded"
        assert anna.get("/projects").status_code == 200


def test_streams_of_a_person_are_bounded_and_given_back(served: tuple[str, Allowance]) -> None:
    address, allowance = served
    series = next(s.series_uid for study in remote(address, "anna").studies(S) for s in study.series)
    path = f"/projects/{P}/subjects/{S}/series/{series}/values"
    with line(address, "ben") as ben:
        for _ in range(2):
            allowance.begin("ben")
        assert ben.get(path).status_code == 429
        allowance.end("ben")
        assert ben.get(path).status_code == 200  # and its own stream is given back
        assert ben.get(path).status_code == 200


def test_bodies_are_bounded_declared_or_not(served: tuple[str, Allowance], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "LARGEST", 10_000)
    with line(served[0], "ben") as ben:
        answer = ben.post("/commands", content=b"x" * 10_001)
        assert (answer.status_code, answer.json()["what"]) == (413, "The body is too large.")

        def pieces() -> Iterator[bytes]:
            for _ in range(100):
                yield b"x" * 1000

        with pytest.raises(httpx.HTTPError):
            if ben.post("/commands", content=pieces()).status_code in (400, 413, 422, 429):
                raise httpx.HTTPError("cut off")
        assert ben.get("/projects").status_code == 200


def test_a_body_is_limited_by_its_route_not_by_how_the_address_ends(served: tuple[str, Allowance]) -> None:
    """Two MB to a draft named `add` are a draft; to the page of that address they are an upload."""
    of = f"/projects/{P}/subjects/{S}"
    with line(served[0], "ben") as ben:
        for path, size in ((f"{of}/drafts/add", 5 << 20), ("/notes", 2 << 20), (f"{of}/blobs", 257 << 20)):
            with socket.create_connection(("127.0.0.1", ben.base_url.port or 0), 10) as raw:
                head = f"POST {ben.base_url.path.rstrip('/')}{path} HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n"
                raw.sendall(f"{head}Authorization: Bearer token-ben\r\n\r\n".encode())
                assert raw.recv(4096).startswith(b"HTTP/1.1 413"), path


@pytest.mark.parametrize("token", ["", "Authorization: Bearer made-up\r\n"])
def test_without_a_token_no_body_is_read(
    served: tuple[str, Allowance], token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "REST_S", 0.3)
    address = httpx.URL(served[0])
    path = f"{address.path}/api/projects/{P}/subjects/{S}/drafts/add"
    with socket.create_connection((address.host, address.port or 0), 10) as raw:
        raw.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n{token}\r\n".encode())
        raw.sendall(b"[" * 100_000)  # the rest never comes: the answer does not wait for it long
        answer = raw.recv(4096)
    assert answer.startswith(b"HTTP/1.1 401"), answer[:80]


SLOW = {
    "nothing": "",
    "half a head": "GET {path} HTTP/1.1\r\nHost: x\r\nX: ",
    "half a second head": "GET {path} HTTP/1.1\r\nHost: x\r\n\r\nGET ",
    "half a body": "POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer token-ben\r\nContent-Length: 99\r\n\r\n[",
}


@pytest.mark.parametrize("kind", SLOW)
def test_a_slow_client_is_cut_off(served: tuple[str, Allowance], kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slow_clients, "HEAD_S", 0.2)
    monkeypatch.setattr(watching, "BODY_S", 0.2)
    monkeypatch.setattr(watching, "REST_S", 0.1)
    address = httpx.URL(served[0])
    path = f"{address.path}/api/commands" if "body" in kind else f"{address.path}/health"
    with socket.create_connection((address.host, address.port or 0), 10) as raw:
        raw.sendall(SLOW[kind].format(path=path).encode())
        answer = b"".join(iter(lambda: raw.recv(4096), b""))  # until the service closes
    assert answer.startswith({"half a second head": b"HTTP/1.1 200", "half a body": b"HTTP/1.1 4"}.get(kind, b""))


def test_connections_leave_files_for_the_service() -> None:
    most = slow_clients.most_connections()
    assert 32 <= most <= resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2


def test_a_body_of_too_many_lists_is_refused(served: tuple[str, Allowance]) -> None:
    with line(served[0], "ben") as ben:
        served[1]._burst = 1000.0
        answer = ben.post("/commands", content=b"[" * 500_001 + b"]" * 500_001)
        assert (answer.status_code, answer.json()["error"]) == (400, "BadRequest")


def test_large_bodies_are_parsed_one_after_the_other() -> None:
    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": bytes(40 << 10), "more_body": False}

    async def two() -> None:
        turn = asyncio.Lock()
        one, other = (watching._Body(receive, 1 << 20, turn) for _ in range(2))
        await one.receive()
        waits = asyncio.create_task(other.receive())
        await asyncio.sleep(0)
        assert turn.locked() and not waits.done()
        await one.release()
        assert len((await waits)["body"]) == 40 << 10
        await other.release()
        assert not turn.locked()

    asyncio.run(two())


def test_large_content_counts_until_the_client_has_it(
    served: tuple[str, Allowance], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, allowance = served
    allowance._per_second = allowance._burst = 1e9
    repo = remote(address, "anna")
    digest = repo.backend.put(P, S, b"a,b\n1,2\n", attached=True)
    repo.backend.do(Attach(P, S, "table", "text/csv", digest, 8))
    path = f"/projects/{P}/subjects/{S}/blobs/{digest}"
    monkeypatch.setattr(content, "LARGE", 4)
    with line(address, "anna") as anna:
        for _ in range(content.MOST_LARGE):
            allowance.begin("large/anna")
        assert anna.get(path).status_code == 429
        allowance.end("large/anna")
        assert [anna.get(path).status_code for _ in range(3)] == [200] * 3  # each is given back
        for _ in range(LOADING):
            allowance.begin("loading/anna", LOADING)
        assert anna.get(path).status_code == 429


def test_heavy_requests_and_stored_bytes_of_a_person_are_bounded(served: tuple[str, Allowance]) -> None:
    address, allowance = served
    path = f"/projects/{P}/subjects/{S}"
    with line(address, "ben") as ben, line(address, "anna") as anna:
        with allowance.heavy("ben"), allowance.heavy("ben"):
            assert ben.post(f"{path}/verification", json={}).status_code == 429
            assert anna.post(f"{path}/verification", json={}).status_code == 200
        assert ben.post(f"{path}/verification", json={}).status_code == 200
        remote(address, "ben").start(S, "annotate")
        ben.headers["X-ECI-Session"] = "one"
        allowance._quota = 1000
        for size, status in ((600, 200), (600, 429), (300, 200)):
            assert ben.post(f"{path}/blobs", content=bytes(size)).status_code == status
        answer = anna.post(f"{path}/blobs", content=bytes(600), params={"attached": True})
        assert answer.status_code == 200


def test_one_person_never_keeps_all_threads_busy(served: tuple[str, Allowance]) -> None:
    address, allowance = served
    with line(address, "ben") as ben, line(address, "anna") as anna, ExitStack() as open_ones:
        for _ in range(AT_ONCE):
            open_ones.enter_context(allowance.at_once("user/ben"))
        assert ben.get("/projects").status_code == 429
        assert anna.get("/projects").status_code == 200
        open_ones.close()
        assert ben.get("/projects").status_code == 200


def test_a_large_body_of_json_counts_as_many_requests(served: tuple[str, Allowance]) -> None:
    address, _ = served
    body = b'{"fence":1,"entries":[' + b"{}," * 100_000 + b"{}]}"
    head = {"Content-Type": "application/json"}
    with line(address, "ben") as ben, line(address, "anna") as anna:
        path = f"/projects/{P}/subjects/{S}/drafts/annotate"
        statuses = [ben.post(path, content=body, headers=head).status_code for _ in "12"]
        assert statuses == [422, 429]
        assert ben.post(path, content=iter([body]), headers=head).status_code == 429
        assert anna.get("/projects").status_code == 200


def test_a_range_of_another_volume_is_not_given(served: tuple[str, Allowance]) -> None:
    address, _ = served
    series = next(s.series_uid for study in remote(address, "anna").studies(S) for s in study.series)
    with line(address, "ben") as ben:
        path, part = f"/projects/{P}/subjects/{S}/series/{series}/values", {"Range": "bytes=0-3"}
        tag = ben.get(path, headers=part).headers["etag"]
        sizes = [len(ben.get(path, headers={**part, "If-Range": each}).content) for each in (tag, '"another"')]
    assert sizes[0] == 4 and sizes[1] > 4


def test_drafts_count_too_and_all_subjects_together(served: tuple[str, Allowance]) -> None:
    address, allowance = served
    with line(address, "ben") as ben:
        remote(address, "ben").start(S, "annotate")
        ben.headers["X-ECI-Session"] = "one"
        allowance._quota = 1000
        draft = {"fence": 1, "entries": [{"a": {"remark": "x" * 500}}]}
        statuses = [ben.post(f"/projects/{P}/subjects/{S}/drafts/annotate", json=draft).status_code for _ in "12"]
        assert statuses == [204, 429]
    for number in range(7):
        allowance.put("anna", f"{P}/{number}", 500)
    allowance.put("anna", f"{P}/7", 500)
    with pytest.raises(Overloaded):
        allowance.put("anna", f"{P}/8", 1)
    allowance.put("cora", f"{P}/8", 1)


@pytest.mark.parametrize("what", ["[/x]", "\x1b[2J", "=HYPERLINK(1)", "", "a" * 201])
def test_a_note_is_what_a_client_writes(served: tuple[str, Allowance], what: str) -> None:
    note = {"name": "exported.1", "project": P, "subject": S, "what": what}
    with line(served[0], "ben") as ben:
        assert ben.post("/notes", json=note).status_code == 422
        assert ben.post("/notes", json={**note, "what": "annotate version 2"}).status_code == 204


def test_every_larger_body_is_that_of_a_route(folder: Path) -> None:
    app = make_app(Settings(folder, prefix="/", client_id="service-eci"), tokens())
    pages = {f"/{path}" for method, path, _ in PAGES if method == "POST"}
    routes = {path for path, methods in app.openapi()["paths"].items() if {"post", "put"} & set(methods)} | pages
    found = [[path for path in routes if route.fullmatch(path)] for route, _ in watching.BODIES]
    assert [len(each) for each in found] == [1, 1, 1, 1]


def test_a_request_that_is_none_ends_there(served: tuple[str, Allowance]) -> None:
    host, port = served[0].removeprefix("http://").split("/")[0].split(":")
    for rubbish in (b"\x00\xff\r\n\r\n", b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n"):
        with socket.create_connection((host, int(port)), 10) as raw:
            raw.sendall(rubbish)
            assert b"200 OK" not in raw.recv(4096)
    with line(served[0], "anna") as anna:
        assert anna.get("/projects").status_code == 200
