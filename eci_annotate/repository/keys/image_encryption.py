"""DICOM files at rest, encrypted by a key per subject in `vault/.images`; an owner turns it on.

Destroying the key ends the files wherever a copy of them is, as for the subject's other content.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import InvalidTag

from eci_annotate.archive.file_cipher import is_encrypted, read_file, write_file
from eci_annotate.errors import Tampered
from eci_annotate.repository.keys.key_files import KeyFiles, decrypted, encrypted
from eci_annotate.repository.keys.repository_folder import Layout
from eci_annotate.store.atomic_files import write_atomic
from eci_annotate.store.disk_reserve import require_space
from eci_annotate.workflow.codec import canonical

Tell = Callable[[str, int, int], None]


class ImageCipher:
    """Encrypts files of a repository's folder archive; see `archive.file_cipher.FileCipher`."""

    def __init__(self, layout: Layout) -> None:
        self._keys, self._setting = KeyFiles(layout.vault / ".images"), _setting(layout)

    def is_on(self) -> bool:
        """Return whether new files are encrypted."""
        return self._setting.exists()

    def encrypt(self, subject: str, name: str, content: bytes) -> bytes:
        """Return nonce, encrypted content and tag (AES-256-GCM); bound to subject and name."""
        return encrypted(self._keys.made(subject), content, _bound(subject, name))

    def decrypt(self, subject: str, name: str, closed: bytes | memoryview) -> bytes:
        """Return the content.

        Raises
        ------
        Tampered
            The file was changed or belongs elsewhere, or the subject's key is missing.
        """
        try:
            cipher = self._keys.cipher(subject)
        except FileNotFoundError:
            remedy = "Restore the folder vault from the backup of the keys."
            raise Tampered("The key of the subject's images is missing.", remedy) from None
        try:
            return decrypted(cipher, closed, _bound(subject, name))
        except (InvalidTag, ValueError):
            raise Tampered("An encrypted image file was changed.", "Restore it from a backup.") from None

    def forget(self, subject: str) -> None:
        """Destroy the key of a subject."""
        self._keys.destroy(subject)

    def is_live(self, subject: str) -> bool:
        """Return whether there is a key of the subject."""
        return self._keys.is_live(subject)


def turn_encryption_on(layout: Layout) -> None:
    """Encrypt files that are stored from now on, also by processes that have the repository open."""
    write_atomic(_setting(layout), canonical({"images": "AES-256-GCM"}))


def encrypt_archive(layout: Layout, tell: Tell = lambda part, done, of: None) -> int:
    """Turn encryption on, and encrypt what is stored; it may be used meanwhile, and goes on where it was interrupted.

    Returns
    -------
    int
        How many files were encrypted now.
    """
    turn_encryption_on(layout)
    cipher = ImageCipher(layout)
    paths = [path for path in sorted(layout.archive.glob("*/*/*/*.dcm")) if not is_encrypted(path)]
    for number, path in enumerate(paths, 1):
        _encrypt(cipher, layout, path)
        tell("images", number, len(paths))
    return len(paths)


def _encrypt(cipher: ImageCipher, layout: Layout, path: Path) -> None:
    subject = path.relative_to(layout.archive).parts[0]
    while path.exists():
        before = path.stat()
        content = path.read_bytes()
        require_space(path.parent, len(content))
        now = path.stat()
        if (before.st_mtime_ns, before.st_ino) == (now.st_mtime_ns, now.st_ino):
            write_file(cipher, subject, path, content)
            if read_file(cipher, subject, path) != content:
                write_atomic(path, content)
                raise Tampered("An encrypted file cannot be read back.", "Check the disk.")
            return


def _setting(layout: Layout) -> Path:
    return layout.root / "register" / "images.json"


def _bound(subject: str, name: str) -> bytes:
    return f"{subject}/{name}".encode()
