"""The proxy's log: JSON lines of known fields only, so that no value of a patient can be in it."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

FIELDS = ("kind", "count", "address", "why", "status")
log = logging.getLogger("eci_proxy")


class KnownFields(logging.Formatter):
    """Formats a record: its time, level and message, which is always a literal, and the known fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {"at": self.formatTime(record), "level": record.levelname, "what": record.msg}
        line.update({name: getattr(record, name) for name in FIELDS if hasattr(record, name)})
        return json.dumps(line)


def log_to_stderr() -> None:
    """Log as JSON lines; libraries that quote values are silent."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(KnownFields())
    log.handlers[:], log.propagate = [handler], False
    log.setLevel(logging.INFO)
    for name in ("pydicom", "pynetdicom", "httpx", "httpcore", "paramiko"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
