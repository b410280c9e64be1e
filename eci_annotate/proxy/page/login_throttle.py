"""Logins that fail are slowed down, by name and by address; an attempt counts as failed until it has succeeded."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from threading import Lock

FREE_BY_NAME, FREE_BY_ADDRESS = 5, 20
FIRST_WAIT_S, LONGEST_WAIT_S, MOST_KEYS = 30.0, 900.0, 2000


@dataclass
class FailedAttempts:
    """How many attempts failed since the last success, and when the next one is allowed."""

    number: int = 0
    next_at: float = 0.0


class LoginThrottle:
    """Counts attempts in memory.

    Parameters
    ----------
    now
        The clock, in seconds.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now, self._lock = now, Lock()
        self._failed: OrderedDict[bytes, FailedAttempts] = OrderedDict()

    def attempt(self, name: str, address: str) -> float:
        """Return 0 if an attempt is allowed now, and count it as failed; else how many seconds are to be waited."""
        keys = [(_key("name", name), FREE_BY_NAME), (_key("address", address), FREE_BY_ADDRESS)]
        now = self._now()
        with self._lock:
            wait = max(self._failed.get(key, FailedAttempts()).next_at - now for key, _ in keys)
            if wait > 0:
                return wait
            for key, free in keys:
                self._count(key, free, now)
        return 0.0

    def succeeded(self, name: str, address: str) -> None:
        """Forget the failures of a name and of an address."""
        with self._lock:
            for key in (_key("name", name), _key("address", address)):
                self._failed.pop(key, None)

    def _count(self, key: bytes, free: int, now: float) -> None:
        attempts = self._failed.setdefault(key, FailedAttempts())
        self._failed.move_to_end(key)
        attempts.number += 1
        if attempts.number >= free:
            attempts.next_at = now + min(FIRST_WAIT_S * 2.0 ** min(attempts.number - free, 10), LONGEST_WAIT_S)
        while len(self._failed) > MOST_KEYS:
            self._failed.popitem(last=False)


def _key(kind: str, text: str) -> bytes:
    return sha256(f"{kind}\0{text}".encode("utf-8", "replace")).digest()
