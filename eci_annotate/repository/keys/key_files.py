"""AES-256 keys in a folder, one file each, mode 0600, read once while the file is the same; and content under a key."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from eci_annotate.errors import Tampered
from eci_annotate.store.atomic_files import locked, sync_folder, write_atomic

_MOST_KEYS, _NONCE = 5000, 12


def encrypted(cipher: AESGCM, content: bytes, bound: bytes) -> bytes:
    """Return nonce, encrypted content and tag (AES-256-GCM), which open with the same `bound` only."""
    nonce = os.urandom(_NONCE)
    return nonce + cipher.encrypt(nonce, content, bound)


def decrypted(cipher: AESGCM, closed: bytes | memoryview, bound: bytes) -> bytes:
    """Return what `encrypted` was given; raises InvalidTag or ValueError if it was changed, or is bound otherwise."""
    return cipher.decrypt(bytes(closed[:_NONCE]), closed[_NONCE:], bound)


class KeyFiles:
    """Keys by name; a name may have folders (``project/subject``).

    Parameters
    ----------
    folder
        Their folder; created with the first key.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[Path, tuple[tuple[int, int], AESGCM]] = {}

    def path(self, name: str) -> Path:
        """Return the file of a key."""
        return self._folder / f"{name}.key"

    def is_live(self, name: str) -> bool:
        """Return whether there is a key."""
        return self.path(name).exists()

    def cipher(self, name: str) -> AESGCM:
        """Return what encrypts by a key.

        Raises
        ------
        FileNotFoundError
            There is none.
        Tampered
            The file holds no key.
        """
        path = self.path(name)
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
        try:
            cipher = AESGCM(path.read_bytes())
        except ValueError:
            raise Tampered("A key file is damaged.", "Restore the folder vault from the backup of the keys.") from None
        self._read[path] = mark, cipher
        return cipher

    def made(self, name: str) -> AESGCM:
        """Return what encrypts by a key that is made if there is none."""
        path = self.path(name)
        if not path.exists():
            with locked(self._folder / "lock"):
                if not path.exists():
                    write_atomic(path, AESGCM.generate_key(256), mode=0o600)
        return self.cipher(name)

    def destroy(self, name: str, *, mark: Path | None = None) -> None:
        """Overwrite and remove a key; nothing happens if there is none. An empty file `mark` then says so."""
        path = self.path(name)
        with locked(self._folder / "lock"):
            if mark is not None:
                write_atomic(mark, b"")
            if path.exists():
                with path.open("r+b") as file:
                    file.write(os.urandom(path.stat().st_size))
                    file.flush()
                    os.fsync(file.fileno())
                path.unlink()
                sync_folder(path.parent)
        self._read.pop(path, None)
