"""DICOM folders become subjects: one per patient, under the next free pseudonym; nothing is left out silently.

Who the patient is never leaves the scan: files are grouped by a salted digest, errors count and say why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from eci_annotate.dicom.annotation_objects import NO_IMAGES
from eci_annotate.dicom.images.headers import Found, scan
from eci_annotate.dicom.inflation import require_bounded, require_matrix
from eci_annotate.dicom.patient_identity import identity_risk
from eci_annotate.errors import (
    UNREADABLE,
    BadImages,
    BadVolume,
    DamagedFile,
    EciError,
    NoImages,
    NotDicom,
    NotFound,
    UnsupportedImages,
)
from eci_annotate.repository.admin.held_files import delete_held, held_set, hold, note_release
from eci_annotate.repository.admin.ingest_subject import enrol_next, is_ingested, sign_ingest
from eci_annotate.repository.local.backend import LocalBackend
from eci_annotate.repository.local.context import Rooms
from eci_annotate.repository.local.identity import Identity
from eci_annotate.workflow.project_checks import check_site
from eci_annotate.workflow.subject.view import view

_REASONS: dict[type[EciError], str] = {
    NotDicom: "no DICOM file",
    DamagedFile: "damaged",
    UnsupportedImages: "too large",
}
_ODD = (NotImplementedError, AssertionError, OverflowError, *UNREADABLE)
_SPOILT = (BadImages, BadVolume, *_ODD)
THERE, OTHER = "there already", "there already, with other content"
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Imported:
    """What an import did: subjects with their number of files; how many files were skipped, and why;
    how many series were taken in but cannot be shown as a volume, and why; how many files were taken in that
    may identify their patient; how many were held back, and why; how many patients could not be taken in, and why."""

    subjects: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)
    not_shown: dict[str, int] = field(default_factory=dict)
    identified: int = 0
    held: dict[str, int] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Kept:
    """An image that is in the archive, or is about to be: whose it is, and what reads it."""

    subject: str
    study_uid: str
    read: Callable[[], bytes] = field(repr=False)


def import_as(
    rooms: Rooms,
    identity: Identity,
    folders: Iterable[Path],
    *,
    project: str,
    site: str,
    progress: Progress | None = None,
    accept_identified: bool = False,
) -> Imported:
    """As `import_folders`, for a program that has an identity; every subject and signature names that identity.

    Parameters
    ----------
    rooms, identity
        The repository's parts, and who imports.
    folders, project, site, progress, accept_identified
        As in `import_folders`.
    """
    backend, more = LocalBackend(rooms, identity), {"progress": progress, "accept_identified": accept_identified}
    return import_folders(backend, folders, project=project, site=site, **more)  # type: ignore[arg-type]


def import_folders(
    backend: LocalBackend,
    folders: Iterable[Path],
    *,
    project: str,
    site: str,
    progress: Progress | None = None,
    accept_identified: bool = False,
) -> Imported:
    """Take in all DICOM files below `folders`; each patient becomes a subject whose ingest is signed.

    Parameters
    ----------
    backend
        The repository, for the member who imports.
    folders
        Folders or files.
    project, site
        Where the subjects belong.
    progress
        Called with (what, done, of).
    accept_identified
        Take files in that may identify their patient. Otherwise they are held back, unless the project accepts them.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import eci_annotate as eci
    >>> folder = Path(tempfile.mkdtemp())
    >>> files = eci.write_phantom(folder / "dicom", "tiny")
    >>> key = eci.create_repository(folder / "demo", project="liver-ct", member="anna", site="KAU")
    >>> repo = eci.open(folder / "demo")
    >>> imported = eci.import_folders(repo.backend, [folder / "dicom"], project="liver-ct", site="KAU")
    >>> imported.subjects
    {'ECI_KAU_S0001': 8}
    """
    tell = progress or (lambda what, done, of: None)
    paths = sorted({path for folder in folders for path in _files(Path(folder))})
    skipped: Counter[str] = Counter()
    if (state := backend.rooms.streams.projects().get(project)) is not None:
        check_site(state, site)
    usable = list(_scan_each(paths, skipped, tell))
    if not usable:
        raise NoImages("No DICOM image was found.", "Give a folder with DICOM files.")
    usable, held, identified = _admitted(backend, usable, project, site, accept_identified)
    known, subjects = _known(backend, project, usable), dict[str, int]()
    groups = _by_patient(usable)
    not_shown, failed = Counter[str](), Counter[str]()
    for number, group in enumerate(groups, 1):
        try:
            subject, count = _take_patient(backend, group, known, skipped, project, site)
        except _SPOILT as error:  # one odd patient does not end the import of all others
            failed[type(error).__name__] += 1
        else:
            if count:
                subjects[subject] = count
                not_shown.update(_undisplayable(backend, subject, group))
        tell("Importing subjects", number, len(groups))
    return Imported(subjects, dict(skipped), dict(not_shown), identified, held, dict(failed))


def _take_patient(
    backend: LocalBackend,
    group: Sequence[Found],
    known: dict[str, Kept],
    skipped: Counter[str],
    project: str,
    site: str,
) -> tuple[str, int]:
    """Take in the files of one patient; returns the subject and how many files are new, 0 if there is nothing to do."""
    old = _subject_of(group, known)
    fresh = _fresh(group, known, skipped)
    if fresh:
        subject = old or enrol_next(backend, project, site)
        _take_in(backend, fresh, project, subject)
        return subject, len(fresh)
    if old and not is_ingested(backend.rooms, project, old):  # an import that was cut off
        sign_ingest(backend, project, old)
        return old, len(group)
    return old, 0


def _admitted(
    backend: LocalBackend, usable: list[Found], project: str, site: str, accept: bool
) -> tuple[list[Found], dict[str, int], int]:
    """Return the files to take in, why others are held back, and how many of the first may identify their patient."""
    risks = {each.path: risk for each in usable if (risk := identity_risk(each.path)) is not None}
    state = backend.rooms.streams.projects().get(project)
    if not risks or accept or (state is not None and state.accepts_identified):
        if risks and accept:
            backend.note("accepted-identified.1", project, "", f"{len(risks)} files")
        return usable, {}, len(risks)
    kept = hold(backend, risks, project, site)
    return [each for each in usable if each.path not in risks], kept.reasons, 0


def release_held(backend: LocalBackend, name: str, reason: str, progress: Progress | None = None) -> Imported:
    """Take in files that were held back, and delete them there; for an owner, who says why.

    Parameters
    ----------
    backend
        The repository, for an owner of the project.
    name
        Which set, as `held_sets` lists it.
    reason
        How it was made sure that nobody is identified, or why it does not matter.
    progress
        As in `import_folders`.
    """
    found, folder = held_set(backend, name)
    note_release(backend, found, reason)
    done = import_folders(
        backend, [folder], project=found.project, site=found.site, progress=progress, accept_identified=True
    )
    if not done.failed:
        delete_held(backend, name, released=True)
    return done


def _scan_each(paths: Sequence[Path], skipped: Counter[str], tell: Progress) -> Iterator[Found]:
    for number, path in enumerate(paths, 1):
        try:
            require_bounded(path)
            (found,) = scan([path])
            require_matrix(found.rows, found.columns, int(str(found.header.get("NumberOfFrames", 1)).partition(".")[0]))
        except BadImages as error:
            skipped[_REASONS.get(type(error), "not readable")] += 1
        except _ODD:
            skipped["not readable"] += 1
        else:
            if found.study_uid and found.series_uid and found.sop_uid:
                yield found
            else:
                skipped["without UIDs"] += 1
        tell("Reading headers", number, len(paths))


def _files(folder: Path) -> Iterator[Path]:
    if folder.is_file():
        yield folder
        return
    for path in folder.rglob("*"):
        if path.is_file() and not path.name.startswith("."):
            yield path


def _known(backend: LocalBackend, project: str, found: Sequence[Found]) -> dict[str, Kept]:
    """Which of the found images the project's subjects hold, as far as the importer may see them."""
    archive, seen = backend.rooms.archive, dict[str, bool]()
    known: dict[str, Kept] = {}
    for each in archive.find({each.sop_uid for each in found}):
        if each.subject not in seen:
            seen[each.subject] = _is_seen(backend, project, each.subject)
        if seen[each.subject]:
            known[each.sop_uid] = Kept(each.subject, each.study_uid, partial(archive.read, each))
    return known


