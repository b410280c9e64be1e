"""Switches to another system user, by number, and executes another program that exits with its parent.

`python -m eci_annotate.userservers.run_as UID COMMAND...`; services need no entry in /etc/passwd.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

PR_SET_PDEATHSIG = 1


def die_with_parent(sign: signal.Signals, parent: int | None = None) -> None:
    """Make Linux send this process a signal when its parent ends in any way; does nothing on other systems.

    Parameters
    ----------
    sign
        The signal.
    parent
        The parent's process id; if it has already ended, this process ends now.
    """
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(sign), 0, 0, 0)
    if parent is not None and os.getppid() != parent:
        os._exit(1)


def give_up_root(uid: int) -> None:
    """Switch to a system user permanently; does nothing if this process already is that user."""
    if uid != os.geteuid():
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)


def become(uid: int, command: Sequence[str]) -> None:
    """Give up root permanently and execute a command in place of this process."""
    parent = os.getppid()
    give_up_root(uid)
    os.umask(0o077)
    die_with_parent(signal.SIGTERM, parent)  # last, because a change of user would clear it
    os.execvp(command[0], list(command))


if __name__ == "__main__":
    become(int(sys.argv[1]), sys.argv[2:])
