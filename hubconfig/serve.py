"""Start the hub, restart it when it crashes, and hold its public port meanwhile: `python hubconfig/serve.py`.

The settings are those of `ECI_HUB_CONFIG`. A listening socket from systemd is used, if there is one. SIGTERM and Ctrl-C
stop the hub; SIGUSR1 restarts it.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from addresses import PUBLIC_FD, PUBLIC_KEPT
from settings import HERE, Settings, load

from eci_annotate.errors import EciError
from eci_annotate.userservers.listener import hold_twin, listen_tcp
from eci_annotate.userservers.run_as import die_with_parent
from eci_annotate.userservers.supervisor import Supervisor

FIRST_OF_SYSTEMD = 3
ENDING_S = 60.0


def from_systemd() -> list[socket.socket]:
    """Return the listening sockets passed by systemd, which keeps them open while the hub is stopped."""
    mine = os.environ.pop("LISTEN_PID", "") == str(os.getpid())
    given = int(os.environ.pop("LISTEN_FDS", "0")) if mine else 0
    return [socket.socket(fileno=FIRST_OF_SYSTEMD + number) for number in range(given)]


def serve(settings: Settings, more: Sequence[str] = ()) -> int:
    """Run the hub until stopped; returns the exit code."""
    given = from_systemd()
    held = given or listen_tcp(settings.bind, settings.port)
    if len(given) == 1 and given[0].family == socket.AF_INET:
        held = given + hold_twin(*given[0].getsockname())
    public = held[0].fileno()
    env = os.environ | {PUBLIC_FD: str(public), PUBLIC_KEPT: "1" if given else ""}
    command = [sys.executable, "-m", "jupyterhub", "--config", str(HERE / "jupyterhub_config.py"), *more]
    hub = Supervisor(command, lambda: die_with_parent(signal.SIGTERM), env, [public], ENDING_S, may_end=True)
    signal.signal(signal.SIGUSR1, hub.restart)
    try:
        return hub.run()
    finally:
        for one in held:
            one.close()


if __name__ == "__main__":
    try:
        sys.exit(serve(load(), sys.argv[1:]))
    except EciError as error:
        sys.exit(f"{error.what} {error.remedy}")
