"""A signature that waits for its person: where she confirms it, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from eci_annotate.errors import Refused
from eci_annotate.repository.backend import DONE, VOID

if TYPE_CHECKING:
    from eci_annotate.repository.signed import Signed


class Waiting:
    """A signature that waits for its person to confirm it at `url`, on the service's own page."""

    def __init__(self, url: str, state: Callable[[], str], signed: Callable[[], Signed]) -> None:
        self.url, self._state, self._signed = url, state, signed

    def __repr__(self) -> str:
        return f"<Waiting for the signature to be confirmed at {self.url}>"

    def poll(self) -> Signed | None:
        """The version, once it is signed; None while it waits; Refused when it came to nothing."""
        state = self._state()
        if state == VOID:
            raise Refused("The signature was not confirmed as it was asked for.", "Sign again.")
        return self._signed() if state == DONE else None

    def wait(self, seconds: float = 900.0) -> Signed:
        """Wait until the person confirmed it; Refused when that is too late, or the draft changed meanwhile."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if signed := self.poll():
                return signed
            time.sleep(1.0)
        raise Refused("Nobody confirmed the signature.", "Sign again.")
