"""Each subject's content is encrypted by a key of its own; destroying the key ends it everywhere, backups included.

The keys lie in `vault/`, apart from what they open: a backup of content never holds them. What is encrypted are
blobs and drafts (AES-256-GCM, PS3.15 asks for no less); their names and digests are those of the content.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from eci_annotate.errors import EciError, LeaseLost, NotFound, StoreUnavailable, Tampered
from eci_annotate.repository.draft_entries import damaged_entry
from eci_annotate.repository.keys.key_files import KeyFiles, decrypted, encrypted
from eci_annotate.store.protocols import Address, BlobStore, DraftPart, DraftStore, Holder, Record, check_scope
from eci_annotate.workflow.codec import canonical, digest, parse


class Vault:
    """The keys of subjects, one file each, mode 0600."""

    def __init__(self, folder: Path) -> None:
        self._keys = KeyFiles(folder)

    def cipher(self, project: str, subject: str, *, make: bool = False) -> AESGCM:
        """What encrypts a subject's content; NotFound after its key was destroyed."""
        name = _name(project, subject)
        try:
            return self._keys.cipher(name)
        except FileNotFoundError:
            if not make or self.is_gone(project, subject):
                raise NotFound("The content of this subject was deleted.", "Its consent was withdrawn.") from None
        return self._keys.made(name)

    def is_live(self, project: str, subject: str) -> bool:
        """Whether there is a key of the subject."""
        return self._keys.is_live(_name(project, subject))

    def is_gone(self, project: str, subject: str) -> bool:
        """Whether the subject's key was destroyed."""
        return self._gone(_name(project, subject)).exists()

    def destroy(self, project: str, subject: str) -> None:
        """Overwrite and remove a subject's key; there will never be another."""
        name = _name(project, subject)
        self._keys.destroy(name, mark=self._gone(name))

    def _gone(self, name: str) -> Path:
        return self._keys.path(name).with_suffix(".gone")


def _name(project: str, subject: str) -> str:
    return check_scope(f"{project}/{subject}")


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
        """Keep `content`, once; returns its SHA-256. What exists already becomes young again (`BlobStore.expire`)."""
        name = digest(content)
        with suppress(NotFound, Tampered):
            closed, _ = self._read(name)
            self.blobs.keep(self._scope, name, closed)
            return name
        cipher = self.vault.cipher(self.project, self.subject, make=True)
        self.blobs.keep(self._scope, name, encrypted(cipher, content, name.encode()))
        return name

    def get(self, name: str) -> bytes:
        """The content; NotFound when there is none (any more), Tampered when it is not what was kept."""
        return self._read(name)[1]

    def _read(self, name: str) -> tuple[bytes, bytes]:
        """Return what is stored, and the content that it encrypts."""
        cipher = self.vault.cipher(self.project, self.subject)
        closed = self.blobs.fetch(self._scope, name)
        try:
            content = decrypted(cipher, closed, name.encode())
        except (InvalidTag, ValueError):
            raise Tampered(f"Blob {name[:12]} was changed.", "Restore it from a backup.") from None
        if digest(content) != name:
            raise Tampered(f"Blob {name[:12]} was changed.", "Restore it from a backup.")
        return closed, content


class SecretDrafts:
    """A DraftStore whose entries are encrypted by the key of their subject."""

    def __init__(self, drafts: DraftStore, vault: Vault) -> None:
        self._drafts = drafts
        self._vault = vault
        self._signing: list[tuple[Address, int]] = []

    @contextmanager
    def signing(self, address: Address, fence: int) -> Iterator[Callable[[], None]]:
        """Add nothing to the draft under this fence while this lasts; yields what closes it for all processes.

        A version does not hold what is saved after it was made of the draft: such a save must fail. The draft is
        opened again if this raises.
        """
        closed: list[Holder] = []

        def close() -> None:
            holder = self._drafts.holder(address)
            if holder is not None:  # nothing is drawn at an ingest
                self._drafts.renew(address, fence, holder.until, close=True)
                closed.append(holder)

        self._signing.append((address, fence))
        try:
            yield close
        except BaseException:
            with suppress(LeaseLost):
                for holder in closed:
                    self._drafts.open(address, holder)
            raise
        finally:
            self._signing.remove((address, fence))

    def _check_unsigned(self, part: DraftPart) -> None:
        if (part.address, part.fence) in self._signing:
            raise StoreUnavailable("The task is being signed.", "Wait a moment; your work is kept in this session.")

    def open(self, address: Address, holder: Holder) -> None:
        """See `DraftStore`."""
        self._drafts.open(address, holder)

    def holder(self, address: Address) -> Holder | None:
        """See `DraftStore`."""
        return self._drafts.holder(address)

    def renew(self, address: Address, fence: int, until: datetime, *, close: bool = False) -> None:
        """See `DraftStore`."""
        self._drafts.renew(address, fence, until, close=close)

    def append(self, address: Address, fence: int, entries: Sequence[Record]) -> None:
        """See `DraftStore`."""
        self._drafts.append(address, fence, self._closed(DraftPart(address, fence, entries)).entries)

    def append_many(self, parts: Sequence[DraftPart]) -> list[EciError | None]:
        """See `DraftStore`; a subject whose key was destroyed, or a signed draft, refuses its own part only."""
        told: list[EciError | None] = [None] * len(parts)
        closed: dict[int, DraftPart] = {}
        for number, part in enumerate(parts):
            try:
                closed[number] = self._closed(part)
            except (NotFound, LeaseLost, StoreUnavailable) as refusal:
                told[number] = refusal
        for number, failed in zip(closed, self._drafts.append_many(list(closed.values())), strict=True):
            told[number] = failed
        return told

    def _closed(self, part: DraftPart) -> DraftPart:
        self._check_unsigned(part)
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
    return {"x": b64encode(encrypted(cipher, canonical(entry), address.task.encode())).decode()}


def _open(cipher: AESGCM, address: Address, entry: Record, number: int) -> Record:
    """Return an entry; one that cannot be read is named, so that the others can be used."""
    try:
        closed = b64decode(entry["x"])
        opened: Record = parse(decrypted(cipher, closed, address.task.encode()), "A draft")
    except (InvalidTag, KeyError, ValueError, TypeError, Tampered):
        return damaged_entry(number)
    return opened