def _is_seen(backend: LocalBackend, project: str, subject: str) -> bool:
    try:
        view(backend.rooms.state(project, subject)[1], backend.actor, backend.rooms.clock())
    except NotFound:  # nobody asked for this one: no refusal is to be noted
        return False
    return True


def _subject_of(group: Sequence[Found], known: Mapping[str, Kept]) -> str:
    """The subject that a patient is already; an image's UID alone is no proof, since faulty senders repeat them."""
    there = ((each, known[each.sop_uid]) for each in group if each.sop_uid in known)
    return next((kept.subject for each, kept in there if kept.subject and kept.study_uid == each.study_uid), "")


def _fresh(group: Sequence[Found], known: dict[str, Kept], skipped: Counter[str]) -> list[Found]:
    """Files of images that are not there yet; of two files of one image the first one counts."""
    fresh = []
    for each in group:
        kept = known.get(each.sop_uid)
        if kept is None:
            known[each.sop_uid] = Kept("", each.study_uid, each.path.read_bytes)
            fresh.append(each)
        else:
            skipped[THERE if kept.read() == each.path.read_bytes() else OTHER] += 1
    return fresh


def _by_patient(found: Sequence[Found]) -> list[list[Found]]:
    groups: dict[str, list[Found]] = {}
    for each in found:
        groups.setdefault(each.patient_key, []).append(each)
    return list(groups.values())


def _take_in(backend: LocalBackend, found: Sequence[Found], project: str, subject: str) -> None:
    backend.rooms.archive.store(subject, found)
    sign_ingest(backend, project, subject)


def _undisplayable(backend: LocalBackend, subject: str, found: Sequence[Found]) -> Iterator[str]:
    """Why a series cannot be shown; the others were decoded and kept when their ingest was signed."""
    for uid in dict.fromkeys(each.series_uid for each in found if each.modality not in NO_IMAGES):
        try:
            backend.rooms.volumes.read(subject, uid)
        except BadImages as error:
            yield type(error).__name__
