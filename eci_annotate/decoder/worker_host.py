"""Makes workers: a process that has loaded the decoders, holds no key, reads nothing, and is copied for each worker.

`python -m eci_annotate.decoder.worker_host UID MEMORY`, with a socket as standard input: each byte that arrives there
brings a connection, which the next worker serves. When its other end is closed, the worker is killed. Root makes
workers of another user; a negative UID makes them of the same.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import sys
from contextlib import suppress

from eci_annotate.decoder.process_limits import ProcessLimits, confine
from eci_annotate.decoder.volume_content import load_libraries
from eci_annotate.decoder.worker_jobs import serve
from eci_annotate.dicom.encapsulated.load_decoders import load_decoders

MOST_WORKERS = 16
_END = 3  # a worker's only open file, beside the three standard ones


class WorkerHost:
    """Makes and ends workers.

    Parameters
    ----------
    control
        Brings connections.
    limits
        Those of each worker.
    """

    def __init__(self, control: socket.socket, limits: ProcessLimits) -> None:
        self._control, self._limits = control, limits
        self._workers: dict[int, socket.socket] = {}
        self._poll = select.poll()
        self._woken, wake = socket.socketpair()
        for one in (self._woken, wake):
            one.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
        self._wake = wake
        self._poll.register(control, select.POLLIN)
        self._poll.register(self._woken, select.POLLIN)

    def run(self) -> None:
        """Make workers until the other end of the control socket is closed."""
        while True:
            for handle, event in self._poll.poll():
                if handle == self._control.fileno():
                    if not self._received():
                        return
                elif handle == self._woken.fileno():
                    with suppress(BlockingIOError):
                        self._woken.recv(4096)
                elif event:
                    self._kill(handle)
            self._reap()

    def _received(self) -> bool:
        """Make a worker for the next connection; returns False if none will come any more."""
        content, handles, _, _ = socket.recv_fds(self._control, 1, 1)
        for handle in handles:
            end = socket.socket(fileno=handle)
            if len(self._workers) < MOST_WORKERS:
                self._start(end)
            else:
                end.close()
        return bool(content)

    def _start(self, end: socket.socket) -> None:
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            _work(end, self._limits, parent)
        self._workers[pid] = end
        self._poll.register(end, 0)  # hang-ups are reported in any case

    def _kill(self, handle: int) -> None:
        for pid, end in self._workers.items():
            if end.fileno() == handle:
                self._poll.unregister(end)
                os.kill(pid, signal.SIGKILL)
                return

    def _reap(self) -> None:
        """Close the connections of workers that ended, so that the service learns of it."""
        while self._workers:
            pid, _ = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            end = self._workers.pop(pid)
            with suppress(KeyError):
                self._poll.unregister(end)
            end.close()


def _work(end: socket.socket, limits: ProcessLimits, parent: int) -> None:
    """Be a worker; never returns."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDWR)
        for number in range(_END):
            os.dup2(nothing, number)  # libraries write what they read to standard error
        handle = os.dup(end.fileno()) if end.fileno() == _END else end.fileno()
        os.dup2(handle, _END)
        os.closerange(_END + 1, os.sysconf("SC_OPEN_MAX"))
        confine(limits, parent)
        serve(socket.socket(fileno=_END))
        code = 0
    finally:
        os._exit(code)


def main() -> None:
    """Run until the service ends."""
    os.set_inheritable(0, False)
    load_decoders()
    load_libraries()
    gc.collect()
    gc.freeze()  # what is loaded is shared with all workers
    uid, memory = map(int, sys.argv[1:3])
    with suppress(KeyboardInterrupt):
        WorkerHost(socket.socket(fileno=0), ProcessLimits(memory, uid=uid)).run()


if __name__ == "__main__":
    main()
