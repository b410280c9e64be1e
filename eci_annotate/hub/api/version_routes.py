"""Signed versions for other systems, such as an XNAT or Euro-BioImaging: listed since a position, fetched by digest."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from eci_annotate.errors import Refused
from eci_annotate.hub.api.auth import AtDesk, Name, Repo, Somebody
from eci_annotate.hub.core.json_route import JsonRoute
from eci_annotate.hub.core.problem_responses import PROBLEMS
from eci_annotate.repository.version_list import BEGIN_AGAIN, completed_since, provenance_document
from eci_annotate.workflow.codec import to_json

router = APIRouter(route_class=JsonRoute, responses=PROBLEMS, tags=["signed versions"])


@router.get("/completed")
def completed(
    repo: Repo,
    who: Somebody,
    desk: AtDesk,
    after: Annotated[int, Query(ge=0, le=2**53)] = 0,
    fingerprint: Annotated[str, Query(max_length=64)] = "",
) -> dict[str, Any]:
    """Return signed versions of subjects that changed since a position, and subjects that were withdrawn.

    For members who may export. Begin with 0 and ask on from `position` while there is `more`, with the `fingerprint` of
    that answer: a repository that was restored as it was before has other changes at that position, and refuses to go
    on from it. A version may come again; its seal identifies it. Fetch a part by its digest:
    ``/projects/{project}/subjects/{subject}/blobs/{digest}``.
    """
    with (
        desk.allowance.heavy(who.name),
        repo.refusals("List signed versions", next(iter(repo.account.actor.roles), "")),
    ):
        page = completed_since(repo, after)
        if fingerprint and fingerprint != repo.exchange.fingerprint(after):
            raise Refused("The repository was restored: other changes are at this position.", BEGIN_AGAIN)
        return {**to_json(page), "fingerprint": repo.exchange.fingerprint(page.position)}


@router.get("/projects/{project}/subjects/{subject}/versions/{task}/{version}/provenance")
def provenance(
    repo: Repo, project: Name, subject: Name, task: Name, version: Annotated[int, Path(ge=1, le=10**6)]
) -> dict[str, Any]:
    """Return the signed record of a version and its signer's certificate, for members who may export."""
    with repo.refusals("Read provenance", project, subject):
        found = dict(provenance_document(repo, project, subject, task, version))
    repo.trail.note("exported.1", project, subject, f"{task} version {version}: provenance")
    return found
