"""Blobs of a subject, definitions, and drafts: a draft is on the disk when the response arrives."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from eci_annotate.hub.api.auth import DIGEST, AtDesk, Digest, Name, Repo, Somebody
from eci_annotate.hub.core.json_route import LARGE as LARGE_BODY
from eci_annotate.hub.core.json_route import JsonRoute
from eci_annotate.hub.core.middleware import LARGEST_DRAFT
from eci_annotate.hub.core.problem_responses import PROBLEMS
from eci_annotate.hub.core.service_context import Allowance
from eci_annotate.repository.draft_entries import check_entries
from eci_annotate.store.protocols import Address, DraftPart
from eci_annotate.workflow.codec import to_json

router = APIRouter(route_class=JsonRoute, responses=PROBLEMS, tags=["content"])
LARGE, MOST_LARGE = 16 << 20, 2
BYTES: dict[int | str, dict[str, Any]] = {200: {"content": {"application/octet-stream": {}}}}


class Entries(BaseModel):
    """Entries of a draft's journal, under the fence of its lease."""

    model_config = ConfigDict(extra="forbid")
    fence: int
    entries: list[dict[str, Any]] = Field(max_length=1000)


class Anchors(BaseModel):
    """Certificates (PEM) of authorities to trust in place of the project's own."""

    model_config = ConfigDict(extra="forbid")
    anchors: list[str] = Field(default_factory=list, max_length=20)


@router.post("/projects/{project}/subjects/{subject}/blobs")
async def put(
    repo: Repo, who: Somebody, desk: AtDesk, request: Request, project: Name, subject: Name, attached: bool = False
) -> dict[str, str]:
    """Store the body with the subject; returns its SHA-256."""
    with desk.allowance.heavy(who.name):
        await run_in_threadpool(repo.check_put, project, subject, attached)
        content = await request.body()
        desk.allowance.put(who.name, f"{project}/{subject}", len(content))
        return {"digest": await run_in_threadpool(repo.put, project, subject, content, attached=attached)}


@router.get("/projects/{project}/subjects/{subject}/blobs/{digest}", response_class=Response, responses=BYTES)
def get(repo: Repo, who: Somebody, desk: AtDesk, project: Name, subject: Name, digest: Digest) -> Response:
    """Return a blob, or an archived file, named in the actor's view of the subject."""
    with desk.allowance.loading(who.name):
        content = repo.get(project, subject, digest)
    return whole(content, desk.allowance, who.name)


def whole(content: bytes, allowance: Allowance, name: str) -> Response:
    """Return content as a response; a large one counts until the client has it, since it is in memory until then."""
    if len(content) < LARGE:
        return Response(content, media_type="application/octet-stream")
    allowance.begin(f"large/{name}", MOST_LARGE)
    return _Large(content, allowance, name)


class _Large(Response):
    """Content that counts as being sent until it was."""

    def __init__(self, content: bytes, allowance: Allowance, name: str) -> None:
        super().__init__(content, media_type="application/octet-stream")
        self._allowance, self._name = allowance, name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; it counts as sent whatever happens."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._allowance.end(f"large/{self._name}")


@router.get("/projects/{project}/use-case", response_class=Response, responses=BYTES)
def use_case(repo: Repo, project: Name, digest: Annotated[str, Query(pattern=f"{DIGEST}|^$")] = "") -> Response:
    """Return a definition of the project as far as the actor may see it; without a digest, the current one."""
    return Response(repo.account.use_case(project, digest).blob, media_type="application/octet-stream")


@router.post("/projects/{project}/subjects/{subject}/drafts/{task}", status_code=204)
async def save(
    repo: Repo,
    who: Somebody,
    desk: AtDesk,
    request: Request,
    project: Name,
    subject: Name,
    task: Name,
    told: Annotated[Entries, Body()],
) -> None:
    """Append to the draft that the session holds."""
    size = int(request.headers.get("content-length", LARGEST_DRAFT))
    if size > LARGE_BODY:
        await run_in_threadpool(check_entries, told.entries)
    else:
        check_entries(told.entries)
    desk.allowance.put(who.name, f"{project}/{subject}", size)
    await desk.saver.save(repo, DraftPart(Address(project, subject, task), told.fence, told.entries))


@router.get("/projects/{project}/subjects/{subject}/drafts/{task}")
def draft(repo: Repo, project: Name, subject: Name, task: Name) -> list[dict[str, Any]]:
    """Return the entries of the draft that the session holds."""
    return repo.drafts.read(project, subject, task)


@router.post("/projects/{project}/subjects/{subject}/verification")
def verify(
    repo: Repo, who: Somebody, desk: AtDesk, project: Name, subject: Name, told: Anchors
) -> list[dict[str, Any]]:
    """Recompute all signed content of a subject that the actor may see."""
    with desk.allowance.heavy(who.name):
        return [to_json(each) for each in repo.trail.verify(project, subject, tuple(told.anchors))]
