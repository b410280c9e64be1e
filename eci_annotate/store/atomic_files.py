"""Atomic files (temp, fsync, rename, fsync the folder), and one lock between processes.

Local file systems only: network file systems do not keep the guarantees of `flock` and `rename`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from eci_annotate.errors import StoreUnavailable

try:
    import fcntl
except ImportError:  # no flock on this system: filelock polls instead of queueing
    fcntl = None  # type: ignore[assignment]

_POLL_S = 0.002
_serial = count()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file `path`; processes and threads exclude each other, and are served in order."""
    make_folder(path.parent)
    if fcntl is None:
        from filelock import FileLock

        with FileLock(path, thread_local=False).acquire(poll_interval=_POLL_S):
            yield
        return
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def require_locks(folder: Path) -> None:
    """Raise StoreUnavailable if the file system of a folder grants one lock twice, so that writers lose work.

    A folder that cannot be written is not tested: whoever writes to it is refused then.
    """
    if fcntl is None or not folder.is_dir():
        return
    try:
        handles = [os.open(folder / ".lock-test", os.O_RDWR | os.O_CREAT, 0o644) for _ in range(2)]
    except OSError:
        return
    try:
        fcntl.flock(handles[0], fcntl.LOCK_EX)
        fcntl.flock(handles[1], fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return  # the second one was refused, as it must be; or locks are refused altogether, which every write reports
    finally:
        for handle in handles:
            os.close(handle)
    remedy = "Keep the repository on a local file system, or in PostgreSQL."
    raise StoreUnavailable("Locks have no effect on this file system.", remedy)


@contextmanager
def writing() -> Iterator[None]:
    """Convert errors of the operating system (full disk, read-only folder) to StoreUnavailable."""
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else "unknown reason"
        raise StoreUnavailable(f"The repository cannot be written: {reason}.", "Nothing was changed.") from error


def write_atomic(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Replace `path` by `content`, durably; a reader sees the old or the new content, never a part."""
    with writing():
        make_folder(path.parent)
        temp = path.with_name(f".{path.name}.{os.getpid()}-{next(_serial)}.tmp")
        try:
            _write_durably(temp, content, mode)
            temp.replace(path)
        except OSError:
            with suppress(OSError):
                temp.unlink()
            raise
        sync_folder(path.parent)


def write_blocks(path: Path, blocks: Iterable[bytes | memoryview], name: Callable[[], Path], mode: int = 0o644) -> None:
    """Write blocks durably into a file beside `path`; when all are written, it gets the name that `name` then returns.

    Errors while the next block is made are raised as they are.
    """
    with writing():
        make_folder(path.parent)
        temp = path.with_name(f".{path.name}.{os.getpid()}-{next(_serial)}.tmp")
        handle = os.open(temp, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, mode)
    try:
        for block in blocks:
            with writing():
                write_all(handle, block)
        with writing():
            os.fsync(handle)
            temp.replace(name())
            sync_folder(path.parent)
    finally:
        os.close(handle)
        temp.unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    """Create a folder and its parents, each durably."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def _write_durably(path: Path, content: bytes, mode: int) -> None:
    handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, mode)
    try:
        write_all(handle, content)
        os.fsync(handle)
    finally:
        os.close(handle)


def write_all(handle: int, content: bytes | memoryview) -> None:
    """Write all of `content`, even if the system accepts only parts at a time."""
    view = memoryview(content)
    while view:
        view = view[os.write(handle, view) :]


def sync_folder(folder: Path) -> None:
    """Flush the names in a folder to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def append_whole(handle: int, content: bytes) -> None:
    """Append all of `content` to an open file, or nothing (call it under the file's lock)."""
    size = os.fstat(handle).st_size
    with writing():
        try:
            write_all(handle, content)
        except OSError:
            os.ftruncate(handle, size)
            raise


def mend_tail(handle: int) -> None:
    """Cut an incomplete last line off an open file (call it under the file's lock)."""
    size = os.fstat(handle).st_size
    whole = end_of_last_line(handle, size)
    if whole < size:
        os.ftruncate(handle, whole)


def end_of_last_line(handle: int, size: int) -> int:
    """Return the offset behind the last complete line of the first `size` bytes."""
    while size:
        begin = max(0, size - 4096)
        cut = os.pread(handle, size - begin, begin).rfind(b"\n")
        if cut >= 0:
            return begin + cut + 1
        size = begin
    return 0


def last_line(handle: int) -> bytes:
    """Return the last complete line of an open file, without its end; empty if there is none."""
    end = end_of_last_line(handle, os.fstat(handle).st_size)
    step = 4096
    while end:
        begin = max(0, end - step)
        _, newline, line = os.pread(handle, end - 1 - begin, begin).rpartition(b"\n")
        if newline or begin == 0:
            return line
        step *= 4
    return b""
