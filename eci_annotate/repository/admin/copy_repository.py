"""Copies a whole repository, record for record, into a new folder, with its events there or in a database.

Nobody may write to either meanwhile. A copy that was broken off goes on when it is asked for again.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from eci_annotate.errors import NotARepository, Tampered
from eci_annotate.repository.keys.repository_folder import Layout, create, find
from eci_annotate.repository.local.context import open_stores
from eci_annotate.store.atomic_files import write_atomic
from eci_annotate.store.copy_stores import copy as copy_stores
from eci_annotate.store.protocols import Stores

KEPT = ("members", "authority", "vault", "archive", "checkpoints", "sites", "register")
Progress = Callable[[str, int, int], None]


def copy_repository(source: Path, target: Path, *, dsn: str = "", progress: Progress | None = None) -> int:
    """Copy the repository in `source` into `target`; returns how many events it has.

    Parameters
    ----------
    source
        Folder of a repository, of either store.
    target
        A new or empty folder, or that of a copy that was broken off.
    dsn
        A PostgreSQL database that is to keep the copy; without it the folder does.

    Raises
    ------
    Refused
        The target holds something else.
    Tampered
        What was copied differs from its source.
    """
    tell = progress or (lambda part, done, of: None)
    ours = find(source)
    theirs = _target(ours, target, dsn)
    for number, name in enumerate(KEPT, 1):
        copy_files(ours.root / name, theirs.root / name)
        tell("files", number, len(KEPT))
    with opened(ours) as old, opened(theirs) as new:
        copy_stores(old, new, tell)
        heads = old.events.heads()
        if new.events.heads() != heads:
            raise Tampered("The copy's events differ from those of its source.", "Stop all writers and copy again.")
    return sum(heads.values())


def _target(ours: Layout, target: Path, dsn: str) -> Layout:
    if not (target / "eci.json").exists():
        return create(target, dsn=dsn, identity=ours.identity)
    theirs = find(target)
    if theirs.identity != ours.identity or theirs.root.resolve() == ours.root.resolve():
        raise NotARepository("There is another repository in this folder.", "Choose an empty folder.")
    return theirs


@contextmanager
def opened(layout: Layout) -> Iterator[Stores]:
    """The stores of a repository, for this while."""
    stores = open_stores(layout)
    try:
        yield stores
    finally:
        stores.close()


def copy_files(source: Path, target: Path) -> None:
    """Make `target` hold the files of `source`, times and modes too; what it has more is removed."""
    paths = {path.relative_to(source): path for path in source.rglob("*") if path.is_file()} if source.exists() else {}
    for name in [path.relative_to(target) for path in target.rglob("*") if path.is_file()]:
        if name not in paths:
            (target / name).unlink()
    for name, path in paths.items():
        new = target / name
        if not (new.exists() and new.stat().st_size == path.stat().st_size and new.read_bytes() == path.read_bytes()):
            write_atomic(new, path.read_bytes(), mode=path.stat().st_mode & 0o777)
            shutil.copystat(path, new)
    if source.exists():
        target.mkdir(parents=True, exist_ok=True)
        shutil.copymode(source, target)
