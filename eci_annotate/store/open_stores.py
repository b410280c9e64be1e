"""Opens all that a repository keeps; how it is kept is nobody else's affair."""

from __future__ import annotations

from pathlib import Path

from eci_annotate.errors import StoreUnavailable
from eci_annotate.store.protocols import Stores


def open_memory() -> Stores:
    """Empty stores in memory."""
    from eci_annotate.store.memory import MemoryAccess, MemoryBlobs, MemoryDrafts, MemoryEvents

    return Stores(MemoryEvents(), MemoryBlobs(), MemoryDrafts(), MemoryAccess())


def open_folder(root: Path) -> Stores:
    """The stores in a folder, on a local file system; it is made when it is not there."""
    from eci_annotate.store.folder.access_store import AccessLog
    from eci_annotate.store.folder.blob_store import FolderBlobs
    from eci_annotate.store.folder.draft_store import FolderDrafts
    from eci_annotate.store.folder.event_store import TinyEvents

    return Stores(
        TinyEvents(root), FolderBlobs(root / "blobs"), FolderDrafts(root / "drafts"), AccessLog(root / "access")
    )


def open_postgres(dsn: str, connections: int = 4) -> Stores:
    """The stores in a PostgreSQL database (in its schema `eci_annotate`), which is brought to this release's form.

    Parameters
    ----------
    dsn
        As libpq takes it: ``postgresql://user@host/name``, or ``host=... dbname=...``. It appears in no message.
    connections
        How many the process holds at most.

    Raises
    ------
    StoreUnavailable
        The database cannot be reached, or psycopg is not installed.
    NotARepository
        The database was made by a newer release.
    """
    try:
        from eci_annotate.store.postgres import connect as opening
    except ImportError as error:
        raise StoreUnavailable("psycopg is not installed.", "Run: pip install 'eci-annotate[postgres]'.") from error
    return opening.stores(dsn, connections)
