"""An archive whose files another system keeps: here is only which subject has which instance, its header and SHA-256.

What comes back must have that SHA-256, so that a change in the other system is noticed and never shown.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Protocol

from eci_annotate.archive.folder import SUBJECT, scanned
from eci_annotate.archive.instance_index import InstanceIndex
from eci_annotate.archive.protocol import Instance, Study
from eci_annotate.archive.series_list import studies_of
from eci_annotate.decoder.direct_reader import DirectReader
from eci_annotate.decoder.file_reader import FileReader
from eci_annotate.dicom.images.headers import Found
from eci_annotate.errors import Conflict, NotDicom, NotFound, Refused, Tampered
from eci_annotate.store.atomic_files import locked, write_atomic
from eci_annotate.workflow.codec import canonical, parse, to_json


@dataclass(frozen=True)
class Uids:
    """The UIDs of one instance."""

    study: str
    series: str
    sop: str


class RemoteObjects(Protocol):
    """A system that keeps DICOM files; content comes back bit for bit."""

    def get(self, subject: str, uids: Uids) -> bytes:
        """Return the file; raises NotFound if there is none."""

    def put(self, subject: str, contents: Mapping[Uids, bytes]) -> None:
        """Keep files; raises StoreUnavailable unless all of them are kept."""

    def delete(self, subject: str, uids: Uids) -> None:
        """Delete a file; nothing happens if there is none."""


class RemoteArchive:
    """An archive over a system that keeps DICOM files.

    Parameters
    ----------
    remote
        The system.
    register
        Folder of what is known about each subject; it belongs to backups.
    index
        Folder of an index that may be deleted at any time.
    reader
        Reads headers.
    """

    def __init__(self, remote: RemoteObjects, register: Path, index: Path, reader: FileReader | None = None) -> None:
        self._remote, self._register, self._reader = remote, register, reader or DirectReader()
        self._instances = InstanceIndex(index / "remote-instances")

    def studies(self, subject: str) -> list[Study]:
        """The subject's studies, oldest first."""
        return studies_of([_found(row) for row in self._load(subject).values()])

    def instances(self, subject: str, series_uid: str) -> list[Instance]:
        """The instances of a series, by instance number."""
        rows = [row for row in self._load(subject).values() if row["found"]["series_uid"] == series_uid]
        if not rows:
            raise NotFound("The subject has no such series.", "See studies() for the series there are.")
        rows.sort(key=lambda row: (row["found"]["instance_number"] or 0, row["found"]["sop_uid"]))
        return [_instance(subject, row) for row in rows]

    def instance(self, subject: str, series_uid: str, sop_uid: str) -> Instance:
        """One instance."""
        row = self._load(subject).get(sop_uid)
        if row is None or row["found"]["series_uid"] != series_uid:
            raise _missing()
        return _instance(subject, row)

    def find(self, sop_uids: Iterable[str]) -> list[Instance]:
        """The instances with these SOP Instance UIDs, of any subject."""
        names = [path.stem for path in self._register.glob("*.json")]
        self._instances.complete(names, lambda name: [_triple(row) for row in self._load(name).values()])
        places = self._instances.places(sop_uids)
        rows = ((place[0], self._load(place[0]).get(sop)) for sop, known in places.items() for place in known)
        return [_instance(subject, row) for subject, row in rows if row is not None]

    def read(self, instance: Instance) -> bytes:
        """The file of an instance; raises Tampered if the other system gives another one than it was given."""
        row = self._load(instance.subject).get(instance.sop_uid)
        if row is None or row["found"]["series_uid"] != instance.series_uid:
            raise _missing()
        content = self._remote.get(instance.subject, _uids(row))
        if hashlib.sha256(content).hexdigest() != row["sha256"]:
            raise Tampered("The archive's system gave another file than it was given.", "Restore it from a backup.")
        return content

    def store(self, subject: str, contents: Iterable[bytes | Path | Found], *, replace: bool = False) -> list[Instance]:
        """Keep DICOM files under the subject; see `Archive.store`."""
        _check(subject)
        incoming = [_read(self._reader, each) for each in contents]
        with locked(self._register / f"{subject}.lock"):
            known = self._load(subject)
            fresh = {
                found.sop_uid: (found, content) for found, content in incoming if self._is_new(known, content, found)
            }
            changed = [known[sop] for sop in fresh if sop in known]
            if changed and not replace:
                raise Conflict(
                    "Another file with this SOP Instance UID exists already.", "Import only one of the two files."
                )
            self._check_others(subject, fresh)
            for row in changed:
                self._remote.delete(subject, _uids(row))
            self._keep(subject, known, list(fresh.values()))
        rows = self._load(subject)
        return [_instance(subject, rows[sop]) for sop in dict.fromkeys(found.sop_uid for found, _ in incoming)]

    def discard(self, instance: Instance) -> None:
        """Remove one instance."""
        with locked(self._register / f"{_check(instance.subject)}.lock"):
            rows = self._load(instance.subject)
            row = rows.pop(instance.sop_uid, None)
            if row is not None:
                self._forget(instance.subject, [row])
                self._write(instance.subject, rows)

    def remove(self, subject: str) -> None:
        """Remove all files of a subject, here and there."""
        with locked(self._register / f"{_check(subject)}.lock"):
            self._forget(subject, list(self._load(subject).values()))
            (self._register / f"{subject}.json").unlink(missing_ok=True)
            self._instances.clear()

    def _keep(self, subject: str, known: dict[str, Any], fresh: Sequence[tuple[Found, bytes]]) -> None:
        if not fresh:
            return
        self._instances.add(subject, [(found.study_uid, found.series_uid, found.sop_uid) for found, _ in fresh])
        self._remote.put(
            subject, {Uids(found.study_uid, found.series_uid, found.sop_uid): content for found, content in fresh}
        )
        self._write(subject, known | {found.sop_uid: _row(found, content) for found, content in fresh})

    @staticmethod
    def _is_new(known: Mapping[str, Any], content: bytes, found: Found) -> bool:
        return found.sop_uid not in known or known[found.sop_uid]["sha256"] != hashlib.sha256(content).hexdigest()

    def _check_others(self, subject: str, fresh: Mapping[str, tuple[Found, bytes]]) -> None:
        """Refuse what another subject holds with other content: the system would keep one of the two only."""
        for each in self.find(fresh):
            if each.subject != subject and each.stamp != hashlib.sha256(fresh[each.sop_uid][1]).hexdigest():
                raise Conflict("Another subject has a file with this SOP Instance UID.", "Import one of the two only.")

    def _forget(self, subject: str, rows: Sequence[Mapping[str, Any]]) -> None:
        shared = {each.sop_uid for each in self.find(_uids(row).sop for row in rows) if each.subject != subject}
        for row in rows:
            if _uids(row).sop not in shared:
                self._remote.delete(subject, _uids(row))

    def _load(self, subject: str) -> dict[str, Any]:
        try:
            content = (self._register / f"{_check(subject)}.json").read_bytes()
        except FileNotFoundError:
            return {}
        rows: dict[str, Any] = parse(content, "The register of a subject's files")
        return rows

    def _write(self, subject: str, rows: Mapping[str, Any]) -> None:
        write_atomic(self._register / f"{subject}.json", canonical(rows))


