"""From where a request came, for the audit trail: as the proxy says for pages, as the connection says for programs.

What a browser's address passed on its way is kept whole, nearest last; only the last of it is the proxy's own word.
A program with a token speaks to the service itself, so what it says of other addresses is not believed.
"""

from __future__ import annotations

import re

from starlette.types import Scope

from eci_annotate.repository.local.identity import HERE

_ADDRESSES, _LONGEST = re.compile(r"[^0-9a-fA-F:., ]"), 120


def whence(scope: Scope) -> str:
    """Addresses, nearest last."""
    peer = scope.get("client")
    here = str(peer[0]) if peer else HERE  # a unix socket has no address
    headers = dict(scope["headers"])
    if b"authorization" in headers:
        return here
    passed = headers.get(b"x-forwarded-for", b"").decode("latin-1")
    return _ADDRESSES.sub("", passed)[-_LONGEST:].strip(" ,") or here
