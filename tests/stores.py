"""Stores by an address in one line, so that another process can open the same ones."""

from __future__ import annotations

from pathlib import Path

from eci_annotate.store.open_stores import open_folder, open_postgres
from eci_annotate.store.protocols import Stores


def reopened(place: str) -> Stores:
    """The stores at ``folder:<path>`` or ``postgres:<dsn>``."""
    kind, _, address = place.partition(":")
    return open_folder(Path(address)) if kind == "folder" else open_postgres(address, 2)
