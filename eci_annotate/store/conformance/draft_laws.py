"""Requirements of every DraftStore, as checks like those of `event_laws`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

from eci_annotate.errors import Conflict, LeaseLost
from eci_annotate.store.conformance.card_laws import record_of, refuses
from eci_annotate.store.protocols import Address, DraftIndex, DraftPart, DraftStore, Head, Holder, Stores

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
PLACE = Address("p", "s", "t")


class IndexedDrafts(DraftStore, DraftIndex, Protocol):
    """A store of drafts, which also lists them."""


def holder_of(fence: int, owner: str = "anna", version: int = 1) -> Holder:
    """Return a holder for tests."""
    return Holder(fence, NOON, owner, version)


def a_draft_keeps_its_entries(store: IndexedDrafts) -> None:
    assert store.holder(PLACE) is None and store.read(PLACE, 1) == []
    store.open(PLACE, holder_of(1))
    store.append(PLACE, 1, [{"l": ["a", "b\n"]}, {"a": {"x": None}}])
    store.append(PLACE, 1, [])
    store.append(PLACE, 1, [{"l": ["c"]}])
    store.sync(PLACE, 1)
    assert store.read(PLACE, 1) == [{"l": ["a", "b\n"]}, {"a": {"x": None}}, {"l": ["c"]}]


def an_older_fence_writes_nothing(store: IndexedDrafts) -> None:
    store.open(PLACE, holder_of(1))
    store.open(PLACE, holder_of(2))
    refuses(LeaseLost, lambda: store.append(PLACE, 1, [{"l": ["x"]}]))
    refuses(LeaseLost, lambda: store.renew(PLACE, 1, NOON))
    refuses(LeaseLost, lambda: store.open(PLACE, holder_of(1)))
    refuses(LeaseLost, lambda: store.append(PLACE, 3, [{"l": ["x"]}]))
    assert store.read(PLACE, 1) == [] == store.read(PLACE, 2)


def many_are_added_each_under_its_own_fence(store: IndexedDrafts) -> None:
    places = [Address("p", "s", name) for name in ("c", "a", "b")]
    for number, place in enumerate(places, 1):
        store.open(place, holder_of(number))
    late = DraftPart(places[1], 1, [{"l": ["late"]}])
    parts = [DraftPart(place, number, [{"l": [place.task]}]) for number, place in enumerate(places, 1)]
    again = [DraftPart(places[0], 1, [{"l": [text]}]) for text in ("x", "y")]
    told = store.append_many([parts[0], late, *parts[1:], *again, DraftPart(PLACE, 1, [{"l": ["none"]}])])
    assert [type(each) for each in told] == [type(None), LeaseLost, *[type(None)] * 4, LeaseLost]
    assert store.read(places[0], 1) == [{"l": ["c"]}, {"l": ["x"]}, {"l": ["y"]}]
    assert store.read(places[1], 2) == [{"l": ["a"]}] and store.read(places[2], 3) == [{"l": ["b"]}]
    assert store.append_many([]) == [] and [type(each) for each in store.append_many([late])] == [LeaseLost]


def opening_again_changes_nothing(store: IndexedDrafts) -> None:
    store.open(PLACE, holder_of(1))
    store.append(PLACE, 1, [{"l": ["a"]}])
    store.open(PLACE, holder_of(1))
    assert store.read(PLACE, 1) == [{"l": ["a"]}]


def a_closed_draft_takes_nothing_more(store: IndexedDrafts) -> None:
    store.open(PLACE, holder_of(1))
    store.append(PLACE, 1, [{"l": ["a"]}])
    refuses(LeaseLost, lambda: store.renew(PLACE, 2, NOON, close=True))
    store.renew(PLACE, 1, NOON, close=True)
    store.renew(PLACE, 1, NOON + timedelta(hours=1))
    refuses(LeaseLost, lambda: store.append(PLACE, 1, [{"l": ["late"]}]))
    other = Address("p", "s", "u")
    store.open(other, holder_of(1))
    told = store.append_many([DraftPart(PLACE, 1, [{"l": ["late"]}]), DraftPart(other, 1, [{"l": ["b"]}])])
    assert [type(each) for each in told] == [LeaseLost, type(None)]
    holder = store.holder(PLACE)
    assert holder is not None and holder.closed and holder.until == NOON + timedelta(hours=1)
    assert store.read(PLACE, 1) == [{"l": ["a"]}]
    store.open(PLACE, holder_of(1))
    store.append(PLACE, 1, [{"l": ["b"]}])
    store.renew(PLACE, 1, NOON, close=True)
    store.open(PLACE, holder_of(2, version=2))
    store.append(PLACE, 2, [{"l": ["c"]}])
    assert store.read(PLACE, 1) == [{"l": ["a"]}, {"l": ["b"]}] and store.read(PLACE, 2) == [{"l": ["c"]}]


def own_work_is_carried_over(store: IndexedDrafts) -> None:
    store.open(PLACE, holder_of(1))
    store.append(PLACE, 1, [{"l": ["a"]}])
    store.open(PLACE, holder_of(2, "ben"))
    assert store.read(PLACE, 2) == []
    store.open(PLACE, holder_of(3))
    store.append(PLACE, 3, [{"l": ["b"]}])
    assert store.read(PLACE, 3) == [{"l": ["a"]}, {"l": ["b"]}]
    assert store.read(PLACE, 1) == [{"l": ["a"]}]
    store.open(PLACE, holder_of(4, version=2))
    assert store.read(PLACE, 4) == []


def a_renewal_moves_the_end(store: IndexedDrafts) -> None:
    store.open(PLACE, holder_of(1))
    store.renew(PLACE, 1, NOON + timedelta(minutes=5))
    assert store.holder(PLACE) == Holder(1, NOON + timedelta(minutes=5), "anna", 1)


def _fences(store: IndexedDrafts) -> list[int]:
    return [holder.fence for holder in store.openings(PLACE)]


def drafts_are_listed(store: IndexedDrafts) -> None:
    assert store.addresses() == [] and _fences(store) == [] == store.openings(PLACE)
    others = [Address("p", "s", "a"), Address("p", "r", "t"), Address("q", "s", "t")]
    for address in (PLACE, *others):
        store.open(address, holder_of(1))
    store.open(PLACE, holder_of(12, "ben"))
    store.renew(PLACE, 12, NOON + timedelta(minutes=5))
    assert store.addresses() == sorted([PLACE, *others])
    assert store.addresses("q") == [others[2]] and store.addresses("none") == []
    assert _fences(store) == [1, 12]
    assert store.openings(PLACE) == [holder_of(1), holder_of(12, "ben")]


def all_drafts_of_a_subject_are_dropped(store: IndexedDrafts) -> None:
    second, other = Address("p", "s", "b"), Address("p", "s2", "t")
    for address in (PLACE, second, other):
        store.open(address, holder_of(3))
        store.append(address, 3, [{"l": ["a"]}])
    store.open(PLACE, holder_of(4))
    assert store.drop("p", "s") == 3
    assert store.drop("p", "s") == 0 == store.drop("none", "s")
    assert store.addresses() == [other] and _fences(store) == [] and store.holder(PLACE) is None
    assert store.read(PLACE, 3) == store.read(PLACE, 4) == [] and store.read(other, 3) == [{"l": ["a"]}]
    refuses(LeaseLost, lambda: store.append(PLACE, 4, [{"l": ["late"]}]))
    refuses(LeaseLost, lambda: store.renew(PLACE, 4, NOON))
    store.open(PLACE, holder_of(5))
    assert store.read(PLACE, 5) == []


def bad_addresses_are_refused(store: IndexedDrafts) -> None:
    for address in (
        Address("", "s", "t"),
        Address("p", "../s", "t"),
        Address("p/s", "x", "t"),
        Address("p", "s", "t t"),
    ):
        refuses(ValueError, lambda address=address: store.open(address, holder_of(1)))  # type: ignore[misc]


def a_part_behind_a_stream_needs_its_length(stores: Stores) -> None:
    drafts, entry = stores.drafts, {"l": ["a"]}
    drafts.open(PLACE, holder_of(1))
    none, one = Head("project/p", 0), Head("project/p", 1)
    assert drafts.append_many([DraftPart(PLACE, 1, [entry], none)]) == [None]
    stores.events.append("project/p", [record_of("1")], 0)
    told = drafts.append_many([DraftPart(PLACE, 1, [entry], head) for head in (none, one, None, Head("q", 1))])
    assert [type(each) for each in told] == [Conflict, type(None), type(None), Conflict]
    assert [type(each) for each in drafts.append_many([DraftPart(PLACE, 1, [entry], none)])] == [Conflict]
    assert [type(each) for each in drafts.append_many([DraftPart(PLACE, 2, [entry], one)])] == [LeaseLost]
    assert drafts.read(PLACE, 1) == [entry] * 3


DRAFT_LAWS: Sequence[Callable[[IndexedDrafts], None]] = (
    a_draft_keeps_its_entries,
    an_older_fence_writes_nothing,
    many_are_added_each_under_its_own_fence,
    opening_again_changes_nothing,
    a_closed_draft_takes_nothing_more,
    own_work_is_carried_over,
    a_renewal_moves_the_end,
    drafts_are_listed,
    all_drafts_of_a_subject_are_dropped,
    bad_addresses_are_refused,
)
