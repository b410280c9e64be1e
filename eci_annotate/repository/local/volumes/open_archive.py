"""The archive of a repository: its own folder, or another system that an owner set up before the first import.

Settings and register are in the folder `register`, which backups and copies of the repository contain.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from eci_annotate.archive.folder import FolderArchive
from eci_annotate.archive.protocol import Archive
from eci_annotate.archive.remote_archive import RemoteArchive, RemoteObjects
from eci_annotate.decoder.file_reader import FileReader
from eci_annotate.errors import Refused
from eci_annotate.repository.keys.image_encryption import ImageCipher
from eci_annotate.repository.keys.repository_folder import Layout
from eci_annotate.store.atomic_files import write_atomic
from eci_annotate.workflow.codec import canonical, from_json, parse, to_json


@dataclass(frozen=True)
class ArchiveSettings:
    """Where DICOM files are kept: a DICOMweb archive, or a project of an XNAT if `project` is given."""

    url: str
    project: str = ""
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    orthanc: str = ""


def open_archive(layout: Layout, key: bytes, reader: FileReader) -> Archive:
    """Return the repository's archive; `key` authenticates the header index of a folder, `reader` reads headers."""
    settings = archive_settings(layout)
    if settings is None:
        return FolderArchive(layout.archive, layout.cache / "headers", key, reader, ImageCipher(layout))
    return RemoteArchive(_remote(settings), layout.root / "register" / "subjects", layout.cache / "headers", reader)


def archive_settings(layout: Layout) -> ArchiveSettings | None:
    """Return where files are kept; None: in the repository's own folder."""
    path = layout.root / "register" / "archive.json"
    if not path.exists():
        return None
    return from_json(ArchiveSettings, parse(path.read_bytes(), "The archive's settings"))


def use_archive(layout: Layout, settings: ArchiveSettings) -> None:
    """Keep DICOM files in another system from now on.

    Raises
    ------
    Refused
        The repository holds images already, or encrypts its images.
    """
    if ImageCipher(layout).is_on():
        remedy = "Encrypt in that system, and make the repository without --encrypt-images."
        raise Refused("The repository encrypts its images, and another system would get them plain.", remedy)
    own = any(layout.archive.glob("*/*")) if layout.archive.exists() else False
    if own or any((layout.root / "register" / "subjects").glob("*.json")):
        raise Refused("The repository holds images already.", "Set the archive up before the first import.")
    content = canonical(to_json(settings))
    write_atomic(layout.root / "register" / "archive.json", content, mode=0o600)


def _remote(settings: ArchiveSettings) -> RemoteObjects:
    if settings.project:
        from eci_annotate.archive.xnat import XnatObjects

        return XnatObjects(settings.url, settings.project, settings.user, settings.password)
    from eci_annotate.archive.dicomweb import DicomWebObjects

    return DicomWebObjects(settings.url, settings.user, settings.password, settings.orthanc)
