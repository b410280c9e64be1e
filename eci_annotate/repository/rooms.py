"""The parts of an embedded repository, opened together: streams, blobs, drafts, archive, access; and the clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from eci_annotate.archive.folder import FolderArchive
from eci_annotate.errors import Conflict
from eci_annotate.repository.layout import Layout
from eci_annotate.repository.making import Workshop
from eci_annotate.repository.streams import Streams, subject_stream
from eci_annotate.repository.vault import SecretDrafts, SubjectBlobs, Vault
from eci_annotate.store.access import AccessLog
from eci_annotate.store.blobs import FolderBlobs
from eci_annotate.store.drafts import FolderDrafts
from eci_annotate.store.protocols import Address, Record
from eci_annotate.store.tiny import TinyEvents
from eci_annotate.workflow.events import Event
from eci_annotate.workflow.state import Subject, with_renewal
from eci_annotate.workflow.usecase import UseCase

Clock = Callable[[], datetime]
TRIES = 50


def utc_now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Rooms:
    """What the backend works with."""

    layout: Layout
    clock: Clock
    streams: Streams
    blobs: FolderBlobs
    vault: Vault
    drafts: SecretDrafts
    archive: FolderArchive
    access: AccessLog

    @classmethod
    def from_layout(cls, layout: Layout, clock: Clock = utc_now) -> Rooms:
        """Open the parts of a repository's folder."""
        root = layout.root
        vault = Vault(root / "vault")
        return cls(
            layout,
            clock,
            Streams(TinyEvents(root)),
            FolderBlobs(root / "blobs"),
            vault,
            SecretDrafts(FolderDrafts(root / "drafts"), vault),
            FolderArchive(layout.archive, layout.cache / "headers"),
            AccessLog(root / "access"),
        )

    def workshop(self, project: str, subject: str) -> Workshop:
        """What making a version of this subject needs."""
        return Workshop(self.archive, self.content(project, subject), self.layout.cache / "volumes")

    def content(self, project: str, subject: str) -> SubjectBlobs:
        """The blobs of a subject; use cases are the repository's own, in `blobs`."""
        return SubjectBlobs(self.blobs, self.vault, project, subject)

    def state(self, project: str, subject: str) -> tuple[list[Record], Subject]:
        """A subject's records, and its state with the leases as they were renewed."""
        records, state = self.streams.subject(project, subject)
        return records, self.renewed(state)

    def renewed(self, state: Subject) -> Subject:
        """The state with the ends of its leases as they were renewed since the last event."""
        for name, work in state.work.items():
            holder = self.drafts.holder(Address(state.project, state.subject, name)) if work.lease else None
            if holder is not None:
                state = with_renewal(state, name, holder.fence, holder.until)
        return state

    def append(self, stream: str, past: list[Record], events: tuple[Event, ...]) -> bool:
        """Whether the events could be added behind `past`; if not, read and decide again."""
        try:
            self.streams.append(stream, past, events)
        except Conflict:
            return False
        return True

    def append_subject(self, state: Subject, past: list[Record], events: tuple[Event, ...]) -> bool:
        """As `append`, for a subject's stream."""
        return self.append(subject_stream(state.project, state.subject), past, events)

    def use_case(self, digest: str) -> UseCase:
        """The published use case with this digest."""
        return UseCase.from_blob(self.blobs.get(digest))


def busy() -> Conflict:
    """What is raised when others were faster again and again."""
    return Conflict("The repository is too busy.", "Try again.")
