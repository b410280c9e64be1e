"""Files of a site become subjects: checked again, one subject for each pseudonym, and what cannot be taken in is held.

Each step may be repeated after a crash: numbers are given before files, and files are deleted after their outcome.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from eci_annotate.deid.residue import residue_of_file
from eci_annotate.errors import EciError
from eci_annotate.repository.admin.held_files import held_sets, hold
from eci_annotate.repository.admin.import_dicom import import_folders
from eci_annotate.repository.admin.import_scan import Progress
from eci_annotate.repository.admin.ingest_subject import enrol_next
from eci_annotate.repository.local.backend import LocalBackend
from eci_annotate.repository.local.context import Rooms
from eci_annotate.repository.sites.arrivals import Arrivals, FileOutcome, FileState
from eci_annotate.repository.sites.site_credentials import credential_named, site_identity
from eci_annotate.store.atomic_files import locked

QUIET_S, MOST_AT_ONCE = 10.0, 2000
log = logging.getLogger("eci_annotate.hub")
_told: set[Path] = set()


@dataclass(frozen=True)
class CompleteFile:
    """One complete file: its SHA-256, the pseudonym it names, its UIDs, and the names of what may still identify."""

    path: Path
    pseudonym: str
    series_uid: str
    sop_uid: str
    residue: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Return its SHA-256."""
        return self.path.stem


def ingest_all(rooms: Rooms, quiet_s: float = QUIET_S) -> int:
    """Take in the files of every site that has sent nothing for a while; returns how many were decided."""
    folders = (rooms.layout.root / "arrivals").glob("site.*")
    done = 0
    for folder in sorted(folders):
        if not any(folder.glob("*.dcm")):
            continue
        try:
            done += ingest(rooms, folder.name, quiet_s)
            _told.discard(folder)
        except EciError as error:  # another site's files are not kept waiting; each trouble is logged once
            if folder not in _told:
                log.error("uploads were not taken in", extra={"kind": type(error).__name__})
            _told.add(folder)
    return done


def collect_files(arrivals: Arrivals, inbox: Path, tell: Progress) -> list[str]:
    """Move the complete DICOM files of a folder to the arrivals of a site; returns their SHA-256."""
    paths, digests = sorted(inbox.glob("*.dcm")), []
    for number, path in enumerate(paths, 1):
        content = path.read_bytes()
        digests.append(sha256(content).hexdigest())
        arrivals.append(digests[-1], 0, [content], len(content))
        path.unlink()
        tell("Collecting", number, len(paths))
    return digests


def ingest(rooms: Rooms, name: str, quiet_s: float = QUIET_S) -> int:
    """Take in the complete files of one credential, if the newest is `quiet_s` old; returns how many were decided."""
    arrivals = Arrivals(rooms, credential_named(rooms.layout, name))
    with locked(arrivals.folder / "ingest.lock"):
        paths = arrivals.complete()
        if not paths or time.time() - paths[-1].stat().st_mtime < quiet_s:
            return 0
        backend = LocalBackend(rooms, site_identity(rooms.layout, name))
        return sum(_ingest(backend, arrivals, some) for some in _portions(paths))


def _portions(paths: Sequence[Path]) -> Iterable[Sequence[Path]]:
    return (paths[n : n + MOST_AT_ONCE] for n in range(0, len(paths), MOST_AT_ONCE))


def _ingest(backend: LocalBackend, arrivals: Arrivals, paths: Sequence[Path]) -> int:
    policy = arrivals.credential.agreed()
    files = [CompleteFile(path, *residue_of_file(path, policy)) for path in paths]
    refused = [each for each in files if each.residue]
    _hold(backend, arrivals, {each: f"still holds {', '.join(each.residue[:5])}" for each in refused})
    clean: dict[str, list[CompleteFile]] = {}
    for each in files:
        if not each.residue:
            clean.setdefault(each.pseudonym, []).append(each)
    for pseudonym, group in clean.items():
        _take_in(backend, arrivals, _subject_of(backend, arrivals, pseudonym), group)
    return len(files)


def _subject_of(backend: LocalBackend, arrivals: Arrivals, pseudonym: str) -> str:
    """Return the subject of a pseudonym; the first time its number is given, and recorded before it is used."""
    known = arrivals.subjects.get([pseudonym])
    if pseudonym in known:
        return str(known[pseudonym])
    with locked(arrivals.folder.parent / f"{arrivals.credential.project}.{arrivals.credential.site}.numbers"):
        known = arrivals.subjects.get([pseudonym])  # another proxy of the site may have been faster
        if pseudonym not in known:
            subject = enrol_next(backend, arrivals.credential.project, arrivals.credential.site)
            arrivals.subjects.add({pseudonym: subject})
    return str(arrivals.subjects.get([pseudonym])[pseudonym])


def _take_in(backend: LocalBackend, arrivals: Arrivals, subject: str, files: Sequence[CompleteFile]) -> None:
    project, site = arrivals.credential.project, arrivals.credential.site
    failed = ""
    try:
        import_folders(backend, [each.path for each in files], project=project, site=site)
    except EciError as error:
        failed = f"cannot be taken in ({type(error).__name__})"
    there = _in_archive(backend, subject, files)
    held = {digest: why for each in held_sets(backend) for digest, (_, why) in each.known.items()}
    arrivals.decide(
        {each.digest: FileOutcome(FileState.CONFIRMED, subject=subject) for each in files if each.digest in there}
    )
    rest = [each for each in files if each.digest not in there]
    other = failed or "has the UID of another file with other content"
    _hold(backend, arrivals, {each: held.get(each.digest, other) for each in rest}, held)


def _in_archive(backend: LocalBackend, subject: str, files: Sequence[CompleteFile]) -> set[str]:
    """Return the digests of files that the archive holds under the subject, read back."""
    archive = backend.rooms.archive
    found = archive.find({each.sop_uid for each in files})
    contents = {sha256(archive.read(each)).hexdigest() for each in found if each.subject == subject}
    return contents & {each.digest for each in files}


def _hold(
    backend: LocalBackend,
    arrivals: Arrivals,
    reasons: Mapping[CompleteFile, str],
    held: Mapping[str, str] | None = None,
) -> None:
    """Keep files apart for the owner's decision, and record why."""
    fresh = {each.path: why for each, why in reasons.items() if each.digest not in (held or {})}
    if fresh:
        hold(backend, fresh, arrivals.credential.project, arrivals.credential.site)
    arrivals.decide(
        {each.digest: FileOutcome(FileState.HELD, 0, "", why, each.sop_uid) for each, why in reasons.items()}
    )
