"""What happened, in the past tense. Stored names are short and versioned; a class may move, its name may not.

Each event says who did it, how surely that is known, and when (UTC).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from eci_annotate.errors import Tampered
from eci_annotate.workflow.codec import Record, from_json, to_json
from eci_annotate.workflow.pipeline import TaskDefinition
from eci_annotate.workflow.sealing import Manifest


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened."""

    by: str
    assurance: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Enrolled(Event):
    """A subject entered a project; its pipeline is kept as it was then."""

    project: str
    subject: str
    site: str
    use_case: str
    pipeline: tuple[TaskDefinition, ...]


@dataclass(frozen=True, kw_only=True)
class Started(Event):
    """Somebody took the lease of a task; `taken_from` names the holder of a live lease, if there was one."""

    task: str
    version: int
    session: str
    fence: int
    until: datetime
    use_case: str
    basis: dict[str, int]
    taken_from: str = ""


@dataclass(frozen=True, kw_only=True)
class Released(Event):
    """The holder gave the lease back."""

    task: str
    fence: int


@dataclass(frozen=True, kw_only=True)
class Signed(Event):
    """A version was made; `basis` says on which versions of the tasks before it rests.

    `signature` is over `seal`, in hexadecimal, by the key with fingerprint `key`.
    """

    task: str
    version: int
    fence: int
    meaning: str
    verdict: str
    reason: str
    basis: dict[str, int]
    use_case: str
    manifest: Manifest
    predecessor: str
    seal: str
    signature: str
    key: str


@dataclass(frozen=True, kw_only=True)
class ProjectOpened(Event):
    """A project began."""

    project: str
    site: str


@dataclass(frozen=True, kw_only=True)
class UseCasePublished(Event):
    """A use case became the project's."""

    name: str
    use_case: str


@dataclass(frozen=True, kw_only=True)
class MemberAdded(Event):
    """Somebody may take part, in these roles, with this public key (PEM)."""

    name: str
    site: str
    roles: tuple[str, ...]
    key: str


EVENTS: dict[str, type[Event]] = {
    "enrolled.1": Enrolled,
    "started.1": Started,
    "released.1": Released,
    "signed.1": Signed,
    "project-opened.1": ProjectOpened,
    "use-case-published.1": UseCasePublished,
    "member-added.1": MemberAdded,
}
_NAMES = {kind: name for name, kind in EVENTS.items()}


def to_record(event: Event) -> Record:
    """The event as it is stored: ``{"name": "started.1", "data": {...}}``."""
    return {"name": _NAMES[type(event)], "data": to_json(event)}


def from_record(record: Record) -> Event:
    """The event of a stored record; Tampered when there is none of that name or shape."""
    kind = EVENTS.get(str(record.get("name")))
    if kind is None:
        raise Tampered("A stored event has a name that this release does not know.", "Use a newer release.")
    return from_json(kind, record.get("data"))
