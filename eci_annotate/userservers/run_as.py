"""Becomes another system user, by number, and then another program: for services, which need no entry in /etc/passwd.

`python -m eci_annotate.userservers.run_as UID COMMAND...`
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence


def become(uid: int, command: Sequence[str]) -> None:
    """Give up root for good and run a command in this process's place."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    os.umask(0o077)
    os.execvp(command[0], list(command))


if __name__ == "__main__":
    become(int(sys.argv[1]), sys.argv[2:])
