"""Limits of memory, processors and processes per user by Linux control groups (v1 or v2); none on other systems.

A kernel that exceeds its limit is killed; the hub, the service and other users are not affected.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PERIOD_US = 100_000
PROCESSES = 512


@dataclass(frozen=True)
class Cage:
    """The control groups of one user; none if the machine has none."""

    groups: tuple[Path, ...] = ()

    @classmethod
    def of(cls, root: str, uid: int, *, memory_bytes: float | None, cpus: float | None) -> Cage:
        """Create a user's groups below the folder of the hub's groups, and set the limits.

        Parameters
        ----------
        root
            ``/sys/fs/cgroup`` or a folder delegated to the hub; empty: no limits.
        uid
            Number of the user.
        memory_bytes, cpus
            Limits of all processes of the user together; None: no limit.
        """
        if not root:
            return cls()
        if Path(root, "cgroup.controllers").exists():
            return cls(_whole(Path(root), uid, memory_bytes, cpus))
        return cls(_split(Path(root), uid, memory_bytes, cpus))

    def enter(self) -> None:
        """Move the calling process, and those it starts, into the control groups."""
        for group in self.groups:
            (group / "cgroup.procs").write_text(str(os.getpid()))


def found_root(place: Path = Path("/sys/fs/cgroup")) -> str:
    """Return where the hub may create control groups for memory, or an empty string."""
    usable = [place] if (place / "cgroup.controllers").exists() else [place / "memory"]
    return str(place) if all(folder.is_dir() and os.access(folder, os.W_OK) for folder in usable) else ""


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _set(group: Path, values: dict[str, str | None]) -> None:
    for name, value in values.items():
        if value is not None:
            with suppress(FileNotFoundError):  # a controller that is not enabled on this machine
                (group / name).write_text(value)


def _whole(root: Path, uid: int, memory: float | None, cpus: float | None) -> tuple[Path, ...]:
    """Create the group in version 2: one tree."""
    hub = _made(root / "eci-hub")
    for folder in (root, hub):
        with suppress(OSError):
            (folder / "cgroup.subtree_control").write_text("+memory +cpu +pids")
    group = _made(hub / str(uid))
    share = None if cpus is None else f"{int(cpus * PERIOD_US)} {PERIOD_US}"
    _set(group, {"memory.max": None if memory is None else str(int(memory)), "cpu.max": share})
    _set(group, {"pids.max": str(PROCESSES)})
    return (group,)


def _split(root: Path, uid: int, memory: float | None, cpus: float | None) -> tuple[Path, ...]:
    """Create the groups in version 1: one tree per controller."""
    groups = {
        name: _made(root / name / "eci-hub" / str(uid)) for name in ("memory", "cpu", "pids") if (root / name).is_dir()
    }
    if memory is not None and "memory" in groups:
        _set(groups["memory"], {"memory.limit_in_bytes": str(int(memory))})
    if cpus is not None and "cpu" in groups:
        _set(groups["cpu"], {"cpu.cfs_period_us": str(PERIOD_US), "cpu.cfs_quota_us": str(int(cpus * PERIOD_US))})
    if "pids" in groups:
        _set(groups["pids"], {"pids.max": str(PROCESSES)})
    return tuple(groups.values())
