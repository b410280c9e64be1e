"""Commands and views: one route accepts every command, so that a new command needs no new route."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from eci_annotate.errors import Refused
from eci_annotate.hub.api.auth import NAME, AtDesk, Digest, Name, Repo, Somebody
from eci_annotate.hub.core.json_route import JsonRoute
from eci_annotate.hub.core.problem_responses import PROBLEMS, Problem
from eci_annotate.hub.signing.confirmations import (
    CONFIRMED,
    PERSON,
    ask_person,
    confirmation_url,
    request_of,
    request_state,
)
from eci_annotate.hub.signing.requests import ask, found, standing
from eci_annotate.repository.backend import SubjectQuery
from eci_annotate.repository.remote.wire_format import actor_to_wire, command_from_wire, page_to_wire, pending_to_wire
from eci_annotate.workflow.codec import to_json
from eci_annotate.workflow.subject.commands import OpenProject, Sign

router = APIRouter(route_class=JsonRoute, responses=PROBLEMS, tags=["work"])
NOTES = ("read.1", "exported.1")


class Said(BaseModel):
    """A command by its short name, e.g. ``start.1``, with its fields."""

    model_config = ConfigDict(extra="forbid")
    name: str
    data: dict[str, Any]


class Noted(BaseModel):
    """What was read or exported, for the access stream."""

    model_config = ConfigDict(extra="forbid")
    name: str
    project: str = Field(pattern=NAME)
    subject: str = Field(pattern=NAME)
    what: str = Field(pattern=r"^[A-Za-z0-9_. -]{1,200}$")  # what a client writes: a layer or task, and its version


class SubjectRequest(BaseModel):
    """A query for a page of subjects."""

    model_config = ConfigDict(extra="forbid")
    contains: str = ""
    site: str = ""
    cohort: str = ""
    stage: str = ""
    included: bool | None = None
    live: bool | None = None
    signed: bool = False
    startable: bool = False
    urgent: bool = False
    sort: str = "subject"
    descending: bool = False
    offset: int = 0
    size: int = 20
    position: int = 0


@router.post(
    "/commands",
    response_model=dict[str, Any],
    responses={202: {"model": Problem, "description": "The person has to confirm it."}},
)
def command(repo: Repo, desk: AtDesk, who: Somebody, said: Said) -> Any:
    """Do a command; returns the subject as it is then.

    Signatures, and commands that administrate, wait for their person: 202 says where they confirm them.
    """
    order = command_from_wire(said.model_dump())
    with repo.noting(order):
        if isinstance(order, Sign):
            pending = ask(desk, repo, order)
            return JSONResponse(pending_to_wire(pending.url, pending.request), 202)
        if isinstance(order, OpenProject):
            raise Refused(
                "You may not open a project through the API.", "Press New project on the service's first page."
            )
        if isinstance(order, CONFIRMED) and PERSON not in who.scopes:
            made = ask_person(desk, repo, order)
            return JSONResponse(pending_to_wire(confirmation_url(desk, made.digest), made.digest), 202)
    seen = repo.do(order)
    return {"view": to_json(seen) if seen else None}


@router.get("/actor")
def actor(repo: Repo) -> dict[str, Any]:
    """Return the actor: name, site, roles and sites per project."""
    return actor_to_wire(repo.account.actor)


@router.get("/projects")
def projects(repo: Repo) -> list[str]:
    """Return the actor's projects."""
    return repo.account.projects()


@router.get("/projects/{project}/members")
def members(repo: Repo, project: Name) -> list[dict[str, Any]]:
    """Return the members of a project."""
    return [to_json(each) for each in repo.account.members(project)]


@router.get("/projects/{project}/kept-series")
def kept_series(repo: Repo, project: Name) -> list[dict[str, Any]]:
    """Return the series that the actor keeps in slots of the hanging protocol; for an owner also proposals."""
    return [to_json(each) for each in repo.account.kept_series(project)]


@router.get("/projects/{project}/subjects")
def subjects(
    repo: Repo, who: Somebody, desk: AtDesk, project: Name, asked: Annotated[SubjectRequest, Query()]
) -> dict[str, Any]:
    """Return a page of subjects, and their total number; of an earlier position from what the feed holds since."""
    with desk.allowance.heavy(who.name) if asked.position else nullcontext():
        return page_to_wire(repo.subjects(project, SubjectQuery(**asked.model_dump())))


@router.get("/projects/{project}/subjects/{subject}")
def subject(repo: Repo, project: Name, subject: Name) -> dict[str, Any]:
    """Return one subject, as the actor may see it."""
    return dict(to_json(repo.subject(project, subject)))


@router.get("/feed")
def feed(repo: Repo, after: Annotated[int, Query(ge=0, le=2**53)] = 0) -> dict[str, Any]:
    """Return what changed since a position."""
    position, changed = repo.feed(after)
    return {"position": position, "changed": changed}


@router.post("/notes", status_code=204)
def note(repo: Repo, noted: Noted) -> None:
    """Record that something was read or exported."""
    if noted.name not in NOTES:
        raise Refused("Unknown kind of note.", f"Notes are {' and '.join(NOTES)}.")
    repo.subject(noted.project, noted.subject)
    repo.trail.note(noted.name, noted.project, noted.subject, noted.what)


@router.get("/signatures/{project}/{subject}/{request}")
def signature(repo: Repo, desk: AtDesk, project: Name, subject: Name, request: Digest) -> dict[str, str]:
    """Return the state of a signature request: waiting, signed, void."""
    return {"state": standing(desk, repo, found(desk, repo, project, subject, request))}


@router.get("/confirmations/{request}")
def confirmation(repo: Repo, desk: AtDesk, request: Digest) -> dict[str, str]:
    """Return the state of a command that waits for its person: waiting, signed (done), void."""
    return {"state": request_state(desk, request_of(desk, repo.account.actor.name, request))}
