"""A copy has all that the original has, record for record and in its order, from each kind of store to each."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from eci_annotate.errors import Refused, StoreUnavailable
from eci_annotate.store.cards import CardQuery
from eci_annotate.store.conformance.card_laws import card_of, record_of
from eci_annotate.store.conformance.draft_laws import NOON, holder_of
from eci_annotate.store.copy_stores import copy
from eci_annotate.store.open_stores import open_folder, open_memory, open_postgres
from eci_annotate.store.protocols import Address, Stores
from eci_annotate.workflow.codec import digest
from tests.counts import FAST
from tests.postgres import Server


def fill(stores: Stores) -> Stores:
    """Streams that interleave, blobs of several scopes, drafts that were taken over and back, accesses."""
    for turn in range(3):
        for n in range(30):
            card = card_of(n, word=f"turn:{turn}") if n % 3 else None
            stores.events.append(card_of(n).stream, [record_of(f"{turn}a"), record_of(f"{turn}b")], 2 * turn, card)
    stores.events.append("project/p", [record_of("é\0")], 0)
    stores.cards.recard([card_of(n, word="late") for n in (1, 2, 3)])
    for scope in ("", "p/S1", "p/S2"):
        for content in (b"", b"1", bytes(range(256)) * 999):
            stores.blobs.keep(scope, digest(content), content + scope.encode())
    _draw(stores)
    for month in ("2025-12", "2026-01"):
        stores.access.extend(month, [record_of(str(n)) for n in range(20)])
    return stores


def _draw(stores: Stores) -> None:
    place = Address("p", "S1", "annotate")
    for fence, owner, version in ((1, "anna", 1), (3, "ben", 1), (4, "anna", 1), (7, "anna", 2)):
        stores.drafts.open(place, holder_of(fence, owner, version))
        stores.drafts.append(place, fence, [{"l": [f"{fence}-{n}"]} for n in range(5)])
    stores.drafts.renew(place, 7, NOON.replace(hour=15))
    stores.drafts.open(Address("q", "S1", "review"), holder_of(2))


def contents(stores: Stores) -> dict[str, Any]:
    """All that the stores keep."""
    feed = [(entry.stream, entry.index, entry.record) for entry in stores.events.feed()]
    streams, drafts, index = sorted(stores.events.heads()), stores.drafts, stores.journals
    openings = [(a, index.openings(a)) for a in index.addresses()]
    journals = [(a, each.fence, drafts.read(a, each.fence)) for a, opened in openings for each in opened]
    return {
        "feed": feed,
        "streams": stores.events.read_many(streams),
        "heads": stores.events.heads(),
        "cards": stores.cards.cards_of(streams),
        "page": stores.cards.cards(CardQuery("p", sort="site", size=1000)),
        "blobs": {(s, n): stores.blobs.fetch(s, n) for s in stores.blobs.scopes() for n in stores.blobs.names(s)},
        "holders": [(a, drafts.holder(a), opened) for a, opened in openings],
        "journals": journals,
        "access": {month: stores.access.read(month) for month in stores.access.months()},
    }


def test_there_and_back_through_all_kinds(tmp_path: Path, dsn: str, postgres: Server) -> None:
    second = postgres.fresh()
    chain = [
        fill(open_folder(tmp_path / "a")),
        open_postgres(dsn),
        open_memory(),
        open_postgres(second),
        open_folder(tmp_path / "b"),
        open_memory(),
        open_folder(tmp_path / "c"),
    ]
    expected = contents(chain[0])
    for source, target in pairwise(chain):
        copy(source, target)
        assert contents(target) == expected
    assert contents(open_folder(tmp_path / "c")) == expected == contents(chain[0])
    for each in chain:
        each.close()
    postgres.drop(second)


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    copy(fill(open_memory()), open_folder(tmp_path), lambda *all: told.append(all))
    assert {part for part, _, _ in told} == {"blobs", "drafts", "access", "events"}
    assert all(done == of for part, done, of in told if (part, done, of) == [t for t in told if t[0] == part][-1])


@pytest.mark.parametrize("part", ["events", "blobs", "drafts", "access"])
def test_a_target_with_something_else_is_refused_unchanged(part: str, stores: Stores) -> None:
    match part:
        case "events":
            stores.events.append("project/other", [record_of("x")], 0)
        case "blobs":
            stores.blobs.keep("p/S1", "0" * 64, b"x")
        case "drafts":
            stores.drafts.open(Address("p", "S9", "annotate"), holder_of(1))
        case "access":
            stores.access.append("2026-01", record_of("x"))
    before = contents(stores)
    with pytest.raises(Refused, match="empty"):
        copy(fill(open_memory()), stores)
    assert contents(stores) == before


def test_a_copy_that_was_broken_off_is_continued(stores: Stores) -> None:
    source = fill(open_memory())
    for stop in (1, 2, 3, 4, 5, 6):
        count = 0

        def broken(*_: object, stop: int = stop) -> None:
            nonlocal count
            count += 1
            if count == stop:
                raise StoreUnavailable("The line is cut.")

        with pytest.raises(StoreUnavailable):
            copy(source, stores, broken)
    copy(source, stores)
    assert contents(stores) == contents(source)
    copy(source, stores)
    assert contents(stores) == contents(source)


def test_a_feed_that_was_broken_off_anywhere_is_continued(tmp_path: Path) -> None:
    source = fill(open_memory())
    entries = source.events.feed()
    for length in range(0, len(entries), 41 if FAST else 23):
        target = open_folder(tmp_path / str(length))
        for entry in entries[:length]:
            target.events.append(entry.stream, [entry.record], entry.index)
        copy(source, target)
        assert contents(target) == contents(source)
