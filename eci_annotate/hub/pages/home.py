"""The first page: a tile for each of the user's projects, with the number of waiting tasks."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from eci_annotate.hub.pages.page import Visit
from eci_annotate.repository.backend import Backend, SubjectQuery
from eci_annotate.repository.tables import offered
from eci_annotate.workflow.actor import Permission

COUNTED = 100


@dataclass(frozen=True)
class Tile:
    """A project on the first page."""

    name: str
    title: str
    roles: str
    subjects: int
    to_do: str


def home(visit: Visit) -> Response:
    """Show the tiles."""
    actor = visit.repo.account.actor
    tiles = [_tile(visit, name, ", ".join(actor.roles[name])) for name in visit.repo.account.projects()]
    owner = any(actor.may(Permission.ADMINISTER, name) for name in actor.roles)
    return visit.show("home", tiles=tiles, owner=owner, factors=visit.desk.factors.of(visit.session.name))


def _tile(visit: Visit, name: str, roles: str) -> Tile:
    repo = visit.repo
    subjects = repo.subjects(name, SubjectQuery(size=0)).total
    return Tile(name, repo.account.use_case(name).title, roles, subjects, _to_do(repo, name))


def _to_do(repo: Backend, project: str) -> str:
    """Return how many tasks wait for the user; counting stops at `COUNTED` subjects."""
    page = repo.subjects(project, SubjectQuery(startable=True, size=COUNTED))
    tasks = sum(1 for _ in offered(page.views))
    return f"more than {tasks}" if len(page.views) == COUNTED < page.total else str(tasks)
