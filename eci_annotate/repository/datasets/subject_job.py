"""One subject of a training set as a job: plain values, so that this process or another one can do it.

All files of a job go into a folder of its own; doing it again gives the same files.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from eci_annotate.errors import BadRequest, EciError, Refused, StoreUnavailable
from eci_annotate.repository.datasets.bids import BidsLayout
from eci_annotate.repository.datasets.coco import CocoLayout
from eci_annotate.repository.datasets.dataset_case import TrainingCase
from eci_annotate.repository.datasets.dataset_iterable import load_sample
from eci_annotate.repository.datasets.dataset_layout import DatasetFormat, DatasetLayout, NamedFiles
from eci_annotate.repository.datasets.dataset_plan import DatasetPlan
from eci_annotate.repository.datasets.earlier_set import EarlierSet
from eci_annotate.repository.datasets.monai import MonaiLayout
from eci_annotate.repository.datasets.nnunet import NnunetLayout
from eci_annotate.repository.repository import Repository
from eci_annotate.store.atomic_files import writing

Case = tuple[str, int, dict[str, Any]]  # task, version, and the other fields of a training case


@dataclass(frozen=True)
class SubjectJob:
    """One subject to write.

    Attributes
    ----------
    plan
        Of the training set, without its cases.
    kind, number
        Of the layout.
    project, subject, cases
        What to write.
    folder
        Where the files of this job go.
    """

    plan: DatasetPlan
    kind: str
    number: int
    project: str
    subject: str
    cases: tuple[Case, ...]
    folder: Path


@dataclass(frozen=True)
class WrittenSubject:
    """What became of a job.

    Attributes
    ----------
    rows, listed
        Of each case: its row, and what the layout's closing files need.
    names
        The files, in their order.
    why
        Why the subject is refused; empty if it is not.
    """

    rows: tuple[dict[str, Any], ...] = ()
    listed: tuple[Any, ...] = ()
    names: tuple[str, ...] = field(default=(), repr=False)
    why: str = ""


def jobs_of(plan: DatasetPlan, kind: str, number: int, folder: Path) -> list[SubjectJob]:
    """Return a job for each subject of a plan, in its order; their folders are below `folder`."""
    subjects: dict[tuple[str, str], list[Case]] = {}
    for case in plan.cases:
        facts = {name: value for name, value in vars(case).items() if name != "signed"}
        key = (case.signed.project, case.signed.subject)
        subjects.setdefault(key, []).append((case.signed.task, case.signed.version, facts))
    bare = replace(plan, cases=(), refused=(), rules=replace(plan.rules, earlier=EarlierSet()))
    return [
        SubjectJob(bare, kind, number, project, subject, tuple(cases), folder / str(n))
        for n, ((project, subject), cases) in enumerate(subjects.items())
    ]


def write_subject(repository: Repository, job: SubjectJob) -> WrittenSubject:
    """Do a job: one bad series costs its subject and no other."""
    shutil.rmtree(job.folder, ignore_errors=True)
    layout = layout_of(job.plan, job.kind, job.number)
    try:
        samples = [load_sample(job.plan, case) for case in _cases(repository, job)]
    except StoreUnavailable:
        raise
    except EciError as error:
        return WrittenSubject(why=error.what)
    names = [name for sample in samples for name in write_files(job.folder, layout.add(sample))]
    rows = tuple(sample.row for sample in samples)
    return WrittenSubject(rows, tuple(layout.listed(sample) for sample in samples), tuple(names))


def _cases(repository: Repository, job: SubjectJob) -> Iterator[TrainingCase]:
    for task, version, facts in job.cases:
        yield TrainingCase(repository.signed(job.subject, task, version, project=job.project), **facts)


def write_files(folder: Path, files: NamedFiles) -> Iterator[str]:
    """Write files below a folder, and yield their names; none of them may exist."""
    for name, content in files:
        path = folder / name
        with writing():
            require_new(path, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        yield name


def require_new(path: Path, name: str) -> None:
    """Refuse a file that another case has written."""
    if path.exists():
        raise Refused(f"Two cases share the file {name}.", "Export one project at a time.")


def layout_of(plan: DatasetPlan, kind: str, number: int = 1) -> DatasetLayout:
    """Return the layout with a name; BadRequest if there is none."""
    match kind:
        case DatasetFormat.NNUNET:
            return NnunetLayout(plan, number)
        case DatasetFormat.MONAI:
            return MonaiLayout(plan)
        case DatasetFormat.COCO:
            return CocoLayout(plan)
        case DatasetFormat.BIDS:
            return BidsLayout(plan)
    raise BadRequest("The format of training sets is unknown.", f"Choose one of: {', '.join(DatasetFormat)}.")
