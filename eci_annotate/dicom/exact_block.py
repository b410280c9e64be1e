"""The private block of an item that keeps what DICOM cannot represent (exact boxes, full labels), as JSON."""

from __future__ import annotations

import json
from typing import Any

from pydicom import Dataset

PRIVATE_GROUP, PRIVATE_CREATOR = 0x3007, "ECI_ANNOTATE 1"


def write_exact(item: Dataset, body: dict[str, Any]) -> None:
    """Add the block to an item."""
    block = item.private_block(PRIVATE_GROUP, PRIVATE_CREATOR, create=True)
    block.add_new(0x01, "UT", json.dumps(body, ensure_ascii=False, separators=(",", ":")))


def exact_of(item: Dataset) -> dict[str, Any]:
    """Return the block of an item, or an empty dict; an unreadable block counts as absent."""
    try:
        value = item.private_block(PRIVATE_GROUP, PRIVATE_CREATOR)[0x01].value
        text = value.decode() if isinstance(value, bytes) else str(value)
        body = json.loads(text.rstrip("\0 "))
    except Exception:  # pydicom raises many kinds for malformed values
        return {}
    return body if isinstance(body, dict) else {}


def one_line(text: str) -> str:
    """Convert to LO: at most 64 characters, no backslash, no control characters."""
    return "".join("/" if c == "\\" else c for c in text if c.isprintable())[:64].strip()
