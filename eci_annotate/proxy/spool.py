"""Where files are on their way: complete and on the disk, or not there. Names are digests; nothing names a patient.

`incoming` is what was received, `originals` what is registered, `outgoing` what is de-identified.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from hashlib import file_digest
from itertools import count
from pathlib import Path
from typing import BinaryIO

from eci_annotate.deid.first_bytes import HEAD, begins_as_dicom
from eci_annotate.errors import NotDicom, Overloaded, StoreUnavailable

LEAST_FREE, STALE_S = 1 << 30, 3600.0
_BLOCK = 1 << 20
_serial = count()


class Spool:
    """The folders of a proxy; only their owner may read them.

    Parameters
    ----------
    root
        The folder; created if absent.
    largest
        Largest file that is accepted, in bytes.
    """

    def __init__(self, root: Path, largest: int = 128 << 20) -> None:
        self.root, self.largest = root, largest
        self.parts, self.incoming = root / "parts", root / "incoming"
        self._folders = {name: root / name for name in ("originals", "outgoing")}
        self._begun = root / "begun"
        for folder in (root, self.parts, self.incoming, self._begun, *self._folders.values()):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        root.chmod(0o700)

    def take(self, stream: BinaryIO) -> str:
        """Store what a stream gives as received; returns its SHA-256.

        Raises
        ------
        NotDicom
            The content is no DICOM file.
        Overloaded
            It is larger than allowed, or the disk is nearly full.
        """
        part = self.part()
        try:
            with part.open("xb") as out:
                self._copy(stream, out)
            return self.adopt(part)
        finally:
            part.unlink(missing_ok=True)

    def adopt(self, part: Path) -> str:
        """Take a complete file of the folder `parts` as received; durable on return. Returns its SHA-256."""
        with part.open("r+b") as stream:
            if not begins_as_dicom(stream.read(HEAD)):
                raise NotDicom("A file is not DICOM.", "Send DICOM files only.")
            stream.seek(0)
            digest = file_digest(stream, "sha256").hexdigest()
            part.chmod(0o600)
            arrived = self.incoming / f"{digest}.new"
            part.replace(arrived)
            os.fsync(stream.fileno())  # the name too: ext4, XFS and Btrfs make a file's last name durable with it
        arrived.replace(arrived.with_suffix(".dcm"))
        return digest

    def recover(self) -> int:
        """After a crash: files that were arriving are kept if they are whole, else deleted; returns how many are kept.

        Success was answered for none that is not whole.
        """
        kept = 0
        for path in self.incoming.iterdir():
            with path.open("rb") as stream:
                whole = file_digest(stream, "sha256").hexdigest() == path.stem
            if not whole:
                path.unlink(missing_ok=True)
            elif path.suffix == ".new":
                path.replace(path.with_suffix(".dcm"))
                kept += 1
        return kept

    def part(self) -> Path:
        """Return a new name in the folder of incomplete files."""
        return self.parts / f"{os.getpid()}-{next(_serial)}-{time.monotonic_ns()}.part"

    def require_space(self, size: int = 0) -> None:
        """Raise Overloaded if a file is too large, or the disk would be nearly full."""
        if size > self.largest:
            raise Overloaded(
                "A file is larger than allowed.", "Raise largest_mb in the configuration, or leave the file out."
            )
        if shutil.disk_usage(self.root).free - size < LEAST_FREE:
            raise Overloaded("The proxy's disk is nearly full.", "Make space, or wait until uploads are confirmed.")

    def _copy(self, stream: BinaryIO, out: BinaryIO) -> None:
        size = 0
        self.require_space()
        while block := stream.read(_BLOCK):
            size += len(block)
            self.require_space(size)
            out.write(block)

    def received(self) -> Iterator[Path]:
        """Yield the files that are not registered yet."""
        with os.scandir(self.incoming) as entries:
            yield from (Path(each.path) for each in entries if each.name.endswith(".dcm"))

    def register(self, path: Path) -> None:
        """Move a received file to the originals."""
        target = self.original(path.stem)
        target.parent.mkdir(exist_ok=True, mode=0o700)
        path.replace(target)

    def original(self, digest: str) -> Path:
        """Return where the original with this SHA-256 is."""
        return self._folders["originals"] / digest[:2] / f"{digest}.dcm"

    def outgoing(self, digest: str) -> Path:
        """Return where the de-identified file with this SHA-256 is."""
        return self._folders["outgoing"] / digest[:2] / f"{digest}.dcm"

    def locate(self, digest: str) -> None:
        """Register a file whose registration a kill has interrupted: the queue has it, and it is still arriving."""
        path = self.incoming / f"{digest}.dcm"
        if not self.original(digest).exists() and path.exists():
            self.register(path)

    def originals(self) -> Iterator[str]:
        """Yield the SHA-256 of each original."""
        for folder in self._folders["originals"].iterdir():
            yield from (path.stem for path in folder.glob("*.dcm"))

    def begin(self, digest: str) -> None:
        """Note that an original is being de-identified; a second time if it was begun before and never ended."""
        mark = self._begun / digest
        (mark.with_suffix(".again") if mark.exists() else mark).touch(mode=0o600)

    def end(self, digest: str) -> None:
        """Note that an original is no longer being de-identified, whatever came of it."""
        for mark in (self._begun / digest, self._begun / f"{digest}.again"):
            mark.unlink(missing_ok=True)

    def begun(self) -> dict[str, bool]:
        """Return what was begun and never ended, since the process was killed, and whether that was so twice."""
        names = {path.name for path in self._begun.iterdir()}
        return {name: f"{name}.again" in names for name in names if not name.endswith(".again")}

    def write_outgoing(self, digest: str, content: memoryview) -> None:
        """Store a de-identified file, durably."""
        target, part = self.outgoing(digest), self.part()
        target.parent.mkdir(exist_ok=True, mode=0o700)
        try:
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
                out.write(content)
                out.flush()
                os.fsync(out.fileno())
            part.replace(target)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise StoreUnavailable("The proxy's spool cannot be written.", "Check disk space.") from error
        sync(target.parent)

    def forget(self, digest: str, outgoing: str, keep_original: bool) -> None:
        """Delete the files of an instance."""
        if outgoing:
            self.outgoing(outgoing).unlink(missing_ok=True)
        if not keep_original:
            self.original(digest).unlink(missing_ok=True)

    def sweep(self) -> int:
        """Delete incomplete files that nobody writes; returns 0: this is no work that others wait for."""
        for part in self.parts.iterdir():
            with suppress(FileNotFoundError):  # just completed
                if not 0 <= time.time() - part.stat().st_mtime <= STALE_S:  # or from before the clock was set back
                    part.unlink()
        return 0


def sync(folder: Path) -> None:
    """Flush the names in a folder to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
