"""Encapsulated pixels: their fragments, and what a JPEG, JPEG-LS or JPEG 2000 codestream says of its picture."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

ITEM = b"\xfe\xff\x00\xe0"
J2K = b"\xff\x4f\xff\x51"  # start of codestream, and of its size marker
JPEG = b"\xff\xd8"
_SEARCHED = 1 << 12  # bytes in which a JP2 box may come before the codestream
_FRAMES = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF, 0xF7}  # start of frame
_SCAN, _APP8, _HP = 0xDA, 0xE8, b"mrfx"  # start of the pixels; where HP's JPEG-LS names its transform of colours
_BARE = {0x01, *range(0xD0, 0xD9)}  # markers without a length


@dataclass(frozen=True)
class Codestream:
    """Size of a picture, number of its samples, and bits of each, as its codestream says; `lines` is 0 for unknown.

    `is_transformed`: its colours are differences, as HP's extension of JPEG-LS stores them, which few decoders undo.
    """

    lines: int
    columns: int
    samples: int
    bits: int
    is_signed: bool
    is_transformed: bool = False


def fragments_of(content: bytes) -> list[tuple[int, int]]:
    """Return start and length of the offset table and of each fragment (PS3.5 A.4), as far as they can be read."""
    found, at = [], 0
    while content[at : at + 4] == ITEM and len(content) >= at + 8:
        (length,) = struct.unpack_from("<I", content, at + 4)
        found.append((at + 8, length))
        at += 8 + length
    return found


def codestreams_of(content: bytes, fragments: Sequence[tuple[int, int]]) -> list[Codestream]:
    """Return what the compressed frames say of themselves that begin in these fragments, the offset table first."""
    found = (codestream_of(content[at : at + length]) for at, length in fragments[1:])
    return [each for each in found if each is not None]


def codestream_of(content: bytes) -> Codestream | None:
    """Return what a compressed frame says of itself; None if it cannot be read, or is of another kind.

    References
    ----------
    ITU-T T.81 B.2.2, T.87 C.2.2 (frame header), T.800 A.5.1 (size marker).
    """
    try:
        if content.startswith(JPEG):
            return _of_jpeg(content)
        at = content.find(J2K, 0, _SEARCHED)
        return _of_j2k(content[at : at + 64]) if at >= 0 else None
    except (struct.error, IndexError):
        return None


def _of_jpeg(content: bytes) -> Codestream | None:
    found, is_transformed = None, False
    for marker, at in _segments_of(content):
        if marker in _FRAMES and found is None:
            found = struct.unpack_from(">BHHB", content, at)
        elif marker == _APP8 and content[at : at + 4] == _HP:
            is_transformed = content[at + 4] != 0
    if found is None:
        return None
    bits, lines, columns, samples = found
    return Codestream(lines, columns, samples, bits, False, is_transformed)


def _segments_of(content: bytes) -> Iterator[tuple[int, int]]:
    """Yield marker and start of the data of each segment before the coded pixels, as far as they can be read."""
    at = 2
    while at + 4 <= len(content) and content[at] == 0xFF and (marker := content[at + 1]) != _SCAN:
        if marker == 0xFF or marker in _BARE:
            at += 1 if marker == 0xFF else 2
            continue
        yield marker, at + 4
        at += 2 + int(struct.unpack_from(">H", content, at + 2)[0])


def _of_j2k(content: bytes) -> Codestream:
    right, below, left, above = struct.unpack_from(">4I", content, 8)
    (samples,) = struct.unpack_from(">H", content, 40)
    depth = content[42]
    return Codestream(below - above, right - left, samples, (depth & 0x7F) + 1, bool(depth & 0x80))
