"""What a site's proxy sends: parts of de-identified files, resumed where they stopped, and questions about their state.

The credential decides project and site. A part is read only after credential, limits and space were checked.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from eci_annotate.errors import BadRequest, Refused
from eci_annotate.hub.api.auth import DIGEST, Anybody, AtDesk, Digest
from eci_annotate.hub.core.json_route import JsonRoute
from eci_annotate.hub.core.problem_responses import PROBLEMS
from eci_annotate.hub.core.token_identity import SITE
from eci_annotate.repository.service.protocol import SiteArrivals
from eci_annotate.repository.service.values import LARGEST_FILE
from eci_annotate.workflow.codec import to_json

router = APIRouter(prefix="/site", route_class=JsonRoute, responses=PROBLEMS, tags=["sites"])
SHA256 = Annotated[str, Field(pattern=DIGEST)]
Pseudonym = Annotated[str, Field(pattern="^[A-Z2-7]{16}$")]
SubjectNumber = Annotated[str, Field(pattern="^ECI_[A-Z0-9_-]{1,32}_S[0-9]{4,9}$")]
PIECE = 8 << 20


class Files(BaseModel):
    """Files that a site asks about, by SHA-256."""

    model_config = ConfigDict(extra="forbid")
    digests: list[SHA256] = Field(max_length=1000)


class ProposedNumbers(BaseModel):
    """Which number a proxy gave to which pseudonym."""

    model_config = ConfigDict(extra="forbid")
    subjects: dict[Pseudonym, SubjectNumber] = Field(max_length=1000)


def arrivals_of(who: Anybody, desk: AtDesk) -> SiteArrivals:
    """Return what the site's credential sends; raises Refused for persons."""
    if who.kind != SITE:
        raise Refused("You may not send files of a site.", "Use a site's credential.")
    return desk.service.sites.arrivals(who.name)


Sent = Annotated[SiteArrivals, Depends(arrivals_of)]


@router.post("/states")
def states(arrivals: Sent, asked: Annotated[Files, Body()]) -> dict[str, Any]:
    """Return what became of files: state, bytes that have arrived, subject, and the reason why one is held back."""
    return {name: to_json(state) for name, state in arrivals.states(asked.digests).items()}


@router.put("/files/{digest}")
async def send(
    arrivals: Sent,
    who: Anybody,
    desk: AtDesk,
    request: Request,
    digest: Digest,
    offset: Annotated[int, Query(ge=0, lt=LARGEST_FILE)],
    size: Annotated[int, Query(gt=0, le=LARGEST_FILE)],
) -> dict[str, Any]:
    """Add the body to a file, from `offset` on; returns its state. What arrived before an interruption is kept."""
    with desk.allowance.one(f"site/{who.name}"):
        await run_in_threadpool(arrivals.require_space, size - offset)
        piece = bytearray()
        try:
            async for some in request.stream():
                piece += some
                if len(piece) >= PIECE:
                    await run_in_threadpool(arrivals.append, digest, offset, [bytes(piece)], size)
                    offset += len(piece)
                    piece.clear()
        except ClientDisconnect:
            if piece:
                await run_in_threadpool(arrivals.append, digest, offset, [bytes(piece)], size)
            raise BadRequest("The part arrived incomplete.", "Ask for the file's state, and continue there.") from None
        # also without a piece: the service may have been killed after the last byte, before it completed the file
        state = await run_in_threadpool(arrivals.append, digest, offset, [bytes(piece)], size)
        return dict(to_json(state))


@router.post("/numbers/take")
def take_numbers(arrivals: Sent) -> dict[str, list[str]]:
    """Hand out the subjects' numbers that are reserved for the credential, for a time without connection; once each."""
    return {"subjects": [name for each in arrivals.numbers().take() for name in each.subjects()]}


@router.post("/numbers/propose")
def propose_numbers(arrivals: Sent, given: Annotated[ProposedNumbers, Body()]) -> dict[str, int]:
    """Keep which number a proxy gave to which pseudonym, of those reserved; settled when files are taken in."""
    return {"kept": arrivals.numbers().propose(given.subjects)}


@router.post("/ingest")
def take_in(arrivals: Sent, who: Anybody, desk: AtDesk) -> dict[str, int]:
    """Take in what has arrived without waiting for more; returns how many files were decided."""
    with desk.allowance.heavy(who.name):
        return {"decided": desk.service.sites.ingest(arrivals.credential.id)}
