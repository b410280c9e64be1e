"""Find the series of a cohort in folders, from headers alone; what cannot be read costs only itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

from eci_annotate.batch.bids_names import label_of, short
from eci_annotate.batch.series_record import SeriesRecord
from eci_annotate.deid.folder_run import files_below, is_dicom, is_readable
from eci_annotate.deid.pseudonymiser import Pseudonymiser
from eci_annotate.dicom.images.element_values import value_of
from eci_annotate.dicom.images.files import read
from eci_annotate.errors import BadImages

Progress = Callable[[str, int, int], None]
TAGS = (
    "SeriesInstanceUID", "StudyInstanceUID", "SOPInstanceUID", "PatientID", "IssuerOfPatientID",
    "PatientIdentityRemoved",
)  # fmt: skip
EQUAL_NAMES = "Several patient IDs of this source give the same name of a folder."
NAME_IN_USE = "Another patient ID of an earlier run gave the same name of a folder."
UNSTATED = "A file does not state that the patient identity was removed (0012,0062)."


@dataclass(frozen=True)
class FileIdentity:
    """To which instance, series, study and patient a file belongs: as secret as the file."""

    path: Path = field(repr=False)
    series_uid: str = field(repr=False)
    study_uid: str = field(repr=False)
    sop_uid: str = field(repr=False)
    patient: tuple[str, str] = field(repr=False)
    is_deidentified: bool


@dataclass(frozen=True)
class SeriesJob:
    """One series to prepare.

    Attributes
    ----------
    series
        Its pseudonymous UID.
    files
        Its files, by their path.
    subject
        ``sub-`` and a pseudonym.
    fingerprint
        Digest of the instances with size and time of change of their files.
    problem
        Why the series cannot be prepared, as far as its headers tell.
    patient
        Digest of the patient ID of a de-identified source; empty for others.
    """

    series: str
    files: tuple[Path, ...] = field(repr=False)
    subject: str
    fingerprint: str
    problem: str = ""
    patient: str = ""


@dataclass(frozen=True)
class CohortScan:
    """What the folders hold: series, what cannot be read, and the number of files that are not DICOM."""

    jobs: tuple[SeriesJob, ...]
    unreadable: tuple[Path, ...] = field(repr=False)
    ignored: int


@dataclass
class Unlisted:
    """Files that belong to no series."""

    unreadable: list[Path] = field(default_factory=list, repr=False)
    ignored: int = 0


def scan_cohort(source: Path, pseudonymiser: Pseudonymiser | None, progress: Progress) -> CohortScan:
    """Read the headers of all DICOM files of a folder and its subfolders.

    Parameters
    ----------
    source
        A folder, or one file.
    pseudonymiser
        The site's secret; None if the files are de-identified already.
    progress
        Called with (what, files read, files in all).
    """
    paths = [*files_below(source)]
    series: dict[str, list[FileIdentity]] = defaultdict(list)
    left_out = Unlisted()
    for number, path in enumerate(paths, 1):
        identity = _identity(path, left_out)
        if identity is not None:
            series[identity.series_uid].append(identity)
        progress("Reading headers", number, len(paths))
    jobs = [_job(files, pseudonymiser) for files in series.values()]
    ordered = sorted(_without_equal_names(jobs, series.values()), key=lambda job: (job.subject, job.series))
    return CohortScan(tuple(ordered), tuple(left_out.unreadable), left_out.ignored)


def _identity(path: Path, left_out: Unlisted) -> FileIdentity | None:
    if not is_dicom(path):
        if is_readable(path):
            left_out.ignored += 1
        else:
            left_out.unreadable.append(path)
        return None
    try:
        dataset = read(path, pixels=False, tags=TAGS)
        series, study, sop, patient, issuer, removed = (str(value_of(dataset, tag) or "").strip() for tag in TAGS)
    except BadImages:
        left_out.unreadable.append(path)
        return None
    if path.name.upper() == "DICOMDIR":
        left_out.ignored += 1
        return None
    if not (series and study and sop):
        left_out.unreadable.append(path)
        return None
    return FileIdentity(path, series, study, sop, (patient, issuer), removed.upper() == "YES")


def _job(files: list[FileIdentity], pseudonymiser: Pseudonymiser | None) -> SeriesJob:
    paths = tuple(each.path for each in files)
    if pseudonymiser is None and not all(each.is_deidentified for each in files):
        fingerprint = _fingerprint((short(each.sop_uid), each.path) for each in files)
        return SeriesJob(f"unstated-{short(files[0].series_uid)}", paths, "", fingerprint, UNSTATED)

    def pseudonym(uid: str) -> str:
        return pseudonymiser.uid(uid) if pseudonymiser else uid

    subject = label_of(_patient(files[0], pseudonymiser))
    fingerprint = _fingerprint((pseudonym(each.sop_uid), each.path) for each in files)
    series, problem = pseudonym(files[0].series_uid), _problem(files, subject)
    patient = "" if pseudonymiser else short("\0".join(files[0].patient))
    return SeriesJob(series, paths, f"sub-{subject}", fingerprint, problem, patient)


def _patient(file: FileIdentity, pseudonymiser: Pseudonymiser | None) -> str:
    return pseudonymiser.patient_id(*file.patient) if pseudonymiser and file.patient[0] else file.patient[0]


def _problem(files: list[FileIdentity], subject: str) -> str:
    if len({each.patient for each in files}) > 1 or len({each.study_uid for each in files}) > 1:
        return "The files of this series name several patients or studies."
    return "" if subject else "The files of this series have no patient ID."


def _fingerprint(instances: Iterable[tuple[str, Path]]) -> str:
    lines = []
    for uid, path in instances:
        about = path.stat()
        lines.append(f"{uid} {about.st_size} {about.st_mtime_ns}\n")
    return sha256("".join(sorted(lines)).encode()).hexdigest()[:32]


def _without_equal_names(jobs: list[SeriesJob], series: Iterable[list[FileIdentity]]) -> Iterator[SeriesJob]:
    """Refuse subjects whose IDs differ only in characters that names of folders do not have."""
    patients: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for job, files in zip(jobs, series, strict=True):
        patients[job.subject].add(files[0].patient)
    for job in jobs:
        equal = len(patients[job.subject]) > 1 and not job.problem
        yield replace(job, problem=EQUAL_NAMES) if equal else job


def without_names_in_use(jobs: Iterable[SeriesJob], records: Iterable[SeriesRecord]) -> tuple[SeriesJob, ...]:
    """Refuse subjects whose folder an earlier run gave to another patient ID."""
    owners = {each.subject: each.patient for each in records if each.patient and (each.images or each.dicom_files)}

    def checked(job: SeriesJob) -> SeriesJob:
        used = not job.problem and job.patient and owners.get(job.subject, job.patient) != job.patient
        return replace(job, problem=NAME_IN_USE) if used else job

    return tuple(map(checked, jobs))
