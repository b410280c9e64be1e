"""UIDs derived from content: the same input gives the same UID on any machine (2.25 + UUID, PS3.5 annex B.2)."""

from __future__ import annotations

import hashlib
import uuid

RTSTRUCT_STORAGE = "1.2.840.10008.5.1.4.1.1.481.3"
BASIC_TEXT_SR_STORAGE = "1.2.840.10008.5.1.4.1.1.88.11"
SEG_STORAGE = "1.2.840.10008.5.1.4.1.1.66.4"
LABEL_MAP_SEG_STORAGE = "1.2.840.10008.5.1.4.1.1.66.7"


def uid_from(*parts: str) -> str:
    """Return `2.25.` and a version-8 UUID derived from the SHA-256 of the parts; at most 44 characters."""
    digest = bytearray(hashlib.sha256("\0".join(parts).encode()).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    return f"2.25.{uuid.UUID(bytes=bytes(digest)).int}"


def subtraction_uid(post_uid: str, pre_uid: str, *, resampled: bool = False) -> str:
    """Return the UID of the series that is one series minus another."""
    return uid_from("subtraction", post_uid, pre_uid, str(resampled))
