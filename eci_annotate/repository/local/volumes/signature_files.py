"""Which DICOM files signatures put into the archive, written down before they are stored.

A signature that is cut off before its event leaves files that no event names; a withdrawal erases them by this list.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from eci_annotate.dicom.images.headers import scan
from eci_annotate.repository.admin.append_log import AppendLog


class SignatureFiles:
    """The list, below a folder that belongs to backups; it has UIDs only, as the events have, and stays as they do."""

    def __init__(self, register: Path) -> None:
        self._folder = register / "derived"

    def note(self, project: str, subject: str, content: bytes) -> None:
        """Note a file that will be stored; durable on return."""
        (found,) = scan([lambda: content])
        AppendLog(self._path(project, subject)).add({found.sop_uid: found.series_uid})

    def places(self, project: str, subject: str) -> Iterator[tuple[str, str]]:
        """Yield the UIDs of series and instance of each file that was noted."""
        yield from ((series, sop) for sop, series in AppendLog(self._path(project, subject)).read().items())

    def _path(self, project: str, subject: str) -> Path:
        return self._folder / project / f"{subject}.jsonl"
