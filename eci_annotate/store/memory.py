"""The stores in memory: the reference implementation, with which the others must agree."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from threading import Lock

from eci_annotate.errors import EciError, LeaseLost, NotFound
from eci_annotate.store.cards import Card, CardPage, CardQuery, check_card, page_of
from eci_annotate.store.fences import HeadsOf, append_each, check_fence, check_open, no_heads
from eci_annotate.store.folder.blob_store import NamedByContent
from eci_annotate.store.protocols import (
    Address,
    Append,
    DraftPart,
    Entry,
    Head,
    Holder,
    Record,
    busy,
    check_digest,
    check_month,
    check_scope,
    check_stream,
    no_stream,
    place_of,
)
from eci_annotate.workflow.codec import contains
from eci_annotate.workflow.trust.seals import START, check_chain, check_part, link


class MemoryEvents:
    """EventStore in memory."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._streams: dict[str, list[Record]] = {}
        self._feed: list[Entry] = []
        self._cards: dict[str, Card] = {}

    def append(
        self,
        stream: str,
        records: Sequence[Record],
        expected: int,
        card: Card | None = None,
        behind: Sequence[Head] = (),
    ) -> None:
        check_stream(stream)
        check_card(stream, card)
        with self._lock:
            have = len(self._streams.get(stream, ()))
            if have != expected or any(len(self._streams.get(each.stream, ())) != each.records for each in behind):
                raise busy()
            for index, record in enumerate(copy.deepcopy(list(records)), have):
                self._streams.setdefault(stream, []).append(record)
                self._feed.append(Entry(len(self._feed) + 1, stream, index, record))
            if card is not None:
                self._set([card])

    def append_many(self, appends: Sequence[Append]) -> None:
        for each in appends:
            self.append(each.stream, each.records, each.expected, each.card)

    def read(self, stream: str, after: int = 0) -> list[Record]:
        return copy.deepcopy(self._streams.get(check_stream(stream), [])[after:])

    def read_many(self, streams: Sequence[str]) -> dict[str, list[Record]]:
        return {stream: self.read(stream) for stream in streams}

    def feed(self, after: int = 0, limit: int | None = None) -> list[Entry]:
        return copy.deepcopy(list(islice(self._feed, after, None if limit is None else after + limit)))

    def feed_before(self, before: int | None, span: int, words: Sequence[str] = ()) -> tuple[int, list[Entry]]:
        end = len(self._feed) + 1 if before is None else before
        begin = max(1, end - span)
        found = (entry for entry in self._feed[begin - 1 : end - 1] if contains(entry.record, words))
        return begin, copy.deepcopy(list(found))[::-1]

    def heads_of(self, streams: Sequence[str]) -> dict[str, int]:
        return {name: len(self._streams[name]) for name in streams if name in self._streams}

    def heads(self, prefix: str = "") -> dict[str, int]:
        with self._lock:
            return {name: len(records) for name, records in self._streams.items() if name.startswith(prefix)}

    def cards(self, query: CardQuery) -> CardPage:
        with self._lock:
            return page_of(self._cards.values(), query)

    def cards_of(self, streams: Sequence[str]) -> dict[str, Card]:
        with self._lock:
            return {name: copy.deepcopy(self._cards[name]) for name in streams if name in self._cards}

    def recard(self, cards: Iterable[Card]) -> None:
        with self._lock:
            self._set(list(cards))

    def _set(self, cards: list[Card]) -> None:
        check_known((card.stream for card in cards), self._streams)
        self._cards.update({card.stream: replace(card, body=copy.deepcopy(card.body)) for card in cards})


def check_known(streams: Iterable[str], known: Iterable[str]) -> None:
    """Raise NotFound if a card's stream is unknown."""
    if set(streams).difference(known):
        raise no_stream()


