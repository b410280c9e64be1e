"""Run pytest with a temporary folder of its own, and remove the folder afterwards: nothing stays outside the checkout.

    python -m tests.temporary_run [--in-memory] ARGUMENTS OF PYTEST

With `--in-memory` the folder is in the machine's memory where the system offers that and there is room:
tests that do not care for a disk are faster by the time that the disk takes to keep what nobody reads.
"""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

MEMORY = Path("/dev/shm")
ROOM = 4 << 30  # bytes; one run of `make check` leaves some 0.5 GB until its end


def memory_folder(memory: Path = MEMORY, room: int = ROOM) -> str | None:
    """Return the folder of the machine's memory, or None where there is none, or too little room."""
    if not (memory.is_dir() and os.access(memory, os.W_OK | os.X_OK)):
        return None
    return str(memory) if shutil.disk_usage(memory).free >= room else None


def remove(folder: Path) -> None:
    """Remove a folder, also what a test closed and did not open again."""

    def opened(act: Callable[..., Any], path: str, _: object) -> None:
        for closed in (Path(path).parent, Path(path)):
            if closed.exists() and not closed.is_symlink():
                closed.chmod(stat.S_IRWXU)
        act(path)

    shutil.rmtree(folder, onerror=opened)


def run(command: list[str], below: str | None = None) -> int:
    """Run a command with a new temporary folder; return its exit code."""
    folder = Path(tempfile.mkdtemp(prefix="eci.", dir=below))
    folder.chmod(0o755)  # tests with several users read below it
    try:
        child = subprocess.Popen(command, env={**os.environ, "TMPDIR": str(folder)})
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda which, _: child.send_signal(which))
        return child.wait()
    finally:
        remove(folder)


if __name__ == "__main__":
    words = sys.argv[1:]
    in_memory = "--in-memory" in words
    arguments = [word for word in words if word != "--in-memory"]
    sys.exit(run([sys.executable, "-m", "pytest", *arguments], memory_folder() if in_memory else None))
