"""What a worker gives up before it reads anything: another user's rights, memory, time, files, processes, names.

Everything is inherited by nothing else: it is called in the worker itself, which cannot take it back.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from eci_annotate.decoder.landlock import enforce, libraries_only
from eci_annotate.decoder.seccomp import refuse_calls

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 1, 4, 38
_LIBRARIES, _HANDLES = 8 << 30, 64


@dataclass(frozen=True)
class ProcessLimits:
    """Limits of one worker.

    Parameters
    ----------
    memory
        Bytes that it may use.
    cpu_s
        Seconds of computing, over all of its jobs.
    uid
        System user as which it works; negative: that of its parent.
    """

    memory: int
    cpu_s: int = 3600
    uid: int = -1


def usual_memory() -> int:
    """Return how much memory a worker may use here: a quarter of the machine or container, between 1 and 4 GiB."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with suppress(OSError, ValueError):  # without a limit the file is absent, or says "max"
        whole = min(whole, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return int(max(1 << 30, min(4 << 30, whole // 4)))


def confine(limits: ProcessLimits, parent: int) -> None:
    """Give up what a worker does not need; ends this process if `parent` is not its parent any more."""
    libc, linux = ctypes.CDLL(None, use_errno=True), sys.platform.startswith("linux")
    rules = libraries_only(libc) if linux else -1
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")  # before anybody else, should memory run out
    if limits.uid >= 0:
        os.setgroups([])
        os.setresgid(limits.uid, limits.uid, limits.uid)
        os.setresuid(limits.uid, limits.uid, limits.uid)
    os.chdir("/")
    os.umask(0o077)
    _set_limits(limits)
    if linux:  # after the change of user, which would clear the signal
        libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        enforce(libc, rules)
        refuse_calls(libc)
    if os.getppid() != parent:
        os._exit(1)


def _set_limits(limits: ProcessLimits) -> None:
    wanted = {
        resource.RLIMIT_DATA: limits.memory,
        resource.RLIMIT_AS: limits.memory + _LIBRARIES,
        resource.RLIMIT_CPU: limits.cpu_s,
        resource.RLIMIT_NOFILE: _HANDLES,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
    }
    for kind, most in wanted.items():
        with suppress(ValueError, OSError):  # a system with a lower limit keeps it; macOS knows no limit of memory
            resource.setrlimit(kind, (most, most))
