"""Numeric system users, one per name, for ever: written to a file before first use, and never given to anybody else.

Not the database's ids: those start again with a new database, and a deleted user's id may go to the next person.
"""

from __future__ import annotations

import fcntl
import json
from pathlib import Path

from eci_annotate.store.atomic_files import write_atomic

FIRST = 20_000
SERVICE = FIRST - 1  # the demo's service; a hospital gives the repository to an account of its own


class UidMap:
    """Which system user a hub user's server runs as.

    Parameters
    ----------
    path
        A JSON file, name to number; made with mode 0600 in a folder that exists.
    first
        The first number that is given. The numbers above it must belong to nobody else on this machine.
    """

    def __init__(self, path: Path, first: int = FIRST) -> None:
        self.path, self.first = path, first

    def uid(self, name: str) -> int:
        """The number of a name; a new one when the name is new."""
        with self.path.with_suffix(".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            known: dict[str, int] = json.loads(self.path.read_text("utf-8")) if self.path.exists() else {}
            if name not in known:
                known[name] = max(known.values(), default=self.first - 1) + 1
                write_atomic(self.path, json.dumps(known, indent=0, sort_keys=True).encode(), mode=0o600)
            return known[name]