class MemoryBlobs(NamedByContent):
    """BlobStore in memory."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._content: dict[str, dict[str, tuple[float, bytes]]] = {}
        self._clock = clock

    def keep(self, scope: str, digest: str, content: bytes) -> None:
        kept = self._clock(), bytes(content)
        self._content.setdefault(check_scope(scope), {})[check_digest(digest)] = kept

    def fetch(self, scope: str, digest: str) -> bytes:
        try:
            return self._content[check_scope(scope)][check_digest(digest)][1]
        except KeyError:
            raise NotFound("No content with this digest exists.", "Check the digest.") from None

    def drop(self, scope: str) -> int:
        return len(self._content.pop(check_scope(scope), {}))

    def expire(self, scope: str, digests: Iterable[str], before: datetime) -> list[str]:
        blobs = self._content.get(check_scope(scope), {})
        old = sorted(name for name in set(digests) if name in blobs and blobs[name][0] < before.timestamp())
        for name in old:
            del blobs[name]
        return old

    def names(self, scope: str) -> list[str]:
        return sorted(self._content.get(check_scope(scope), {}))

    def scopes(self) -> list[str]:
        return sorted(scope for scope, blobs in self._content.items() if blobs)


class MemoryDrafts:
    """DraftStore in memory; `heads_of` as of the EventStore beside it."""

    def __init__(self, heads_of: HeadsOf = no_heads) -> None:
        self._lock, self._heads_of = Lock(), heads_of
        self._holders: dict[Address, Holder] = {}
        self._journals: dict[Address, dict[int, tuple[Holder, list[Record]]]] = {}

    def open(self, address: Address, holder: Holder) -> None:
        place_of(address)
        with self._lock:
            now = self._holders.get(address)
            if now is not None and now.fence >= holder.fence:
                self._holders[address] = replace(check_fence(now, holder.fence), closed=False)
                return
            self._holders[address] = holder
            journals = self._journals.setdefault(address, {})
            own = (holder.owner, holder.version)
            past = [f for f, (h, _) in journals.items() if (h.owner, h.version) == own]
            carried = copy.deepcopy(journals[max(past)][1]) if past else []
            journals[holder.fence] = (holder, carried)

    def holder(self, address: Address) -> Holder | None:
        return self._holders.get(address)

    def renew(self, address: Address, fence: int, until: datetime, *, close: bool = False) -> None:
        with self._lock:
            now = check_fence(self._holders.get(address), fence)
            self._holders[address] = replace(now, until=until, closed=now.closed or close)

    def append(self, address: Address, fence: int, entries: Sequence[Record]) -> None:
        with self._lock:
            check_open(self._holders.get(address), fence)
            self._journals[address][fence][1].extend(copy.deepcopy(list(entries)))

    def append_many(self, parts: Sequence[DraftPart]) -> list[EciError | None]:
        return append_each(self, parts, self._heads_of)

    def sync(self, address: Address, fence: int) -> None:
        if fence not in self._journals.get(address, {}):
            raise LeaseLost("Draft not found.", "Start the task again.")

    def read(self, address: Address, fence: int) -> list[Record]:
        with self._lock:
            journal = self._journals.get(address, {}).get(fence)
            return copy.deepcopy(journal[1]) if journal else []

    def addresses(self, project: str = "") -> list[Address]:
        with self._lock:
            return sorted(each for each in self._journals if project in ("", each.project))

    def openings(self, address: Address) -> list[Holder]:
        with self._lock:
            return [holder for _, (holder, _) in sorted(self._journals.get(address, {}).items())]

    def drop(self, project: str, subject: str) -> int:
        with self._lock:
            of_subject = [each for each in self._journals if (each.project, each.subject) == (project, subject)]
            for address in of_subject:
                self._holders.pop(address, None)
            return sum(len(self._journals.pop(address)) for address in of_subject)


class MemoryAccess:
    """AccessStore in memory."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._months: dict[str, list[Record]] = {}

    def append(self, month: str, record: Record) -> None:
        with self._lock:
            records = self._months.setdefault(check_month(month), [])
            previous = records[-1]["digest"] if records else START
            records.append(copy.deepcopy(link(month, len(records), record, previous)))

    def extend(self, month: str, records: Sequence[Record]) -> None:
        for record in records:
            self.append(month, record)

    def read(self, month: str) -> list[Record]:
        with self._lock:
            records = copy.deepcopy(self._months.get(check_month(month), []))
        check_chain(month, records)
        return records

    def between(self, month: str, begin: int, end: int, words: Sequence[str] = ()) -> list[tuple[int, Record]]:
        with self._lock:
            part = copy.deepcopy(self._months.get(check_month(month), [])[begin:end])
        found = [(begin + n, record) for n, record in enumerate(part) if contains(record, words)]
        check_part(month, found)
        return found

    def months(self) -> list[str]:
        return sorted(self._months)

    def head(self, month: str) -> tuple[int, str]:
        records = self._months.get(check_month(month), [])
        return len(records), records[-1]["digest"] if records else START
