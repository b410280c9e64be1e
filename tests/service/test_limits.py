"""Nobody exhausts the service: bodies, requests a second and open streams are bounded for each person, not for all."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from eci_annotate.hub.app import make_app
from eci_annotate.hub.core import middleware as watching
from eci_annotate.hub.core.service_context import Allowance
from eci_annotate.hub.core.settings import Settings
from tests.ports import free_port
from tests.service.service_world import P, S, remote, tokens
from tests.service.serving_app import running


@pytest.fixture
def served(folder: Path) -> Iterator[tuple[str, Allowance]]:
    """A service with small limits."""
    port = free_port()
    app = make_app(Settings(folder, port=port), tokens())
    app.state.desk.allowance = Allowance(per_second=5, burst=10, streams=2)
    with running(app, port):
        yield f"http://127.0.0.1:{port}/services/eci", app.state.desk.allowance


def line(address: str, name: str) -> httpx.Client:
    return httpx.Client(base_url=f"{address}/api", headers={"Authorization": f"Bearer token-{name}"}, timeout=30)


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


def test_a_request_that_is_none_ends_there(served: tuple[str, Allowance]) -> None:
    host, port = served[0].removeprefix("http://").split("/")[0].split(":")
    for rubbish in (b"\x00\xff\r\n\r\n", b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n"):
        with socket.create_connection((host, int(port)), 10) as raw:
            raw.sendall(rubbish)
            assert b"200 OK" not in raw.recv(4096)
    with line(served[0], "anna") as anna:
        assert anna.get("/projects").status_code == 200
