"""Copies the complete content of stores to others, record by record, in the same order: folder to database, and back.

The content of the target must be a prefix of the source: empty at first, more when an interrupted copy is
continued. Nothing in the target is ever replaced. Nobody may write to either store during the copy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from eci_annotate.errors import Refused, Tampered
from eci_annotate.store.protocols import (
    AccessStore,
    Address,
    Append,
    BlobStore,
    CardIndex,
    Entry,
    EventStore,
    Record,
    Stores,
)

Progress = Callable[[str, int, int], None]
_PIECE = 2000


def copy(source: Stores, target: Stores, progress: Progress | None = None) -> None:
    """Copy everything from `source` into `target`.

    Parameters
    ----------
    source, target
        Stores of any kind; the target is empty, or contains what an earlier, interrupted call copied.
    progress
        Called with the name of a part, the number of items done, and their total.

    Raises
    ------
    Refused
        If the target contains something that the source does not; it is then unchanged.
    """
    tell = progress or (lambda part, done, of: None)
    for check in (_check_blobs, _check_drafts, _check_access, _check_events):
        check(source, target)
    _copy_blobs(source.blobs, target.blobs, tell)
    _copy_drafts(source, target, tell)
    _copy_access(source.access, target.access, tell)
    _copy_events(source, target, tell)


def not_empty() -> Refused:
    """Return the error for a target with other content."""
    return Refused("The target is not empty.", "Choose an empty repository.")


def _check_blobs(source: Stores, target: Stores) -> None:
    for scope in target.blobs.scopes():
        have = set(source.blobs.names(scope))
        for name in target.blobs.names(scope):
            if name not in have or source.blobs.fetch(scope, name) != target.blobs.fetch(scope, name):
                raise not_empty()


def _check_drafts(source: Stores, target: Stores) -> None:
    for address in target.journals.addresses():
        openings = source.journals.openings(address)
        have = target.journals.openings(address)
        if have != openings[: len(have)]:
            raise not_empty()
        for number, holder in enumerate(have, 1):
            ours = source.drafts.read(address, holder.fence)
            theirs = target.drafts.read(address, holder.fence)
            if theirs != (ours if number < len(have) else ours[: len(theirs)]):
                raise not_empty()


def _check_access(source: Stores, target: Stores) -> None:
    for month in target.access.months():
        have = target.access.read(month)
        if have != source.access.read(month)[: len(have)]:
            raise not_empty()


def _check_events(source: Stores, target: Stores) -> None:
    for ours, theirs in zip(_pieces(source.events), _pieces(target.events), strict=False):
        if [_place(entry) for entry in theirs] != [_place(entry) for entry in ours[: len(theirs)]]:
            raise not_empty()
    if sum(target.events.heads().values()) > sum(source.events.heads().values()):
        raise not_empty()


def _place(entry: Entry) -> tuple[str, int, Record]:
    return entry.stream, entry.index, entry.record


def _pieces(events: EventStore, after: int = 0) -> Iterator[list[Entry]]:
    while piece := events.feed(after, _PIECE):
        yield piece
        after = piece[-1].position


def _copy_blobs(source: BlobStore, target: BlobStore, tell: Progress) -> None:
    scopes = source.scopes()
    for done, scope in enumerate(scopes, 1):
        have = set(target.names(scope))
        for name in source.names(scope):
            if name not in have:
                target.keep(scope, name, source.fetch(scope, name))
        tell("blobs", done, len(scopes))


def _copy_drafts(source: Stores, target: Stores, tell: Progress) -> None:
    addresses = source.journals.addresses()
    for done, address in enumerate(addresses, 1):
        _copy_draft(source, target, address)
        tell("drafts", done, len(addresses))


def _copy_draft(source: Stores, target: Stores, address: Address) -> None:
    finished = [holder.fence for holder in target.journals.openings(address)][:-1]
    ours, theirs = source.drafts, target.drafts
    for holder in source.journals.openings(address):
        if holder.fence not in finished:
            theirs.open(address, holder)
            entries = ours.read(address, holder.fence)
            have = theirs.read(address, holder.fence)
            if have != entries[: len(have)]:
                raise Refused("A draft does not continue the one before it.", "Verify the source; restore a backup.")
            theirs.append(address, holder.fence, entries[len(have) :])
            theirs.sync(address, holder.fence)
    now = ours.holder(address)
    if now is not None and now != theirs.holder(address):
        theirs.renew(address, now.fence, now.until, close=now.closed)


def _copy_access(source: AccessStore, target: AccessStore, tell: Progress) -> None:
    months = source.months()
    for done, month in enumerate(months, 1):
        records, (count, _) = source.read(month), target.head(month)
        for begin in range(count, len(records), _PIECE):
            piece = records[begin : begin + _PIECE]
            target.extend(month, [{"name": record["name"], "data": record["data"]} for record in piece])
        if target.head(month) != source.head(month):
            raise Tampered("An access stream was copied incorrectly.", "Verify the source; restore a backup.")
        tell("access", done, len(months))


def _copy_events(source: Stores, target: Stores, tell: Progress) -> None:
    heads, have = source.events.heads(), target.events.heads()
    done, total = 0, sum(heads.values())
    for piece in _pieces(source.events):
        new = [entry for entry in piece if entry.index >= have.get(entry.stream, 0)]
        target.events.append_many(_appends(new, source.cards, heads))
        done += len(piece)
        tell("events", done, total)
    _copy_late_cards(source.cards, target.cards, list(heads))


def _appends(entries: Sequence[Entry], source: CardIndex, heads: dict[str, int]) -> list[Append]:
    last = [entry.stream for entry in entries if entry.index == heads[entry.stream] - 1]
    cards = source.cards_of(last)
    found = []
    for stream, run in groupby(entries, key=lambda entry: entry.stream):
        group = list(run)
        card = cards.get(stream) if group[-1].index == heads[stream] - 1 else None
        found.append(Append(stream, [entry.record for entry in group], group[0].index, card))
    return found


def _copy_late_cards(source: CardIndex, target: CardIndex, streams: list[str]) -> None:
    """Copy cards that an earlier call omitted, or that were replaced since."""
    for begin in range(0, len(streams), _PIECE):
        names = streams[begin : begin + _PIECE]
        have = target.cards_of(names)
        target.recard(card for name, card in source.cards_of(names).items() if have.get(name) != card)
