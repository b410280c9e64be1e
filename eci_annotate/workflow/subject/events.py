"""What happened, in the past tense. Stored names are short and versioned; a class may move, its name may not.

Each event says who did it, how surely that is known, when (UTC), and from where.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from eci_annotate.errors import Tampered
from eci_annotate.workflow.actor import Actor
from eci_annotate.workflow.codec import Record, from_json, to_json
from eci_annotate.workflow.trust.seals import Manifest
from eci_annotate.workflow.usecase.pipeline import TaskDefinition


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened."""

    by: str
    assurance: str
    at: datetime
    where: str = ""


def who(actor: Actor, now: datetime) -> dict[str, Any]:
    """The fields that every event has."""
    return {"by": actor.name, "assurance": actor.assurance, "at": now, "where": actor.where}


@dataclass(frozen=True, kw_only=True)
class Enrolled(Event):
    """A subject entered a project; its pipeline is kept as it was then."""

    project: str
    subject: str
    site: str
    use_case: str
    pipeline: tuple[TaskDefinition, ...]


@dataclass(frozen=True, kw_only=True)
class Described(Event):
    """The subject is (not) included, live or for tests, in this cohort; `reason` says why it was excluded."""

    included: bool
    live: bool
    cohort: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Attached(Event):
    """A version of a data layer (a document, a table) was attached; `digest` names its content."""

    layer: str
    version: int
    media_type: str
    digest: str
    size: int


@dataclass(frozen=True, kw_only=True)
class UseCaseChanged(Event):
    """The subject was moved on to another definition; versions that are signed keep theirs."""

    use_case: str
    pipeline: tuple[TaskDefinition, ...]
    reason: str


@dataclass(frozen=True, kw_only=True)
class Withdrawn(Event):
    """Consent was withdrawn: content is gone, what was done when and by whom stays."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Assigned(Event):
    """A task is for this member alone; an empty name frees it again."""

    task: str
    member: str


@dataclass(frozen=True, kw_only=True)
class Reopened(Event):
    """A next version was asked for, after this one."""

    task: str
    version: int
    reason: str


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
    """The holder gave the lease back, or somebody who may ended it."""

    task: str
    fence: int
    taken_from: str = ""


@dataclass(frozen=True, kw_only=True)
class VersionSigned(Event):
    """A version was made; `basis` says on which versions of the tasks before it rests.

    `signature` is over `seal`, in hexadecimal, by the key with fingerprint `key`. `factor` says what unlocked
    that key: ``secret`` (the signer's own, asked again) or ``credential`` (the key file alone).
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
    factor: str = ""


@dataclass(frozen=True, kw_only=True)
class ProjectOpened(Event):
    """A project began; `authority` is the certificate (PEM) of who certifies its signers."""

    project: str
    site: str
    authority: str = ""


@dataclass(frozen=True, kw_only=True)
class AuthorityTrusted(Event):
    """Signers certified by this authority too (an institution's certificate, PEM) count in the project."""

    certificate: str


@dataclass(frozen=True, kw_only=True)
class UseCasePublished(Event):
    """A use case became the project's."""

    name: str
    use_case: str


@dataclass(frozen=True, kw_only=True)
class MemberAdded(Event):
    """Somebody may take part, in these roles, for subjects of these sites (none: the own; ``*``: all).

    `key` is the public key that identifies (PEM), `certificate` that of the key that signs (X.509, PEM).
    """

    name: str
    site: str
    roles: tuple[str, ...]
    key: str
    sites: tuple[str, ...] = ()
    certificate: str = ""


@dataclass(frozen=True, kw_only=True)
class MemberChanged(Event):
    """Roles and sites of a member from now on; no roles: takes no part any more."""

    name: str
    roles: tuple[str, ...]
    sites: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class CertificateEnrolled(Event):
    """A member signs with this certificate (X.509, PEM) from now on; older ones still verify what they signed."""

    name: str
    certificate: str


@dataclass(frozen=True, kw_only=True)
class CertificateRevoked(Event):
    """What the key with this fingerprint signs from now on does not count."""

    name: str
    key: str
    reason: str


EVENTS: dict[str, type[Event]] = {
    "enrolled.1": Enrolled,
    "described.1": Described,
    "attached.1": Attached,
    "use-case-changed.1": UseCaseChanged,
    "withdrawn.1": Withdrawn,
    "assigned.1": Assigned,
    "reopened.1": Reopened,
    "started.1": Started,
    "released.1": Released,
    "signed.1": VersionSigned,
    "project-opened.1": ProjectOpened,
    "authority-trusted.1": AuthorityTrusted,
    "use-case-published.1": UseCasePublished,
    "member-added.1": MemberAdded,
    "member-changed.1": MemberChanged,
    "certificate-enrolled.1": CertificateEnrolled,
    "certificate-revoked.1": CertificateRevoked,
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
