"""Workers of a service: each reads files for a while, or decodes one series, and then ends.

The service is given a socket to a `worker_host` by its parent, which runs as root; or it starts one of its own.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import BoundedSemaphore, Lock

from eci_annotate.decoder.channel import Channel
from eci_annotate.decoder.process_limits import usual_memory
from eci_annotate.errors import StoreUnavailable

HOST = "eci_annotate.decoder.worker_host"
MOST_LIGHT, MOST_VIEWED, MOST_TAKEN_IN, MOST_IDLE, MOST_JOBS = 4, 2, 1, 2, 200
# each worker lives for one series: large pages that are never given back save it a third of the time
_MEMORY = {
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=268435456:glibc.malloc.top_pad=67108864"
}
_PASSED = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")


class WorkerPool:
    """The workers of one process.

    Parameters
    ----------
    control
        A socket to a worker host; None: one is started when it is needed first.
    memory
        Bytes that each worker may use; for a host of its own.
    """

    def __init__(self, control: socket.socket | None = None, memory: int = 0) -> None:
        self._control, self._memory, self._own = control, memory or usual_memory(), control is None
        self._host: subprocess.Popen[bytes] | None = None
        self._idle: list[tuple[socket.socket, int]] = []
        self._lock, self._light = Lock(), BoundedSemaphore(MOST_LIGHT)
        self._viewed, self._taken_in = BoundedSemaphore(MOST_VIEWED), BoundedSemaphore(MOST_TAKEN_IN)

    @contextmanager
    def light(self, seconds: float, *, fresh: bool = False) -> Iterator[Channel]:
        """Give a worker for one job that decodes no pixels; it may have done such jobs before, unless `fresh`."""
        with self._light:
            end, jobs = (self._connected(), 0) if fresh else self._taken()
            try:
                yield Channel(end, seconds)
            except BaseException:
                end.close()
                raise
            self._put_back(end, jobs + 1)

    @contextmanager
    def heavy(self, seconds: float, *, viewed: bool = False) -> Iterator[Channel]:
        """Give a worker of its own for one job that decodes pixels; few at once, since each needs much memory.

        Jobs for somebody who waits for a picture (`viewed`) do not wait for files that are taken in.
        """
        with self._viewed if viewed else self._taken_in:
            end = self._connected()
            try:
                yield Channel(end, seconds)
            finally:
                end.close()

    def _taken(self) -> tuple[socket.socket, int]:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return self._connected(), 0

    def _put_back(self, end: socket.socket, jobs: int) -> None:
        with self._lock:
            if jobs < MOST_JOBS and len(self._idle) < MOST_IDLE:
                self._idle.append((end, jobs))
                return
        end.close()

    def _connected(self) -> socket.socket:
        """Return the connection to a new worker."""
        ours, theirs = socket.socketpair()
        with self._lock, theirs:
            for last in (False, True):
                try:
                    socket.send_fds(self._host_socket(), [b"w"], [theirs.fileno()])
                    return ours
                except OSError as error:
                    if last or not self._own:
                        ours.close()
                        remedy = "Try again in a minute, or tell your administrator."
                        raise StoreUnavailable("The decoder of images is not available.", remedy) from error
                    self._control = None  # the host ended: start another one
        raise AssertionError("the loop returns or raises")

    def _host_socket(self) -> socket.socket:
        if self._control is None:
            self._control, theirs = socket.socketpair()
            with theirs:
                self._host = start_host(theirs, self._memory)
        return self._control


def start_host(control: socket.socket, memory: int, uid: int = -1, python: str = "") -> subprocess.Popen[bytes]:
    """Start a worker host, with a fresh interpreter, without this process' environment and open files."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    env = {"PATH": os.defpath, "LANG": "C.UTF-8", "PYTHONPATH": str(Path(__file__).parents[2]), **threads, **_MEMORY}
    env |= {name: os.environ[name] for name in _PASSED if name in os.environ}
    command = [python or sys.executable, "-P", "-m", HOST, str(uid), str(memory)]
    where = {"stdin": control.fileno(), "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, env=env, cwd="/", start_new_session=True, **where)  # type: ignore[call-overload,no-any-return]


def inherited_control(handle: int) -> socket.socket | None:
    """Return the socket to a worker host that the parent process holds; None for a negative handle."""
    if handle < 0:
        return None
    control = socket.socket(fileno=handle)
    with suppress(OSError):
        control.set_inheritable(False)
    return control
