"""Linux's seccomp: from here on this process makes no connection and no process, and touches no other one.

Threads may be made: decoding uses some.

What is refused is listed, not what is allowed: the decoders' libraries may use other system calls in each release.
See https://docs.kernel.org/userspace-api/seccomp_filter.html
"""

from __future__ import annotations

import ctypes
import platform
import struct
from collections.abc import Mapping

_PR_SET_SECCOMP, _MODE_FILTER = 22, 2
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _REFUSE, _UNKNOWN, _KILL = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000  # refused: EPERM; unknown: ENOSYS
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16  # where they are in what a filter sees
_THREAD = 0x10000  # CLONE_THREAD
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_CLONE: Mapping[str, int] = {"x86_64": 56, "aarch64": 220}
_CLONE3 = 435  # its flags are out of a filter's reach: the C library then uses clone
_X32 = 0x40000000  # other numbers of the same calls, on x86_64
# numbers by machine: sockets, programs, other processes, keys, the kernel's own programs, mounts, shared memory
_CALLS: Mapping[str, tuple[int, ...]] = {
    "x86_64": (
        *(57, 58, 41, 42, 43, 49, 50, 53, 288, 59, 322, 62, 101, 310, 311, 312, 424, 434, 438),
        *(248, 249, 250, 298, 321, 323, 425, 426, 427, 175, 313, 246, 304),
        *(155, 161, 165, 166, 272, 308, 428, 429, 430, 442, 29, 30, 64, 68),
    ),
    "aarch64": (
        *(198, 203, 202, 200, 201, 199, 242, 221, 281, 129, 117, 270, 271, 272, 424, 434, 438),
        *(217, 218, 219, 241, 280, 282, 425, 426, 427, 105, 273, 104, 265),
        *(41, 51, 40, 39, 97, 268, 428, 429, 430, 442, 194, 196, 190, 186),
    ),
}


def refuse_calls(libc: ctypes.CDLL) -> bool:
    """Refuse the listed system calls to this process, for good; returns whether the system did so.

    The process cannot gain privileges any more (`PR_SET_NO_NEW_PRIVS`) when this is called.
    """
    machine = platform.machine()
    if machine not in _ARCHITECTURES:
        return False
    content = _program(_ARCHITECTURES[machine], _CALLS[machine], _CLONE[machine])
    buffer = ctypes.create_string_buffer(content, len(content))
    head = struct.pack("HL", len(content) // 8, ctypes.addressof(buffer))
    return int(libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.create_string_buffer(head, len(head)), 0, 0)) == 0


def _program(architecture: int, calls: tuple[int, ...], clone: int) -> bytes:
    """Return the filter: instructions of 8 bytes each (code, jump if true, jump if false, operand).

    Jumps count the instructions that are left out; the last three are the answers.
    """
    many = len(calls)
    steps = [(_LOAD, 0, 0, _ARCHITECTURE), (_EQUAL, 1, 0, architecture), (_RETURN, 0, 0, _KILL)]
    steps += [(_LOAD, 0, 0, _NUMBER), (_AT_LEAST, many + 5, 0, _X32)]
    steps += [(_EQUAL, many + 4 - number, 0, call) for number, call in enumerate(calls)]
    steps += [(_EQUAL, 5, 0, _CLONE3), (_EQUAL, 0, 2, clone)]
    steps += [(_LOAD, 0, 0, _FIRST_ARGUMENT), (_ANY_BIT, 0, 1, _THREAD)]
    steps += [(_RETURN, 0, 0, answer) for answer in (_ALLOW, _REFUSE, _UNKNOWN)]
    return b"".join(struct.pack("HBBI", *step) for step in steps)
