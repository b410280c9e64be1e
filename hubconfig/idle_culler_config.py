"""The culler's own question before it stops an idle server: does its user hold a lease? Who does, goes on working.

`GET <service>/leases`, with the culler's token, answers a JSON list of user names. No answer: nobody is stopped.
"""

from __future__ import annotations

import json
import os
import time
import urllib.request
from datetime import timedelta
from typing import Any

FRESH_S = 5.0
_held: tuple[float, frozenset[str] | None] = (0.0, None)


def _asked() -> frozenset[str] | None:
    headers = {"Authorization": f"token {os.environ['JUPYTERHUB_API_TOKEN']}"}
    request = urllib.request.Request(f"{os.environ['ECI_ANNOTATE_SERVICE']}/leases", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return frozenset(json.load(answer))
    except (OSError, ValueError):
        return None


def holders() -> frozenset[str] | None:
    """Names of those who hold a live lease; None when the service does not say. One question per round."""
    global _held
    if time.monotonic() - _held[0] > FRESH_S:
        _held = (time.monotonic(), _asked())
    return _held[1]


def arbiter(inactive: timedelta, inactive_limit: float, server: dict[str, Any]) -> bool:
    """Whether a server is to be stopped."""
    if inactive.total_seconds() < inactive_limit:
        return False
    holding = holders()
    return holding is not None and server["full_name"].split("/")[0] not in holding


c = get_config()  # type: ignore[name-defined]  # noqa: F821
c.IdleCuller.cull_arbiter_hook = arbiter
