"""The files about a prepared cohort: its description, its participants, and the report of a run."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

from eci_annotate.batch.series_record import Outcome, SeriesRecord
from eci_annotate.deid.id_tables import write_private
from eci_annotate.imaging.replace_file import replace_file
from eci_annotate.version import __version__

BIDS_VERSION = "1.9.0"
NO_VALUE = "n/a"
PER_YEAR = {"Y": 1.0, "M": 12.0, "W": 365.25 / 7, "D": 365.25}
# BIDS has no suffix for CT, and asks of each MR and PET image more than every scanner says
IGNORED = "report.json\nreport.csv\nsub-*/**/anat/*\nsub-*/**/pet/*\n"
README = """Images prepared from DICOM by eci_annotate (`eci-annotate prepare`).

sub-<pseudonym>/ses-<study>/anat/…_acq-s<series number>x<series>[_run-<stack>]_<modality>.nii.gz, with a JSON sidecar.
Subjects, studies and series are named by pseudonyms. `sourcedata`, if it exists, holds the de-identified DICOM files.
Values are modality values (Hounsfield units for CT); the affine maps voxels to millimetres (RAS).
"""
COLUMNS = ("outcome", "subject", "session", "modality", "series", "images", "dicom_files", "why", "notes")


@dataclass(frozen=True)
class RefusedFile:
    """A source file that gave no image: its path may identify a patient, its series is pseudonymous."""

    path: Path = field(repr=False)
    series: str
    why: str


@dataclass(frozen=True)
class CohortReport:
    """What a run did.

    Attributes
    ----------
    rows
        Each series with its outcome.
    unreadable, ignored
        Numbers of files, linked folders and folders that cannot be read, and of files that are not DICOM.
    refused_files
        The source files of all that was refused; they are in no report of the target.
    """

    rows: tuple[tuple[Outcome, SeriesRecord], ...]
    unreadable: int = 0
    ignored: int = 0
    refused_files: tuple[RefusedFile, ...] = field(default=(), repr=False)

    def count(self, outcome: Outcome) -> int:
        """Return the number of series with an outcome."""
        return sum(each == outcome for each, _ in self.rows)

    def table(self) -> list[dict[str, Any]]:
        """Return a row per series, by column."""
        return [_row(outcome, record) for outcome, record in self.rows]

    def write(self, target: Path) -> None:
        """Write report.json and report.csv."""
        numbers = {str(each): self.count(each) for each in Outcome}
        files = {"unreadable": self.unreadable, "not DICOM": self.ignored}
        _write(target / "report.json", _json({"series": numbers, "files": files, "rows": self.table()}))
        stream = StringIO(newline="")
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows({**row, "images": len(row["images"]), "notes": " ".join(row["notes"])} for row in self.table())
        _write(target / "report.csv", stream.getvalue().encode())


def write_refused_files(files: Sequence[RefusedFile], path: Path) -> None:
    """Write the source files of what was refused as CSV, readable for its owner alone."""
    write_private(path, ("file", "series", "why"), ((str(each.path), each.series, each.why) for each in files))


def _row(outcome: Outcome, record: SeriesRecord) -> dict[str, Any]:
    images = [name for name in record.images if name.endswith(".nii.gz")]
    values = (record.subject, record.session, record.modality, record.series, images, record.dicom_files, record.why)
    return dict(zip(COLUMNS, (str(outcome), *values, list(record.notes)), strict=True))


def describe_cohort(target: Path, records: Sequence[SeriesRecord]) -> None:
    """Write dataset_description.json, participants.tsv, the sessions of each subject, and README.

    Parameters
    ----------
    target
        The prepared cohort.
    records
        Of all its series, also those of earlier runs.
    """
    tool = [{"Name": "eci_annotate", "Version": __version__}]
    about = {"Name": "Prepared cohort", "BIDSVersion": BIDS_VERSION, "DatasetType": "raw", "GeneratedBy": tool}
    _write(target / "dataset_description.json", _json(about))
    _write(target / "README", README.encode())
    _write(target / ".bidsignore", IGNORED.encode())
    subjects: dict[str, list[SeriesRecord]] = defaultdict(list)
    for record in records:
        if record.images or record.dicom_files:
            subjects[record.subject].append(record)
    for path in target.glob("sub-*/sub-*_sessions.tsv"):
        if path.parent.name not in subjects and not any(each.is_file() for each in path.parent.glob("ses-*/**/*")):
            path.unlink()
    people = [(name, _one(_years(r.age) for r in of), _one(r.sex for r in of)) for name, of in sorted(subjects.items())]
    _write(target / "participants.tsv", _tsv(("participant_id", "age", "sex"), people))
    for name, of in subjects.items():
        sessions = {each.session: each.acquired or NO_VALUE for each in of}
        rows = sorted(sessions.items(), key=lambda row: (row[1], row[0]))
        _write(target / name / f"{name}_sessions.tsv", _tsv(("session_id", "acq_time"), rows))


def _years(age: str) -> str:
    """Return DICOM's age in years, as BIDS has it; empty if it is none (PS3.5 section 6.2, AS)."""
    number, unit = age[:3], age[3:]
    if unit not in PER_YEAR or not (number.isascii() and number.isdigit()):
        return ""
    return f"{int(number) / PER_YEAR[unit]:.3g}"


def _one(values: Iterable[str]) -> str:
    """Return the value on which all series agree."""
    distinct = {value for value in values if value}
    return distinct.pop() if len(distinct) == 1 else NO_VALUE


def _tsv(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    return "".join("\t".join(row) + "\n" for row in [columns, *rows]).encode()


def _json(content: Any) -> bytes:
    return json.dumps(content, indent=2, ensure_ascii=False).encode() + b"\n"


def _write(path: Path, content: bytes) -> None:
    """Write a file, unless it has this content already."""
    if not path.is_file() or path.read_bytes() != content:
        replace_file(path, content)
