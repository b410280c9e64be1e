"""The service as an application: `/api` is for programs with a token, everything else for browsers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from threading import Thread

from fastapi import FastAPI

from eci_annotate.hub.api import command_routes, content, images, monitoring, site_uploads, version_routes
from eci_annotate.hub.background.housekeeping import Housekeeping
from eci_annotate.hub.background.warmup import warm_up
from eci_annotate.hub.core.middleware import Numbers, Watch
from eci_annotate.hub.core.problem_responses import add_handlers
from eci_annotate.hub.core.service_context import Desk
from eci_annotate.hub.core.settings import Settings
from eci_annotate.hub.core.token_identity import HubPeople, People, PeopleAndSites
from eci_annotate.hub.pages.api_reference import nowhere
from eci_annotate.hub.pages.browser_security import Headers
from eci_annotate.hub.pages.page import Showing
from eci_annotate.hub.pages.router import routes
from eci_annotate.repository.service.local_service import open_service
from eci_annotate.repository.service.protocol import Service
from eci_annotate.version import __version__

CONNECTIONS = 16


def make_app(settings: Settings, people: People | None = None) -> FastAPI:
    """Return the service's application.

    Parameters
    ----------
    settings
        Where it listens, and what it serves.
    people
        Resolves tokens to persons; by default the hub.
    """
    base = settings.prefix.rstrip("/")
    app = FastAPI(
        title="eci_annotate",
        version=__version__,
        description="Backend and Images of an eci_annotate repository.",
        openapi_url=f"{base}/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=_warm,
    )
    service: Service = open_service(settings.repository, CONNECTIONS, settings.decoders_fd)
    app.state.desk = Desk(settings, service, PeopleAndSites(people or HubPeople(settings), service.sites))
    app.state.numbers = Numbers()
    add_handlers(app)
    for part in (command_routes, content, images, site_uploads, version_routes):
        app.include_router(part.router, prefix=f"{base}/api")
    app.include_router(monitoring.router, prefix=base)
    app.add_api_route(f"{base}/health", _health, methods=["GET"], tags=["watching"])
    if settings.client_id:
        showing = Showing(app.state.desk)
        app.router.routes.extend(routes(showing))
        app.state.nowhere = showing.page(nowhere)
    app.add_middleware(Headers)
    desk = app.state.desk
    app.add_middleware(Watch, numbers=app.state.numbers, prefix=settings.prefix, people=desk.people)
    return app


@asynccontextmanager
async def _warm(app: FastAPI) -> AsyncIterator[None]:
    """Compile what signing needs in the background, and run housekeeping."""
    Thread(target=warm_up, daemon=True).start()
    house = Housekeeping(app.state.desk.service, app.state.numbers)
    house.start()
    yield
    house.stop()


def _health() -> dict[str, str]:
    """Return that the service is running."""
    return {"state": "well", "version": __version__}
