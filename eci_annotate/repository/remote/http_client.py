"""The HTTP connection to a service; its refusals come back as the same named errors.

What may be repeated without harm is tried again while the service cannot be reached; a command is sent once.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

from eci_annotate.errors import EciError, NoIdentity, StoreUnavailable
from eci_annotate.repository.remote.unix_url import client
from eci_annotate.repository.remote.wire_format import error_from_wire

TOKEN = ("ECI_ANNOTATE_TOKEN", "JUPYTERHUB_API_TOKEN")
SESSION = "X-ECI-Session"
_WAITS_S = (0.2, 0.5, 1.0, 2.0, 4.0)
_PIECE = 1 << 20


def token_of_environment() -> str:
    """The token that says who acts; NoIdentity when there is none."""
    for name in TOKEN:
        if token := os.environ.get(name):
            return token
    raise NoIdentity("There is no token for the service.", f"Set {TOKEN[0]}; on a hub it is there by itself.")


class Line:
    """The connection to one service.

    Parameters
    ----------
    address
        Of the service, e.g. ``https://eci.hub.example.org/services/eci``.
    token
        Says who acts.
    session
        Which opening this is.
    """

    def __init__(self, address: str, token: str, session: str) -> None:
        import httpx

        headers = {"Authorization": f"Bearer {token}", SESSION: session}
        timeout = httpx.Timeout(60.0, connect=5.0)
        self._client = client(f"{address.rstrip('/')}/api/", headers=headers, timeout=timeout)
        self._failures = (httpx.TransportError,)

    def ask(self, method: str, path: str, *, again: bool = True, **more: Any) -> Any:
        """The answer, as JSON or bytes; raises what the service refused with.

        Parameters
        ----------
        again
            Whether it may be repeated while the service cannot be reached.
        """
        return self._answer(self._tried(lambda: self._client.request(method, path, **more), again))

    def _tried(self, act: Callable[[], Any], again: bool) -> Any:
        for wait_s in (*(_WAITS_S if again else ()), None):
            try:
                return act()
            except self._failures as error:
                if wait_s is None:
                    what = "The service cannot be reached."
                    raise StoreUnavailable(what, "Wait a moment; your work is kept in this session.") from error
                time.sleep(wait_s)
        raise AssertionError("the last try returned or raised")

    def _answer(self, response: Any) -> Any:
        if response.status_code == 204:
            return None
        kind = response.headers.get("content-type", "")
        told = response.json() if kind.startswith("application/json") else None
        if response.status_code in (200, 202):
            return told if told is not None else response.content
        if isinstance(told, dict) and "error" in told:
            raise error_from_wire(told)
        if response.status_code in (502, 503, 504):
            raise StoreUnavailable(
                "The service cannot be reached.", "Wait a moment; your work is kept in this session."
            )
        raise EciError(f"The service answered with status {response.status_code}.", "Ask its administrator.")

    def stream_into(self, path: str, buffer: memoryview) -> None:
        """Fill the buffer with what the service sends; what broke off is asked for from where it ended."""
        done = 0
        while done < len(buffer):
            done += self._tried(lambda begin=done: self._piece(path, buffer, begin), again=True)  # type: ignore[misc]

    def _piece(self, path: str, buffer: memoryview, begin: int) -> int:
        done = begin
        with self._client.stream("GET", path, headers={"Range": f"bytes={begin}-"}) as response:
            if response.status_code != 206:
                response.read()
                self._answer(response)
                raise EciError("The service sent an unexpected answer.", "Use a client of the same release.")
            try:
                for piece in response.iter_bytes(_PIECE):
                    buffer[done : done + len(piece)] = piece
                    done += len(piece)
            except self._failures:
                if done == begin:
                    raise
        return done - begin

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()
