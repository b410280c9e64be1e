"""What may be asked for, in the imperative. `COMMANDS` are the words that a client may say over any wire.

`Seal` is not among them: only a Backend says it, after it made the signed files itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from eci_annotate.workflow.pipeline import TaskDefinition
from eci_annotate.workflow.sealing import Manifest


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
class Release(Command):
    """Give the lease back; the draft stays."""

    task: str
    fence: int


@dataclass(frozen=True)
class Sign(Command):
    """Make the draft of this fence the next version; a review also gives a verdict, and its reason."""

    task: str
    fence: int
    meaning: str
    verdict: str = ""
    reason: str = ""


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


@dataclass(frozen=True)
class OpenProject:
    """Make a project, whose first member is its owner."""

    project: str
    site: str


@dataclass(frozen=True)
class Publish:
    """Make the use case with this digest the project's."""

    project: str
    name: str
    use_case: str


@dataclass(frozen=True)
class AddMember:
    """Let somebody take part: `key` is the public key, in PEM."""

    project: str
    name: str
    site: str
    roles: tuple[str, ...]
    key: str


COMMANDS: dict[str, type] = {
    "enrol.1": Enrol,
    "start.1": Start,
    "renew.1": Renew,
    "release.1": Release,
    "sign.1": Sign,
    "open-project.1": OpenProject,
    "publish.1": Publish,
    "add-member.1": AddMember,
}
