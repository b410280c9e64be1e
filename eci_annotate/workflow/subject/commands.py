"""Requests, in the imperative. `COMMANDS` are those that a client may send over any transport.

`Seal` is not among them: only a Backend issues it, after it has generated the signed files itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from eci_annotate.workflow.trust.seals import Manifest
from eci_annotate.workflow.usecase.pipeline import TaskDefinition


@dataclass(frozen=True)
class Command:
    """A request concerning one subject of one project."""

    project: str
    subject: str


@dataclass(frozen=True)
class Enrol(Command):
    """Add a subject to the project, under the use case with this digest."""

    site: str
    use_case: str
    pipeline: tuple[TaskDefinition, ...]


@dataclass(frozen=True)
class Describe(Command):
    """Include or exclude (with a reason), set cohort, live or test; None keeps the current value."""

    included: bool | None = None
    live: bool | None = None
    cohort: str | None = None
    reason: str = ""


@dataclass(frozen=True)
class Attach(Command):
    """Attach the next version of a data layer; the Backend stores its content under `digest`."""

    layer: str
    media_type: str
    digest: str
    size: int


@dataclass(frozen=True)
class ChangeUseCase(Command):
    """Move the subject to another definition of the project; running tasks are not affected."""

    use_case: str
    pipeline: tuple[TaskDefinition, ...]
    reason: str


@dataclass(frozen=True)
class Withdraw(Command):
    """Record that consent was withdrawn, and destroy the content."""

    reason: str


@dataclass(frozen=True)
class Assign(Command):
    """Assign a task to one member; an empty name removes the assignment."""

    task: str
    member: str


@dataclass(frozen=True)
class Reopen(Command):
    """Request a next version of a signed task."""

    task: str
    reason: str


@dataclass(frozen=True)
class Start(Command):
    """Take the lease of a task; `rerun` starts the next version of a signed one."""

    task: str
    take_over: bool = False
    rerun: bool = False


@dataclass(frozen=True)
class Renew(Command):
    """Extend the lease after user activity. Produces no event."""

    task: str
    fence: int


@dataclass(frozen=True)
class ReleaseTask(Command):
    """Release the lease; the draft remains."""

    task: str
    fence: int


@dataclass(frozen=True)
class EndLease(Command):
    """End another user's lease; they keep their draft."""

    task: str


@dataclass(frozen=True)
class Sign(Command):
    """Make the draft of this fence the next version; a review also gives a verdict, its reason, and marked places.

    `places` are points in patient millimetres, each with a remark: ``(x, y, z, remark)``.
    `secret` unlocks the signer's key; it appears in no event, record or repr.
    """

    task: str
    fence: int
    meaning: str
    verdict: str = ""
    reason: str = ""
    places: tuple[tuple[float, float, float, str], ...] = ()
    secret: str = field(default="", repr=False, compare=False)


@dataclass(frozen=True)
class Seal(Command):
    """What a Backend makes of `Sign`: the manifest of stored parts, the signature, the public key (PEM)."""

    task: str
    fence: int
    meaning: str
    verdict: str
    reason: str
    manifest: Manifest
    signature: str
    key: str
    factor: str = ""


@dataclass(frozen=True)
class OpenProject:
    """Create a project whose first member is its owner; `authority` certifies its signers (PEM)."""

    project: str
    site: str
    authority: str = ""


@dataclass(frozen=True)
class TrustAuthority:
    """Accept signers certified by this authority (PEM), such as an institution's."""

    project: str
    certificate: str


@dataclass(frozen=True)
class Publish:
    """Make the use case with this digest the current one of the project."""

    project: str
    name: str
    use_case: str


@dataclass(frozen=True)
class AddMember:
    """Add a member: `key` is the identifying public key, `certificate` that of the signing key.

    Without a key only a hub can identify the member.
    """

    project: str
    name: str
    site: str
    roles: tuple[str, ...]
    key: str
    sites: tuple[str, ...] = ()
    certificate: str = ""


@dataclass(frozen=True)
class ChangeMember:
    """Give a member other roles and sites; without roles the membership ends."""

    project: str
    name: str
    roles: tuple[str, ...]
    sites: tuple[str, ...] = ()


@dataclass(frozen=True)
class EnrolCertificate:
    """Add a new certificate of a member (rotation, or one issued by an institution)."""

    project: str
    name: str
    certificate: str


@dataclass(frozen=True)
class RevokeCertificate:
    """Invalidate later signatures by the key with this fingerprint."""

    project: str
    name: str
    key: str
    reason: str


@dataclass(frozen=True)
class AcceptIdentified:
    """Accept, or again hold back, files that do not state that their patient's identity was removed."""

    project: str
    accepted: bool
    reason: str


@dataclass(frozen=True)
class KeepSeries:
    """Keep a series in a slot of the hanging protocol, for oneself: in this subject, or (`alike`) in studies like it.

    `proposed` also proposes it to the owner. The Backend fills in the `traits` of the series.
    """

    project: str
    subject: str
    slot: str
    series_uid: str
    alike: bool = False
    proposed: bool = False
    traits: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class DropSeries:
    """Drop one's own choices for a slot that hold for this subject: those for it, and those for studies like it."""

    project: str
    subject: str
    slot: str


@dataclass(frozen=True)
class SettleProposal:
    """Close a proposal (slot and traits) of all members: published with the definition of this digest, or declined."""

    project: str
    slot: str
    traits: tuple[tuple[str, str], ...]
    use_case: str = ""
    reason: str = ""


COMMANDS: dict[str, type] = {
    "enrol.1": Enrol,
    "describe.1": Describe,
    "attach.1": Attach,
    "change-use-case.1": ChangeUseCase,
    "withdraw.1": Withdraw,
    "assign.1": Assign,
    "reopen.1": Reopen,
    "end-lease.1": EndLease,
    "start.1": Start,
    "renew.1": Renew,
    "release.1": ReleaseTask,
    "sign.1": Sign,
    "open-project.1": OpenProject,
    "trust-authority.1": TrustAuthority,
    "publish.1": Publish,
    "add-member.1": AddMember,
    "change-member.1": ChangeMember,
    "enrol-certificate.1": EnrolCertificate,
    "revoke-certificate.1": RevokeCertificate,
    "accept-identified.1": AcceptIdentified,
    "keep-series.1": KeepSeries,
    "drop-series.1": DropSeries,
    "settle-proposal.1": SettleProposal,
}
