"""What became of one series: kept beside the cohort, so that a later run knows what is there already."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from eci_annotate.imaging.replace_file import replace_file

FOLDER = ".eci-prepare"


class Outcome(StrEnum):
    """What a run did with a series."""

    TAKEN = "taken"
    PRESENT = "already there"
    REFUSED = "refused"


@dataclass(frozen=True)
class SeriesRecord:
    """The result for one series.

    Attributes
    ----------
    series, subject, session
        Pseudonymous series UID; ``sub-…`` and ``ses-…``.
    fingerprint, options
        Digests of the source files and of the options it was made from.
    modality
        DICOM's.
    acquired
        Date and time of the study as the de-identified header gives it, ISO 8601; empty without.
    sex, age
        As the de-identified header gives them.
    images
        Size in bytes of each NIfTI file and sidecar, by its path below the target.
    dicom, dicom_files
        Folder below the target, and its number of files.
    why
        Why there are no images; empty if there are.
    notes
        Remarks about stacks that have no image, and copies of files.
    lasting
        Whether another run would give the same result; false for crashes, full disks and files that cannot be read now.
    patient
        Digest of the patient ID, where the source is de-identified: two IDs may give the same name of a folder.
    """

    series: str
    subject: str
    fingerprint: str
    options: str
    session: str = ""
    modality: str = ""
    acquired: str = ""
    sex: str = ""
    age: str = ""
    images: dict[str, int] = field(default_factory=dict)
    dicom: str = ""
    dicom_files: int = 0
    why: str = ""
    notes: tuple[str, ...] = ()
    lasting: bool = True
    patient: str = ""

    @property
    def outcome(self) -> Outcome:
        """Taken or refused."""
        return Outcome.REFUSED if self.why else Outcome.TAKEN

    def is_complete(self, target: Path) -> bool:
        """Whether all its files still exist, with the sizes they were written with."""
        whole = all(_size(target / name) == size for name, size in self.images.items())
        kept = not self.dicom_files or _count(target / self.dicom) == self.dicom_files
        return self.lasting and whole and kept

    def write(self, target: Path) -> None:
        """Store it below the target, after all its files."""
        content = json.dumps(asdict(self), indent=1, sort_keys=True, ensure_ascii=False)
        replace_file(record_path(target, self.series), content.encode() + b"\n")


def record_path(target: Path, series: str) -> Path:
    """Return where the record of a series is stored; its UID came from a file and is no safe name."""
    from eci_annotate.batch.bids_names import label_of, short

    return target / FOLDER / "series" / f"{label_of(series)[-40:]}-{short(series)}.json"


def read_record(path: Path) -> SeriesRecord | None:
    """Return a record; None if there is none, or it cannot be read."""
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
        return SeriesRecord(**{**content, "notes": tuple(content["notes"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def all_records(target: Path) -> list[SeriesRecord]:
    """Return the records of a cohort by subject, session and series."""
    found = (read_record(path) for path in (target / FOLDER / "series").glob("*.json"))
    return sorted((each for each in found if each), key=lambda each: (each.subject, each.session, each.series))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _count(folder: Path) -> int:
    return sum(1 for _ in folder.glob("*.dcm"))
