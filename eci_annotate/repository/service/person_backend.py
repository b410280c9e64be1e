"""What a service gives to each person: `PersonBackend`, a `Backend` with what only a process at the stores can do.

Its parts do what a member administers. Each acts for the person of the backend; no method takes an actor.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from eci_annotate.repository.admin.held_files import HeldSet
from eci_annotate.repository.admin.import_dicom import Imported
from eci_annotate.repository.admin.import_scan import Progress
from eci_annotate.repository.backend import Backend, Images, TaskDrafts, Trail
from eci_annotate.repository.layout.protocol_proposals import ProposalEvidence, ProtocolProposal
from eci_annotate.repository.local.audit import AuditPage, AuditQuery
from eci_annotate.repository.sync.outbox_entries import OutboxEntry
from eci_annotate.repository.sync.pull_rules import PullRule
from eci_annotate.repository.sync.pull_studies import PullOutcome
from eci_annotate.repository.sync.sync_targets import SyncTarget
from eci_annotate.store.protocols import Address, Head
from eci_annotate.workflow.subject.view import SubjectView
from eci_annotate.workflow.usecase.usecase import UseCase


class PersonDrafts(TaskDrafts, Protocol):
    """Drafts of one person, whose entries the service may save together with those of others."""

    def check_held(self, address: Address, fence: int) -> None:
        """Check that this session was granted the task under that fence; LeaseLost or Refused otherwise."""

    def head_if_held(self, address: Address, fence: int) -> Head | None:
        """Return the project's length with which `check_held` passed, as read last; None if that must be asked again.

        Entries that are saved behind it (`DraftPart.behind`) need no look at the project of their own.
        """


class PersonTrail(Trail, Protocol):
    """The evidence, with the audit trail of the projects whose audit the person may search."""

    def audit_page(self, query: AuditQuery, size: int, older: str = "") -> AuditPage:
        """Return a page of the newest rows; `older` of a page leads to the next one. Refused if they may not search."""


class PersonImages(Images, Protocol):
    """Images of a subject, with decoded volumes as files."""

    def kept(
        self, project: str, subject: str, series_uid: str, *, noted: bool = True
    ) -> tuple[Mapping[str, object], Path]:
        """Return a volume's header and the npy file of its values (k, j, i); recorded as read if `noted`."""


class Projects(Protocol):
    """Projects that the person opens, and the use cases that they publish."""

    def check_may_open(self) -> None:
        """Refused unless the person owns a project of this repository."""

    def open(self, name: str, case: UseCase) -> None:
        """Open a project for a use case; the person becomes its owner. Refused if the name is taken or not allowed."""

    def publish(self, project: str, case: UseCase) -> None:
        """Publish a use case in a project; subjects that are enrolled later follow it."""


class Intake(Protocol):
    """DICOM files that become subjects, and files that were held back."""

    def import_folders(
        self, folders: Iterable[Path], *, project: str, site: str, progress: Progress | None = None
    ) -> Imported:
        """Take in all DICOM files below `folders`; each patient becomes a subject whose ingest is signed."""

    def held(self, project: str) -> list[HeldSet]:
        """Return what is held back in a project of the person, oldest first."""

    def check_reason(self, reason: str) -> None:
        """Refused if this is no reason for a release."""

    def release(self, held: str, reason: str, progress: Progress | None = None) -> Imported:
        """Take in files that were held back, by the ID of their set; NotFound, or Refused for other than an owner."""

    def delete(self, held: str) -> None:
        """Delete files that were held back; NotFound, or Refused for other than an owner."""


class HangingProposals(Protocol):
    """What members propose for the hanging protocol of a project."""

    def listed(self, project: str) -> list[ProtocolProposal]:
        """Return the proposals that are open, the oldest first."""

    def evidence(self, project: str, proposed: Sequence[ProtocolProposal]) -> list[ProposalEvidence | None]:
        """Return what each would change; None if the protocol has no such slot any more."""

    def publish(self, project: str, proposed: ProtocolProposal) -> UseCase:
        """Publish the use case with a proposal as the next version; returns it."""

    def decline(self, project: str, proposed: ProtocolProposal, reason: str) -> None:
        """Close a proposal; members keep their own choice."""


class ArchiveExchange(Protocol):
    """What goes to other archives and comes from them; a person sees it of the projects that they own."""

    def targets(self, project: str) -> list[SyncTarget]:
        """Return the targets to which signed versions go, by name."""

    def entries(self, target: SyncTarget) -> list[OutboxEntry]:
        """Return what is to be sent to a target, or was, in that order."""

    def retry(self, target: SyncTarget) -> int:
        """Make the failed entries of a target due now; returns how many there are."""

    def rules(self, project: str) -> list[tuple[PullRule, PullOutcome | None]]:
        """Return each pull rule with what its last run did; None before the first one."""

    def fingerprint(self, position: int) -> str:
        """Return what tells a position of the feed from the same one before a restore; empty if it has no event."""


class PersonBackend(Backend, Protocol):
    """A repository for one person, as a service gives it to them."""

    @property
    def drafts(self) -> PersonDrafts:
        """Drafts of the tasks that this session holds."""

    @property
    def trail(self) -> PersonTrail:
        """Access notes, verification and the audit trail."""

    @property
    def images(self) -> PersonImages:
        """The pixels of the subjects that the person may see."""

    @property
    def projects(self) -> Projects:
        """New projects and use cases."""

    @property
    def intake(self) -> Intake:
        """Files that become subjects."""

    @property
    def hanging(self) -> HangingProposals:
        """Proposals for the hanging protocol."""

    @property
    def exchange(self) -> ArchiveExchange:
        """What is exchanged with other archives."""

    def check(self, command: object) -> None:
        """Refuse what `do` would refuse now; nothing changes."""

    def check_put(self, project: str, subject: str, attached: bool) -> None:
        """Refuse what `put` would refuse."""

    def noting(self, command: object) -> AbstractContextManager[None]:
        """Record refusals of the command, for this while, in the access stream."""

    def refusals(self, doing: str, project: str, subject: str = "") -> AbstractContextManager[None]:
        """Record refusals of what is no command in the access stream too; each once."""

    def leased(self, project: str, most: int) -> Iterator[SubjectView]:
        """Yield the subjects with an active lease, as the person may see them; of `most` cards for each member."""
