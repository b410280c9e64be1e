"""What programs that watch ask: who holds a lease (the hub's culler spares them), and numbers for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import APIRouter, Request
from starlette.responses import Response

from eci_annotate.errors import Refused
from eci_annotate.hub.api.gate import Anybody, AtDesk
from eci_annotate.hub.problems import PROBLEMS
from eci_annotate.repository.rooms import Rooms
from eci_annotate.store.cards import CardQuery

router = APIRouter(responses=PROBLEMS, tags=["watching"])
SCOPE, METRICS = "custom:eci:leases", "custom:eci:metrics"
_MOST = 200


@router.get("/leases")
def leases(who: Anybody, desk: AtDesk) -> list[str]:
    """The names of all who hold a task now; for tokens with the scope ``custom:eci:leases``."""
    if SCOPE not in who.scopes:
        raise Refused("You may not see who holds leases.", f"It needs the scope {SCOPE}.")
    return sorted(set(_holders(desk.rooms)))


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(who: Anybody, request: Request) -> Response:
    """Numbers in Prometheus' text format; for tokens with the scope ``custom:eci:metrics``."""
    if METRICS not in who.scopes:
        raise Refused("You may not read the metrics.", f"It needs the scope {METRICS}.")
    return Response(request.app.state.numbers.text(), media_type="text/plain; version=0.0.4")


def _holders(rooms: Rooms) -> Iterator[str]:
    now = rooms.clock()
    for name, project in rooms.streams.projects().items():
        for member in project.members:
            _, states = rooms.streams.page(CardQuery(name, ((f"for:{member}",),), size=_MOST))
            for state in map(rooms.renewed, states):
                for work in state.work.values():
                    if work.lease is not None and work.lease.holder == member and work.lease.is_live(now):
                        yield member