def _check(subject: str) -> str:
    if not SUBJECT.fullmatch(subject):
        raise Refused("A pseudonym has a character that is not allowed.", "Use letters, digits, '_' and '-'.")
    return subject


def _read(reader: FileReader, content: bytes | Path | Found) -> tuple[Found, bytes]:
    match content:
        case Found():
            return content, content.path.read_bytes()
        case Path():
            return scanned(reader, content), content.read_bytes()
    found = scanned(reader, content)
    for uid in (found.study_uid, found.series_uid, found.sop_uid):
        if not uid or set(uid) - set("0123456789."):
            raise NotDicom("A UID of the file is no UID.", "Ask the sender for a correct file.")
    return found, content


def _row(found: Found, content: bytes) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(content).hexdigest(), "found": {**to_json(found), "path": ""}}


def _found(row: Mapping[str, Any]) -> Found:
    names = {field.name for field in fields(Found)}
    return Found(**{**{name: row["found"][name] for name in names}, "path": Path()})


def _uids(row: Mapping[str, Any]) -> Uids:
    return Uids(*_triple(row))


def _triple(row: Mapping[str, Any]) -> tuple[str, str, str]:
    found = row["found"]
    return found["study_uid"], found["series_uid"], found["sop_uid"]


def _instance(subject: str, row: Mapping[str, Any]) -> Instance:
    return Instance(subject, *_triple(row), row["sha256"])


def _missing() -> NotFound:
    return NotFound("Instance not found.", "Restore it from a backup.")
