"""Where the files of a series are, and how those of an earlier or interrupted run are removed."""

from __future__ import annotations

import re
import shutil
from contextlib import suppress
from pathlib import Path

from eci_annotate.batch.bids_names import SHORT, label_of, short
from eci_annotate.batch.cohort_scan import SeriesJob
from eci_annotate.batch.series_record import FOLDER, read_record, record_path

_IMAGE = re.compile(rf"_acq-s\d+x([a-z2-7]{{{SHORT}}})_")
_DICOM = re.compile(rf"s\d+x([a-z2-7]{{{SHORT}}})")


def part_folder(target: Path, series: str) -> Path:
    """Return where the DICOM files of a series are collected until all of them are written."""
    return target / FOLDER / "parts" / f"{label_of(series)[-40:]}-{short(series)}"


def remove_outputs(job: SeriesJob, target: Path) -> None:
    """Remove what an earlier or interrupted run wrote for a series."""
    path = record_path(target, job.series)
    old = read_record(path)
    path.unlink(missing_ok=True)
    shutil.rmtree(part_folder(target, job.series), ignore_errors=True)
    marked = f"x{short(job.series)}"
    subjects = {job.subject, old.subject} if old else {job.subject}
    for subject in subjects - {""}:
        for each in (target / subject).glob(f"ses-*/*/*_acq-s*{marked}_*"):
            each.unlink()
        for each in (target / "sourcedata" / subject).glob(f"ses-*/s*{marked}"):
            shutil.rmtree(each)


def remove_unfinished(target: Path) -> None:
    """Remove temporary files of interrupted runs, and the files of series that have no record.

    Names of records are enough: one that cannot be read protects the files of its series.
    """
    for pattern in (".writing-*", f"{FOLDER}/series/.writing-*", "sub-*/.writing-*", "sub-*/ses-*/*/.writing-*"):
        for path in target.glob(pattern):
            path.unlink()
    shutil.rmtree(target / FOLDER / "parts", ignore_errors=True)
    finished = {path.stem.rpartition("-")[2] for path in (target / FOLDER / "series").glob("*.json")}
    for path in target.glob("sub-*/ses-*/*/*_acq-s*"):
        if (found := _IMAGE.search(path.name)) and found[1] not in finished:
            path.unlink()
    for path in target.glob("sourcedata/sub-*/ses-*/s*"):
        if (found := _DICOM.fullmatch(path.name)) and found[1] not in finished:
            shutil.rmtree(path)


def remove_empty_folders(target: Path) -> None:
    """Remove the folders of subjects and studies that hold no file."""
    for pattern in ("sub-*/ses-*/*", "sub-*/ses-*", "sub-*", "sourcedata/sub-*/ses-*", "sourcedata/sub-*"):
        for folder in target.glob(pattern):
            with suppress(OSError):  # it holds something, or is a file
                folder.rmdir()
