"""What hospitals' proxies send, at the stores themselves."""

from __future__ import annotations

from eci_annotate.repository.local.context import Context
from eci_annotate.repository.sites.arrivals import Arrivals
from eci_annotate.repository.sites.ingest_arrivals import ingest
from eci_annotate.repository.sites.site_credentials import SiteCredential, credential_named, credential_of


class LocalSites:
    """See `SiteUploads`."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def credential(self, token: str) -> SiteCredential | None:
        """See `SiteUploads`."""
        return credential_of(self._context.layout, token)

    def arrivals(self, credential: str) -> Arrivals:
        """See `SiteUploads`."""
        return Arrivals(self._context, credential_named(self._context.layout, credential))

    def ingest(self, credential: str) -> int:
        """See `SiteUploads`."""
        return ingest(self._context, credential, 0.0)
