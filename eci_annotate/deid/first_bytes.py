"""What the first bytes of a file say: whether it is DICOM, with the prefix or as the bare elements of old archives."""

from __future__ import annotations

from pydicom.valuerep import STR_VR

HEAD = 132
_OTHER_VR = frozenset({"AT", "OB", "OW", "SQ", "UL", "UN", "US"})
_LONGEST_FIRST = 64  # a group length, a character set or an image type


def begins_as_dicom(head: bytes) -> bool:
    """Tell whether the first `HEAD` bytes of a file are those of DICOM: the prefix, or elements without it."""
    return head[128:132] == b"DICM" or lacks_prefix(head)


def lacks_prefix(head: bytes) -> bool:
    """Tell whether a file begins with elements of group 0002 or 0008 in place of the prefix (PS3.10 section 7.1)."""
    if len(head) < HEAD or head[128:132] == b"DICM" or head[:1] not in (b"\2", b"\x08") or head[1] or head[3]:
        return False
    if head[4:6].decode("latin-1") in STR_VR | _OTHER_VR:
        return True
    length = int.from_bytes(head[4:8], "little")  # implicit VR: the first element is short, and another one follows
    return head[0] == 8 and length <= _LONGEST_FIRST and not length % 2 and _goes_on(head[8 + length :])


def _goes_on(head: bytes) -> bool:
    return len(head) < 4 or (head[0] in (8, 9, 16) and head[1] == 0)
