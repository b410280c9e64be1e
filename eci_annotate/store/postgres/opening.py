"""Opens the stores of a database: connects once, so that a wrong address is said at once, then migrates."""

from __future__ import annotations

import psycopg

from eci_annotate.store.postgres.access import PostgresAccess
from eci_annotate.store.postgres.blobs import PostgresBlobs
from eci_annotate.store.postgres.database import Database, answering
from eci_annotate.store.postgres.drafts import PostgresDrafts
from eci_annotate.store.postgres.events import PostgresEvents
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
    return Stores(events, blobs, drafts, PostgresAccess(database), database.close)
