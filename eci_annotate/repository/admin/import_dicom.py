"""DICOM folders become subjects: one per patient, under the next free pseudonym; nothing is left out silently.

Who the patient is never leaves the scan: files are grouped by a salted digest, errors count and say why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from threading import Lock

from eci_annotate.dicom.annotation_objects import NO_IMAGES
from eci_annotate.dicom.images.headers import Found, scan
from eci_annotate.errors import BadImages, DamagedFile, EciError, NoImages, NotDicom, NotFound, Refused
from eci_annotate.repository.local.artefacts import image_series_of
from eci_annotate.repository.local.backend import LocalBackend
from eci_annotate.repository.local.context import Rooms
from eci_annotate.repository.local.identity import Identity
from eci_annotate.workflow.subject.commands import Describe, Enrol, Sign, Start
from eci_annotate.workflow.subject.view import view
from eci_annotate.workflow.usecase.pipeline import INGEST

_REASONS: dict[type[EciError], str] = {NotDicom: "no DICOM file", DamagedFile: "damaged"}
THERE, OTHER = "there already", "there already, with other content"
_one_at_a_time = Lock()
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Imported:
    """What an import did: subjects with their number of files; how many files were skipped, and why;
    how many series were taken in but cannot be shown as a volume, and why; how many files do not say
    that their identity was removed (0012,0062)."""

    subjects: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)
    not_shown: dict[str, int] = field(default_factory=dict)
    identified: int = 0


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
) -> Imported:
    """As `import_folders`, for a program that has an identity; every subject and signature names that identity.

    Parameters
    ----------
    rooms, identity
        The repository's parts, and who imports.
    folders, project, site, progress
        As in `import_folders`.
    """
    return import_folders(LocalBackend(rooms, identity), folders, project=project, site=site, progress=progress)


def import_folders(
    backend: LocalBackend, folders: Iterable[Path], *, project: str, site: str, progress: Progress | None = None
) -> Imported:
    """Take in all DICOM files below `folders`; each patient becomes a subject whose ingest is signed.

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
    usable = list(_scan_each(paths, skipped, tell))
    if not usable:
        raise NoImages("No DICOM image was found.", "Give a folder with DICOM files.")
    known, subjects = _known(backend, project, usable), dict[str, int]()
    groups = _by_patient(usable)
    not_shown: Counter[str] = Counter()
    for number, group in enumerate(groups, 1):
        old = _subject_of(group, known)
        fresh = _fresh(group, known, skipped)
        if fresh:
            subject = old or _enrol(backend, project, site)
            _take_in(backend, fresh, project, subject)
            subjects[subject] = len(fresh)
            not_shown.update(_undisplayable(backend, subject, fresh))
        elif old and not _is_ingested(backend.rooms, project, old):  # an import that was cut off
            sign_ingest(backend, project, old)
            subjects[old] = len(group)
        tell("Importing subjects", number, len(groups))
    return Imported(subjects, dict(skipped), dict(not_shown), sum(not each.identity_removed for each in usable))


def _scan_each(paths: Sequence[Path], skipped: Counter[str], tell: Progress) -> Iterator[Found]:
    for number, path in enumerate(paths, 1):
        try:
            (found,) = scan([path])
        except BadImages as error:
            skipped[_REASONS.get(type(error), "not readable")] += 1
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


def _is_ingested(rooms: Rooms, project: str, subject: str) -> bool:
    """Whether every ingest is signed, and all images of the archive are sealed."""
    _, state = rooms.state(project, subject)
    if not all(state.work[task.name].signed for task in state.pipeline if task.kind == INGEST):
        return False
    sealed = rooms.volumes.sealed(subject)
    return set(image_series_of(rooms.archive, subject)) <= sealed.keys() and all(
        each.sop_uid in rows for uid, rows in sealed.items() for each in rooms.archive.instances(subject, uid)
    )


def sign_ingest(backend: LocalBackend, project: str, subject: str, meaning: str = "Taken in as received") -> None:
    """Sign the ingest of a subject over all images that the archive holds of it."""
    for task in backend.use_case(project).pipeline:
        if task.kind == INGEST:
            _ingest(backend, project, subject, task.name, meaning)


def _ingest(backend: LocalBackend, project: str, subject: str, task: str, meaning: str) -> None:
    seen = backend.do(Start(project, subject, task, rerun=True))
    fence = seen.task(task).fence if seen else 0
    backend.do(Sign(project, subject, task, fence, meaning))


def _undisplayable(backend: LocalBackend, subject: str, found: Sequence[Found]) -> Iterator[str]:
    """Why a series cannot be shown; the others were decoded and kept when their ingest was signed."""
    for uid in dict.fromkeys(each.series_uid for each in found if each.modality not in NO_IMAGES):
        try:
            backend.rooms.volumes.read(subject, uid)
        except BadImages as error:
            yield type(error).__name__


def _enrol(backend: LocalBackend, project: str, site: str) -> str:
    """Enrol a subject under the next pseudonym of the site that no project and no image has; the events decide."""
    begin, case = f"ECI_{site.upper()}_S", backend.use_case(project)
    with _one_at_a_time:
        for number in count(_last_number(backend.rooms, begin) + 1):
            subject = f"{begin}{number:04d}"
            if backend.rooms.archive.studies(subject):
                continue
            try:
                backend.do(Enrol(project, subject, site, case.digest, case.pipeline))
            except Refused:
                if not backend.rooms.streams.projects_of(subject):
                    raise
                continue  # another import took it a moment ago
            if backend.rooms.streams.projects_of(subject) == [project]:
                return subject
            backend.do(Describe(project, subject, included=False, reason="another project took this pseudonym"))
    raise AssertionError("count never ends")


def _last_number(rooms: Rooms, begin: str) -> int:
    numbers = (name.removeprefix(begin) for _, name in rooms.streams.subjects() if name.startswith(begin))
    return max((int(number) for number in numbers if number.isdigit()), default=0)
