"""Targets that are connected: what is sent of a version, and what a withdrawal deletes there.

Only what was sent from here is deleted: a target may have files of the same subject from other senders.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from eci_annotate.archive.remote_archive import Uids
from eci_annotate.errors import Refused
from eci_annotate.repository.sync.sync_targets import SyncTarget, TargetKind
from eci_annotate.workflow.codec import Json


class FilesOnDemand(Mapping[Uids, bytes]):
    """Files by UIDs, each read when it is asked for: the images of a subject may be larger than the memory."""

    def __init__(self, readers: Mapping[Uids, Callable[[], bytes]]) -> None:
        self._readers = readers

    def __getitem__(self, uids: Uids) -> bytes:
        return self._readers[uids]()

    def __iter__(self) -> Iterator[Uids]:
        return iter(self._readers)

    def __len__(self) -> int:
        return len(self._readers)


@dataclass(frozen=True)
class Package:
    """What is sent of one version: its label there, DICOM files by UIDs and role, documents by name, images."""

    subject: str
    label: str
    derived: Mapping[Uids, tuple[str, bytes]] = field(repr=False)
    documents: Mapping[str, Json] = field(repr=False)
    images: Mapping[Uids, bytes] = field(repr=False)

    @property
    def files(self) -> Mapping[Uids, bytes]:
        """Return all DICOM files, images first."""
        images = {uids: partial(self.images.__getitem__, uids) for uids in self.images}
        return FilesOnDemand({**images, **{uids: partial(bytes, each) for uids, (_, each) in self.derived.items()}})

    def without(self, images: Collection[Uids]) -> Package:
        """Return the package without some of its images."""
        rest = {uids: partial(self.images.__getitem__, uids) for uids in self.images if uids not in images}
        return replace(self, images=FilesOnDemand(rest))


@dataclass(frozen=True)
class WithdrawnFiles:
    """What is to be deleted of a subject: files, and labels of versions; how many files stay for other targets."""

    subject: str
    files: list[Uids] = field(repr=False)
    labels: list[str]
    shared: int = 0


class SyncRemote(Protocol):
    """A target that is connected."""

    def present(self, subject: str, files: Collection[Uids]) -> set[Uids]:
        """Return which of these files are there under the subject."""

    def send(self, package: Package) -> None:
        """Send a version, which may have been sent before, in part or as a whole."""

    def withdraw(self, gone: WithdrawnFiles) -> str:
        """Delete files and labels, also if they do not exist; returns what else of the subject exists, or nothing."""


class _DicomWeb:
    def __init__(self, target: SyncTarget) -> None:
        from eci_annotate.archive.dicomweb import DicomWebObjects

        self._remote = DicomWebObjects(target.url, target.user, target.password, target.orthanc)

    def present(self, subject: str, files: Collection[Uids]) -> set[Uids]:
        return self._remote.present(subject, files)

    def send(self, package: Package) -> None:
        self._remote.put(package.subject, package.files)

    def withdraw(self, gone: WithdrawnFiles) -> str:
        for uids in gone.files:
            self._remote.delete_of(gone.subject, uids)
        return ""


class _Xnat:
    def __init__(self, target: SyncTarget) -> None:
        from eci_annotate.archive.xnat import XnatObjects

        self._remote = XnatObjects(target.url, target.remote_project, target.user, target.password)

    def present(self, subject: str, files: Collection[Uids]) -> set[Uids]:
        return self._remote.present(subject, files)

    def send(self, package: Package) -> None:
        from eci_annotate.archive.xnat import RoiKind

        self._remote.put(package.subject, package.files)
        for number, (uids, (role, content)) in enumerate(package.derived.items(), 1):
            if role.upper() in RoiKind.__members__:
                label = f"{package.label}_{number}"
                self._remote.put_roi_collection(package.subject, uids.study, label, RoiKind(role.upper()), content)
        for name, document in package.documents.items():
            self._remote.put_resource(package.subject, package.label, name, json.dumps(document).encode())

    def withdraw(self, gone: WithdrawnFiles) -> str:
        self._remote.delete_labelled(gone.subject, sorted({uids.study for uids in gone.files}), gone.labels)
        self._remote.delete_files(gone.subject, gone.files)
        return "" if self._remote.delete_empty(gone.subject) else "other data of the subject"


class _Node:
    def __init__(self, target: SyncTarget) -> None:
        from eci_annotate.archive.c_store import DicomNode

        title, _, where = target.url.partition("@")
        host, _, port = where.rpartition(":")
        if not (title and host and port.isdigit()):
            raise Refused("The address of the DICOM node is malformed.", "Write it as TITLE@host:port.")
        self._node = DicomNode(title, host, int(port))

    def present(self, subject: str, files: Collection[Uids]) -> set[Uids]:
        return set()  # a node is not asked

    def send(self, package: Package) -> None:
        from eci_annotate.archive.c_store import send

        with TemporaryDirectory() as folder:
            paths = [Path(folder) / f"{number}.dcm" for number in range(len(package.files))]
            for path, content in zip(paths, package.files.values(), strict=True):
                path.write_bytes(content)
            send(self._node, paths)

    def withdraw(self, gone: WithdrawnFiles) -> str:
        if gone.files:
            what = "A DICOM node cannot be asked to delete what it was sent."
            some = "the subject's files, but for those that other targets sent there," if gone.shared else "the subject"
            raise Refused(what, f"Delete {some} there by hand, then: eci-annotate sync retry --done-by-hand")
        return ""


def connect(target: SyncTarget) -> SyncRemote:
    """Return the target, connected."""
    match target.kind:
        case TargetKind.DICOMWEB:
            return _DicomWeb(target)
        case TargetKind.XNAT:
            return _Xnat(target)
        case TargetKind.NODE:
            return _Node(target)
