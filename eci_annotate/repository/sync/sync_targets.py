"""Where signed versions go: a DICOMweb archive, an XNAT, or a DICOM node; an owner sets each up."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from eci_annotate.archive.remote_archive import Uids
from eci_annotate.errors import NotFound, Refused
from eci_annotate.repository.local.backend import LocalBackend
from eci_annotate.store.atomic_files import write_atomic
from eci_annotate.workflow.codec import Json, canonical, from_json, parse, to_json
from eci_annotate.workflow.project import check_name


class TargetKind(StrEnum):
    """What a target is."""

    DICOMWEB = "dicomweb"
    XNAT = "xnat"
    NODE = "node"


@dataclass(frozen=True)
class SyncTarget:
    """A target of a project.

    Attributes
    ----------
    name, project
        Its name here, and whose versions go there.
    kind, url
        What it is, and where; of a DICOM node ``TITLE@host:port``.
    remote_project
        Project of an XNAT.
    user, password
        Its account; not shown.
    orthanc
        Of a DICOMweb archive that is an Orthanc: the root of Orthanc's own interface, by which it deletes.
    images
        Whether the images that a version refers to go there too.
    pull_only
        Studies are pulled from there; signed versions do not go there.
    by
        Who set it up, and is notified when it fails.
    """

    name: str
    project: str
    kind: TargetKind
    url: str
    remote_project: str = ""
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    orthanc: str = ""
    images: bool = False
    pull_only: bool = False
    by: str = ""


@dataclass(frozen=True)
class Package:
    """What is sent of one version: DICOM files by UIDs and role, documents by name, images."""

    subject: str
    label: str
    derived: Mapping[Uids, tuple[str, bytes]] = field(repr=False)
    documents: Mapping[str, Json] = field(repr=False)
    images: Mapping[Uids, bytes] = field(repr=False)


class SyncRemote(Protocol):
    """A target that is connected."""

    def send(self, package: Package) -> list[Uids]:
        """Send a version, which may have been sent before; returns what is there then."""

    def withdraw(self, subject: str, sent: list[Uids]) -> None:
        """Delete what was sent of a subject; what is not there any more does not matter."""


class _DicomWeb:
    def __init__(self, target: SyncTarget) -> None:
        from eci_annotate.archive.dicomweb import DicomWebObjects

        self._remote = DicomWebObjects(target.url, target.user, target.password, target.orthanc)

    def send(self, package: Package) -> list[Uids]:
        files = {**package.images, **{uids: content for uids, (_, content) in package.derived.items()}}
        self._remote.put(package.subject, files)
        return list(files)

    def withdraw(self, subject: str, sent: list[Uids]) -> None:
        for uids in sent:
            self._remote.delete(subject, uids)


class _Xnat:
    def __init__(self, target: SyncTarget) -> None:
        from eci_annotate.archive.xnat import XnatObjects

        self._remote = XnatObjects(target.url, target.remote_project, target.user, target.password)

    def send(self, package: Package) -> list[Uids]:
        from eci_annotate.archive.xnat import RoiKind

        files = {**package.images, **{uids: content for uids, (_, content) in package.derived.items()}}
        self._remote.put(package.subject, files)
        for number, (uids, (role, content)) in enumerate(package.derived.items(), 1):
            if role.upper() in RoiKind.__members__:
                label = f"{package.label}_{number}"
                self._remote.put_roi_collection(package.subject, uids.study, label, RoiKind(role.upper()), content)
        for name, document in package.documents.items():
            self._remote.put_resource(package.subject, package.label, name, json.dumps(document).encode())
        return list(files)

    def withdraw(self, subject: str, sent: list[Uids]) -> None:
        self._remote.delete_subject(subject)


class _Node:
    def __init__(self, target: SyncTarget) -> None:
        from eci_annotate.archive.c_store import DicomNode

        title, _, where = target.url.partition("@")
        host, _, port = where.rpartition(":")
        self._node = DicomNode(title, host, int(port))

    def send(self, package: Package) -> list[Uids]:
        from eci_annotate.archive.c_store import send

        files = {**package.images, **{uids: content for uids, (_, content) in package.derived.items()}}
        with TemporaryDirectory() as folder:
            paths = [Path(folder) / f"{number}.dcm" for number in range(len(files))]
            for path, content in zip(paths, files.values(), strict=True):
                path.write_bytes(content)
            send(self._node, paths)
        return list(files)

    def withdraw(self, subject: str, sent: list[Uids]) -> None:
        if sent:
            what = "A DICOM node cannot be asked to delete what it was sent."
            raise Refused(what, "Delete the subject there by hand, then: eci-annotate sync retry --done-by-hand")


def connect(target: SyncTarget) -> SyncRemote:
    """Return the target, connected."""
    match target.kind:
        case TargetKind.DICOMWEB:
            return _DicomWeb(target)
        case TargetKind.XNAT:
            return _Xnat(target)
        case TargetKind.NODE:
            return _Node(target)


def keep_target(backend: LocalBackend, target: SyncTarget) -> None:
    """Store a target (mode 0600: it holds a password)."""
    write_atomic(
        _folder(backend.context.layout.root) / f"{check_name(target.name)}.json", canonical(to_json(target)), mode=0o600
    )


def target_named(backend: LocalBackend, name: str) -> SyncTarget:
    """Return a target; raises NotFound if there is none."""
    found = next((each for each in targets(backend) if each.name == name), None)
    if found is None:
        raise NotFound("Target not found.", "See: eci-annotate sync status FOLDER")
    return found


def targets(backend: LocalBackend) -> list[SyncTarget]:
    """Return all targets, by name."""
    return targets_in(backend.context.layout.root)


def targets_in(root: Path) -> list[SyncTarget]:
    """Return all targets of the repository in a folder, by name."""
    paths = sorted(_folder(root).glob("*.json"))
    return [from_json(SyncTarget, parse(path.read_bytes(), "A target")) for path in paths]


def _folder(root: Path) -> Path:
    return root / "sites" / "targets"
