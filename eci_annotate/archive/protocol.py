"""The archive interface: list a subject's studies, return instances, and store files completely.

Derived objects (structure sets, reports) are stored in the study that they concern, under the same study UID.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from eci_annotate.dicom.annotation_objects import NO_IMAGES
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
    """One series as shown in a data browser; `header` is used by hanging protocols."""

    study_uid: str
    series_uid: str
    modality: str
    number: int
    description: str = field(repr=False)
    instances: int
    header: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Study:
    """One study with its series."""

    study_uid: str
    date: str = field(repr=False)
    description: str = field(repr=False)
    series: tuple[Series, ...]


def image_series_in(study: Study) -> list[Series]:
    """Return the series of a study that hold images, and no objects about images."""
    return [each for each in study.series if each.modality not in NO_IMAGES]


def hanging_headers(studies: Sequence[Study]) -> list[dict[str, Any]]:
    """Return the headers of all series for a hanging protocol; `study` says whether theirs is current or prior."""
    ages = zip(studies, study_ages(studies), strict=True)
    return [{**series.header, "study": age} for study, age in ages for series in study.series]


def study_ages(studies: Sequence[Study]) -> list[str]:
    """Return for each study ``current`` if it is of the newest date, else ``prior``.

    A later study without images, such as a report, makes no images prior ones.
    """
    newest = max((study.date for study in studies if image_series_in(study)), default="")
    return ["current" if study.date >= newest else "prior" for study in studies]


class Archive(Protocol):
    """Storage of the images of pseudonymous subjects."""

    def studies(self, subject: str) -> list[Study]:
        """Return the subject's studies, oldest first; empty if there are none."""

    def instances(self, subject: str, series_uid: str) -> list[Instance]:
        """Return the instances of a series; raises NotFound if there are none."""

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

    def discard(self, instance: Instance) -> None:
        """Remove one instance, as when it turned out to be damaged; nothing happens if there is none."""

    def remove(self, subject: str) -> None:
        """Remove all that is kept of a subject."""


def content_of(archive: Archive, subject: str, series_uid: str, sop_uid: str) -> bytes:
    """The file of one instance, by its UIDs; NotFound when there is none."""
    return archive.read(archive.instance(subject, series_uid, sop_uid))
