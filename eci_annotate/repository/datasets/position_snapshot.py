"""The subjects of projects as they are at one position of the feed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eci_annotate.errors import Refused
from eci_annotate.repository.backend import Backend, every_subject
from eci_annotate.workflow.subject.view import SubjectView

_TRIES = 5


@dataclass(frozen=True)
class PositionSnapshot:
    """What an actor sees of projects at a position."""

    position: int
    projects: tuple[str, ...]
    subjects: tuple[SubjectView, ...]

    def decisive(self) -> dict[tuple[str, str], Any]:
        """Return, of each subject, what decides which versions count: not who works on them."""
        return {(each.project, each.subject): _decisive(each) for each in self.subjects}


def take_snapshot(backend: Backend, project: str | None) -> PositionSnapshot:
    """Return one project, or all that you may see, at one position of the feed.

    Raises
    ------
    Refused
        Subjects changed each time while they were listed.
    """
    projects = tuple([project] if project else sorted(backend.account.projects()))
    after, _ = _newest(backend, 0)
    for _ in range(_TRIES):
        subjects = tuple(seen for name in projects for seen in every_subject(backend, name))
        position, changed = _newest(backend, after)
        if not any(name in projects for name, _ in changed):
            return PositionSnapshot(after, projects, subjects)
        after = position
    raise Refused("The subjects change while they are listed.", "Try again later.")


def _newest(backend: Backend, after: int) -> tuple[int, set[tuple[str, str]]]:
    """The newest position of the feed, which comes in pages, and the subjects that changed since `after`."""
    changed: set[tuple[str, str]] = set()
    more = True
    while more:
        position, names = backend.feed(after)
        changed |= {(project, subject) for project, subject in names}
        after, more = position, position > after
    return after, changed


def _decisive(seen: SubjectView) -> tuple[Any, ...]:
    versions = tuple((task.name, tuple(each.seal for each in task.signed), tuple(task.statuses)) for task in seen.tasks)
    return seen.withdrawn, seen.included, seen.live, versions
