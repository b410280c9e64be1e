"""Atomic blob files: `ab/cdef...` for the repository's own, `of/<project>/<subject>/ab/cdef...` for others.

The caller provides the name; the caller also checks whether the content matches it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path

from eci_annotate.errors import NotFound, Tampered
from eci_annotate.store.atomic_files import locked, sync_folder, write_atomic, writing
from eci_annotate.store.disk_reserve import require_space
from eci_annotate.store.protocols import check_digest, check_scope
from eci_annotate.workflow import codec

_LARGE = 1 << 20  # smaller blobs may use the reserve: a signature consists of such


class NamedByContent:
    """Bytes of the repository's own scope, under their SHA-256, verified at each read."""

    def keep(self, scope: str, digest: str, content: bytes) -> None:
        """See `BlobStore`."""
        raise NotImplementedError

    def fetch(self, scope: str, digest: str) -> bytes:
        """See `BlobStore`."""
        raise NotImplementedError

    def put(self, content: bytes) -> str:
        """See `BlobStore`."""
        key = codec.digest(content)
        self.keep("", key, content)
        return key

    def get(self, digest: str) -> bytes:
        """See `BlobStore`."""
        content = self.fetch("", digest)
        if codec.digest(content) != digest:
            raise Tampered(f"Blob {digest[:12]} was changed.", "Restore it from a backup.")
        return content


class FolderBlobs(NamedByContent):
    """BlobStore in a folder, for many processes on one machine."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._folder, self._clock = folder, clock

    def keep(self, scope: str, digest: str, content: bytes) -> None:
        path = self._path(scope, digest)
        if len(content) > _LARGE:
            require_space(self._folder, len(content))
        with writing(), locked(self._of(scope) / "lock"):
            if path.exists() and path.read_bytes() == content:
                sync_folder(path.parent)
            else:
                write_atomic(path, content)
            os.utime(path, times=(self._clock(),) * 2)

    def fetch(self, scope: str, digest: str) -> bytes:
        try:
            return self._path(scope, digest).read_bytes()
        except FileNotFoundError:
            raise NotFound("No content with this digest exists.", "Check the digest.") from None

    def drop(self, scope: str) -> int:
        folder = self._of(scope)
        if not folder.exists():
            return 0
        with writing(), locked(folder / "lock"):
            files = [file for shelf in _shelves(folder) for file in shelf.iterdir()]  # also of killed writers
            for file in files:
                file.unlink()
            for shelf in _shelves(folder):
                sync_folder(shelf)
        return sum(not file.name.startswith(".") for file in files)

    def expire(self, scope: str, digests: Iterable[str], before: datetime) -> list[str]:
        paths = {name: self._path(scope, name) for name in set(digests)}
        if not paths:
            return []
        with writing(), locked(self._of(scope) / "lock"):
            old = [n for n, path in paths.items() if path.exists() and path.stat().st_mtime < before.timestamp()]
            for name in old:
                paths[name].unlink()
            for shelf in {paths[name].parent for name in old}:
                sync_folder(shelf)
        return sorted(old)

    def names(self, scope: str) -> list[str]:
        return sorted(_names(self._of(scope)))

    def scopes(self) -> list[str]:
        own = [""] if any(_names(self._folder)) else []
        of = self._folder / "of"
        return own + sorted(f"{f.parent.name}/{f.name}" for f in of.glob("*/*") if any(_names(f)))

    def _of(self, scope: str) -> Path:
        return self._folder / "of" / scope if check_scope(scope) else self._folder

    def _path(self, scope: str, digest: str) -> Path:
        return self._of(scope) / check_digest(digest)[:2] / digest[2:]


def _shelves(folder: Path) -> list[Path]:
    return [path for path in folder.glob("[0-9a-f][0-9a-f]") if path.is_dir()]


def _names(folder: Path) -> Iterator[str]:
    for shelf in _shelves(folder):
        yield from (shelf.name + file.name for file in shelf.iterdir() if not file.name.startswith("."))
