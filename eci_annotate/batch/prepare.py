"""Prepare a cohort: scan, leave out what is there already, run the rest here or on a cluster, describe and report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from eci_annotate.batch.cohort_files import CohortReport, RefusedFile, describe_cohort
from eci_annotate.batch.cohort_scan import CohortScan, Progress, SeriesJob, scan_cohort, without_names_in_use
from eci_annotate.batch.local_processes import begin_start, run_locally
from eci_annotate.batch.prepare_options import PrepareOptions
from eci_annotate.batch.series_outputs import noted, remove_empty_folders, remove_outputs, remove_unfinished
from eci_annotate.batch.series_record import FOLDER, Outcome, SeriesRecord, all_records
from eci_annotate.deid.id_tables import overlap
from eci_annotate.errors import BadRequest, NoImages
from eci_annotate.store.atomic_files import locked

CHANGED = "Its files have changed: what an earlier run prepared from them was replaced."


def prepare_cohort(
    source: Path, options: PrepareOptions, *, workers: int, scheduler: str = "", progress: Progress
) -> CohortReport:
    """Prepare all series of a folder; what an earlier run finished is not done again.

    Parameters
    ----------
    source
        A folder with DICOM files, searched with its subfolders.
    options
        Where to, and how.
    workers
        Processes on this machine.
    scheduler
        Address of a Dask scheduler, whose workers are used in their place.
    progress
        Called with (what, done, of).

    Raises
    ------
    NoImages
        If there is no DICOM file.
    BadRequest
        If source and target lie within each other.
    """
    _require_apart(source, options.target)
    digest, pseudonymiser = options.digest(), options.pseudonymiser()
    options.rules()
    with locked(options.target / FOLDER / "lock"):
        remove_unfinished(options.target)
        if not scheduler:
            begin_start()
        scan = scan_cohort(source, pseudonymiser, progress)
        if not scan.jobs and not scan.unreadable:
            raise NoImages("There is no DICOM file here.", "Give a folder with DICOM files.")
        earlier = {record.series: record for record in all_records(options.target)}
        scan = replace(scan, jobs=without_names_in_use(scan.jobs, earlier.values()))
        found = {job.series: _present(job, earlier.get(job.series), options.target, digest) for job in scan.jobs}
        present = {series: record for series, record in found.items() if record}
        left = [job for job in scan.jobs if job.series not in present]
        done = {job.series: _without_work(job, options.target, digest) for job in left if job.problem}
        new = {job.series: job for job in left if not job.problem}
        if new:
            progress("Preparing series", 0, len(new))
        with noted(new.values(), options.target):
            for number, record in enumerate(_run(new, options, digest, workers, scheduler), 1):
                done[record.series] = record
                if not record.lasting:
                    with suppress(OSError):  # the next run removes it, too
                        remove_outputs(record.series, record.subject, options.target)
                progress("Preparing series", number, len(new))
        done = {series: _with_change(record, earlier.get(series)) for series, record in done.items()}
        rows = [_outcome(job, done, present) for job in scan.jobs]
        describe_cohort(options.target, all_records(options.target))
        remove_empty_folders(options.target)
        report = CohortReport(tuple(rows), len(scan.unreadable), scan.ignored, tuple(_refused_files(scan, rows)))
        report.write(options.target)
    return report


def _outcome(
    job: SeriesJob, done: dict[str, SeriesRecord], present: dict[str, SeriesRecord]
) -> tuple[Outcome, SeriesRecord]:
    if record := done.get(job.series):
        return record.outcome, record
    record = present[job.series]
    return (Outcome.REFUSED if record.why else Outcome.PRESENT), record


def _refused_files(scan: CohortScan, rows: Sequence[tuple[Outcome, SeriesRecord]]) -> Iterator[RefusedFile]:
    for path in scan.unreadable:
        why = "The folder is linked or cannot be read." if path.is_dir() else "The file cannot be read."
        yield RefusedFile(path, "", why)
    for job, (outcome, record) in zip(scan.jobs, rows, strict=True):
        if outcome is Outcome.REFUSED:
            yield from (RefusedFile(path, job.series, record.why) for path in job.files)


def _require_apart(source: Path, target: Path) -> None:
    if overlap(source, target):
        raise BadRequest("Source and target lie within each other.", "Give a target outside the source.")


def _with_change(record: SeriesRecord, earlier: SeriesRecord | None) -> SeriesRecord:
    """Return a record for the report, which says that files were other ones before; the stored record does not."""
    if earlier is None or not (earlier.images or earlier.dicom_files) or earlier.fingerprint == record.fingerprint:
        return record
    return replace(record, notes=(*record.notes, CHANGED))


def _without_work(job: SeriesJob, target: Path, digest: str) -> SeriesRecord:
    """Return the record of a series that its headers refuse; it is not stored, since other files may be the cause."""
    remove_outputs(job.series, job.subject, target)
    return SeriesRecord(job.series, job.subject, job.fingerprint, digest, why=job.problem, lasting=False)


def _present(job: SeriesJob, record: SeriesRecord | None, target: Path, digest: str) -> SeriesRecord | None:
    """Return the record of an earlier run if its files are what this run would write."""
    same = record and record.fingerprint == job.fingerprint and record.options == digest
    return record if record and same and record.is_complete(target) else None


def _run(
    new: dict[str, SeriesJob], options: PrepareOptions, digest: str, workers: int, scheduler: str
) -> Iterator[SeriesRecord]:
    jobs = [*new.values()]
    if not scheduler or not jobs:
        return run_locally(jobs, options, digest, workers)
    from eci_annotate.batch.cluster import run_on_cluster

    return run_on_cluster(jobs, options, digest, scheduler)
