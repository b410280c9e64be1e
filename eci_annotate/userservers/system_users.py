"""Numeric system users, one per name, permanently: recorded in a file before first use, and never reassigned.

Database ids are unsuitable: they restart with a new database, and a deleted user's id may go to the next person.
"""

from __future__ import annotations

import fcntl
import json
from pathlib import Path

from eci_annotate.store.atomic_files import write_atomic

FIRST = 20_000
SERVICE = FIRST - 1  # the demo's service; a hospital uses a dedicated account for the repository


class UidMap:
    """The system users as which hub users' servers run.

    Parameters
    ----------
    path
        A JSON file, name to number; created with mode 0600 in an existing folder.
    first
        The first number to assign. The numbers from it on must be unused on this machine.
    """

    def __init__(self, path: Path, first: int = FIRST) -> None:
        self.path, self.first = path, first

    def uid(self, name: str) -> int:
        """Return the number of a name, assigning a new one if the name is new."""
        with self.path.with_suffix(".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            known: dict[str, int] = json.loads(self.path.read_text("utf-8")) if self.path.exists() else {}
            if name not in known:
                known[name] = max(known.values(), default=self.first - 1) + 1
                write_atomic(self.path, json.dumps(known, indent=0, sort_keys=True).encode(), mode=0o600)
            return known[name]
