"""The first page: a tile for each of one's projects, with what there is to do."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from eci_annotate.hub.pages.page import Visit
from eci_annotate.repository.backend import SubjectQuery


@dataclass(frozen=True)
class Tile:
    """A project on the first page."""

    name: str
    title: str
    roles: str
    subjects: int
    to_do: int


def home(visit: Visit) -> Response:
    """The tiles."""
    actor = visit.repo.actor
    tiles = [_tile(visit, name, ", ".join(actor.roles[name])) for name in visit.repo.projects()]
    return visit.show("home", tiles=tiles)


def _tile(visit: Visit, name: str, roles: str) -> Tile:
    repo = visit.repo
    subjects = repo.subjects(name, SubjectQuery(size=0)).total
    to_do = repo.subjects(name, SubjectQuery(startable=True, size=0)).total
    return Tile(name, repo.use_case(name).title, roles, subjects, to_do)
