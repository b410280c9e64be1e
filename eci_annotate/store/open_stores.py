"""Opens the stores of a repository; their kind is an implementation detail."""

from __future__ import annotations

from pathlib import Path

from eci_annotate.errors import StoreUnavailable
from eci_annotate.store.atomic_files import require_locks
from eci_annotate.store.protocols import Stores


def open_memory() -> Stores:
    """Return empty stores in memory."""
    from eci_annotate.store.memory import MemoryAccess, MemoryBlobs, MemoryDrafts, MemoryEvents

    events = MemoryEvents()
    drafts = MemoryDrafts(events.heads_of)
    return Stores(events, events, MemoryBlobs(), drafts, drafts, MemoryAccess())


def open_folder(root: Path) -> Stores:
    """Return the stores in a folder on a local file system; the folder is created if absent.

    Raises
    ------
    StoreUnavailable
        Locks have no effect there.
    """
    from eci_annotate.store.folder.access_store import AccessLog
    from eci_annotate.store.folder.blob_store import FolderBlobs
    from eci_annotate.store.folder.draft_store import FolderDrafts
    from eci_annotate.store.folder.event_store import TinyEvents

    require_locks(root)
    events = TinyEvents(root)
    drafts = FolderDrafts(root / "drafts", events.heads_of)
    return Stores(events, events, FolderBlobs(root / "blobs"), drafts, drafts, AccessLog(root / "access"))


def open_postgres(dsn: str, connections: int = 4) -> Stores:
    """Return the stores in a PostgreSQL database (in its schema `eci_annotate`), which is migrated to this release.

    Parameters
    ----------
    dsn
        In libpq format: ``postgresql://user@host/name``, or ``host=... dbname=...``. It appears in no message.
    connections
        Maximum number of connections of this process.

    Raises
    ------
    StoreUnavailable
        If the database cannot be reached, or psycopg is not installed.
    NotARepository
        If the database was created by a newer release.
    """
    try:
        from eci_annotate.store.postgres import connect as opening
    except ImportError as error:
        raise StoreUnavailable("psycopg is not installed.", "Run: pip install 'eci-annotate[postgres]'.") from error
    return opening.stores(dsn, connections)
