"""Write a training set: into a folder beside the target, which takes its name when it is complete."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eci_annotate.errors import BadRequest, NotFound, Refused
from eci_annotate.repository.datasets.bids import BidsLayout
from eci_annotate.repository.datasets.coco import CocoLayout
from eci_annotate.repository.datasets.dataset_iterable import samples_by_subject
from eci_annotate.repository.datasets.dataset_layout import DatasetFormat, DatasetLayout, NamedFiles
from eci_annotate.repository.datasets.dataset_plan import DatasetPlan, RefusedSubject, plan_dataset
from eci_annotate.repository.datasets.dataset_rules import DatasetRules
from eci_annotate.repository.datasets.datasheet import datasheet_files
from eci_annotate.repository.datasets.monai import MonaiLayout
from eci_annotate.repository.datasets.nnunet import NnunetLayout
from eci_annotate.repository.repository import Repository
from eci_annotate.store.atomic_files import make_folder, sync_folder, writing

Progress = Callable[[str, int, int], None]


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
    progress: Progress = lambda what, done, of: None,
) -> ExportedDataset:
    """Write the signed cases as a training set, with its datasheet.

    The same feed position and rules give the same bytes.

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
    progress
        Is called with what is done, how many are done, and of how many.

    Raises
    ------
    Refused
        The folder is not empty.
    NotFound
        No subject can be used; the reasons are in the message.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise Refused(f"{out.name} exists and is not empty.", "Choose a new or empty folder.")
    plan = plan_dataset(repository, project, rules)
    with _complete(out) as folder:
        done = _write_samples(plan, layout_of(plan, kind, number), folder, progress)
        if not done.rows:
            raise _nothing(done.refused)
        _write(folder, datasheet_files(plan, kind, done.rows, done.refused))
        for row in done.rows:
            what = f"{row['task']} version {row['version']} as {kind}"
            repository.backend.trail.note("exported.1", row["project"], row["subject"], what)
    return done


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


def _write_samples(plan: DatasetPlan, layout: DatasetLayout, folder: Path, progress: Progress) -> ExportedDataset:
    total = len({(case.signed.project, case.signed.subject) for case in plan.cases})
    rows: list[dict[str, Any]] = []
    refused = list(plan.refused)
    for done, samples in enumerate(samples_by_subject(plan, list(plan.cases)), 1):
        if isinstance(samples, RefusedSubject):
            refused.append(samples)
        else:
            for sample in samples:
                _write(folder, layout.add(sample))
                rows.append(sample.row)
        progress("Exporting subjects", done, total)
    _write(folder, layout.close(rows))
    return ExportedDataset(tuple(rows), tuple(sorted(refused, key=lambda each: (each.project, each.subject))))


def _write(folder: Path, files: NamedFiles) -> None:
    for name, content in files:
        path = folder / name
        with writing():
            if path.exists():
                raise Refused(f"Two cases share the file {name}.", "Export one project at a time.")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


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
