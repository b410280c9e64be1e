"""DICOM folders become subjects: one per patient, under the next free pseudonym; nothing is left out silently.

Who the patient is never leaves the scan: files are grouped by a salted digest, errors count and say why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from filecmp import cmp
from itertools import count
from pathlib import Path

from eci_annotate.dicom.annotation_objects import NO_IMAGES
from eci_annotate.dicom.images.headers import Found, scan
from eci_annotate.errors import BadImages, DamagedFile, EciError, NoImages, NotDicom
from eci_annotate.repository.backend import SubjectQuery, every_subject
from eci_annotate.repository.local.backend import LocalBackend
from eci_annotate.repository.local.volume_cache import read_volume
from eci_annotate.workflow.subject.commands import Enrol, Sign, Start
from eci_annotate.workflow.usecase.pipeline import INGEST

_REASONS: dict[type[EciError], str] = {NotDicom: "no DICOM file", DamagedFile: "damaged"}
THERE, OTHER = "there already", "there already, with other content"
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
    """An image that is in the archive, or is about to be: whose it is, and its file."""

    subject: str
    study_uid: str
    path: Path = field(repr=False)


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
    known, subjects = _known(backend, project), dict[str, int]()
    groups = _by_patient(usable)
    not_shown: Counter[str] = Counter()
    for number, group in enumerate(groups, 1):
        old = _subject_of(group, known)
        fresh = _fresh(group, known, skipped)
        if fresh:
            subject = _take_in(backend, fresh, project, site, old)
            subjects[subject] = len(fresh)
            not_shown.update(_decode(backend, subject, fresh))
        tell("Taking in subjects", number, len(groups))
    reasons = {why: number for why, number in skipped.items() if number}
    return Imported(subjects, reasons, dict(not_shown), sum(not each.identity_removed for each in usable))


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


def _known(backend: LocalBackend, project: str) -> dict[str, Kept]:
    archive = backend.rooms.archive
    return {
        instance.sop_uid: Kept(seen.subject, instance.study_uid, instance.path)
        for seen in every_subject(backend, project)
        for study in archive.studies(seen.subject)
        for series in study.series
        for instance in archive.instances(seen.subject, series.series_uid)
    }


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
            known[each.sop_uid] = Kept("", each.study_uid, each.path)
            fresh.append(each)
        else:
            skipped[THERE if cmp(kept.path, each.path, shallow=False) else OTHER] += 1
    return fresh


def _by_patient(found: Sequence[Found]) -> list[list[Found]]:
    groups: dict[str, list[Found]] = {}
    for each in found:
        groups.setdefault(each.patient_key, []).append(each)
    return list(groups.values())


def _take_in(backend: LocalBackend, found: Sequence[Found], project: str, site: str, old: str) -> str:
    subject = old or _next_pseudonym(backend, project, site)
    backend.rooms.archive.store(subject, [each.path for each in found])
    case = backend.use_case(project)
    if not old:
        backend.do(Enrol(project, subject, site, case.digest, case.pipeline))
    for task in case.pipeline:
        if task.kind == INGEST:
            _ingest(backend, project, subject, task.name)
    return subject


def _ingest(backend: LocalBackend, project: str, subject: str, task: str) -> None:
    seen = backend.do(Start(project, subject, task, rerun=True))
    fence = seen.task(task).fence if seen else 0
    backend.do(Sign(project, subject, task, fence, "Taken in as received"))


def _decode(backend: LocalBackend, subject: str, found: Sequence[Found]) -> Iterator[str]:
    """Fill the cache, so that the first opening is fast; yields why a series cannot be shown."""
    for uid in dict.fromkeys(each.series_uid for each in found if each.modality not in NO_IMAGES):
        try:
            read_volume(backend.rooms.archive, backend.rooms.layout.cache / "volumes", subject, uid)
        except BadImages as error:
            yield type(error).__name__


def _next_pseudonym(backend: LocalBackend, project: str, site: str) -> str:
    begin = f"ECI_{site.upper()}_S"
    taken = {folder.name for folder in backend.rooms.layout.archive.glob(f"{begin}*")}
    taken.update(seen.subject for seen in every_subject(backend, project, SubjectQuery(contains=begin)))
    numbers = [int(name.removeprefix(begin)) for name in taken if name.removeprefix(begin).isdigit()]
    for number in count(max(numbers, default=0) + 1):
        folder = backend.rooms.layout.archive / f"{begin}{number:04d}"
        with suppress(FileExistsError):  # another import took it a moment ago
            folder.mkdir(parents=True)
            return folder.name
    raise AssertionError("count never ends")
