"""Keeps the host of decoding workers running for a service: as root, so that workers are of another user than it.

The service inherits a socket on which it asks for workers; it cannot choose their user, and cannot stop the host.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Mapping
from threading import Thread

from eci_annotate.decoder.process_limits import usual_memory
from eci_annotate.decoder.worker_pool import start_host

DECODERS_FD = "ECI_ANNOTATE_DECODERS_FD"
DECODER_UID, DECODER_PYTHON = "ECI_ANNOTATE_DECODER_UID", "ECI_ANNOTATE_DECODER_PYTHON"
PAUSE_S = 1.0


class DecoderHost:
    """A worker host that is started again whenever it ends.

    Parameters
    ----------
    uid
        System user of the workers; without root they are of this process' user.
    python
        Interpreter that this user may execute.
    """

    def __init__(self, uid: int, python: str) -> None:
        self._uid, self._python = uid if os.geteuid() == 0 else -1, python
        self.control, self._other = socket.socketpair()  # both are kept: nothing is lost while the host restarts
        Thread(target=self._keep, name="decoder-host", daemon=True).start()

    def _keep(self) -> None:
        while True:
            start_host(self._other, usual_memory(), self._uid, self._python).wait()
            time.sleep(PAUSE_S)


def decoder_host(env: Mapping[str, str]) -> DecoderHost | None:
    """Return the host that the environment asks for; None if it asks for none."""
    uid = env.get(DECODER_UID, "")
    return DecoderHost(int(uid), env.get(DECODER_PYTHON) or sys.executable) if uid else None
