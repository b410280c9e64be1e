"""Exports on a Dask cluster, whose workers see repository, key and target under the same paths.

Each job opens the repository as the member whose key the worker finds, and does what a local export does.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from eci_annotate.batch.cluster import map_on_cluster
from eci_annotate.batch.version_exports import OF_ALL
from eci_annotate.errors import EciError
from eci_annotate.repository.datasets.export_dataset import Run
from eci_annotate.repository.datasets.subject_job import SubjectJob, WrittenSubject, write_subject
from eci_annotate.repository.open_repository import open
from eci_annotate.repository.signed import Signed, in_folders
from eci_annotate.store.atomic_files import writing

PARTS = ".parts"  # of the target, while it is written: the files of each job


@dataclass(frozen=True)
class VersionJob:
    """One signed version to export into a folder of its own, by its names; `how` are the options of `Signed.export`."""

    project: str
    subject: str
    task: str
    version: int
    folder: Path
    how: dict[str, Any] = field(default_factory=dict)


def export_versions(
    address: Path, versions: Sequence[Signed], out: Path, how: dict[str, Any], scheduler: str
) -> Iterator[tuple[Signed, int | EciError]]:
    """Export versions on a cluster, as `exported` does, in the order of the versions.

    Raises
    ------
    EciError
        As `exported` and `map_on_cluster`.
    """
    parts = out.absolute() / PARTS
    jobs = [VersionJob(s.project, s.subject, s.task, s.version, parts / str(n), how) for n, s in enumerate(versions)]
    try:
        found = dict(map_on_cluster(partial(_export_version, address.absolute()), jobs, scheduler))
        placed = in_folders(versions, out.absolute())
        for number, ((signed, folder), job) in enumerate(zip(placed, jobs, strict=True)):
            names = found[number]
            if isinstance(names, _Failure):
                yield signed, names.of_one()
                continue
            for name in names:
                _move(job.folder / name, folder / name)
            yield signed, len(names)
    finally:
        shutil.rmtree(parts, ignore_errors=True)


def _move(source: Path, target: Path) -> None:
    with writing():
        target.parent.mkdir(parents=True, exist_ok=True)
        source.replace(target)


def on_cluster(address: Path, scheduler: str) -> Run:
    """Return what does the jobs of a training set on a cluster."""

    def run(jobs: Sequence[SubjectJob]) -> Iterator[tuple[int, WrittenSubject]]:
        yield from _without_errors(map_on_cluster(partial(_write_subject, address.absolute()), jobs, scheduler))

    return run


def _without_errors(results: Iterator[tuple[int, Any]]) -> Iterator[tuple[int, Any]]:
    for number, result in results:
        if isinstance(result, _Failure):
            raise result.error()
        yield number, result


@dataclass(frozen=True)
class _Failure:
    """An error of ours on its way from a worker: raised there, it would lose its remedy."""

    kind: type[EciError]
    what: str
    remedy: str

    def error(self) -> EciError:
        """Return the error as it was."""
        return self.kind(self.what, self.remedy)

    def of_one(self) -> EciError:
        """Return the error of one version; raise it if it is one of all versions."""
        if issubclass(self.kind, OF_ALL):
            raise self.error()
        return self.error()


def _export_version(address: Path, job: VersionJob) -> list[str] | _Failure:
    shutil.rmtree(job.folder, ignore_errors=True)  # of a worker that was killed
    try:
        signed = open(address).signed(job.subject, job.task, job.version, project=job.project)
        return [path.relative_to(job.folder).as_posix() for path in signed.export(job.folder, **job.how)]
    except EciError as error:
        return _Failure(type(error), error.what, error.remedy)


def _write_subject(address: Path, job: SubjectJob) -> WrittenSubject | _Failure:
    try:
        return write_subject(open(address), job)
    except EciError as error:
        return _Failure(type(error), error.what, error.remedy)
