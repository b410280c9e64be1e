"""Files that a site's proxy sends: written as they arrive, resumed where they stopped, complete once the SHA-256 fits.

What became of a file is in a log by its digest: it is known for good, so that nothing is taken in twice.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from eci_annotate.errors import BadRequest, Conflict, StoreUnavailable
from eci_annotate.repository.admin.append_log import AppendLog
from eci_annotate.repository.admin.site_numbers import logs_of, subject_numbers
from eci_annotate.repository.local.context import Context
from eci_annotate.repository.sites.number_ranges import ProvisionalNumbers
from eci_annotate.repository.sites.site_credentials import SiteCredential
from eci_annotate.store.atomic_files import locked, make_folder, sync_folder, writing
from eci_annotate.store.disk_reserve import require_space

LARGEST, MOST_WAITING = 4 << 30, 64 << 30
OUTCOMES = "files.jsonl"  # the log of what became of files
_COUNT_S = 10.0
_counted: dict[Path, tuple[float, int]] = {}


class FileState(StrEnum):
    """What became of a file that a site sends."""

    ABSENT = "absent"
    PARTIAL = "partial"
    RECEIVED = "received"
    CONFIRMED = "confirmed"
    HELD = "held"


@dataclass(frozen=True)
class FileOutcome:
    """The state of one file: how many bytes have arrived, and later the subject, or the reason why it is held back."""

    state: FileState
    offset: int = 0
    subject: str = ""
    reason: str = ""
    uid: str = ""


class Arrivals:
    """What one credential sends.

    Parameters
    ----------
    context
        The repository's parts.
    credential
        Whose uploads these are; the log is shared by all credentials of its project and site.
    """

    def __init__(self, context: Context, credential: SiteCredential) -> None:
        self.credential, self._context = credential, context
        self.folder = context.layout.root / "arrivals" / credential.id
        self.outcomes = AppendLog.at(logs_of(context, credential.project, credential.site) / OUTCOMES)
        self.series = AppendLog.at(logs_of(context, credential.project, credential.site) / "series.jsonl")
        self.subjects = subject_numbers(context, credential.project, credential.site)

    def numbers(self) -> ProvisionalNumbers:
        """Return the provisional numbers of the credential."""
        return ProvisionalNumbers(self._context, self.credential)

    def states(self, digests: Iterable[str]) -> dict[str, FileOutcome]:
        """Return the states of files by their SHA-256."""
        asked = list(digests)
        known = self.outcomes.get(asked)
        found = {each: _decided(known[each]) if each in known else self._waiting(each) for each in asked}
        return found | self._released({name: known[name] for name in known if known[name]["state"] == FileState.HELD})

    def _released(self, held: Mapping[str, dict[str, Any]]) -> dict[str, FileOutcome]:
        """Return which of the files that were held back are in the archive now: an owner released them."""
        uids = {value["uid"]: name for name, value in held.items() if value.get("uid")}
        archive = self._context.archive
        found = {
            name: FileOutcome(FileState.CONFIRMED, subject=each.subject)
            for each in (archive.find(uids) if uids else ())
            if (name := uids[each.sop_uid]) == hashlib.sha256(archive.read(each)).hexdigest()
        }
        if found:
            self.outcomes.add({name: _recorded(state) for name, state in found.items()})
        return found

    def append(self, digest: str, offset: int, blocks: Iterable[bytes], size: int) -> FileOutcome:
        """Add bytes of a file from `offset` on.

        Parameters
        ----------
        digest
            SHA-256 of the whole file.
        offset
            Where these bytes begin; must be what has arrived so far.
        blocks
            The bytes.
        size
            Size of the whole file.

        Raises
        ------
        Conflict
            Another offset is expected; ask for the state, and continue there.
        BadRequest
            The file is complete, but has another SHA-256; it is to be sent again from the beginning.
        """
        with self._one(digest):
            before = self.states([digest])[digest]
            if before.state not in (FileState.ABSENT, FileState.PARTIAL):
                return before
            if before.offset != offset:
                raise Conflict("Another part of this file is expected.", "Ask for its state, and continue there.")
            with writing():
                self._write(digest, offset, blocks, size)
            return self._completed(digest, size)

    def require_space(self, size: int) -> None:
        """Raise StoreUnavailable if a file of this size would fill the disk, or too much waits already."""
        make_folder(self.folder)
        require_space(self.folder, size)
        if _waiting(self.folder) + size > MOST_WAITING:
            raise StoreUnavailable("There is no space for more uploads now.", "Try again later.")

    def complete(self) -> list[Path]:
        """Return the complete files that wait to be taken in, oldest first."""
        return sorted(self.folder.glob("*.dcm"), key=lambda path: path.stat().st_mtime_ns)

    def decide(self, outcomes: Mapping[str, FileOutcome]) -> None:
        """Record for good what became of files, then delete what arrived."""
        self.outcomes.add({name: _recorded(state) for name, state in outcomes.items()})
        for name in outcomes:
            self._path(name).unlink(missing_ok=True)

    @contextmanager
    def _one(self, digest: str) -> Iterator[None]:
        """One writer for each file; a connection that hangs does not keep others out, since blocks arrive complete."""
        with locked(self.folder / "locks" / digest[:2]):
            yield

    def _write(self, digest: str, offset: int, blocks: Iterable[bytes], size: int) -> None:
        handle = os.open(self._part(digest), os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(handle, "r+b") as stream:
            stream.seek(offset)
            for block in blocks:
                if stream.tell() + len(block) > size:
                    raise BadRequest("More bytes were sent than the file has.", "Send the file again.")
                stream.write(block)
            stream.flush()
            os.fsync(stream.fileno())

    def _completed(self, digest: str, size: int) -> FileOutcome:
        part = self._part(digest)
        arrived = part.stat().st_size
        if arrived < size:
            return FileOutcome(FileState.PARTIAL, arrived)
        if _sha256(part) != digest:
            part.unlink()
            raise BadRequest("The file does not have the SHA-256 that was announced.", "Send it again.")
        part.replace(self._path(digest))
        sync_folder(self.folder)
        return FileOutcome(FileState.RECEIVED, size)

    def _waiting(self, digest: str) -> FileOutcome:
        if self._path(digest).exists():
            return FileOutcome(FileState.RECEIVED, self._path(digest).stat().st_size)
        part = self._part(digest)
        return FileOutcome(FileState.PARTIAL, part.stat().st_size) if part.exists() else FileOutcome(FileState.ABSENT)

    def _path(self, digest: str) -> Path:
        return self.folder / f"{digest}.dcm"

    def _part(self, digest: str) -> Path:
        return self.folder / f"{digest}.part"


def _waiting(folder: Path) -> int:
    """Return how many bytes wait in a folder, partial files included; counted every few seconds only."""
    until, size = _counted.get(folder, (0.0, 0))
    if time.monotonic() > until:
        size = sum(_size(each) for each in folder.iterdir() if each.suffix in (".dcm", ".part"))
        _counted[folder] = time.monotonic() + _COUNT_S, size
    return size


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # taken in meanwhile
        return 0


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _decided(value: dict[str, Any]) -> FileOutcome:
    return FileOutcome(FileState(value["state"]), 0, value["subject"], value["reason"], value["uid"])


def _recorded(state: FileOutcome) -> dict[str, Any]:
    return {"state": state.state.value, "subject": state.subject, "reason": state.reason, "uid": state.uid}
