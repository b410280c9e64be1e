"""DICOM folders become subjects: one per patient, under the next free pseudonym; nothing is left out silently.

Who the patient is never leaves the scan: files are grouped by a salted digest, errors count and say why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from eci_annotate.dicom.annotation_objects import NO_IMAGES
from eci_annotate.dicom.images.headers import Found
from eci_annotate.dicom.media import unpacked
from eci_annotate.errors import (
    BadImages,
    BadVolume,
    NoImages,
)
from eci_annotate.repository.admin.archive_images import Kept, known_images, subject_of
from eci_annotate.repository.admin.held_files import delete_held, held_before, held_set, hold, note_release
from eci_annotate.repository.admin.import_plan import HoldReason, plan, without_images
from eci_annotate.repository.admin.import_scan import NOT_DICOM, ODD, Progress, files_below, scan_each
from eci_annotate.repository.admin.ingest_subject import enrol_next, has_images, is_ingested, sign_ingest
from eci_annotate.repository.admin.site_numbers import registered_subject
from eci_annotate.repository.admin.subtraction_series import add_subtractions
from eci_annotate.repository.local.backend import LocalBackend
from eci_annotate.repository.local.context import Context
from eci_annotate.repository.local.identity import Identity
from eci_annotate.workflow.project_checks import check_site
from eci_annotate.workflow.subject.commands import Describe

_SPOILT = (BadImages, BadVolume, *ODD)
THERE, OTHER = "there already", "there already, with other content"


@dataclass(frozen=True)
class Imported:
    """What an import did: subjects with their number of files; how many files were skipped, and why;
    how many series were taken in but cannot be shown as a volume, and why; how many files were taken in that
    may identify their patient; how many were held back, and why; how many patients could not be taken in, and why;
    how many series were computed, which the hanging protocol asks for and a study lacks."""

    subjects: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)
    not_shown: dict[str, int] = field(default_factory=dict)
    identified: int = 0
    held: dict[str, int] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)
    computed: dict[str, int] = field(default_factory=dict)


def import_as(
    context: Context,
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
    context, identity
        The repository's parts, and who imports.
    folders, project, site, progress, accept_identified
        As in `import_folders`.
    """
    backend, more = LocalBackend(context, identity), {"progress": progress, "accept_identified": accept_identified}
    return import_folders(backend, folders, project=project, site=site, **more)  # type: ignore[arg-type]


