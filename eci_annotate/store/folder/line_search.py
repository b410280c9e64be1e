"""Find lines of a large file by their number, without reading the others: the numbers rise from line to line."""

from __future__ import annotations

import os
from collections.abc import Callable

from eci_annotate.store.atomic_files import end_of_last_line

_BLOCK = 1 << 16
NumberOf = Callable[[bytes], int]


def lines_between(handle: int, number_of: NumberOf, begin: int, end: int) -> list[bytes]:
    """Return the complete lines of an open file from number `begin` to `end`, and possibly some around them.

    Parameters
    ----------
    handle
        The open file.
    number_of
        Returns the number of a line; numbers rise from line to line.
    begin, end
        The first number, and the one behind the last.
    """
    size = end_of_last_line(handle, os.fstat(handle).st_size)
    offset = _start(handle, number_of, begin, size)
    content = b""
    while offset + len(content) < size:
        room = min(max(_BLOCK, len(content)), size - offset - len(content))
        content += os.pread(handle, room, offset + len(content))
        last = content.rfind(b"\n")
        if last >= 0 and number_of(content[content.rfind(b"\n", 0, last) + 1 : last]) >= end:
            break
    return content.split(b"\n")[:-1]


def _start(handle: int, number_of: NumberOf, begin: int, size: int) -> int:
    """Return where a line starts that is not above number `begin`, and close to it."""
    low, high = 0, size
    while high - low > _BLOCK:
        middle = (low + high) // 2
        start = _behind_newline(handle, middle, high)
        if start < high and number_of(_line(handle, start, size)) <= begin:
            low = start
        else:
            high = middle
    return low


def _line(handle: int, start: int, size: int) -> bytes:
    return os.pread(handle, _behind_newline(handle, start, size) - 1 - start, start)


def _behind_newline(handle: int, offset: int, size: int) -> int:
    """Return the offset behind the next newline; `size` if there is none before it."""
    while offset < size:
        block = os.pread(handle, min(4096, size - offset), offset)
        if (at := block.find(b"\n")) >= 0:
            return offset + at + 1
        offset += len(block)
    return size
