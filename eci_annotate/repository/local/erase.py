"""After a withdrawal of consent: the subject's key, blobs, drafts, images and decoded volumes go; its events stay.

Each step may be done again: a withdrawal that was cut off is finished when the repository is opened next.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from eci_annotate.repository.local.context import Rooms
from eci_annotate.store.cards import CardQuery

_PIECE = 5000


def erase(rooms: Rooms, project: str, subject: str) -> None:
    """Destroy all content of a subject that was withdrawn from a project."""
    rooms.vault.destroy(project, subject)
    rooms.blobs.drop(f"{project}/{subject}")
    rooms.drafts.drop(project, subject)
    rooms.proposals.forget(project, subject)
    elsewhere = [name for name in rooms.streams.projects() if name != project]
    if not any(_lives(rooms, name, subject) for name in elsewhere):
        rooms.volumes.forget(subject)
        rooms.archive.remove(subject)


def finish_withdrawals(rooms: Rooms) -> int:
    """Destroy what is left of subjects whose withdrawal was cut off; returns how many there were."""
    cut = [each for name in rooms.streams.projects() for each in _withdrawn(rooms, name) if has_content(rooms, *each)]
    for project, subject in cut:
        erase(rooms, project, subject)
    return len(cut)


def _withdrawn(rooms: Rooms, project: str) -> Iterator[tuple[str, str]]:
    """Yield the project's withdrawn subjects; no stream is read, so that a damaged one does not matter."""
    for offset in count(0, _PIECE):
        names = rooms.streams.names(CardQuery(project, (("withdrawn",),), offset=offset, size=_PIECE))
        yield from ((project, name.split("/")[2]) for name in names)
        if len(names) < _PIECE:
            return


def has_content(rooms: Rooms, project: str, subject: str) -> bool:
    """Whether the key of a withdrawn subject, a draft, or an image that no other project needs still exists."""
    if rooms.vault.is_live(project, subject) or not rooms.vault.is_gone(project, subject):
        return True
    elsewhere = [name for name in rooms.streams.projects_of(subject) if name != project]
    return bool(rooms.archive.studies(subject)) and not any(_lives(rooms, name, subject) for name in elsewhere)


def _lives(rooms: Rooms, project: str, subject: str) -> bool:
    _, state = rooms.streams.subject(project, subject)
    return bool(state.subject) and not state.withdrawn
