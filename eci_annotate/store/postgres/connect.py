"""Opens the stores of a database: connects once, to report a wrong address immediately, then migrates."""

from __future__ import annotations

import psycopg

from eci_annotate.store.postgres.access_store import PostgresAccess
from eci_annotate.store.postgres.blob_store import PostgresBlobs
from eci_annotate.store.postgres.database import Database, answering
from eci_annotate.store.postgres.draft_store import PostgresDrafts
from eci_annotate.store.postgres.event_store import PostgresEvents
from eci_annotate.store.postgres.migrations import migrate
from eci_annotate.store.protocols import Stores


def stores(dsn: str, connections: int) -> Stores:
    """See `stores.open_postgres`."""
    with answering():
        psycopg.connect(dsn, connect_timeout=10).close()
    database = Database(dsn, connections)
    try:
        migrate(database)
    except BaseException:
        database.close()
        raise
    events, blobs, drafts = PostgresEvents(database), PostgresBlobs(database), PostgresDrafts(database)
    return Stores(events, events, blobs, drafts, drafts, PostgresAccess(database), database.close)
