"""A worker holds nothing that it could give away, and reaches nothing that it was not given."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from eci_annotate.decoder import channel as wire
from eci_annotate.decoder.channel import Channel
from eci_annotate.decoder.file_reader import PixelRule
from eci_annotate.decoder.landlock import version
from eci_annotate.decoder.worker_pool import WorkerPool, start_host
from eci_annotate.decoder.worker_reader import WorkerReader
from eci_annotate.dicom.phantom import write_phantom
from eci_annotate.errors import DecoderFailed
from tests.decoder.test_workers import worker

STRANGER = 19_997
TRIES = """
    import ctypes, os, signal, socket, subprocess, sys
    from eci_annotate.decoder.process_limits import ProcessLimits, confine
    uid, secret = int(sys.argv[1]), sys.argv[2]
    confine(ProcessLimits(1 << 30, uid=uid), os.getppid())

    def refused(what):
        try:
            what()
        except (OSError, MemoryError):
            return True
        return False

    if uid < 0:
        import email.mime.text  # libraries may still be loaded
    assert refused(lambda: open(secret)), "read"
    assert refused(lambda: os.listdir(os.path.dirname(secret))), "list"
    assert refused(lambda: open("/proc/%d/mem" % os.getppid(), "rb")), "memory of the parent"
    assert refused(lambda: open("/proc/%d/environ" % os.getppid()).read()), "environment of the parent"
    assert refused(lambda: open("/tmp/worker-was-here", "w").write("x")), "write"
    assert refused(lambda: socket.socket().connect(("127.0.0.1", int(sys.argv[3])))), "connect"
    assert refused(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)), "a socket without connections"
    assert refused(lambda: os.execv(sys.executable, [sys.executable, "-c", "print('confined')"])), "a program"
    assert refused(lambda: os.kill(os.getppid(), 0)), "signals"
    assert refused(lambda: os.pidfd_open(os.getppid())), "other processes"
    assert refused(lambda: bytearray(2 << 30)), "memory"
    assert refused(lambda: [os.open("/dev/null", 0) for _ in range(100)]), "open files"
    assert refused(os.fork), "processes"
    assert refused(lambda: subprocess.run([sys.executable, "-c", ""])), "a program in a process"
    import threading
    thread = threading.Thread(target=lambda: done.append(1))
    done = []
    thread.start()
    thread.join()
    assert done, "threads are needed to decode"
    if uid >= 0 or os.getuid():
        assert refused(lambda: os.setuid(0)), "root"
    assert ctypes.CDLL(None).prctl(39, 0, 0, 0, 0) == 1, "new privileges"
    assert ctypes.CDLL(None).prctl(3, 0, 0, 0, 0) == 0, "dumps"
    print("confined")
"""


def confined(uid: int, secret: Path) -> str:
    """What becomes of a program that tries to get out, as a worker of a user (negative: this one)."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        words = [sys.executable, "-c", textwrap.dedent(TRIES), str(uid), str(secret), str(server.getsockname()[1])]
        done = subprocess.run(words, capture_output=True, text=True, env={"PATH": os.defpath})
    return done.stdout.strip() or done.stderr


