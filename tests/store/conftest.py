"""What the tests of stores share: a PostgreSQL server per process, and empty stores of each kind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from eci_annotate.store.open_stores import open_folder, open_memory, open_postgres
from eci_annotate.store.protocols import Stores
from tests.postgres import dsn, postgres

__all__ = ["dsn", "postgres"]
KINDS = ("memory", "folder", "postgres")


def opened(kind: str, request: pytest.FixtureRequest) -> Stores:
    """Empty stores of a kind."""
    match kind:
        case "memory":
            return open_memory()
        case "folder":
            folder: Path = request.getfixturevalue("tmp_path")
            return open_folder(folder / "stores")
    return open_postgres(request.getfixturevalue("dsn"))


@pytest.fixture(params=KINDS)
def stores(request: pytest.FixtureRequest) -> Iterator[Stores]:
    """Empty stores, of each kind in turn."""
    with ExitStack() as stack:
        found = opened(request.param, request)
        stack.callback(found.close)
        yield found
