"""After a withdrawal of consent: the subject's key, blobs, drafts, images and decoded volumes go; its events stay.

Each step may be done again, so that a withdrawal that was cut off is finished by the next one.
"""

from __future__ import annotations

from eci_annotate.repository.local.context import Rooms


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


def _lives(rooms: Rooms, project: str, subject: str) -> bool:
    _, state = rooms.streams.subject(project, subject)
    return bool(state.subject) and not state.withdrawn
