"""The backend of one person at the stores themselves, with the parts by which they administer; see `PersonBackend`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from eci_annotate.errors import NotFound
from eci_annotate.repository.admin.held_files import HeldSet, delete_held, held_sets, require_reason
from eci_annotate.repository.admin.import_dicom import Imported, import_folders, release_held
from eci_annotate.repository.admin.import_scan import Progress
from eci_annotate.repository.admin.new_project import new_project, owned_project, publish
from eci_annotate.repository.layout.protocol_proposals import (
    ProposalEvidence,
    ProtocolProposal,
    decline_proposal,
    evidence_of,
    protocol_proposals,
    publish_proposal,
)
from eci_annotate.repository.local.backend import LocalBackend
from eci_annotate.repository.local.context import Context
from eci_annotate.repository.local.identity import Identity
from eci_annotate.repository.sync.outbox_entries import OutboxEntry
from eci_annotate.repository.sync.pull_rules import PullRule, rules
from eci_annotate.repository.sync.pull_studies import PullOutcome, outcome_of
from eci_annotate.repository.sync.sync_outbox import Outbox
from eci_annotate.repository.sync.sync_targets import SyncTarget, targets
from eci_annotate.workflow.actor import Permission
from eci_annotate.workflow.usecase.usecase import UseCase


class LocalPerson(LocalBackend):
    """See `PersonBackend`."""

    def __init__(self, context: Context, identity: Identity) -> None:
        super().__init__(context, identity)
        self.projects = LocalProjects(self)
        self.intake = LocalIntake(self)
        self.hanging = LocalHangingProposals(self)
        self.exchange = LocalExchange(self)


class LocalProjects:
    """See `Projects`."""

    def __init__(self, backend: LocalBackend) -> None:
        self._backend = backend

    def check_may_open(self) -> None:
        """See `Projects`."""
        owned_project(self._backend)

    def open(self, name: str, case: UseCase) -> None:
        """See `Projects`."""
        new_project(self._backend, name, case)

    def publish(self, project: str, case: UseCase) -> None:
        """See `Projects`."""
        publish(self._backend, project, case)


class LocalIntake:
    """See `Intake`."""

    def __init__(self, backend: LocalBackend) -> None:
        self._backend = backend

    def import_folders(
        self, folders: Iterable[Path], *, project: str, site: str, progress: Progress | None = None
    ) -> Imported:
        """See `Intake`."""
        return import_folders(self._backend, folders, project=project, site=site, progress=progress)

    def held(self, project: str) -> list[HeldSet]:
        """See `Intake`."""
        return [each for each in held_sets(self._backend) if each.project == project]

    def check_reason(self, reason: str) -> None:
        """See `Intake`."""
        require_reason(reason)

    def release(self, held: str, reason: str, progress: Progress | None = None) -> Imported:
        """See `Intake`."""
        return release_held(self._backend, held, reason, progress)

    def delete(self, held: str) -> None:
        """See `Intake`."""
        delete_held(self._backend, held)


class LocalHangingProposals:
    """See `HangingProposals`."""

    def __init__(self, backend: LocalBackend) -> None:
        self._backend = backend

    def listed(self, project: str) -> list[ProtocolProposal]:
        """See `HangingProposals`."""
        return protocol_proposals(self._backend, project)

    def evidence(self, project: str, proposed: Sequence[ProtocolProposal]) -> list[ProposalEvidence | None]:
        """See `HangingProposals`."""
        return evidence_of(self._backend, project, proposed)

    def publish(self, project: str, proposed: ProtocolProposal) -> UseCase:
        """See `HangingProposals`."""
        return publish_proposal(self._backend, project, proposed)

    def decline(self, project: str, proposed: ProtocolProposal, reason: str) -> None:
        """See `HangingProposals`."""
        decline_proposal(self._backend, project, proposed, reason)


class LocalExchange:
    """See `ArchiveExchange`."""

    def __init__(self, backend: LocalBackend) -> None:
        self._backend = backend

    def targets(self, project: str) -> list[SyncTarget]:
        """See `ArchiveExchange`."""
        if not self._backend.account.actor.may(Permission.ADMINISTER, project):
            return []
        return [each for each in targets(self._backend) if each.project == project and not each.pull_only]

    def entries(self, target: SyncTarget) -> list[OutboxEntry]:
        """See `ArchiveExchange`."""
        return self._outbox(target).entries()

    def retry(self, target: SyncTarget) -> int:
        """See `ArchiveExchange`."""
        return self._outbox(target).retry()

    def rules(self, project: str) -> list[tuple[PullRule, PullOutcome | None]]:
        """See `ArchiveExchange`."""
        mine = [each for each in rules(self._backend) if each.project == project]
        return [(each, outcome_of(self._backend, each)) for each in mine]

    def fingerprint(self, position: int) -> str:
        """See `ArchiveExchange`."""
        return self._backend.context.streams.fingerprint(position) if position else ""

    def _outbox(self, target: SyncTarget) -> Outbox:
        """Return the outbox of a target that the person sees; the target may come from elsewhere."""
        if target not in self.targets(target.project):
            raise NotFound("Target not found, or you do not have access to it.", "Choose one in the list.")
        return Outbox(self._backend, target)
