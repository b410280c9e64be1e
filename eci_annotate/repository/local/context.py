"""The parts of a repository, opened together: streams, blobs, drafts, archive, access; and the clock.

What is stored (events, blobs, drafts, access) lies in the folder or in PostgreSQL; keys and images lie in the folder.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial, reduce

from eci_annotate.archive.protocol import Archive
from eci_annotate.decoder.direct_reader import DirectReader
from eci_annotate.decoder.file_reader import FileReader
from eci_annotate.errors import Conflict
from eci_annotate.repository.keys.repository_folder import Layout, StoreKind
from eci_annotate.repository.keys.subject_encryption import SecretDrafts, SubjectBlobs, Vault
from eci_annotate.repository.local.event_streams import Streams, subject_stream
from eci_annotate.repository.local.proposal import Proposals, Workshop
from eci_annotate.repository.local.volumes.image_seals import ImageSeals
from eci_annotate.repository.local.volumes.open_archive import open_archive
from eci_annotate.repository.local.volumes.signature_files import SignatureFiles
from eci_annotate.repository.local.volumes.volume_cache import VolumeCache
from eci_annotate.store.open_stores import open_folder, open_postgres
from eci_annotate.store.protocols import AccessStore, Address, BlobStore, Head, Record, Stores
from eci_annotate.workflow.actor import Actor
from eci_annotate.workflow.subject.events import Event
from eci_annotate.workflow.subject.state import Subject, evolve, with_renewal
from eci_annotate.workflow.subject.view import SubjectView, view
from eci_annotate.workflow.usecase.usecase import UseCase

Clock = Callable[[], datetime]
TRIES = 50


def utc_now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Context:
    """What the backend works with."""

    layout: Layout
    clock: Clock
    streams: Streams
    blobs: BlobStore
    vault: Vault
    drafts: SecretDrafts
    archive: Archive
    access: AccessStore
    stores: Stores
    volumes: VolumeCache
    proposals: Proposals = field(default_factory=Proposals)

    @classmethod
    def from_layout(
        cls, layout: Layout, clock: Clock = utc_now, connections: int = 4, reader: FileReader | None = None
    ) -> Context:
        """Open the parts of a repository; a database is given `connections` at most.

        `reader` reads DICOM files: by default in this process, as is right where only its own person's files are read.
        """
        reader = reader or DirectReader()
        stores = open_stores(layout, connections)
        vault = Vault(layout.vault)
        streams = Streams(stores.events, stores.cards)
        streams.mend_cards()
        key = layout.cache_key()
        archive = open_archive(layout, key, reader)
        seals = ImageSeals(streams, partial(SubjectBlobs, stores.blobs, vault))
        return cls(
            layout,
            clock,
            streams,
            stores.blobs,
            vault,
            SecretDrafts(stores.drafts, vault),
            archive,
            stores.access,
            stores,
            VolumeCache(archive, layout.cache / "volumes", key, seals.of, reader),
        )

    @property
    def reader(self) -> FileReader:
        """What reads DICOM files."""
        return self.volumes.reader

    @property
    def signature_files(self) -> SignatureFiles:
        """Which files signatures put into the archive."""
        return SignatureFiles(self.layout.root / "register")

    def workshop(self, project: str, subject: str) -> Workshop:
        """What making a version of this subject needs."""
        return Workshop(self.archive, self.content(project, subject), self.volumes, self.signature_files)

    def content(self, project: str, subject: str) -> SubjectBlobs:
        """The blobs of a subject; use cases are the repository's own, in `blobs`."""
        return SubjectBlobs(self.blobs, self.vault, project, subject)

    def state(self, project: str, subject: str) -> tuple[list[Record], Subject]:
        """A subject's records, and its state with the leases as they were renewed."""
        records, state = self.streams.subject(project, subject)
        return records, self.renewed(state)

    def seen(self, project: str, subject: str, actor: Actor) -> SubjectView:
        """A subject as an actor may see it now."""
        with self.streams.noticing(project, subject):
            return view(self.state(project, subject)[1], actor, self.clock())

    def renewed(self, state: Subject, after: datetime | None = None) -> Subject:
        """The state with the ends of its leases as they were renewed since the last event.

        With `after` only of those that were over then by their event: whether a task is free needs no more.
        """
        for name, work in state.work.items():
            over = work.lease is not None and (after is None or not work.lease.is_live(after))
            holder = self.drafts.holder(Address(state.project, state.subject, name)) if over else None
            if holder is not None:
                state = with_renewal(state, name, holder.fence, holder.until)
        return state

    def append(
        self,
        stream: str,
        past: list[Record],
        events: tuple[Event, ...],
        state: Subject | None = None,
        behind: Sequence[Head] = (),
    ) -> bool:
        """Whether the events could be added behind `past`; if not, read and decide again."""
        if not events:
            return True
        try:
            self.streams.append(stream, past, events, state, behind)
        except Conflict:
            return False
        return True

    def append_subject(
        self, state: Subject, past: list[Record], events: tuple[Event, ...], behind: Sequence[Head]
    ) -> Subject | None:
        """The subject as it is behind the events, if they could be added; None: read and decide again.

        `behind` has the project as it was when the actor's roles were read: nobody acts with a role that was removed.
        """
        then = reduce(lambda known, event: evolve(event, known), events, state)
        return then if self.append(subject_stream(then.project, then.subject), past, events, then, behind) else None

    def use_case(self, digest: str) -> UseCase:
        """The published use case with this digest."""
        return UseCase.from_blob(self.blobs.get(digest))


def open_stores(layout: Layout, connections: int = 4) -> Stores:
    """What the repository's `eci.json` says that it is kept in."""
    match layout.store:
        case StoreKind.POSTGRES:
            return open_postgres(layout.dsn(), connections)
        case StoreKind.FOLDER:
            return open_folder(layout.root)


def busy() -> Conflict:
    """What is raised when others were faster again and again."""
    return Conflict("The repository is too busy.", "Try again.")
