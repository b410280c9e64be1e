"""Encryption of kept files: what a folder archive asks for, and how it tells an encrypted file from a plain one.

Both kinds may be in one archive, so that one can be turned into the other while it is used.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from eci_annotate.errors import NotDicom, Tampered
from eci_annotate.store.atomic_files import write_atomic

MAGIC = b"eci_annotate encrypted DICOM 1\n"  # no DICOM file begins like this unless its preamble was made to


class FileCipher(Protocol):
    """Encrypts the files of each subject by a key of the subject's own."""

    def is_on(self) -> bool:
        """Whether new files are to be encrypted."""

    def encrypt(self, subject: str, name: str, content: bytes) -> bytes:
        """Return the encrypted content; it opens under this subject and name only."""

    def decrypt(self, subject: str, name: str, closed: bytes | memoryview) -> bytes:
        """Return the content; raises Tampered if it was changed, or if the key is not there."""

    def forget(self, subject: str) -> None:
        """Destroy the key of a subject; nothing happens if there is none."""


class NoCipher:
    """Keeps files as they are, and opens none that is encrypted."""

    def is_on(self) -> bool:
        """See `FileCipher`."""
        return False

    def encrypt(self, subject: str, name: str, content: bytes) -> bytes:
        """See `FileCipher`."""
        raise NotImplementedError

    def decrypt(self, subject: str, name: str, closed: bytes | memoryview) -> bytes:
        """See `FileCipher`."""
        raise Tampered("The image file is encrypted, and no key is available.", "Open it through its repository.")

    def forget(self, subject: str) -> None:
        """See `FileCipher`."""


def is_encrypted(path: Path) -> bool:
    """Return whether a file is encrypted."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def read_file(cipher: FileCipher, subject: str, path: Path) -> bytes:
    """Return the content of a kept file, encrypted or not.

    Raises
    ------
    Tampered
        The file was changed, or its key is missing.
    """
    content = path.read_bytes()
    if not content.startswith(MAGIC):
        return content
    return cipher.decrypt(subject, path.name, memoryview(content)[len(MAGIC) :])


def write_file(cipher: FileCipher, subject: str, path: Path, content: bytes) -> None:
    """Keep a file durably, encrypted if the cipher is on.

    Raises
    ------
    NotDicom
        The content would be taken for an encrypted file.
    """
    if content.startswith(MAGIC):
        raise NotDicom("The file begins like an encrypted one.", "Ask the sender for a correct file.")
    if cipher.is_on():
        content = MAGIC + cipher.encrypt(subject, path.name, content)
    write_atomic(path, content)
