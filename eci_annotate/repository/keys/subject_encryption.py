"""Each subject's content is encrypted by a key of its own; destroying the key ends it everywhere, backups included.

The keys lie in `vault/`, apart from what they open: a backup of content never holds them. What is encrypted are
blobs and drafts (AES-256-GCM, PS3.15 asks for no less); their names and digests are those of the content.
"""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from eci_annotate.errors import EciError, NotFound, Tampered
from eci_annotate.repository.draft_entries import damaged_entry
from eci_annotate.store.atomic_files import locked, sync_folder, write_atomic
from eci_annotate.store.protocols import Address, BlobStore, DraftPart, DraftStore, Holder, Record, check_scope
from eci_annotate.workflow.codec import canonical, digest, parse

_NONCE, _MOST_KEYS = 12, 5000


class Vault:
    """The keys of subjects, one file each, mode 0600."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[Path, tuple[tuple[int, int], AESGCM]] = {}

    def cipher(self, project: str, subject: str, *, make: bool = False) -> AESGCM:
        """What encrypts a subject's content; NotFound after its key was destroyed."""
        path = self._path(project, subject)
        try:
            return self._cipher_at(path)
        except FileNotFoundError:
            if not make or self._gone(path).exists():
                raise NotFound("The content of this subject was deleted.", "Its consent was withdrawn.") from None
        with locked(self._folder / "lock"):
            if not path.exists():
                write_atomic(path, AESGCM.generate_key(256), mode=0o600)
        return self._cipher_at(path)

    def _cipher_at(self, path: Path) -> AESGCM:
        """The key in a file, read once, for as long as the file is there and the same."""
        try:
            status = path.stat()
        except FileNotFoundError:
            self._read.pop(path, None)
            raise
        mark = (status.st_ino, status.st_mtime_ns)
        known = self._read.get(path)
        if known is not None and known[0] == mark:
            return known[1]
        if len(self._read) >= _MOST_KEYS:
            self._read.clear()
        cipher = AESGCM(path.read_bytes())
        self._read[path] = mark, cipher
        return cipher

    def is_live(self, project: str, subject: str) -> bool:
        """Whether there is a key of the subject."""
        return self._path(project, subject).exists()

    def is_gone(self, project: str, subject: str) -> bool:
        """Whether the subject's key was destroyed."""
        return self._gone(self._path(project, subject)).exists()

    def destroy(self, project: str, subject: str) -> None:
        """Overwrite and remove a subject's key; there will never be another."""
        path = self._path(project, subject)
        with locked(self._folder / "lock"):
            write_atomic(self._gone(path), b"")
            if path.exists():
                with path.open("r+b") as file:
                    file.write(os.urandom(path.stat().st_size))
                    file.flush()
                    os.fsync(file.fileno())
                path.unlink()
                sync_folder(path.parent)

    def _path(self, project: str, subject: str) -> Path:
        return self._folder / f"{check_scope(f'{project}/{subject}')}.key"

    def _gone(self, path: Path) -> Path:
        return path.with_suffix(".gone")


@dataclass(frozen=True)
class SubjectBlobs:
    """The blobs of one subject: encrypted below, checked by the digest of their content above."""

    blobs: BlobStore
    vault: Vault
    project: str
    subject: str

    @property
    def _scope(self) -> str:
        return f"{self.project}/{self.subject}"

    def put(self, content: bytes) -> str:
        """Keep `content`, once; returns its SHA-256."""
        name, nonce = digest(content), os.urandom(_NONCE)
        with suppress(NotFound, Tampered):
            self.get(name)
            return name
        cipher = self.vault.cipher(self.project, self.subject, make=True)
        self.blobs.keep(self._scope, name, nonce + cipher.encrypt(nonce, content, name.encode()))
        return name

    def get(self, name: str) -> bytes:
        """The content; NotFound when there is none (any more), Tampered when it is not what was kept."""
        cipher = self.vault.cipher(self.project, self.subject)
        closed = self.blobs.fetch(self._scope, name)
        try:
            content = cipher.decrypt(closed[:_NONCE], closed[_NONCE:], name.encode())
        except (InvalidTag, ValueError):
            raise Tampered(f"Blob {name[:12]} was changed.", "Restore it from a backup.") from None
        if digest(content) != name:
            raise Tampered(f"Blob {name[:12]} was changed.", "Restore it from a backup.")
        return content


class SecretDrafts:
    """A DraftStore whose entries are encrypted by the key of their subject."""

    def __init__(self, drafts: DraftStore, vault: Vault) -> None:
        self._drafts = drafts
        self._vault = vault

    def open(self, address: Address, holder: Holder) -> None:
        """See `DraftStore`."""
        self._drafts.open(address, holder)

    def holder(self, address: Address) -> Holder | None:
        """See `DraftStore`."""
        return self._drafts.holder(address)

    def renew(self, address: Address, fence: int, until: datetime) -> None:
        """See `DraftStore`."""
        self._drafts.renew(address, fence, until)

    def append(self, address: Address, fence: int, entries: Sequence[Record]) -> None:
        """See `DraftStore`."""
        self._drafts.append(address, fence, self._closed(DraftPart(address, fence, entries)).entries)

    def append_many(self, parts: Sequence[DraftPart]) -> list[EciError | None]:
        """See `DraftStore`; a subject whose key was destroyed refuses its own part only."""
        told: list[EciError | None] = [None] * len(parts)
        closed: dict[int, DraftPart] = {}
        for number, part in enumerate(parts):
            try:
                closed[number] = self._closed(part)
            except NotFound as gone:
                told[number] = gone
        for number, refusal in zip(closed, self._drafts.append_many(list(closed.values())), strict=True):
            told[number] = refusal
        return told

    def _closed(self, part: DraftPart) -> DraftPart:
        cipher = self._vault.cipher(part.address.project, part.address.subject, make=True)
        return replace(part, entries=[_close(cipher, part.address, each) for each in part.entries])

    def sync(self, address: Address, fence: int) -> None:
        """See `DraftStore`."""
        self._drafts.sync(address, fence)

    def read(self, address: Address, fence: int) -> list[Record]:
        """See `DraftStore`."""
        closed = self._drafts.read(address, fence)
        if not closed:
            return []
        cipher = self._vault.cipher(address.project, address.subject)
        return [_open(cipher, address, each, number) for number, each in enumerate(closed, 1)]

    def drop(self, project: str, subject: str) -> int:
        """See `DraftStore`."""
        return self._drafts.drop(project, subject)


def _close(cipher: AESGCM, address: Address, entry: Record) -> Record:
    nonce = os.urandom(_NONCE)
    return {"x": b64encode(nonce + cipher.encrypt(nonce, canonical(entry), address.task.encode())).decode()}


def _open(cipher: AESGCM, address: Address, entry: Record, number: int) -> Record:
    """Return an entry; one that cannot be read is named, so that the others can be used."""
    try:
        closed = b64decode(entry["x"])
        opened: Record = parse(cipher.decrypt(closed[:_NONCE], closed[_NONCE:], address.task.encode()), "A draft")
    except (InvalidTag, KeyError, ValueError, TypeError, Tampered):
        return damaged_entry(number)
    return opened
