"""Who holds a lease, for the hub's culler: it leaves the servers of those who are at work. Names only."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import APIRouter

from eci_annotate.errors import Refused
from eci_annotate.hub.api.gate import Anybody, AtDesk
from eci_annotate.hub.problems import PROBLEMS
from eci_annotate.repository.rooms import Rooms
from eci_annotate.store.cards import CardQuery

router = APIRouter(responses=PROBLEMS, tags=["watching"])
SCOPE = "custom:eci:leases"
_MOST = 200


@router.get("/leases")
def leases(who: Anybody, desk: AtDesk) -> list[str]:
    """The names of all who hold a task now; for tokens with the scope ``custom:eci:leases``."""
    if SCOPE not in who.scopes:
        raise Refused("You may not see who holds leases.", f"It needs the scope {SCOPE}.")
    return sorted(set(_holders(desk.rooms)))


def _holders(rooms: Rooms) -> Iterator[str]:
    now = rooms.clock()
    for name, project in rooms.streams.projects().items():
        for member in project.members:
            _, states = rooms.streams.page(CardQuery(name, ((f"for:{member}",),), size=_MOST))
            for state in map(rooms.renewed, states):
                for work in state.work.values():
                    if work.lease is not None and work.lease.holder == member and work.lease.is_live(now):
                        yield member
