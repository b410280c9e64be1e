"""Where studies are pulled from: what a DICOMweb archive or an XNAT has that fits a filter, and its files.

Servers may ignore filters, so that each study is compared again here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import quote

from eci_annotate.archive.remote_archive import Uids
from eci_annotate.decoder.file_reader import FileReader
from eci_annotate.errors import BadImages, Refused
from eci_annotate.repository.sync.pull_rules import StudyFilter
from eci_annotate.repository.sync.sync_targets import SyncTarget, TargetKind

PAGE = 200
_FIELDS = ("StudyDate", "StudyTime", "StudyDescription", "ModalitiesInStudy", "NumberOfStudyRelatedInstances")


@dataclass(frozen=True)
class RemoteStudy:
    """A study there: its UID or ID, when it was made, and how many files it has (None: the server does not say)."""

    key: str = field(repr=False)
    date: str = field(repr=False)
    files: int | None = None


class PullSource(Protocol):
    """A target that studies are pulled from."""

    def studies(self, wanted: StudyFilter) -> list[RemoteStudy]:
        """Return the studies that may fit, oldest first."""

    def files(self, study: RemoteStudy) -> list[str]:
        """Return what names each file of a study, in order."""

    def fits(self, study: RemoteStudy, names: Sequence[str], wanted: StudyFilter) -> bool:
        """Whether a study fits, looking into its files if need be."""

    def read(self, study: RemoteStudy, name: str) -> bytes:
        """Return a file."""


class _DicomWebSource:
    def __init__(self, target: SyncTarget) -> None:
        from eci_annotate.archive.dicomweb import DicomWebObjects

        self._remote = DicomWebObjects(target.url, target.user, target.password)

    def studies(self, wanted: StudyFilter) -> list[RemoteStudy]:
        found = {each.key: each for each in self._all(wanted)}
        return sorted(found.values(), key=lambda each: (each.date, each.key))

    def _all(self, wanted: StudyFilter) -> Iterator[RemoteStudy]:
        filters = {"ModalitiesInStudy": wanted.modality, "StudyDate": _date_range(wanted)}  # texts are compared here
        asked, offset = {name: value for name, value in filters.items() if value}, 0
        while page := self._remote.search(asked, PAGE, offset, _FIELDS):
            for row in page:
                date, modalities = _text(row, "00080020"), {str(each) for each in _values(row, "00080061")}
                if wanted.fits(modalities, date, _text(row, "00081030")):
                    count = _text(row, "00201208")
                    when = f"{date} {_text(row, '00080030')}"
                    yield RemoteStudy(_text(row, "0020000D"), when, int(count) if count.isdigit() else None)
            if len(page) < PAGE:
                return
            offset += len(page)

    def files(self, study: RemoteStudy) -> list[str]:
        return sorted(f"{uids.series}/{uids.sop}" for uids in self._remote.instances_of(study.key))

    def fits(self, study: RemoteStudy, names: Sequence[str], wanted: StudyFilter) -> bool:
        return True

    def read(self, study: RemoteStudy, name: str) -> bytes:
        series, _, sop = name.partition("/")
        return self._remote.get("", Uids(study.key, series, sop))


class _XnatSource:
    """An XNAT's sessions; what they are is read from the header of a file of each scan."""

    def __init__(self, target: SyncTarget, project: str, reader: FileReader) -> None:
        from eci_annotate.archive.xnat import XnatObjects

        self._reader = reader
        self._project = project or target.remote_project
        self._remote = XnatObjects(target.url, self._project, target.user, target.password)

    def studies(self, wanted: StudyFilter) -> list[RemoteStudy]:
        rows = self._remote.listed(f"/data/projects/{quote(self._project)}/experiments", columns="ID,label,date")
        found = [RemoteStudy(str(row["ID"]), str(row.get("date") or "")) for row in rows]
        return sorted(found, key=lambda each: (each.date, each.key))

    def files(self, study: RemoteStudy) -> list[str]:
        place = f"/data/experiments/{quote(study.key, safe='')}/scans"
        names = list[str]()
        for scan in sorted(str(row["ID"]) for row in self._remote.listed(place)):
            files = f"{place}/{quote(scan, safe='')}/resources/DICOM/files"
            rows = self._remote.listed(files)
            names += sorted(str(row.get("URI") or f"{files}/{quote(str(row['Name']))}") for row in rows)
        return names

    def fits(self, study: RemoteStudy, names: Sequence[str], wanted: StudyFilter) -> bool:
        if not (wanted.modality or wanted.since or wanted.until or wanted.description):
            return True
        first = {name.rpartition("/")[0]: name for name in reversed(names)}  # of each scan
        facts = [_facts(self._reader, self._remote.content(name)) for name in first.values()]
        modalities = {modality for modality, _, _ in facts}
        return any(wanted.fits(modalities, date, description) for _, date, description in facts)

    def read(self, study: RemoteStudy, name: str) -> bytes:
        return self._remote.content(name)


def source_of(target: SyncTarget, wanted: StudyFilter, reader: FileReader) -> PullSource:
    """Return the target, to pull from; `reader` reads headers. Raises Refused for a DICOM node."""
    match target.kind:
        case TargetKind.DICOMWEB:
            return _DicomWebSource(target)
        case TargetKind.XNAT:
            return _XnatSource(target, wanted.remote_project, reader)
        case TargetKind.NODE:
            raise Refused("Studies cannot be pulled from a DICOM node.", "Use a DICOMweb archive or an XNAT.")


def _date_range(wanted: StudyFilter) -> str:
    if not (wanted.since or wanted.until):
        return ""
    return f"{wanted.since.replace('-', '')}-{wanted.until.replace('-', '')}"


def _values(row: dict[str, Any], tag: str) -> list[Any]:
    return list(row.get(tag, {}).get("Value") or [])


def _text(row: dict[str, Any], tag: str) -> str:
    return str(next(iter(_values(row, tag)), "") or "")


def _facts(reader: FileReader, content: bytes) -> tuple[str, str, str]:
    """Return modality, study date and study description of a file; empty where it cannot be read."""
    try:
        found = reader.header(lambda: content)
    except BadImages:
        return "", "", ""
    return found.modality, found.study_date, found.study_description
