"""Addresses of HTTP servers on unix sockets, as JupyterHub and its proxy write them: `http+unix://%2frun%2fx.sock/path`.

Who may take such a name is decided by the folder it is in, and not by who comes first, as with a TCP port.
"""

from __future__ import annotations

import os
import string
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    import httpx

SCHEME = "http+unix"
_PLAIN = f"{string.ascii_lowercase}{string.digits}-_."


def unix_url(path: Path | str, rest: str = "") -> str:
    """The address of what listens on a socket file.

    Capital letters are escaped as well, because host names lose theirs in `urllib`.

    Examples
    --------
    >>> unix_url("/run/A.sock", "/api")
    'http+unix://%2frun%2f%41.sock/api'
    """
    host = "".join(chr(byte) if chr(byte) in _PLAIN else f"%{byte:02x}" for byte in os.fsencode(path))
    return f"{SCHEME}://{host}{rest}"


def socket_and_url(address: str) -> tuple[str, str]:
    """The socket file (empty for a TCP address), and the address to ask through it.

    Examples
    --------
    >>> socket_and_url("http+unix://%2frun%2fhub.sock/hub/api")
    ('/run/hub.sock', 'http://localhost/hub/api')
    >>> socket_and_url("http://127.0.0.1:8000/hub")
    ('', 'http://127.0.0.1:8000/hub')
    """
    parts = urlsplit(address)
    if parts.scheme != SCHEME:
        return "", address
    return unquote(parts.netloc.split(":")[0]), f"http://localhost{parts.path}"


def client(address: str, **options: Any) -> httpx.Client:
    """An `httpx.Client` whose base is this address, on a unix socket or not; `options` are the client's."""
    import httpx

    path, base = socket_and_url(address)
    transport = httpx.HTTPTransport(uds=path, verify=False) if path else None
    if base.startswith("http://"):
        options["verify"] = False  # nothing to verify; the list of authorities takes 50 ms to load
    return httpx.Client(base_url=base, transport=transport, **options)
