"""All that a repository keeps, opened together; how it is kept is nobody else's affair."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from eci_annotate.store.protocols import AccessStore, BlobStore, DraftStore, EventStore


@dataclass(frozen=True)
class Stores:
    """Events, blobs, drafts and access streams of one repository."""

    events: EventStore
    blobs: BlobStore
    drafts: DraftStore
    access: AccessStore

    def close(self) -> None:
        """Give back what the stores hold open; they are not used afterwards."""


def open_memory() -> Stores:
    """Empty stores in memory."""
    from eci_annotate.store.memory import MemoryAccess, MemoryBlobs, MemoryDrafts, MemoryEvents

    return Stores(MemoryEvents(), MemoryBlobs(), MemoryDrafts(), MemoryAccess())


def open_folder(root: Path) -> Stores:
    """The stores in a folder, on a local file system; it is made when it is not there."""
    from eci_annotate.store.access import AccessLog
    from eci_annotate.store.blobs import FolderBlobs
    from eci_annotate.store.drafts import FolderDrafts
    from eci_annotate.store.tiny import TinyEvents

    return Stores(
        TinyEvents(root), FolderBlobs(root / "blobs"), FolderDrafts(root / "drafts"), AccessLog(root / "access")
    )
