"""Where the files of a series are, and how those of an earlier or interrupted run are removed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from eci_annotate.batch.bids_names import label_of, short
from eci_annotate.batch.cohort_scan import SeriesJob
from eci_annotate.batch.series_record import FOLDER, read_record, record_path
from eci_annotate.imaging.replace_file import replace_file

BEGUN = "begun.json"  # while a run works: subject and series of what it prepares


def part_folder(target: Path, series: str) -> Path:
    """Return where the DICOM files of a series are collected until all of them are written."""
    return target / FOLDER / "parts" / f"{label_of(series)[-40:]}-{short(series)}"


def remove_outputs(series: str, subject: str, target: Path) -> None:
    """Remove what an earlier or interrupted run wrote for a series."""
    path = record_path(target, series)
    old = read_record(path)
    path.unlink(missing_ok=True)
    shutil.rmtree(part_folder(target, series), ignore_errors=True)
    marked = f"x{short(series)}"
    subjects = {subject, old.subject} if old else {subject}
    for name in subjects - {""}:
        for each in (target / name).glob(f"ses-*/*/*_acq-s*{marked}_*"):
            each.unlink()
        for each in (target / "sourcedata" / name).glob(f"ses-*/s*{marked}"):
            shutil.rmtree(each)


@contextmanager
def noted(jobs: Iterable[SeriesJob], target: Path) -> Iterator[None]:
    """Note what is being prepared, so that a later run knows what an interrupted one left, also without its source."""
    begun = [[job.series, job.subject] for job in jobs]
    if begun:
        replace_file(target / FOLDER / BEGUN, json.dumps(begun).encode())
    yield
    (target / FOLDER / BEGUN).unlink(missing_ok=True)


def remove_unfinished(target: Path) -> None:
    """Remove temporary files of interrupted runs, and the files of series that such a run did not finish."""
    for pattern in (".writing-*", f"{FOLDER}/**/.writing-*", "sub-*/.writing-*", "sub-*/ses-*/*/.writing-*"):
        for path in target.glob(pattern):
            path.unlink()
    shutil.rmtree(target / FOLDER / "parts", ignore_errors=True)
    path = target / FOLDER / BEGUN
    if path.is_file():
        for series, subject in json.loads(path.read_bytes()):
            if not record_path(target, series).exists():
                remove_outputs(series, subject, target)
        path.unlink()


def remove_empty_folders(target: Path) -> None:
    """Remove the folders of subjects and studies that hold no file."""
    for pattern in ("sub-*/ses-*/*", "sub-*/ses-*", "sub-*", "sourcedata/sub-*/ses-*", "sourcedata/sub-*"):
        for folder in target.glob(pattern):
            with suppress(OSError):  # it holds something, or is a file
                folder.rmdir()