def import_folders(
    backend: LocalBackend,
    folders: Iterable[Path],
    *,
    project: str,
    site: str,
    progress: Progress | None = None,
    accept_identified: bool = False,
    decided: bool = False,
) -> Imported:
    """Take in all DICOM files below `folders`; each patient becomes a subject whose ingest is signed.

    Parameters
    ----------
    backend
        The repository, for the member who imports.
    folders
        Folders, files, ZIP archives or DICOMDIRs.
    project, site
        Where the subjects belong.
    progress
        Called with (what, done, of).
    accept_identified
        Take files in that may identify their patient. Otherwise they are held back, unless the project accepts them.
    decided
        A person looked at files whose patient is uncertain: take them in, without merging anybody.

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
    with unpacked(map(Path, folders)) as places:
        paths = sorted({path for place in places for path in files_below(place)})
        return _import_files(backend, paths, project, site, tell, accept_identified, decided)


def _import_files(
    backend: LocalBackend,
    paths: list[Path],
    project: str,
    site: str,
    tell: Progress,
    accept_identified: bool,
    decided: bool,
) -> Imported:
    skipped: Counter[str] = Counter()
    if (state := backend.context.streams.projects().get(project)) is not None:
        check_site(state, site)
    damaged = {} if decided else held_before(backend, paths, project, set(map(str, HoldReason)))
    fresh = [path for path in paths if path not in damaged]
    usable = list(scan_each(fresh, backend.context.reader, skipped, damaged, tell))
    if not usable and not damaged:
        raise _nothing_in(skipped)
    usable, held, identified = _admitted(backend, usable, project, site, accept_identified)
    known, subjects = known_images(backend, project, usable), dict[str, int]()
    made = plan(usable, decided=decided)  # with what the archive holds, which may contradict what is new
    there = [each for each in usable if each.path in made.held and each.sop_uid in known]
    _fresh(there, known, skipped)
    keep_apart = _Apart(backend, project, site, Counter(held))
    keep_apart({path: why for path, why in made.held.items() if path not in {each.path for each in there}} | damaged)
    not_shown, failed, computed = Counter[str](), Counter[str](), Counter[str]()
    for number, group in enumerate(made.patients, 1):
        try:
            subject, count = _take_patient(backend, group, known, skipped, keep_apart)
        except _SPOILT as error:  # one odd patient does not end the import of all others
            failed[type(error).__name__] += 1
        else:
            if count:
                subjects[subject] = count
                not_shown.update(_undisplayable(backend, subject, group))
                computed.update(add_subtractions(backend, project, subject))
        tell("Importing subjects", number, len(made.patients))
    return Imported(
        subjects, dict(skipped), dict(not_shown), identified, dict(keep_apart.counts), dict(failed), dict(computed)
    )


def _nothing_in(skipped: Mapping[str, int]) -> NoImages:
    why = ", ".join(f"{number} x {reason}" for reason, number in skipped.items() if reason != NOT_DICOM)
    if not why:
        return NoImages("No DICOM image was found.", "Give a folder with DICOM files.")
    return NoImages(f"No DICOM image was found that can be imported. Skipped: {why}.", "Correct that, and try again.")


class _Apart:
    """Holds files back, and counts why."""

    def __init__(self, backend: LocalBackend, project: str, site: str, counts: Counter[str]) -> None:
        self.backend, self.project, self.site, self.counts = backend, project, site, counts

    def __call__(self, reasons: Mapping[Path, str]) -> None:
        if reasons:
            hold(self.backend, reasons, self.project, self.site)
            self.counts.update(map(str, reasons.values()))


def _take_patient(
    backend: LocalBackend, group: Sequence[Found], known: dict[str, Kept], skipped: Counter[str], keep_apart: _Apart
) -> tuple[str, int]:
    """Take in the files of one patient; returns the subject and how many files are new, 0 if there is nothing to do."""
    project = keep_apart.project
    old = subject_of(group, known) or registered_subject(backend.context, project, keep_apart.site, group[0].path)
    if old and backend.context.state(project, old)[1].withdrawn:
        keep_apart({each.path: HoldReason.WITHDRAWN for each in group})
        return "", 0
    fresh = _fresh(group, known, skipped)
    if fresh and without_images(fresh) and not (old and has_images(backend.context.archive, old)):
        keep_apart({each.path: HoldReason.NO_IMAGES for each in fresh})
        return "", 0
    if fresh:
        subject = old or enrol_next(backend, project, keep_apart.site)
        return subject, _take_in(backend, fresh, subject, keep_apart)
    if old and not is_ingested(backend.context, project, old):  # an import that was cut off
        return old, _take_in(backend, group, old, keep_apart)
    return old, 0


def _admitted(
    backend: LocalBackend, usable: list[Found], project: str, site: str, accept: bool
) -> tuple[list[Found], dict[str, int], int]:
    """Return the files to take in, why others are held back, and how many of the first may identify their patient."""
    reader = backend.context.reader
    risks = {each.path: risk for each in usable if (risk := reader.identity(each.path).risk)}
    state = backend.context.streams.projects().get(project)
    if not risks or accept or (state is not None and state.accepts_identified):
        if risks and accept:
            backend.trail.note("accepted-identified.1", project, "", f"{len(risks)} files")
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
        backend,
        [folder],
        project=found.project,
        site=found.site,
        progress=progress,
        accept_identified=True,
        decided=True,
    )
    if not done.failed and not done.held:
        delete_held(backend, name, released=True)
    return done


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


def _take_in(backend: LocalBackend, found: Sequence[Found], subject: str, keep_apart: _Apart) -> int:
    """Store files and sign the ingest; files that cannot be decoded are held back, and the others taken in."""
    archive = backend.context.archive
    archive.store(subject, found)
    try:
        sign_ingest(backend, keep_apart.project, subject)
        return len(found)
    except _SPOILT:
        damaged = [each for each in found if backend.context.reader.damage(each.path) is not None]
        if not damaged:
            raise
    keep_apart({each.path: HoldReason.DAMAGED for each in damaged})
    for each in damaged:
        archive.discard(archive.instance(subject, each.series_uid, each.sop_uid))
    if not has_images(archive, subject):
        where = (keep_apart.project, subject)
        backend.do(Describe(*where, included=False, reason="none of its images can be decoded"))
        return 0
    sign_ingest(backend, keep_apart.project, subject)
    return len(found) - len(damaged)


def _undisplayable(backend: LocalBackend, subject: str, found: Sequence[Found]) -> Iterator[str]:
    """Why a series cannot be shown; the others were decoded and kept when their ingest was signed."""
    new = {each.series_uid for each in found if each.modality not in NO_IMAGES}
    volumes = backend.context.volumes
    for series in (each for study in backend.context.archive.studies(subject) for each in study.series):
        if series.series_uid not in new:
            continue
        try:
            stacks = [stack.uid for stack in volumes.stacks.of(subject, series)]
            for uid in stacks or [series.series_uid]:
                volumes.keep(subject, uid)
        except BadImages as error:
            yield type(error).__name__
