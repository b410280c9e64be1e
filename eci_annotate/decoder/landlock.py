"""Linux's Landlock: from here on this process opens no file but libraries of Python, and connects to nothing.

Open files stay open. Systems without it (macOS, Linux before 5.13) keep the other limits.
See https://docs.kernel.org/userspace-api/landlock.html
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
import sysconfig
from pathlib import Path

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # numbers of system calls, the same on all architectures
_EXECUTE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 2, 1 << 3
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # how many there are, by version
_CONNECTIONS, _SCOPES = 0b11, 0b11  # TCP: bind, connect; abstract sockets, signals
_SHARED = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache")


def version(libc: ctypes.CDLL | None = None) -> int:
    """Return the version of Landlock; 0 if this system has none."""
    if not sys.platform.startswith("linux"):
        return 0
    libc = libc or ctypes.CDLL(None, use_errno=True)
    return max(int(libc.syscall(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint(1))), 0)


def libraries_only(libc: ctypes.CDLL) -> int:
    """Return a set of rules that allow libraries only; negative if this system has none.

    Made while this process may still see the libraries; `enforce` follows later.
    """
    known = version(libc)
    if not known:
        return -1
    rights = (1 << _FILE_RIGHTS.get(known, 16)) - 1
    attributes = struct.pack("=QQQ", rights, _CONNECTIONS if known >= 4 else 0, _SCOPES if known >= 6 else 0)
    size = 24 if known >= 6 else 16 if known >= 4 else 8
    rules = int(libc.syscall(_CREATE, attributes, ctypes.c_size_t(size), ctypes.c_uint(0)))
    if rules >= 0:
        for place in _libraries():
            _allow(libc, rules, place)
    return rules


def enforce(libc: ctypes.CDLL, rules: int) -> bool:
    """Restrict this process by rules, for good; returns whether the system did so."""
    if rules < 0:
        return False
    done = int(libc.syscall(_RESTRICT, ctypes.c_int(rules), ctypes.c_uint(0))) == 0
    os.close(rules)
    return done


def _libraries() -> list[Path]:
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    own = [Path(sysconfig.get_path(name)) for name in names] + [Path(__file__).parents[1]]
    found = [Path(each) for each in _SHARED] + own + [Path(sys.base_prefix, "lib")]
    return list(dict.fromkeys(path.resolve() for path in found if path.exists()))


def _allow(libc: ctypes.CDLL, rules: int, place: Path) -> None:
    try:
        handle = os.open(place, os.O_PATH | os.O_CLOEXEC)
    except OSError:  # this user may not reach it anyway
        return
    rights = _READ_FILE | (_EXECUTE | _READ_DIR if place.is_dir() else 0)
    libc.syscall(_ADD, ctypes.c_int(rules), ctypes.c_int(1), struct.pack("=Qi", rights, handle), ctypes.c_uint(0))
    os.close(handle)
