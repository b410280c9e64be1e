"""Keeps a program running: holds its socket across restarts, restarts it immediately, exits with its own parent.

`python -m eci_annotate.userservers.supervisor UID SOCKET COMMAND...`; SOCKET is a path, or an address with a port.
Requests wait in the socket while the program starts.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from eci_annotate.userservers.decoder_host import DECODERS_FD, decoder_host
from eci_annotate.userservers.listener import LISTEN_FD, listen, listen_tcp
from eci_annotate.userservers.run_as import die_with_parent, give_up_root

FIRST_S = 20.0  # a program that exits by itself this early is misconfigured: report it, do not retry
QUICK_S, LONGEST_S = 1.0, 10.0
ENDING_S = 8.0


class Supervisor:
    """A program that is restarted whenever it ends.

    Parameters
    ----------
    command
        The program.
    prepare
        Called in the child before the program starts.
    env, inherit
        Its environment, and the file descriptors that it inherits.
    ending_s
        How long it may take to terminate before it is killed.
    may_end
        Whether the supervisor ends as well when the program exits by itself without an error.
    """

    def __init__(
        self,
        command: Sequence[str],
        prepare: Callable[[], None],
        env: Mapping[str, str],
        inherit: Sequence[int] = (),
        ending_s: float = ENDING_S,
        may_end: bool = False,
    ) -> None:
        self._ending_s, self._may_end, self._restarting = ending_s, may_end, False
        self._command, self._prepare, self._env, self._inherit = list(command), prepare, dict(env), tuple(inherit)
        self._child: subprocess.Popen[bytes] | None = None
        self._ending = False

    def run(self) -> int:
        """Run until stopped, or until the first start fails; returns the exit code."""
        for one in (signal.SIGTERM, signal.SIGINT):
            signal.signal(one, self._end)
        begun, wait_s = time.monotonic(), 0.0
        while not self._ending:
            started = time.monotonic()
            code = self._once()
            ended = time.monotonic()
            if (code > 0 and ended - begun < FIRST_S) or (code == 0 and self._may_end and not self._restarting):
                return code
            self._restarting = False
            wait_s = min(max(2 * wait_s, 0.25), LONGEST_S) if ended - started < QUICK_S else 0.0
            if not self._ending and wait_s:
                time.sleep(wait_s)
        return 0

    def _once(self) -> int:
        """Start the program and wait for it to exit."""
        start = {"env": self._env, "pass_fds": self._inherit, "preexec_fn": self._prepare, "start_new_session": True}
        self._child = subprocess.Popen(self._command, **start)  # type: ignore[call-overload]
        if self._ending:  # the signal arrived before there was a child
            self._child.terminate()
        return int(self._child.wait())

    def restart(self, *_: object) -> None:
        """Terminate the program; it is then restarted."""
        self._restarting = True
        if self._child is not None:
            self._child.terminate()

    def _end(self, *_: object) -> None:
        """Terminate the program, and then this process."""
        if not self._ending:
            signal.signal(signal.SIGALRM, self._kill)
            signal.setitimer(signal.ITIMER_REAL, self._ending_s)
        self._ending = True
        if self._child is not None:
            self._child.terminate()

    def _kill(self, *_: object) -> None:
        """Kill the program after its time limit."""
        if self._child is not None:
            self._child.kill()


def supervise(uid: int, place: str, command: Sequence[str]) -> int:
    """Run a service as a system user on a socket that this process holds; returns the exit code."""
    die_with_parent(signal.SIGTERM, os.getppid())
    with _bound(place) as held:
        passed = {LISTEN_FD: held.fileno()}
        if (host := decoder_host(os.environ)) is not None:
            passed[DECODERS_FD] = host.control.fileno()
        return Supervisor(command, lambda: _become(uid), _environment(passed), list(passed.values())).run()


def _bound(place: str) -> socket.socket:
    if "/" in place:
        return listen(Path(place), mode=0o666)  # a token identifies clients; the folder protects the name
    address, _, port = place.rpartition(":")
    return listen_tcp(address, int(port))[0]


def _environment(passed: Mapping[str, int]) -> dict[str, str]:
    return os.environ | {name: str(handle) for name, handle in passed.items()}


def _become(uid: int) -> None:
    give_up_root(uid)
    os.umask(0o077)
    die_with_parent(signal.SIGKILL)  # last, because a change of user would clear it


if __name__ == "__main__":
    sys.exit(supervise(int(sys.argv[1]), sys.argv[2], sys.argv[3:]))
