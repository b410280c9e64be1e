"""The archive interface: list a subject's studies, return instances, and store files completely.

Derived objects (structure sets, reports) are stored in the study that they concern, under the same study UID.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True)
class Instance:
    """One DICOM instance: its UIDs and the location of its file."""

    study_uid: str
    series_uid: str
    sop_uid: str
    path: Path


@dataclass(frozen=True)
class Series:
    """One series as shown in a data browser; `header` is used by hanging protocols."""

    study_uid: str
    series_uid: str
    modality: str
    number: int
    description: str
    instances: int
    header: Mapping[str, Any]


@dataclass(frozen=True)
class Study:
    """One study with its series."""

    study_uid: str
    date: str
    description: str
    series: tuple[Series, ...]


class Archive(Protocol):
    """Storage of the images of pseudonymous subjects."""

    def studies(self, subject: str) -> list[Study]:
        """Return the subject's studies, oldest first; empty if there are none."""

    def instances(self, subject: str, series_uid: str) -> list[Instance]:
        """Return the instances of a series; raises NotFound if there are none."""

    def store(self, subject: str, contents: Iterable[bytes | Path], *, replace: bool = False) -> list[Instance]:
        """Store DICOM files (or their bytes).

        The same file again changes nothing; another one with the same UID raises Conflict unless `replace`.
        """

    def content(self, subject: str, series_uid: str, sop_uid: str) -> bytes:
        """Return the file of one instance; raises NotFound if it does not exist."""
