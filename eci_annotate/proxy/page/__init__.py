"""The local page of a proxy: queue, quarantine, verification and preview, behind a login."""
