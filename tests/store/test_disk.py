"""A full disk is named, leaves whole records only, and once there is room again work goes on."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from eci_annotate.errors import StoreUnavailable
from eci_annotate.store.cards import CardQuery
from eci_annotate.store.conformance.draft_laws import PLACE, holder_of
from eci_annotate.store.folder.event_store import TinyEvents
from eci_annotate.store.open_stores import open_folder, open_postgres
from eci_annotate.store.protocols import Stores
from eci_annotate.workflow.codec import digest
from eci_annotate.workflow.trust.seals import check_chain
from tests.postgres import Server, running
from tests.store.working import Desk, face, following

DESK = Desk(0, 0)

LIMITED = """
import resource, signal, sys
from pathlib import Path
from eci_annotate.store.open_stores import open_folder
from tests.store.test_disk import fill
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
print(*fill(open_folder(Path(sys.argv[1]))))
"""


def fill(stores: Stores) -> tuple[int, int, int]:
    """Write until each kind of writing was refused; how many events, entries and blobs were acknowledged."""
    stores.drafts.open(PLACE, holder_of(1))
    counts, refused = [0, 0, 0], [0, 0, 0]
    for _ in range(4000):
        for which, act in enumerate((_event, _entry, _blob)):
            try:
                act(stores, counts[which])
                counts[which] += 1
            except StoreUnavailable:
                refused[which] += 1
        if min(refused) > 3:
            break
    return counts[0], counts[1], counts[2]


def _event(stores: Stores, number: int) -> None:
    past = stores.events.read(DESK.stream)
    stores.events.append(DESK.stream, following(DESK, past, 1), number, face(DESK, number + 1))


def _entry(stores: Stores, number: int) -> None:
    stores.drafts.append(PLACE, 1, [{"n": number, "l": ["x" * 700]}])


def content(number: int) -> bytes:
    """A blob that does not compress, larger with each one."""
    return b"".join(bytes.fromhex(digest(f"{number}-{n}".encode())) for n in range(20 + 20 * number))


def _blob(stores: Stores, number: int) -> None:
    stores.blobs.keep("p/S1", digest(content(number)), content(number))


def check(stores: Stores, counts: tuple[int, int, int]) -> None:
    """Exactly what was acknowledged is there."""
    events, entries, blobs = counts
    records = stores.events.read(DESK.stream)
    assert check_chain(DESK.stream, records) == len(stores.events.feed()) == events
    assert stores.events.heads() == {DESK.stream: events}
    assert stores.cards.cards(CardQuery("p")).cards == (face(DESK, events),)
    assert [entry["n"] for entry in stores.drafts.read(PLACE, 1)] == list(range(entries))
    assert stores.blobs.names("p/S1") == sorted(digest(content(number)) for number in range(blobs))
    assert all(stores.blobs.fetch("p/S1", digest(content(n))) == content(n) for n in range(blobs))


def goes_on(stores: Stores, counts: tuple[int, int, int]) -> None:
    """With room again, each kind of writing is taken."""
    for act, count in zip((_event, _entry, _blob), counts, strict=True):
        act(stores, count)
    check(stores, (counts[0] + 1, counts[1] + 1, counts[2] + 1))


def test_files_that_may_not_grow(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", LIMITED, str(tmp_path)], capture_output=True, text=True, check=True)
    events, entries, blobs = map(int, done.stdout.split())
    print(f"{events} events, {entries} entries, {blobs} blobs acknowledged below a limit of 20 kB per file")
    assert 10 < events < 100 and 10 < entries < 100 and 10 < blobs < 100
    check(open_folder(tmp_path), (events, entries, blobs))
    goes_on(open_folder(tmp_path), (events, entries, blobs))


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A disk of that size, in memory; only the superuser can mount one."""
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def enlarge(folder: Path, megabytes: int) -> None:
    """Give a small disk more room."""
    subprocess.run(["mount", "-o", f"remount,size={megabytes}m", str(folder)], check=True)


def test_a_full_disk_under_the_folder(tmp_path: Path) -> None:
    if os.getuid() != 0:  # only root mounts a disk; the limit on files does for others
        test_files_that_may_not_grow(tmp_path)
        return
    with small_disk(tmp_path / "disk", 2) as disk:
        counts = fill(open_folder(disk / "stores"))
        print(f"{counts[0]} events, {counts[1]} entries, {counts[2]} blobs acknowledged on a disk of 2 MB")
        assert min(counts) > 10
        check(open_folder(disk / "stores"), counts)
        enlarge(disk, 4)
        goes_on(open_folder(disk / "stores"), counts)


@pytest.mark.needs_postgres
def test_a_full_disk_under_the_database() -> None:
    with running() as server, _cramped(server) as (dsn, room):
        stores = open_postgres(dsn)
        counts = fill(stores)
        print(f"{counts[0]} events, {counts[1]} entries, {counts[2]} blobs acknowledged before the database was full")
        assert min(counts) > 10
        with pytest.raises(StoreUnavailable, match="refused"):
            stores.blobs.keep("p/S1", "0" * 64, bytes(range(256)) * 400_000)
        check(stores, counts)
        room()
        goes_on(stores, counts)
        stores.close()


@contextmanager
def _cramped(server: Server) -> Iterator[tuple[str, Callable[[], None]]]:
    """A database on a small disk of its own; without the right to mount, a server whose files may not grow."""
    if os.getuid() != 0:
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (24 << 20, resource.RLIM_INFINITY))
        yield server.fresh(), server.restart
        return
    with small_disk(server.root / "disk", 20) as disk:
        try:
            yield server.fresh(disk / "space"), lambda: enlarge(disk, 60)
        finally:
            server.stop()


def test_a_read_only_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "streams").write_text("a file where a folder should be")
    with pytest.raises(StoreUnavailable, match="cannot be written"):
        TinyEvents(tmp_path).append("a", [{"name": "x.1", "data": {}}], 0)


def test_locks_without_effect_are_noticed_at_opening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_folder(tmp_path)
    monkeypatch.setattr("eci_annotate.store.atomic_files.fcntl.flock", lambda handle, how: None)
    with pytest.raises(StoreUnavailable, match="Locks have no effect"):
        open_folder(tmp_path)
