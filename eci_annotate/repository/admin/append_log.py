"""A mapping kept as lines of JSON that are only added; the last line of a name counts. Processes take turns."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

from eci_annotate.store.atomic_files import append_whole, locked, make_folder, mend_tail
from eci_annotate.workflow.codec import canonical, parse


class AppendLog:
    """A mapping from names to JSON values in one file, durable on return.

    Parameters
    ----------
    path
        The file; created at the first entry.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._known = path, dict[str, Any]()
        self._read_to, self._file, self._lock = 0, 0, Lock()

    @classmethod
    @lru_cache(maxsize=256)
    def at(cls, path: Path) -> AppendLog:
        """Return the log at a path; one for the whole process, which reads only what is new."""
        return cls(path)

    def read(self) -> Mapping[str, Any]:
        """Return what is known now, entries of other processes included."""
        with self._lock:
            self._catch_up()
            return dict(self._known)

    def __len__(self) -> int:
        with self._lock:
            self._catch_up()
            return len(self._known)

    def get(self, names: list[str]) -> dict[str, Any]:
        """Return the values of these names, as far as they are known."""
        with self._lock:
            self._catch_up()
            return {name: self._known[name] for name in names if name in self._known}

    def add(self, entries: Mapping[str, Any]) -> None:
        """Add entries; all are on the disk on return."""
        lines = b"".join(canonical([name, value]) + b"\n" for name, value in entries.items())
        make_folder(self._path.parent)
        with self.turn():
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                mend_tail(handle)
                append_whole(handle, lines)
                os.fsync(handle)
            finally:
                os.close(handle)

    def turn(self) -> Any:
        """Hold the lock between processes."""
        return locked(self._path.with_suffix(".lock"))

    def _catch_up(self) -> None:
        try:
            with self._path.open("rb") as stream:
                status = os.fstat(stream.fileno())
                if status.st_ino != self._file or status.st_size < self._read_to:
                    self._file, self._read_to, self._known = status.st_ino, 0, {}
                stream.seek(self._read_to)
                content = stream.read()
        except FileNotFoundError:
            return
        whole = content[: content.rfind(b"\n") + 1]
        for line in whole.splitlines():
            name, value = parse(line, "A log of arrivals")
            self._known[name] = value
        self._read_to += len(whole)
