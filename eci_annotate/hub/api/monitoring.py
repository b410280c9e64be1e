"""Routes for monitoring: who holds a lease (their servers are not culled), and metrics for Prometheus."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from eci_annotate.errors import Refused
from eci_annotate.hub.api.auth import Anybody, AtDesk
from eci_annotate.hub.core.json_route import JsonRoute
from eci_annotate.hub.core.problem_responses import PROBLEMS

router = APIRouter(route_class=JsonRoute, responses=PROBLEMS, tags=["watching"])
SCOPE, METRICS = "custom:eci:leases", "custom:eci:metrics"


@router.get("/leases")
def leases(who: Anybody, desk: AtDesk) -> list[str]:
    """Return the names of all who hold a task now; for tokens with the scope ``custom:eci:leases``."""
    if SCOPE not in who.scopes:
        raise Refused("You may not list leases.", f"The token needs the scope {SCOPE}.")
    return desk.service.upkeep.lease_holders()


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(who: Anybody, request: Request) -> Response:
    """Return metrics in Prometheus text format; for tokens with the scope ``custom:eci:metrics``."""
    if METRICS not in who.scopes:
        raise Refused("You may not read the metrics.", f"The token needs the scope {METRICS}.")
    return Response(request.app.state.numbers.text(), media_type="text/plain; version=0.0.4")
