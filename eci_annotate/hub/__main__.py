"""`python -m eci_annotate.hub`: the service, as JupyterHub starts it. One process; run several on PostgreSQL."""

from __future__ import annotations

import sys
from typing import Any

import uvicorn
from fastapi import FastAPI

from eci_annotate.errors import EciError
from eci_annotate.hub.app import make_app
from eci_annotate.hub.background.garbage_collection import Pauses
from eci_annotate.hub.core.middleware import log_as_json
from eci_annotate.hub.core.settings import Settings
from eci_annotate.hub.core.slow_clients import TimedProtocol, most_connections


def main() -> None:
    """Serve until stopped."""
    log_as_json()
    try:
        settings = Settings.from_environment()
        app = make_app(settings)
    except EciError as error:
        sys.exit(str(error))
    Pauses().keep_short()
    where = {"fd": settings.listen_fd} if settings.listen_fd >= 0 else {"host": settings.host, "port": settings.port}
    serve(app, where)


def serve(app: FastAPI, where: dict[str, Any]) -> None:
    """Serve an application at a port or an open socket, with limits for slow clients."""
    uvicorn.run(
        app,
        **where,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
        proxy_headers=False,
        http=TimedProtocol,
        limit_concurrency=most_connections(),
    )


if __name__ == "__main__":
    main()
