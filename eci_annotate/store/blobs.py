"""Blobs in a folder: `ab/cdef...`, named by their SHA-256, written whole, verified each time they are read."""

from __future__ import annotations

from pathlib import Path

from eci_annotate.errors import NotFound, Tampered
from eci_annotate.store.files import write_atomic
from eci_annotate.store.protocols import check_digest
from eci_annotate.workflow import codec


class FolderBlobs:
    """BlobStore in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, content: bytes) -> str:
        key = codec.digest(content)
        path = self._path(key)
        if not (path.exists() and path.read_bytes() == content):
            write_atomic(path, content)
        return key

    def get(self, digest: str) -> bytes:
        try:
            content = self._path(check_digest(digest)).read_bytes()
        except FileNotFoundError:
            raise NotFound("There is no blob with this digest.", "Check the digest.") from None
        if codec.digest(content) != digest:
            raise Tampered(f"Blob {digest[:12]} was changed.", "Restore it from a backup.")
        return content

    def _path(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest[2:]