@pytest.mark.skipif(version() < 4, reason="this Linux has no Landlock of version 4")
def test_a_worker_of_the_same_user_reaches_no_file_and_no_network(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("secret")
    assert confined(-1, tmp_path / "key.pem") == "confined"


@pytest.mark.needs_root
def test_a_worker_of_another_user_is_no_root_any_more(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("secret")
    (tmp_path / "key.pem").chmod(0o600)
    assert confined(STRANGER, tmp_path / "key.pem") == "confined"


@pytest.mark.needs_root
def test_a_worker_of_another_user_decodes_a_volume(tmp_path: Path) -> None:
    files = sorted(write_phantom(tmp_path, "anisotropic"))
    control, theirs = socket.socketpair()
    with theirs:
        host = start_host(theirs, 2 << 30, uid=STRANGER)
    sizes: list[tuple[tuple[int, ...], int]] = []
    reader = WorkerReader(WorkerPool(control))
    reader.decode(files, lambda content: sizes.append((content.shape, sum(map(len, content.blocks)))))
    assert sizes == [((24, 96, 150), 24 * 96 * 150 * 2)]
    control.close()
    host.kill()
    host.wait()


@pytest.mark.needs_root
def test_a_worker_inherits_neither_environment_nor_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "token-of-the-service")
    (tmp_path / "key.pem").write_text("secret")
    with (tmp_path / "key.pem").open() as held:
        os.set_inheritable(held.fileno(), True)
        pool = WorkerPool()
        WorkerReader(pool).header(Path(write_phantom(tmp_path / "dicom", "tiny")[0]))
        for process in (worker(pool), pool._host.pid if pool._host else 0):
            assert b"token-of-the-service" not in Path(f"/proc/{process}/environ").read_bytes()
            open_files = {str(each.readlink()) for each in Path(f"/proc/{process}/fd").iterdir()}
            kinds = {each.partition(":")[0] for each in open_files}
            assert kinds <= {"/dev/null", "socket", "anon_inode"}
    assert len(list(Path(f"/proc/{worker(pool)}/fd").iterdir())) == 4  # three standard ones, and its connection
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{worker(pool)}/status").read_text().splitlines())
    assert status["NoNewPrivs"] == "1"


Answer = Callable[[Channel], None]


def head(**values: Any) -> Answer:
    return lambda channel: channel.send(values)


def raw(content: bytes) -> Answer:
    return lambda channel: channel.send_block(memoryview(content))


def volume(size: int, **values: Any) -> Answer:
    """A volume of `size` bytes, described as the values say."""

    def answer(channel: Channel) -> None:
        channel.send({"volume": {"series_uid": "1.2"}, "dtype": "<i2", "shape": [2, 2, 2], **values})
        channel.send_block(memoryview(bytes(size)))
        channel.send({"answer": None})

    return answer


class Rogue:
    """A worker host whose workers were taken over: they answer anything."""

    def __init__(self, answer: Answer) -> None:
        self.ours, theirs = socket.socketpair()
        self.pool = WorkerPool(theirs)
        Thread(target=self._serve, args=(answer,), daemon=True).start()

    def _serve(self, answer: Answer) -> None:
        while True:
            content, handles, _, _ = socket.recv_fds(self.ours, 1, 1)
            if not content:
                return
            with socket.socket(fileno=handles[0]) as end:
                channel = Channel(end)
                try:
                    channel.receive()
                    answer(channel)
                except DecoderFailed:
                    pass


GARBAGE: Mapping[str, Answer] = {
    "nothing": lambda channel: None,
    "no head": raw(b"\0\0\0\4none"),
    "a list": raw(b"\0\0\0\2[]"),
    "half a head": raw(b"\0\0\1\0{"),
    "an enormous head": raw(b"\xff\xff\xff\xff"),
    "a deep head": raw((200_000).to_bytes(4, "big") + b"[" * 200_000),
    "no answer": head(thanks=1),
    "an answer of another kind": head(answer=7),
    "an answer without values": head(answer={}),
    "an answer with values of other kinds": head(
        answer=dict.fromkeys(("header", "pixels", "risk", "patient", "headers", "stacks", "path"), 3)
    ),
    "another error": head(error="SystemExit", what="a", remedy="b"),
    "an error that is none of images": head(error="Refused", what="a", remedy="b"),
    "an error without text": head(error="DamagedFile"),
    "a file that was not offered": head(read=99),
    "a file of no number": head(read="../keys"),
    "a file before the first": head(read=-1),
    "objects": volume(16, dtype="|O"),
    "an unknown type": volume(16, dtype="<f16"),
    "a volume without an end": volume(16, shape=[1 << 40, 2, 2]),
    "a negative volume": volume(16, shape=[-1, 2, 2]),
    "too few values": volume(3),
    "a shape of texts": volume(16, shape=["2", "2", "2"]),
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return Path(write_phantom(tmp_path / "dicom", "tiny")[0])


def questions(reader: WorkerReader, file: Path) -> Iterator[Callable[[], object]]:
    yield lambda: reader.header(file)
    yield lambda: reader.identity(file)
    yield lambda: reader.digests(file, PixelRule.NONE)
    yield lambda: reader.stacks([file])
    yield lambda: reader.decode([file], lambda content: [None for _ in content.blocks] and None)


@pytest.mark.parametrize("name", GARBAGE)
def test_whatever_a_worker_answers_is_a_failure_of_its_own(name: str, file: Path) -> None:
    reader = WorkerReader(Rogue(GARBAGE[name]).pool)
    for ask in questions(reader, file):
        with pytest.raises(DecoderFailed):
            ask()
    assert isinstance(reader.damage(file), DecoderFailed)


def test_a_worker_that_never_ends_to_answer_is_ended(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def drip(channel: Channel) -> None:
        while True:
            channel.send_block(memoryview(b"\0"))

    def ask_for_ever(channel: Channel) -> None:
        while True:
            channel.send({"read": 0})
            os.close(channel.receive_file())

    monkeypatch.setattr(wire, "MOST_HEAD", 1 << 40)
    for answer in (drip, ask_for_ever):
        with pytest.raises(DecoderFailed):
            WorkerReader(Rogue(answer).pool, seconds=0.3).header(file)
