"""A signature that waits for its person: where they confirm it, and what came of it. It is a result, not an error."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from eci_annotate.errors import Refused
from eci_annotate.repository.backend import RequestState

if TYPE_CHECKING:
    from eci_annotate.repository.signed import Signed


class Pending:
    """A signature that waits for its person to confirm it at `url`, on the service's own page.

    Parameters
    ----------
    url, request
        The page where the person confirms it, and the name of the request.
    state
        Says how the request stands.
    signed
        Gives the version, once it is signed.
    """

    def __init__(self, url: str, request: str, state: Callable[[], RequestState], signed: Callable[[], Signed]) -> None:
        self.url, self.request, self._state, self._signed = url, request, state, signed

    def __repr__(self) -> str:
        return f"<Pending signature, to be confirmed at {self.url}>"

    def poll(self) -> Signed | None:
        """The version, once it is signed; None while it waits; Refused when it was not confirmed in time."""
        match self._state():
            case RequestState.WAITING:
                return None
            case RequestState.DONE:
                return self._signed()
            case RequestState.VOID:
                raise Refused("The confirmed signature differs from the request.", "Sign again.")

    def wait(self, seconds: float = 900.0) -> Signed:
        """Wait until the person confirmed it; Refused when that is too late, or the draft changed meanwhile."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if signed := self.poll():
                return signed
            time.sleep(1.0)
        raise Refused("The signature was not confirmed.", "Sign again.")


class PendingCommand:
    """A command that waits for its person to confirm it at `url`, on the service's own page.

    Parameters
    ----------
    url
        The page.
    state
        Gives the state of the request.
    """

    def __init__(self, url: str, state: Callable[[], RequestState]) -> None:
        self.url, self._state = url, state

    def __repr__(self) -> str:
        return f"<Nothing was done yet: confirm it at {self.url}>"

    def wait(self, seconds: float = 900.0) -> None:
        """Wait until the person confirmed it; raises Refused if that takes too long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            match self._state():
                case RequestState.DONE:
                    return
                case RequestState.VOID:
                    break
                case RequestState.WAITING:
                    time.sleep(1.0)
        raise Refused("The command was not confirmed.", "Send it again.")
