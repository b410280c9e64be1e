"""A load of annotators on a running service: each saves a second's drawing every second, some open studies.

It speaks the API over plain HTTP/1.1 connections that stay open, so that its own work stays small beside the service's.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import multiprocessing
import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.ports import free_port

P = "liver-ct"
LINES = ["x" * 1000] * 8  # 8 kB of journal
PREFIX = "/services/eci/"


class Hub(BaseHTTPRequestHandler):
    """Says of every token `token-NAME` that it is NAME's: all that the service asks of a hub under this load."""

    def do_GET(self) -> None:
        name = self.headers.get("Authorization", "").removeprefix("token token-")
        scopes = ["access:services!service=eci", "custom:eci:person"]
        body = json.dumps({"kind": "user", "name": name, "groups": [], "scopes": scopes}).encode()
        self.send_response(200 if name else 403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


def _serve_hub(port: int) -> None:
    ThreadingHTTPServer(("127.0.0.1", port), Hub).serve_forever()


@contextmanager
def hub() -> Iterator[str]:
    """The address of such a hub, in a process of its own."""
    port = free_port()
    process = multiprocessing.get_context("spawn").Process(target=_serve_hub, args=(port,), daemon=True)
    process.start()
    _await(port, lambda: process.is_alive())
    yield f"http://127.0.0.1:{port}/hub/api"
    process.terminate()
    process.join()


def _await(port: int, alive: Callable[[], bool]) -> bool:
    """Wait until somebody listens there."""
    end = time.monotonic() + 60
    while time.monotonic() < end and alive():
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            time.sleep(0.05)
    return False


def start_service(folder: Path, port: int, api: str) -> subprocess.Popen[bytes]:
    """Start the service as JupyterHub would, and wait until it answers."""
    env = {
        **os.environ, "ECI_ANNOTATE_REPOSITORY": str(folder), "JUPYTERHUB_API_URL": api, "JUPYTERHUB_API_TOKEN": "x",
        "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{port}", "JUPYTERHUB_SERVICE_PREFIX": PREFIX,
    }  # fmt: skip
    with (folder / "service.log").open("ab") as log:
        process = subprocess.Popen([sys.executable, "-m", "eci_annotate.hub"], env=env, stdout=log, stderr=log)
    if not _await(port, lambda: process.poll() is None):
        raise RuntimeError((folder / "service.log").read_text()[-2000:])
    return process


@dataclass
class Told:
    """What came of a load: milliseconds of each kind of request, errors, and what each saved."""

    times: dict[str, list[float]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    acknowledged: dict[str, int] = field(default_factory=dict)
    bytes_streamed: int = 0

    def note(self, what: str, begin: float) -> None:
        self.times.setdefault(what, []).append(1000 * (time.perf_counter() - begin))


class Line:
    """One connection that stays open."""

    def __init__(self, port: int, name: str) -> None:
        self._port, self._name = port, name
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """Status and body; ConnectionError when the service is gone."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 22)
        reader, writer = self._streams
        head = f"{method} {PREFIX}api/{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer token-{self._name}\r\n"
        head += f"X-ECI-Session: load\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        try:
            writer.write(head.encode() + body)
            return await self._answer(reader)
        except (OSError, asyncio.IncompleteReadError, ValueError) as error:
            writer.close()
            self._streams = None
            raise ConnectionError(str(error)) from error

    async def _answer(self, reader: asyncio.StreamReader) -> tuple[int, bytes]:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        status = int(head.split()[1])
        size = int(head.partition("content-length: ")[2].partition("\r\n")[0] or 0)
        return status, await reader.readexactly(size)


def of(subject: str) -> str:
    return f"projects/{P}/subjects/{subject}"


async def annotate(line: Line, told: Told, subject: str, name: str, fence: int, end: float, at: int) -> None:
    """Save every second; what got no answer is sent again, as the viewer does."""
    await asyncio.sleep(random.random())
    count = at
    while time.monotonic() < end:
        begin, due = time.perf_counter(), time.monotonic() + 1
        body = json.dumps({"fence": fence, "entries": [{"l": [f"{name}-{count}", *LINES], "at": count * 9}]}).encode()
        try:
            status, answer = await line.ask("POST", f"{of(subject)}/drafts/annotate", body)
            if status == 204:
                told.note("save", begin)
                count += 1
                told.acknowledged[name] = count
            else:
                told.errors.append(f"save: {status} {answer[:200]!r}")
        except ConnectionError:
            told.times.setdefault("lost", []).append(0.0)
        await asyncio.sleep(max(due - time.monotonic(), 0))


async def look(line: Line, told: Told, end: float) -> None:
    """Ask for the worklist every two seconds."""
    await asyncio.sleep(random.uniform(0, 2))
    while time.monotonic() < end:
        begin = time.perf_counter()
        try:
            status, answer = await line.ask("GET", f"projects/{P}/subjects?startable=true&size=20")
            told.note("worklist", begin)
            if status != 200:
                told.errors.append(f"worklist: {status} {answer[:200]!r}")
        except ConnectionError:
            pass
        await asyncio.sleep(2)


def open_studies(port: int, pairs: list[tuple[str, str]], seconds: float, out: Any) -> None:
    """In a process of its own: each opens a study as a viewer does, again and again, with some seconds between."""
    told, end = Told(), time.monotonic() + seconds
    threads = [threading.Thread(target=_open_study, args=(port, n, s, told, end)) for n, s in pairs]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    out.put(told)


def _open_study(port: int, name: str, subject: str, told: Told, end: float) -> None:
    time.sleep(random.uniform(0, 4))
    while time.monotonic() < end:
        begin = time.perf_counter()
        try:
            studies = json.loads(_fetched(port, name, f"{of(subject)}/studies"))
            series = next(s["series_uid"] for study in studies for s in study["series"])
            _fetched(port, name, f"{of(subject)}/series/{series}")
            told.bytes_streamed += len(_fetched(port, name, f"{of(subject)}/series/{series}/values"))
            told.note("open a study", begin)
        except OSError as error:
            told.errors.append(f"open: {error}")
        time.sleep(random.uniform(2, 6))


def _fetched(port: int, name: str, path: str) -> bytearray:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    line.request("GET", f"{PREFIX}api/{path}", headers={"Authorization": f"Bearer token-{name}"})
    answer = line.getresponse()
    body = bytearray(answer.length or 0)
    view, done = memoryview(body), 0
    while done < len(body) and (got := answer.readinto(view[done:])):
        done += got
    if answer.status != 200:
        raise OSError(f"{answer.status}")
    line.close()
    return body


async def start_all(port: int, pairs: list[tuple[str, str]]) -> dict[str, int]:
    """Everybody takes his task; the fences."""
    fences = {}
    for name, subject in pairs:
        line = Line(port, name)
        data = {"project": P, "subject": subject, "task": "annotate", "take_over": True, "rerun": False}
        status, answer = await line.ask("POST", "commands", json.dumps({"name": "start.1", "data": data}).encode())
        assert status == 200, answer
        fences[name] = next(t["fence"] for t in json.loads(answer)["view"]["tasks"] if t["name"] == "annotate")
    return fences


async def under_load(
    port: int, pairs: list[tuple[str, str]], fences: dict[str, int], seconds: float, openers: int
) -> Told:
    """All of them at once, for so long."""
    told, end = Told(), time.monotonic() + seconds
    work = [annotate(Line(port, n), told, s, n, fences[n], end, 0) for n, s in pairs]
    work += [look(Line(port, n), told, end) for n, _ in pairs[::10]]
    context = multiprocessing.get_context("spawn")
    out = context.Queue()
    others = context.Process(target=open_studies, args=(port, pairs[:openers], seconds, out))
    others.start()
    await asyncio.gather(*work)
    opened: Told = await asyncio.get_running_loop().run_in_executor(None, out.get)
    others.join()
    opened.times.update(told.times)
    return Told(opened.times, told.errors + opened.errors, told.acknowledged, opened.bytes_streamed)
