"""Sockets that a parent holds, the supervisor that starts a program again, and addresses of unix sockets; no hub."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from eci_annotate.errors import Refused
from eci_annotate.repository.remote.unix_url import client, socket_and_url, unix_url
from eci_annotate.userservers.listener import LISTEN_FD, check_closed, hold_twin, inherited, listen, listen_tcp
from tests.hub.hub_world import place
from tests.patience import until
from tests.ports import free_port

# Answers with its process id, on the socket that it inherits.
PROGRAM = """
import os, socket
held = socket.socket(fileno=int(os.environ["ECI_ANNOTATE_LISTEN_FD"]))
while True:
    line = held.accept()[0]
    line.recv(4096); line.sendall(b"HTTP/1.1 200 OK\\r\\nConnection: close\\r\\n\\r\\n%d" % os.getpid()); line.close()
"""


def supervisor(path: Path | str, program: str = PROGRAM) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "eci_annotate.userservers.supervisor", str(os.geteuid()), str(path)]
    return subprocess.Popen([*words, sys.executable, "-c", program])


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short name."""
    yield place()


def answer(path: Path, patience_s: float = 20) -> int:
    """The process that answers."""
    assert until(path.exists, patience_s)
    with client(unix_url(path), timeout=patience_s) as line:
        return int(line.get("/").text)


def exists(process: int) -> bool:
    return Path(f"/proc/{process}").exists()


def kill(process: int) -> None:
    """Until it is gone: what it accepted before is lost with it."""
    os.kill(process, signal.SIGKILL)
    assert until(lambda: not exists(process), 5)


def test_a_program_that_is_killed_is_started_again_and_no_request_is_lost(folder: Path) -> None:
    path = folder / "one.sock"
    parent = supervisor(path)
    try:
        first = answer(path)
        name = path.stat().st_ino
        for _ in range(5):
            kill(before := answer(path))
            assert answer(path) != before, "asked while nobody accepts"
        assert path.stat().st_ino == name, "the socket is the same"
        assert first and path.stat().st_mode & 0o777 == 0o666
    finally:
        parent.terminate()
        assert parent.wait(15) == 0


def test_a_program_ends_with_its_supervisor(folder: Path) -> None:
    for sign in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL):
        parent = supervisor(folder / f"{sign.name}.sock")
        child = answer(folder / f"{sign.name}.sock")
        parent.send_signal(sign)
        parent.wait(15)
        assert until(lambda child=child: not exists(child), 5), sign


def test_a_supervisor_ends_with_whoever_started_it(folder: Path) -> None:
    code = "import subprocess, sys, time; subprocess.Popen(sys.argv[1:]); time.sleep(60)"
    words = [sys.executable, "-m", "eci_annotate.userservers.supervisor", str(os.geteuid()), str(folder / "one.sock")]
    parent = subprocess.Popen([sys.executable, "-c", code, *words, sys.executable, "-c", PROGRAM])
    child = answer(folder / "one.sock")
    parent.kill()
    parent.wait()
    assert until(lambda: not exists(child), 12)


def test_a_first_start_that_fails_is_not_tried_again(folder: Path) -> None:
    begun = time.monotonic()
    assert supervisor(folder / "one.sock", "import sys; sys.exit(3)").wait(20) == 3
    assert time.monotonic() - begun < 15


def test_a_port_is_held_like_a_socket() -> None:
    port = free_port()
    parent = supervisor(f"127.0.0.1:{port}")
    try:
        with client(f"http://127.0.0.1:{port}", timeout=20) as line:
            assert until(lambda: _answers(port), 20)
            kill(int(line.get("/").text))
            with socket.socket() as other:
                other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                with pytest.raises(OSError, match="in use"):
                    other.bind(("127.0.0.1", port))
            assert int(line.get("/").text)
    finally:
        parent.terminate()
        parent.wait(15)


def _answers(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def test_an_inherited_socket_is_given_to_nobody_further(folder: Path) -> None:
    assert inherited({}) is None
    with listen(folder / "one.sock") as held:
        env = {LISTEN_FD: str(os.dup(held.fileno()))}
        with inherited(env) as mine:  # type: ignore[union-attr]
            assert env == {} and not mine.get_inheritable() and mine.getsockname() == held.getsockname()
    with listen(folder / "one.sock"):
        assert (folder / "one.sock").stat().st_mode & 0o777 == 0o600, "the old one is replaced"
    assert [one.name for one in folder.iterdir()] == ["one.sock"]
    with pytest.raises(Refused, match="too long"):
        listen(folder / ("x" * 100))


def test_ports_are_held_in_both_families() -> None:
    port = free_port()
    with ExitStack() as stack:
        for one in listen_tcp("127.0.0.1", port):
            stack.enter_context(one)
        for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::1")):
            with socket.socket(family) as other:
                other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                with pytest.raises(OSError, match="in use"):
                    other.bind((address, port))
        with pytest.raises(Refused, match="taken"):
            listen_tcp("127.0.0.1", port)
        with pytest.raises(Refused, match="taken"):
            hold_twin("127.0.0.1", port)


@pytest.mark.parametrize("path", ["/run/eci-hub/hub-8000/hub.sock", "/srv/Ä b/C%41:1.sock", "/x"])
def test_addresses_survive_urllib(path: str) -> None:
    from urllib.parse import unquote, urlsplit

    address = unix_url(path, "/hub/api")
    assert unquote(urlsplit(address).hostname or "") == path, "host names lose their capital letters"
    assert socket_and_url(address) == (path, "http://localhost/hub/api")
    assert socket_and_url(address.replace("/hub/api", ":80/x")) == (path, "http://localhost/x")


@pytest.mark.needs_root
def test_folders_of_others_are_refused(folder: Path) -> None:
    check_closed(folder)
    for owner, mode in ((25_000, 0o755), (0, 0o777), (0, 0o775), (0, 0o1777)):
        (folder / "x").mkdir()
        (folder / "x").chmod(mode)
        os.chown(folder / "x", owner, 0)
        with pytest.raises(Refused, match="change names"):
            check_closed(folder / "x")
        (folder / "x").rmdir()
