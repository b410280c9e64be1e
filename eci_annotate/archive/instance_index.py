"""Which subjects hold an instance: lines in 256 files by the UID's digest, so that a look-up lists no folder.

A line is written before its file is, and counts only while the file exists; the folder may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

Place = tuple[str, str, str]  # subject, study, series
Listed = Callable[[str], Iterable[tuple[str, str, str]]]


class InstanceIndex:
    """Places of instances by SOP Instance UID.

    Parameters
    ----------
    folder
        Where the index is kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, subject: str, uids: Iterable[tuple[str, str, str]]) -> None:
        """Add instances (study, series, SOP instance UID) of a subject."""
        lines: dict[Path, list[str]] = {}
        for study, series, sop in uids:
            lines.setdefault(self._bucket(sop), []).append(f"{sop} {subject} {study} {series}\n")
        self._folder.mkdir(parents=True, exist_ok=True)
        for path, new in lines.items():
            _append(path, "".join(new))
        _append(self._subjects, f"{subject}\n")

    def complete(self, subjects: Iterable[str], listed: Listed) -> None:
        """Add the subjects that the index does not have; `listed` gives the instances of one."""
        for subject in sorted(set(subjects) - set(_lines(self._subjects))):
            self.add(subject, listed(subject))

    def places(self, sop_uids: Iterable[str]) -> dict[str, list[Place]]:
        """Where these instances were added, by SOP Instance UID; each place once."""
        wanted = set(sop_uids)
        found: dict[str, dict[Place, None]] = {}
        for path in {self._bucket(sop) for sop in wanted}:
            for line in _lines(path):
                sop, *place = line.split(" ")
                if sop in wanted and len(place) == 3:
                    found.setdefault(sop, {})[(place[0], place[1], place[2])] = None
        return {sop: list(places) for sop, places in found.items()}

    def clear(self) -> None:
        """Delete the index, so that nothing of a removed subject stays; the next `complete` makes it again."""
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _subjects(self) -> Path:
        return self._folder / "subjects"

    def _bucket(self, sop: str) -> Path:
        return self._folder / hashlib.sha256(sop.encode()).hexdigest()[:2]


def _append(path: Path, lines: str) -> None:
    with path.open("a", encoding="utf-8") as stream:
        stream.write(lines)
        stream.flush()
        os.fsync(stream.fileno())  # a file that is kept must not outlive its line


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8") as stream:
            yield from (line.rstrip("\n") for line in stream)
    except FileNotFoundError:
        return
