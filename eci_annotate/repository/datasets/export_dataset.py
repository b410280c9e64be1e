"""Write a training set: into a folder beside the target, which takes its name when it is complete."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from eci_annotate.errors import NotFound, Refused
from eci_annotate.repository.datasets.dataset_layout import DatasetFormat, NamedFiles
from eci_annotate.repository.datasets.dataset_plan import DatasetPlan, RefusedSubject, plan_dataset
from eci_annotate.repository.datasets.dataset_rules import DatasetRules
from eci_annotate.repository.datasets.datasheet import datasheet_files
from eci_annotate.repository.datasets.position_snapshot import take_snapshot
from eci_annotate.repository.datasets.reader_agreement import reader_agreement
from eci_annotate.repository.datasets.subject_job import (
    SubjectJob,
    WrittenSubject,
    jobs_of,
    layout_of,
    require_new,
    write_files,
    write_subject,
)
from eci_annotate.repository.repository import Repository
from eci_annotate.store.atomic_files import make_folder, sync_folder, writing

Progress = Callable[[str, int, int], None]
Run = Callable[[Sequence[SubjectJob]], Iterator[tuple[int, WrittenSubject]]]
PARTS = ".parts"  # of the folder in the making: the files of each job


@dataclass(frozen=True)
class ExportedDataset:
    """What was written: the row of each case, and the refused subjects."""

    rows: tuple[dict[str, Any], ...]
    refused: tuple[RefusedSubject, ...]


def is_dataset_format(name: str) -> bool:
    """Whether a format is one of training sets."""
    return name in set(DatasetFormat)


def export_dataset(
    repository: Repository,
    out: Path,
    kind: str,
    rules: DatasetRules,
    *,
    project: str | None = None,
    number: int = 1,
    position: int = 0,
    progress: Progress = lambda what, done, of: None,
    run: Run | None = None,
) -> ExportedDataset:
    """Write the signed cases as a training set, with its datasheet.

    The same feed position and rules give the same bytes, but for subjects whose consent was withdrawn since.

    Parameters
    ----------
    out
        A new or empty folder.
    kind
        ``nnunet``, ``monai``, ``coco`` or ``bids``.
    rules
        From `rules_of`.
    project
        One project; by default all that you may see.
    number
        Of nnU-Net's dataset.
    position
        Of the feed, as a datasheet states it: what counted then. By default the newest.
    progress
        Is called with what is done, how many are done, and of how many.
    run
        Does the jobs elsewhere, and yields the number and result of each as it ends; by default this process does them.

    Raises
    ------
    Refused
        The folder is not empty; the repository has no such position; consent was withdrawn during the export; or
        subjects come or go all the time.
    NotFound
        No subject can be used; the reasons are in the message.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise Refused(f"{out.name} exists and is not empty.", "Choose a new or empty folder.")
    plan = plan_dataset(repository, rules, take_snapshot(repository.backend, project, position))
    agreement = reader_agreement(repository, plan)
    layout_of(plan, kind, number)
    with _complete(out) as folder:
        jobs = jobs_of(plan, kind, number, folder / PARTS)
        done = _written(plan, jobs, run or partial(_run_here, repository), folder, progress)
        if not done.rows:
            raise _nothing(done.refused)
        _require_consent(repository, done)
        _write(folder, datasheet_files(plan, kind, done.rows, done.refused, agreement))
        for row in done.rows:
            what = f"{row['task']} version {row['version']} as {kind}"
            repository.backend.trail.note("exported.1", row["project"], row["subject"], what)
    return done


def _require_consent(repository: Repository, done: ExportedDataset) -> None:
    """Refuse the export if consent to one of its subjects was withdrawn while it was written."""
    for project, subject in sorted({(row["project"], row["subject"]) for row in done.rows}):
        if repository.backend.subject(project, subject).withdrawn:
            raise Refused(f"Consent of {subject} was withdrawn during the export.", "Export again, without it.")


def _run_here(repository: Repository, jobs: Sequence[SubjectJob]) -> Iterator[tuple[int, WrittenSubject]]:
    for number, job in enumerate(jobs):
        yield number, write_subject(repository, job)


def _written(plan: DatasetPlan, jobs: list[SubjectJob], run: Run, folder: Path, progress: Progress) -> ExportedDataset:
    """Do all jobs, and put their files together in the order of the plan, whatever the order in which they end."""
    found: dict[int, WrittenSubject] = {}
    for number, written in run(jobs):
        found[number] = written
        progress("Exporting subjects", len(found), len(jobs))
    rows: list[dict[str, Any]] = []
    listed: list[Any] = []
    refused = list(plan.refused)
    for number, job in enumerate(jobs):
        written = found[number]
        if written.why:
            refused.append(RefusedSubject(job.project, job.subject, written.why))
        rows += written.rows
        listed += written.listed
        for name in written.names:
            _move(job.folder / name, folder / name, name)
    shutil.rmtree(folder / PARTS, ignore_errors=True)
    _write(folder, layout_of(plan, jobs[0].kind, jobs[0].number).close(rows, listed) if rows else iter(()))
    return ExportedDataset(tuple(rows), tuple(sorted(refused, key=lambda each: (each.project, each.subject))))


def _move(source: Path, target: Path, name: str) -> None:
    with writing():
        require_new(target, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        source.replace(target)


def _write(folder: Path, files: NamedFiles) -> None:
    for _ in write_files(folder, files):
        pass


@contextmanager
def _complete(out: Path) -> Iterator[Path]:
    """A folder that takes the name `out` at the end, and is removed after an error."""
    out = out.absolute()
    make_folder(out.parent)
    temp = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        with writing():
            temp.mkdir()
        yield temp
        with writing():
            temp.replace(out)
            sync_folder(out.parent)
    finally:
        shutil.rmtree(temp, ignore_errors=True)


def _nothing(refused: tuple[RefusedSubject, ...]) -> NotFound:
    why = " ".join(f"{each.subject}: {each.why}" for each in refused[:5])
    return NotFound(f"No subject can be exported. {why}".strip(), "Sign and review, or see --include-pending.")
