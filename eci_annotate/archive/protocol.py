"""The waist: an archive lists a subject's studies, hands out instances, and keeps what it is given, whole.

What is derived (structure sets, reports) goes into the study that it is about, under the same study UID.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from eci_annotate.dicom.images.headers import Found


@dataclass(frozen=True)
class Instance:
    """One DICOM instance of a subject: its UIDs, and a stamp that changes when its content does."""

    subject: str
    study_uid: str
    series_uid: str
    sop_uid: str
    stamp: str


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

    def instance(self, subject: str, series_uid: str, sop_uid: str) -> Instance:
        """One instance; NotFound when there is none."""

    def find(self, sop_uids: Iterable[str]) -> list[Instance]:
        """The instances with these SOP Instance UIDs, of any subject; no images are listed for it."""

    def read(self, instance: Instance) -> bytes:
        """The file of an instance as it is now; NotFound when there is none."""

    def store(self, subject: str, contents: Iterable[bytes | Path | Found], *, replace: bool = False) -> list[Instance]:
        """Keep DICOM files, or their bytes; a file whose header was scanned is not parsed again.

        All are read before any is kept. The same file again changes nothing; another one with the same UID is a
        Conflict unless `replace`.
        """

    def remove(self, subject: str) -> None:
        """Remove all that is kept of a subject."""


def content_of(archive: Archive, subject: str, series_uid: str, sop_uid: str) -> bytes:
    """The file of one instance, by its UIDs; NotFound when there is none."""
    return archive.read(archive.instance(subject, series_uid, sop_uid))
