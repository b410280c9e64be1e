"""Files of a site become subjects: checked again, one subject for each pseudonym, and what cannot be taken in is held.

Each step may be repeated after a crash: numbers are given before files, and files are deleted after their outcome.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from eci_annotate.decoder.file_reader import File, FileReader, PixelRule
from eci_annotate.deid.policy import Policy
from eci_annotate.errors import DamagedFile, EciError, Overloaded, StoreUnavailable, WorkerFailed
from eci_annotate.repository.admin.archive_images import is_seen
from eci_annotate.repository.admin.held_files import held_sets, hold
from eci_annotate.repository.admin.import_dicom import import_folders
from eci_annotate.repository.admin.import_plan import HoldReason
from eci_annotate.repository.admin.import_scan import Progress
from eci_annotate.repository.admin.ingest_subject import enrol_as, enrol_next, has_images, is_ingested
from eci_annotate.repository.local.backend import LocalBackend
from eci_annotate.repository.local.context import Context
from eci_annotate.repository.sites.arrivals import Arrivals, FileOutcome, FileState
from eci_annotate.repository.sites.number_ranges import ProvisionalNumbers
from eci_annotate.repository.sites.site_credentials import credential_named, site_identity
from eci_annotate.store.atomic_files import locked
from eci_annotate.workflow.subject.commands import Describe

if TYPE_CHECKING:
    from eci_annotate.repository.service.protocol import SiteArrivals

QUIET_S, MOST_AT_ONCE = 10.0, 2000
_NOT_NOW = (StoreUnavailable, Overloaded, WorkerFailed)  # they say nothing about the files
OTHER_PATIENT = "belongs to a series that arrived under another patient ID"
log = logging.getLogger("eci_annotate.hub")
_told: set[Path] = set()


@dataclass(frozen=True)
class CompleteFile:
    """One complete file: the pseudonym it names, its UIDs, and why it is not taken in (empty: it may be)."""

    path: Path
    pseudonym: str = field(repr=False)
    series_uid: str
    sop_uid: str
    refusal: str

    @property
    def digest(self) -> str:
        """Return its SHA-256."""
        return self.path.stem


def ingest_all(context: Context, quiet_s: float = QUIET_S) -> int:
    """Take in the files of every site that has sent nothing for a while; returns how many were decided."""
    folders = (context.layout.root / "arrivals").glob("site.*")
    done = 0
    for folder in sorted(folders):
        if not any(folder.glob("*.dcm")):
            continue
        try:
            done += ingest(context, folder.name, quiet_s)
            _told.discard(folder)
        except Exception as error:  # another site's files are not kept waiting; each trouble is logged once
            if folder not in _told:
                log.error("uploads were not taken in", extra={"kind": type(error).__name__})
            _told.add(folder)
    return done


def collect_files(arrivals: SiteArrivals, inbox: Path, tell: Progress) -> list[str]:
    """Move the complete DICOM files of a folder to the arrivals of a site; returns their SHA-256."""
    paths, digests = sorted(inbox.glob("*.dcm")), []
    for number, path in enumerate(paths, 1):
        content = path.read_bytes()
        digests.append(sha256(content).hexdigest())
        arrivals.append(digests[-1], 0, [content], len(content))
        path.unlink()
        tell("Collecting", number, len(paths))
    return digests


def ingest(context: Context, name: str, quiet_s: float = QUIET_S) -> int:
    """Take in the complete files of one credential, if the newest is `quiet_s` old; returns how many were decided."""
    arrivals = Arrivals(context, credential_named(context.layout, name))
    with locked(arrivals.folder / "ingest.lock"):
        paths = arrivals.complete()
        if not paths or time.time() - paths[-1].stat().st_mtime < quiet_s:
            return 0
        backend = LocalBackend(context, site_identity(context.layout, name))
        return sum(_ingest(backend, arrivals, some) for some in _portions(paths))


def _portions(paths: Sequence[Path]) -> Iterable[Sequence[Path]]:
    return (paths[n : n + MOST_AT_ONCE] for n in range(0, len(paths), MOST_AT_ONCE))


def _ingest(backend: LocalBackend, arrivals: Arrivals, paths: Sequence[Path]) -> int:
    policy, lenient = arrivals.credential.agreed(), arrivals.credential.lenient
    files = _of_one_patient(arrivals, [_checked(backend.context.reader, path, policy, lenient) for path in paths])
    _hold(backend, arrivals, {each: each.refusal for each in files if each.refusal})
    clean: dict[str, list[CompleteFile]] = {}
    for each in files:
        if not each.refusal:
            clean.setdefault(each.pseudonym, []).append(each)
    failed: Exception | None = None
    for pseudonym, group in clean.items():
        try:
            _take_in(backend, arrivals, _subject_of(backend, arrivals, pseudonym, group), group)
        except Exception as error:  # its files wait, and those of other patients do not
            failed = failed or error
    if failed is not None:
        raise failed
    return len(files)


def _of_one_patient(arrivals: Arrivals, files: Sequence[CompleteFile]) -> list[CompleteFile]:
    """Return the files, those refused whose series arrived under another patient: it would be in two subjects.

    So it is when a patient's ID is corrected at the source, and the rest of a study arrives under the new one.
    """
    whose = {each: sha256(each.pseudonym.encode()).hexdigest() for each in files}
    known = arrivals.series.get(sorted({each.series_uid for each in files}))
    fresh = dict[str, str]()
    for each in files:
        if not each.refusal and each.series_uid not in known:
            fresh.setdefault(each.series_uid, whose[each])
    if fresh:
        arrivals.series.add(fresh)
    owners = {**known, **fresh}
    return [
        replace(each, refusal=OTHER_PATIENT) if not each.refusal and owners[each.series_uid] != whose[each] else each
        for each in files
    ]


def _checked(reader: FileReader, path: Path, policy: Policy, lenient: bool) -> CompleteFile:
    """Return a file with what its check says: by the agreed policy, or like other imports."""
    pseudonym, series_uid, sop_uid, residue = reader.residue(path, policy)
    if not lenient:
        return CompleteFile(
            path, pseudonym, series_uid, sop_uid, f"still holds {', '.join(residue[:5])}" if residue else ""
        )
    nameless = HoldReason.DAMAGED if not sop_uid else "" if pseudonym else HoldReason.NO_PATIENT
    return CompleteFile(path, pseudonym, series_uid, sop_uid, str(nameless or reader.identity(path).risk))


def _subject_of(backend: LocalBackend, arrivals: Arrivals, pseudonym: str, files: Sequence[CompleteFile]) -> str:
    """Return the subject of a pseudonym; the first time its number is given, and recorded before it is used.

    A patient whose images the project holds already, by an import or another way, keeps its subject.
    """
    numbers = ProvisionalNumbers(backend.context, arrivals.credential)
    if not _enrolled(backend, arrivals, pseudonym):
        with locked(arrivals.folder.parent / f"{arrivals.credential.project}.{arrivals.credential.site}.numbers"):
            if not _enrolled(backend, arrivals, pseudonym):  # another proxy of the site may have been faster
                project, site = arrivals.credential.project, arrivals.credential.site
                recorded = map(str, arrivals.subjects.get([pseudonym]).values())  # a restored repository may lack it
                free = (
                    each for each in (*recorded, *numbers.proposed(pseudonym)) if enrol_as(backend, project, site, each)
                )
                subject = _holder_of(backend, project, files) or next(free, "") or enrol_next(backend, project, site)
                arrivals.subjects.add({pseudonym: subject})
    given = str(arrivals.subjects.get([pseudonym])[pseudonym])
    numbers.settle(backend, pseudonym, given)
    return given


def _enrolled(backend: LocalBackend, arrivals: Arrivals, pseudonym: str) -> bool:
    """Whether a pseudonym has a number, and the project the subject."""
    known = arrivals.subjects.get([pseudonym]).get(pseudonym)
    return known is not None and arrivals.credential.project in backend.context.streams.projects_of(str(known))


def _holder_of(backend: LocalBackend, project: str, files: Sequence[CompleteFile]) -> str:
    """Return the subject of the project that holds one of these images already; empty if none does.

    Equal UIDs are not enough: the whole header must be the same, the pseudonym among it, or two people would be one.
    """
    archive, mine = backend.context.archive, {each.sop_uid: each.path for each in files}
    seen = (each for each in archive.find(mine) if is_seen(backend, project, each.subject))
    reader = backend.context.reader
    same = (each for each in seen if _is_same(reader, partial(archive.read, each), mine[each.sop_uid]))
    return next((each.subject for each in same), "")


def _is_same(reader: FileReader, archived: File, path: Path) -> bool:
    try:
        return reader.digests(archived, PixelRule.NONE) == reader.digests(path, PixelRule.NONE)
    except DamagedFile:
        return False


def _take_in(backend: LocalBackend, arrivals: Arrivals, subject: str, files: Sequence[CompleteFile]) -> None:
    """Take in the files of a patient, and record what became of them.

    Raises
    ------
    EciError
        They could not be taken in now, or are in the archive without a signed ingest: they wait for the next run.
    """
    project, site = arrivals.credential.project, arrivals.credential.site
    failed = ""
    try:
        done = import_folders(backend, [each.path for each in files], project=project, site=site)
        failed = next((f"cannot be taken in ({kind})" for kind in done.failed), "")
    except _NOT_NOW:
        raise
    except EciError as error:
        if _in_archive(backend, subject, files) and not is_ingested(backend.context, project, subject):
            raise
        failed = f"cannot be taken in ({type(error).__name__})"
    if failed:
        _discard_unsealed(backend, project, subject, files)
    there = _in_archive(backend, subject, files)
    held = {digest: why for each in held_sets(backend) for digest, (_, why) in each.known.items()}
    arrivals.decide(
        {each.digest: FileOutcome(FileState.CONFIRMED, subject=subject) for each in files if each.digest in there}
    )
    rest = [each for each in files if each.digest not in there]
    other = failed or "has the UID of another file with other content"
    _hold(backend, arrivals, {each: held.get(each.digest, other) for each in rest}, held)


def _discard_unsealed(backend: LocalBackend, project: str, subject: str, files: Sequence[CompleteFile]) -> None:
    """Remove files that no signed ingest covers: they are held back, and the site keeps its originals meanwhile."""
    archive, sealed = backend.context.archive, backend.context.volumes.sealed(subject)
    covered = {sop for rows in sealed.values() for sop in rows}
    for each in archive.find({each.sop_uid for each in files} - covered):
        if each.subject == subject:
            archive.discard(each)
    if not has_images(archive, subject):
        backend.do(Describe(project, subject, included=False, reason="none of its images can be taken in"))


def _in_archive(backend: LocalBackend, subject: str, files: Sequence[CompleteFile]) -> set[str]:
    """Return the digests of files that the archive holds under the subject, read back."""
    archive = backend.context.archive
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
