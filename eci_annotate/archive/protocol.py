"""The waist: an archive lists a subject's studies, hands out instances, and keeps what it is given, whole.

What is derived (structure sets, reports) goes into the study that it is about, under the same study UID.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True)
class Instance:
    """One DICOM instance: its UIDs and where its file is."""

    study_uid: str
    series_uid: str
    sop_uid: str
    path: Path


@dataclass(frozen=True)
class Series:
    """One series: what a data browser shows; `header` is what hanging protocols ask."""

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
    """Where the pixels of pseudonymous subjects are."""

    def studies(self, subject: str) -> list[Study]:
        """The subject's studies, oldest first; empty when there is none."""

    def instances(self, subject: str, series_uid: str) -> list[Instance]:
        """The instances of a series; NotFound when there is none."""

    def store(self, subject: str, contents: Iterable[bytes | Path], *, replace: bool = False) -> list[Instance]:
        """Keep DICOM files (or their bytes). The same file again changes nothing; another one with the
        same UID is a Conflict unless `replace`."""

    def content(self, subject: str, series_uid: str, sop_uid: str) -> bytes:
        """The file of one instance; NotFound when there is none."""
