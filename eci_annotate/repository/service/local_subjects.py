"""Subjects for the service itself, at the stores themselves."""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr

from eci_annotate.archive.protocol import Study
from eci_annotate.errors import EciError
from eci_annotate.repository.draft_entries import content_digest
from eci_annotate.repository.local.command_handler import address_of
from eci_annotate.repository.local.context import Context
from eci_annotate.repository.local.proposal import Proposal
from eci_annotate.repository.local.sign import proposal_of
from eci_annotate.store.protocols import DraftPart
from eci_annotate.workflow.actor import Actor
from eci_annotate.workflow.subject.commands import Sign
from eci_annotate.workflow.subject.state import Subject


class LocalSubjects:
    """See `StoredSubjects`."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def state(self, project: str, subject: str) -> Subject:
        """See `StoredSubjects`."""
        return self._context.state(project, subject)[1]

    def keep(self, project: str, subject: str, content: bytes) -> str:
        """See `StoredSubjects`."""
        return self._context.content(project, subject).put(content)

    def kept(self, project: str, subject: str, digest: str) -> bytes:
        """See `StoredSubjects`."""
        return self._context.content(project, subject).get(digest)

    def save(self, parts: Sequence[DraftPart]) -> list[EciError | None]:
        """See `StoredSubjects`."""
        return self._context.drafts.append_many(parts)

    def draft_digest(self, command: Sign) -> str:
        """See `StoredSubjects`."""
        return content_digest(self._context.drafts.read(address_of(command, command.task), command.fence))

    def proposal(self, command: Sign, state: Subject, actor: Actor) -> Proposal:
        """See `StoredSubjects`."""
        return proposal_of(self._context, command, state, actor, self._context.clock())

    def studies(self, subject: str) -> list[Study]:
        """See `StoredSubjects`."""
        return self._context.volumes.stacks.studies(subject)

    def volume(self, subject: str, series_uid: str) -> xr.DataArray:
        """See `StoredSubjects`."""
        return self._context.volumes.read(subject, series_uid)
