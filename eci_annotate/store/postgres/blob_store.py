"""BlobStore in PostgreSQL: one row per blob, without compression, since the content may be encrypted anyway."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from eci_annotate.errors import NotFound
from eci_annotate.store.folder.blob_store import NamedByContent
from eci_annotate.store.postgres.database import Database
from eci_annotate.store.protocols import check_digest, check_scope

_KEEP = """INSERT INTO blobs (scope, digest, content) VALUES (%s, %s, %s)
ON CONFLICT (scope, digest) DO UPDATE SET kept = now(),
content = CASE WHEN blobs.content = excluded.content THEN blobs.content ELSE excluded.content END"""
_EXPIRE = "DELETE FROM blobs WHERE scope = %s AND digest = ANY(%s) AND kept < %s RETURNING digest"
_FETCH = "SELECT content FROM blobs WHERE scope = %s AND digest = %s"


class PostgresBlobs(NamedByContent):
    """BlobStore in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, scope: str, digest: str, content: bytes) -> None:
        self._database.change(_KEEP, [check_scope(scope), check_digest(digest), content])

    def fetch(self, scope: str, digest: str) -> bytes:
        content = self._database.value(_FETCH, [check_scope(scope), check_digest(digest)], binary=True)
        if content is None:
            raise NotFound("No content with this digest exists.", "Check the digest.")
        return bytes(content)

    def drop(self, scope: str) -> int:
        return self._database.change("DELETE FROM blobs WHERE scope = %s", [check_scope(scope)])

    def expire(self, scope: str, digests: Iterable[str], before: datetime) -> list[str]:
        named = [check_digest(each) for each in digests]
        return sorted(name for (name,) in self._database.rows(_EXPIRE, [check_scope(scope), named, before]))

    def names(self, scope: str) -> list[str]:
        rows = self._database.rows("SELECT digest FROM blobs WHERE scope = %s ORDER BY digest", [check_scope(scope)])
        return [digest for (digest,) in rows]

    def scopes(self) -> list[str]:
        return [scope for (scope,) in self._database.rows("SELECT DISTINCT scope FROM blobs ORDER BY scope")]
