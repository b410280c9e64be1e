"""Who may log in at the local page: names and scrypt digests of passwords, in one file of mode 0600."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
from pathlib import Path
from threading import BoundedSemaphore
from unicodedata import normalize

from eci_annotate.errors import BadRequest, NotFound, StoreUnavailable

COST, SHORTEST, LONGEST = 1 << 15, 12, 256
_NAME = re.compile(r"[a-z][a-z0-9._-]{0,31}")
_BLOCK, _SALT, _AT_ONCE = 8, 16, 2
_NOBODY = {"salt": "00" * _SALT, "digest": ""}


class PageUsers:
    """The users of a proxy's page.

    Parameters
    ----------
    path
        The file; it is read at each use, so that a change holds at once.
    cost
        The cost of scrypt for new passwords: 32 MB of memory for each.
    """

    def __init__(self, path: Path, cost: int = COST) -> None:
        self._path, self._cost = path, cost
        self._places = BoundedSemaphore(_AT_ONCE)

    def names(self) -> list[str]:
        """Return the users."""
        return sorted(self._read())

    def set_password(self, name: str, password: str) -> None:
        """Add a user, or change the password of one; raises BadRequest for a name or password that does not fit."""
        if not _NAME.fullmatch(name):
            raise BadRequest("This is no name for a user.", "Use up to 32 small letters, digits, '.', '_' and '-'.")
        if not SHORTEST <= len(password) <= LONGEST:
            raise BadRequest("The password is too short or too long.", f"Use {SHORTEST} to {LONGEST} characters.")
        salt = secrets.token_bytes(_SALT)
        digest = _digest(password, salt, self._cost).hex()
        self._write({**self._read(), name: {"salt": salt.hex(), "cost": str(self._cost), "digest": digest}})

    def delete(self, name: str) -> None:
        """Delete a user; raises NotFound without one."""
        users = self._read()
        if users.pop(name, None) is None:
            raise NotFound("There is no such user.", "See: eci-proxy page users")
        self._write(users)

    def stamp(self, name: str) -> str:
        """Return what changes with the user's password; empty without such a user."""
        return str(self._read().get(name, _NOBODY)["digest"])

    def stamp_of_login(self, name: str, password: str) -> str:
        """Return the user's stamp if the password is right, else an empty text; both take the same time."""
        user = self._read().get(name, _NOBODY)
        with self._places:
            found = _digest(password, bytes.fromhex(user["salt"]), int(user.get("cost", self._cost))).hex()
        return found if hmac.compare_digest(found, str(user["digest"])) else ""

    def _read(self) -> dict[str, dict[str, str]]:
        try:
            found: dict[str, dict[str, str]] = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError):
            raise StoreUnavailable("The file of the page's users cannot be read.", "Restore page-users.json.") from None
        return found

    def _write(self, users: dict[str, dict[str, str]]) -> None:
        part = self._path.with_suffix(f".{secrets.token_hex(8)}")
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
            json.dump(users, stream)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(self._path)


def _digest(password: str, salt: bytes, cost: int) -> bytes:
    text = normalize("NFKC", password).encode("utf-8", "replace")
    memory = 2 * 128 * cost * _BLOCK + (1 << 20)
    return hashlib.scrypt(text, salt=salt, n=cost, r=_BLOCK, p=1, maxmem=memory, dklen=32)
