"""The origin of a request for the audit trail: from the proxy for pages, from the connection for programs.

The addresses through which a browser's request passed are all kept, nearest last; the proxy itself adds only the
last. A program with a token talks to the service directly, so forwarded addresses that it claims are ignored.
"""

from __future__ import annotations

import re

from starlette.types import Scope

from eci_annotate.repository.service.values import HERE

_ADDRESSES, _LONGEST = re.compile(r"[^0-9a-fA-F:., ]"), 120


def whence(scope: Scope) -> str:
    """Return the addresses, nearest last."""
    peer = scope.get("client")
    here = str(peer[0]) if peer else HERE  # a unix socket has no address
    headers = dict(scope["headers"])
    if b"authorization" in headers:
        return here
    passed = headers.get(b"x-forwarded-for", b"").decode("latin-1")
    return _ADDRESSES.sub("", passed)[-_LONGEST:].strip(" ,") or here
