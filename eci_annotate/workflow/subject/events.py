"""What happened, in the past tense. Stored names are short and versioned; a class may move, its name must not change.

Each event records who caused it, how they were identified, when (UTC), and from where.
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
    """Return the fields that every event has."""
    return {"by": actor.name, "assurance": actor.assurance, "at": now, "where": actor.where}


@dataclass(frozen=True, kw_only=True)
class Enrolled(Event):
    """A subject was added to a project, with its pipeline at that time."""

    project: str
    subject: str
    site: str
    use_case: str
    pipeline: tuple[TaskDefinition, ...]


@dataclass(frozen=True, kw_only=True)
class Described(Event):
    """Inclusion, live or test, and cohort of the subject were set; `reason` explains an exclusion."""

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
    """The subject was moved to another definition; signed versions keep theirs."""

    use_case: str
    pipeline: tuple[TaskDefinition, ...]
    reason: str


@dataclass(frozen=True, kw_only=True)
class Withdrawn(Event):
    """Consent was withdrawn: the content is deleted; the record of who did what and when remains."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Assigned(Event):
    """A task was assigned to one member; an empty name removes the assignment."""

    task: str
    member: str


@dataclass(frozen=True, kw_only=True)
class Reopened(Event):
    """A next version was requested, after this one."""

    task: str
    version: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class Started(Event):
    """A member took the lease of a task; `taken_from` names the holder of an active lease, if there was one."""

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
    """The holder released the lease, or an authorised member ended it."""

    task: str
    fence: int
    taken_from: str = ""


@dataclass(frozen=True, kw_only=True)
class VersionSigned(Event):
    """A version was signed; `basis` records the versions of earlier tasks on which it is based.

    `signature` is over `seal`, in hexadecimal, by the key with fingerprint `key`. `factor` records what unlocked
    that key: ``secret`` (the signer's own, requested again) or ``credential`` (the key file alone).
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
    """A project was created; `authority` is the certificate (PEM) of the authority that certifies its signers."""

    project: str
    site: str
    authority: str = ""


@dataclass(frozen=True, kw_only=True)
class AuthorityTrusted(Event):
    """The project accepted signers certified by this authority (an institution's certificate, PEM)."""

    certificate: str


@dataclass(frozen=True, kw_only=True)
class UseCasePublished(Event):
    """A use case became the current one of the project."""

    name: str
    use_case: str


@dataclass(frozen=True, kw_only=True)
class SeriesKept(Event):
    """A member keeps a series in a slot of the hanging protocol; without traits for this subject only."""

    subject: str
    slot: str
    series_uid: str
    traits: tuple[tuple[str, str], ...]
    proposed: bool


@dataclass(frozen=True, kw_only=True)
class SeriesDropped(Event):
    """A member dropped their choice for a slot; without traits that for this subject."""

    subject: str
    slot: str
    traits: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class ProposalSettled(Event):
    """The owner published a proposal with the definition of this digest, or (empty) declined it."""

    slot: str
    traits: tuple[tuple[str, str], ...]
    use_case: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class MemberAdded(Event):
    """A member was added with these roles, for subjects of these sites (none: their own site; ``*``: all).

    `key` is the identifying public key (PEM), `certificate` that of the signing key (X.509, PEM).
    """

    name: str
    site: str
    roles: tuple[str, ...]
    key: str
    sites: tuple[str, ...] = ()
    certificate: str = ""


@dataclass(frozen=True, kw_only=True)
class MemberChanged(Event):
    """Roles and sites of a member changed; without roles the membership ended."""

    name: str
    roles: tuple[str, ...]
    sites: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class CertificateEnrolled(Event):
    """A member signs with this certificate (X.509, PEM) from now on; older ones still verify earlier signatures."""

    name: str
    certificate: str


@dataclass(frozen=True, kw_only=True)
class CertificateRevoked(Event):
    """Signatures by the key with this fingerprint are invalid from now on."""

    name: str
    key: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class IdentifiedAccepted(Event):
    """The project accepts files that may identify their patient (or, if not `accepted`, holds them back again)."""

    accepted: bool
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
    "identified-accepted.1": IdentifiedAccepted,
    "series-kept.1": SeriesKept,
    "series-dropped.1": SeriesDropped,
    "proposal-settled.1": ProposalSettled,
}
_NAMES = {kind: name for name, kind in EVENTS.items()}


def to_record(event: Event) -> Record:
    """Return the event as it is stored: ``{"name": "started.1", "data": {...}}``."""
    return {"name": _NAMES[type(event)], "data": to_json(event)}


def from_record(record: Record) -> Event:
    """Return the event of a stored record; raises Tampered if its name or shape is unknown."""
    kind = EVENTS.get(str(record.get("name")))
    if kind is None:
        raise Tampered("A stored event was written by a newer release.", "Use a newer release.")
    return from_json(kind, record.get("data"))
