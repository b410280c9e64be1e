"""Studies, and volumes as decoded values: a header, then bytes in any range, directly from the mapped file."""

from __future__ import annotations

import mmap
import re
from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from eci_annotate.errors import BadRequest, NotFound, Tampered
from eci_annotate.hub.api.auth import NAME, AtDesk, Name, Repo, Somebody, Uid
from eci_annotate.hub.api.content import whole
from eci_annotate.hub.core.json_route import JsonRoute
from eci_annotate.hub.core.problem_responses import PROBLEMS
from eci_annotate.hub.core.service_context import Allowance
from eci_annotate.repository.assistants.ask_assistant import MOST_PROMPTS
from eci_annotate.repository.assistants.proposal_wire import proposed_to_wire
from eci_annotate.repository.assistants.protocol import Prompt
from eci_annotate.workflow.codec import from_json, to_json

router = APIRouter(route_class=JsonRoute, responses=PROBLEMS, tags=["images"])
PIECE = 4 << 20
_RANGE = re.compile(r"bytes=(\d{1,15})-(\d{0,15})")
_BYTES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {}}},
    206: {"description": "The range that was asked for.", "content": {"application/octet-stream": {}}},
    416: {"description": "There is no such range.", "content": {"application/octet-stream": {}}},
}


@router.get("/projects/{project}/subjects/{subject}/studies")
def studies(repo: Repo, project: Name, subject: Name) -> list[dict[str, Any]]:
    """Return the subject's studies, including derived series."""
    return [to_json(each) for each in repo.images.studies(project, subject)]


@router.get("/projects/{project}/subjects/{subject}/series/{series}")
def header(repo: Repo, project: Name, subject: Name, series: Uid) -> dict[str, Any]:
    """Return a series as a volume: grid, value type, and size of `values` in bytes. It is recorded as read."""
    found, path = repo.images.kept(project, subject, series)
    return {**found, "length": path.stat().st_size}


class ProposalAsked(BaseModel):
    """Prompts for a model server that the owner allowed, in voxels (k, j, i)."""

    model_config = ConfigDict(extra="forbid")
    assistant: str = Field(pattern=NAME)
    prompts: list[dict[str, Any]] = Field(max_length=MOST_PROMPTS)


@router.get("/projects/{project}/subjects/{subject}/assistants")
def assistants(repo: Repo, project: Name, subject: Name) -> list[str]:
    """Return the names of the model servers that the owner allowed for the project."""
    return repo.images.assistants(project, subject)


@router.post("/projects/{project}/subjects/{subject}/series/{series}/proposals")
def proposals(
    repo: Repo, who: Somebody, desk: AtDesk, project: Name, subject: Name, series: Uid, asked: ProposalAsked
) -> dict[str, Any]:
    """Ask a model server that the owner allowed; the series goes there, and that is recorded."""
    try:
        prompts = tuple(from_json(Prompt, each) for each in asked.prompts)
    except (KeyError, TypeError, ValueError, Tampered):
        raise BadRequest("These are no prompts.", "Use a client of the same release.") from None
    with desk.allowance.heavy(who.name):
        return proposed_to_wire(repo.images.propose(project, subject, series, asked.assistant, prompts))


@router.get("/projects/{project}/subjects/{subject}/series/{series}/objects")
def objects(repo: Repo, project: Name, subject: Name, series: Uid) -> int:
    """Return how many files a registration, structure set or segmentation has that came with the images."""
    return len(repo.images.objects(project, subject, series))


@router.get(
    "/projects/{project}/subjects/{subject}/series/{series}/objects/{number}",
    response_class=Response,
    responses={200: _BYTES[200]},
)
def object_file(
    repo: Repo,
    who: Somebody,
    desk: AtDesk,
    project: Name,
    subject: Name,
    series: Uid,
    number: Annotated[int, Path(ge=0, lt=100_000)],
) -> Response:
    """Return one of these files."""
    with desk.allowance.heavy(who.name):
        found = repo.images.objects(project, subject, series)
    if number >= len(found):
        raise NotFound("Object not found, or you do not have access to it.", "List them again.")
    return whole(found[number], desk.allowance, who.name)


@router.get("/projects/{project}/subjects/{subject}/series/{series}/values", response_class=Response, responses=_BYTES)
def values(
    repo: Repo,
    who: Somebody,
    desk: AtDesk,
    project: Name,
    subject: Name,
    series: Uid,
    wanted: Annotated[str, Header(alias="Range")] = "",
    of: Annotated[str, Header(alias="If-Range")] = "",
) -> Response:
    """Return the values (k, j, i) as an npy file, with support for HTTP ranges."""
    found, path = repo.images.kept(project, subject, series, noted=False)
    size = path.stat().st_size
    same = of in ("", f'"{found["values"]}"')  # else all of it: no client may join parts of two volumes
    fits = _RANGE.fullmatch(wanted) if same else None
    begin, end = (int(fits[1]), min(int(fits[2] or size), size - 1) + 1) if fits else (0, size)
    if fits and (begin >= size or end <= begin):
        return Response(
            status_code=416, headers={"Content-Range": f"bytes */{size}"}, media_type="application/octet-stream"
        )
    desk.allowance.begin(who.name)
    return Stream(path, begin, end, str(found["values"]), desk.allowance, who.name, partial=bool(fits))


class Stream(Response):
    """A part of a file, in large chunks, without reading it into memory."""

    def __init__(
        self, path: FilePath, begin: int, end: int, tag: str, allowance: Allowance, name: str, *, partial: bool
    ) -> None:
        headers = {"Accept-Ranges": "bytes", "ETag": f'"{tag}"', "Content-Length": str(end - begin)}
        if partial:
            headers["Content-Range"] = f"bytes {begin}-{end - 1}/{path.stat().st_size}"
        super().__init__(None, 206 if partial else 200, headers, "application/octet-stream")
        self._path, self._begin, self._end = path, begin, end
        self._allowance, self._name = allowance, name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; the stream counts as ended whatever happens."""
        try:
            head = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
            await send(head)
            with self._path.open("rb") as file:
                content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))  # freed with its last view
            for at in range(self._begin, self._end, PIECE):
                last = min(at + PIECE, self._end)
                body = content[at:last]
                await send({"type": "http.response.body", "body": body, "more_body": last < self._end})
        finally:
            self._allowance.end(self._name)
