"""The subjects of projects as they stood at one position of the feed."""

from __future__ import annotations

from dataclasses import dataclass

from eci_annotate.errors import Refused
from eci_annotate.repository.backend import PIECE, Backend, SubjectQuery, changed_since, newest_position
from eci_annotate.workflow.subject.view import SubjectView

_TRIES = 5


@dataclass(frozen=True)
class PositionSnapshot:
    """What an actor sees of projects at a position."""

    position: int
    projects: tuple[str, ...]
    subjects: tuple[SubjectView, ...]


def take_snapshot(backend: Backend, project: str | None, position: int = 0) -> PositionSnapshot:
    """Return one project, or all that you may see, at one position of the feed: by default at the newest.

    Raises
    ------
    Refused
        The repository has not come to this position; or subjects come or go each time while they are listed.
    """
    projects = tuple([project] if project else sorted(backend.account.projects()))
    after = newest_position(backend)
    position = position or after
    last: list[str] = []
    for _ in range(_TRIES):
        subjects, is_whole = _listed(backend, projects, position)
        names = [f"{seen.project}/{seen.subject}" for seen in subjects]
        after, changed = changed_since(backend, after)
        if is_whole and not any(name in projects for name, _ in changed):
            return PositionSnapshot(position, projects, subjects)
        if names == last and len(set(names)) == len(names):
            return PositionSnapshot(position, projects, subjects)
        last = names
    raise Refused("The subjects change while they are listed.", "Try again later.")


def _listed(backend: Backend, projects: tuple[str, ...], position: int) -> tuple[tuple[SubjectView, ...], bool]:
    """The subjects, and whether none came or went between the pages: then none is missing or listed twice."""
    found: list[SubjectView] = []
    is_whole = True
    for name in projects:
        totals, offset = {0}, 0
        while not offset or offset < max(totals):
            page = backend.subjects(name, SubjectQuery(position=position, offset=offset, size=PIECE))
            found += page.views
            totals, offset = totals | {page.total}, offset + PIECE
        is_whole &= len(totals - {0}) <= 1
    return tuple(found), is_whole
