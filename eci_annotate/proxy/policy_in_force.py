"""The policy that holds: read at the start, and again when a person asks for it: a half-written file never counts."""

from __future__ import annotations

import logging
import os
import secrets
from pathlib import Path
from threading import Lock

from eci_annotate.deid.policy import Policy
from eci_annotate.errors import EciError
from eci_annotate.proxy.configuration import Configuration
from eci_annotate.proxy.spool import sync

log = logging.getLogger("eci_proxy")


class PolicyInForce:
    """The policy of a site for all processes that use the spool.

    Parameters
    ----------
    configuration
        The site's; raises BadPolicy or BadConfiguration if its policy cannot be used.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._configuration, self._mark = configuration, configuration.spool / "policy.renewed"
        self._lock, self._seen = Lock(), _text(self._mark)
        self._policy = configuration.policy()

    def current(self) -> Policy:
        """Return the policy, read again if somebody asked for it; one that cannot be used leaves the one before."""
        with self._lock:
            asked = _text(self._mark)
            if asked != self._seen:
                self._seen = asked
                try:
                    self._policy = self._configuration.policy()
                except EciError as error:
                    log.error("the changed policy cannot be used", extra={"kind": type(error).__name__})
            return self._policy

    def renew(self) -> None:
        """Have every process read the policy again; raises BadPolicy or BadConfiguration if it cannot be used."""
        self._configuration.policy()
        part = self._mark.with_suffix(f".{secrets.token_hex(8)}")
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
            stream.write(secrets.token_hex(8))
        part.replace(self._mark)
        sync(self._mark.parent)


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""
