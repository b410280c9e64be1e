"""Periodic work, at the stores themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from eci_annotate.repository.admin.orphans import remove_when_due
from eci_annotate.repository.backend import Check
from eci_annotate.repository.derivation.service_tasks import DerivedTasks
from eci_annotate.repository.local.checkpoints import prove, take_when_new
from eci_annotate.repository.local.context import Context
from eci_annotate.repository.local.erase import finish_withdrawals
from eci_annotate.repository.local.event_streams import SUBJECTS
from eci_annotate.repository.local.lease_list import lease_holders
from eci_annotate.repository.service.protocol import SubjectNews
from eci_annotate.repository.sites.ingest_arrivals import ingest_all
from eci_annotate.repository.sync.pull_studies import pull_due
from eci_annotate.repository.sync.sync_states import SyncState, sync_states
from eci_annotate.store.atomic_files import locked, write_atomic
from eci_annotate.store.protocols import Entry
from eci_annotate.workflow.subject.events import from_record


class LocalUpkeep:
    """See `Upkeep`."""

    def __init__(self, context: Context) -> None:
        self._context, self._derived = context, DerivedTasks(context)

    def checkpoint(self) -> bool:
        """See `Upkeep`."""
        return take_when_new(self._context)

    def prove(self) -> list[Check]:
        """See `Upkeep`."""
        return prove(self._context)

    def clean_up(self) -> int:
        """See `Upkeep`."""
        return finish_withdrawals(self._context) + remove_when_due(self._context)

    def ingest(self) -> int:
        """See `Upkeep`."""
        return ingest_all(self._context)

    def derive(self) -> int:
        """See `Upkeep`."""
        return self._derived.step()

    def news(self, reader: str) -> Iterator[SubjectNews]:
        """See `Upkeep`; the position is a file of the reader's name beside the repository's other files."""
        place = self._context.layout.root / reader
        with locked(place.with_suffix(".lock")):
            after = _position(place)
            entries = self._context.streams.feed(after)
            if entries:
                write_atomic(place, str(entries[-1].position).encode())
        return self._news(entries if after else ())

    def _news(self, entries: Iterable[Entry]) -> Iterator[SubjectNews]:
        first: dict[str, int] = {}
        for entry in entries:
            if entry.stream.startswith(SUBJECTS):
                first.setdefault(entry.stream, entry.index)
        for stream, since in first.items():
            yield SubjectNews(tuple(map(from_record, self._context.streams.records(stream))), since)

    def synchronise(self) -> list[SyncState]:
        """See `Upkeep`."""
        pull_due(self._context)
        return sync_states(self._context.layout.root)

    def lease_holders(self) -> list[str]:
        """See `Upkeep`."""
        return lease_holders(self._context)


def _position(place: Path) -> int:
    return int(place.read_text()) if place.exists() else 0
