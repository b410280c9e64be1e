"""What may be asked for, in the imperative. `COMMANDS` are the words that a client may say over any wire.

`Seal` is not among them: only a Backend says it, after it made the signed files itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from eci_annotate.workflow.trust.seals import Manifest
from eci_annotate.workflow.usecase.pipeline import TaskDefinition


@dataclass(frozen=True)
class Command:
    """Something asked of one subject of one project."""

    project: str
    subject: str


@dataclass(frozen=True)
class Enrol(Command):
    """Take a subject into the project, under the use case of this digest."""

    site: str
    use_case: str
    pipeline: tuple[TaskDefinition, ...]


@dataclass(frozen=True)
class Describe(Command):
    """Include or exclude (with a reason), set cohort, live or test; what is None stays."""

    included: bool | None = None
    live: bool | None = None
    cohort: str | None = None
    reason: str = ""


@dataclass(frozen=True)
class Attach(Command):
    """Attach the next version of a data layer; the Backend has its content under `digest`."""

    layer: str
    media_type: str
    digest: str
    size: int


@dataclass(frozen=True)
class ChangeUseCase(Command):
    """Move the subject on to another definition of the project; running tasks are not touched."""

    use_case: str
    pipeline: tuple[TaskDefinition, ...]
    reason: str


@dataclass(frozen=True)
class Withdraw(Command):
    """Consent was withdrawn: destroy the content."""

    reason: str


@dataclass(frozen=True)
class Assign(Command):
    """A task is for this member alone; an empty name frees it again."""

    task: str
    member: str


@dataclass(frozen=True)
class Reopen(Command):
    """Ask for a next version of a task that is signed."""

    task: str
    reason: str


@dataclass(frozen=True)
class Start(Command):
    """Take the lease of a task; `rerun` makes the next version of a signed one."""

    task: str
    take_over: bool = False
    rerun: bool = False


@dataclass(frozen=True)
class Renew(Command):
    """Move the lease's end, since the person was active. Makes no event."""

    task: str
    fence: int


@dataclass(frozen=True)
class ReleaseTask(Command):
    """Give the lease back; the draft stays."""

    task: str
    fence: int


@dataclass(frozen=True)
class EndLease(Command):
    """End somebody's lease; the draft stays his."""

    task: str


@dataclass(frozen=True)
class Sign(Command):
    """Make the draft of this fence the next version; a review also gives a verdict, its reason, and marked places.

    `places` are points in patient millimetres with a remark each: ``(x, y, z, remark)``.
    `secret` unlocks the signer's key; it is in no event, record or repr.
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
    """What a Backend makes of `Sign`: the manifest of what it stored, the signature, the public key (PEM)."""

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
    """Make a project, whose first member is its owner; `authority` certifies its signers (PEM)."""

    project: str
    site: str
    authority: str = ""


@dataclass(frozen=True)
class TrustAuthority:
    """Let signers certified by this authority (PEM) count, such as an institution's."""

    project: str
    certificate: str


@dataclass(frozen=True)
class Publish:
    """Make the use case with this digest the project's."""

    project: str
    name: str
    use_case: str


@dataclass(frozen=True)
class AddMember:
    """Let somebody take part: `key` is the public key that identifies, `certificate` that of the key that signs.

    Without a key only a hub can say who it is.
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
    """Give a member other roles and sites; no roles: takes no part any more."""

    project: str
    name: str
    roles: tuple[str, ...]
    sites: tuple[str, ...] = ()


@dataclass(frozen=True)
class EnrolCertificate:
    """A member's new certificate (rotation, or one of an institution)."""

    project: str
    name: str
    certificate: str


@dataclass(frozen=True)
class RevokeCertificate:
    """What the key with this fingerprint signs from now on is not to count."""

    project: str
    name: str
    key: str
    reason: str


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
}
