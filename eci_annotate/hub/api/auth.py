"""Authentication by bearer token, verified with the hub. Every route gets its backend from here only."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Header, Path, Request

from eci_annotate.errors import Refused
from eci_annotate.hub.core.service_context import Desk
from eci_annotate.hub.core.token_identity import Person, identified
from eci_annotate.repository.service.person_backend import PersonBackend

NAME, UID, DIGEST = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$", r"^[0-9][0-9.]{0,63}$", r"^[0-9a-f]{64}$"
Name = Annotated[str, Path(pattern=NAME)]
Uid = Annotated[str, Path(pattern=UID)]
Digest = Annotated[str, Path(pattern=DIGEST)]
Session = Annotated[str, Header(alias="X-ECI-Session", pattern=r"^[A-Za-z0-9_.-]{1,64}$")]


# dependencies are coroutines: each plain function would go through the thread pool
async def desk_of(request: Request) -> Desk:
    """Return the service's context."""
    desk: Desk = request.app.state.desk
    return desk


async def person(request: Request) -> Person:
    """Return the owner of the token; counts the request."""
    desk: Desk = request.app.state.desk
    saving = bool(getattr(request.state, "saving", False))
    found = await identified(desk.people, request.headers.get("Authorization", ""), saving=saving)
    desk.allowance.take(f"{found.kind}/{found.name}")
    request.state.person = found.name
    return found


Anybody = Annotated[Person, Depends(person)]


async def somebody(who: Anybody) -> Person:
    """Return the token's owner if it is a person, not a service."""
    if who.kind != "user":
        raise Refused("This address is for people.", "Use a person's token.")
    return who


Somebody = Annotated[Person, Depends(somebody)]


async def backend(request: Request, who: Somebody, session: Session = "api") -> PersonBackend:
    """Return the repository for this person and session."""
    desk: Desk = request.app.state.desk
    return desk.backend(who.name, session)


Repo = Annotated[PersonBackend, Depends(backend)]
AtDesk = Annotated[Desk, Depends(desk_of)]
