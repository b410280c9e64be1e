"""What every store must do, as checks that run on any implementation: `for law in EVENT_LAWS: law(store)`.

Each law gets a fresh, empty store and raises AssertionError when the store breaks it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from eci_annotate.errors import Conflict, EciError, LeaseLost, NotFound
from eci_annotate.store.protocols import Address, BlobStore, DraftStore, EventStore, Holder, Record

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
PLACE = Address("p", "s", "t")


def _record(text: str) -> Record:
    return {"name": "x.1", "data": {"text": text}}


def _refuses(error: type[EciError], act: Callable[[], object]) -> None:
    try:
        act()
    except error:
        return
    raise AssertionError(f"{error.__name__} was expected")


def unknown_streams_are_empty(store: EventStore) -> None:
    assert store.read("a/b") == []
    assert store.feed() == []
    assert store.streams() == []


def what_is_appended_is_read(store: EventStore) -> None:
    store.append("a/b", [_record("1"), _record("é\n\u2028")], 0)
    store.append("a/b", [_record("3")], 2)
    assert store.read("a/b") == [_record("1"), _record("é\n\u2028"), _record("3")]
    assert store.read("a/b", after=2) == [_record("3")]


def a_wrong_expectation_changes_nothing(store: EventStore) -> None:
    store.append("a", [_record("1")], 0)
    for wrong in (0, 2):
        _refuses(Conflict, lambda wrong=wrong: store.append("a", [_record("2")], wrong))  # type: ignore[misc]
    assert store.read("a") == [_record("1")]
    assert len(store.feed()) == 1


def an_empty_append_changes_nothing(store: EventStore) -> None:
    store.append("a", [], 0)
    assert store.read("a") == [] and store.feed() == []


def the_feed_has_all_in_order(store: EventStore) -> None:
    for number in range(5):
        store.append(f"s/{number % 2}", [_record(f"{number}a"), _record(f"{number}b")], 2 * (number // 2))
    entries = store.feed()
    positions = [entry.position for entry in entries]
    assert positions == sorted(set(positions)) and positions[0] >= 1
    texts = [entry.record["data"]["text"] for entry in entries]
    assert texts == [f"{n}{half}" for n in range(5) for half in "ab"]
    assert all(store.read(e.stream)[e.index] == e.record for e in entries)
    for place, entry in enumerate(entries):
        assert store.feed(entry.position) == entries[place + 1 :]


def streams_are_listed(store: EventStore) -> None:
    for name in ("subject/p/S2", "subject/p/S1", "project/p"):
        store.append(name, [_record("1")], 0)
    assert store.streams("subject/p/") == ["subject/p/S1", "subject/p/S2"]
    assert len(store.streams()) == 3


def what_is_read_is_a_copy(store: EventStore) -> None:
    store.append("a", [_record("1")], 0)
    store.read("a")[0]["data"]["text"] = "changed"
    store.feed()[0].record["data"]["text"] = "changed"
    assert store.read("a") == [_record("1")]


def bad_stream_names_are_refused(store: EventStore) -> None:
    for name in ("", "../a", "a//b", "/a", "a/.b", "a b", "a/b/c/d/e"):
        try:
            store.append(name, [_record("1")], 0)
        except ValueError:
            continue
        raise AssertionError(name)


EVENT_LAWS: Sequence[Callable[[EventStore], None]] = (
    unknown_streams_are_empty,
    what_is_appended_is_read,
    a_wrong_expectation_changes_nothing,
    an_empty_append_changes_nothing,
    the_feed_has_all_in_order,
    streams_are_listed,
    what_is_read_is_a_copy,
    bad_stream_names_are_refused,
)


def blobs_come_back(store: BlobStore) -> None:
    for content in (b"", b"a", bytes(range(256)) * 500):
        key = store.put(content)
        assert len(key) == 64 and store.put(content) == key
        assert store.get(key) == content


def unknown_blobs_are_not_found(store: BlobStore) -> None:
    for key in ("0" * 64, "../../etc", ""):
        _refuses(NotFound, lambda key=key: store.get(key))  # type: ignore[misc]


BLOB_LAWS: Sequence[Callable[[BlobStore], None]] = (blobs_come_back, unknown_blobs_are_not_found)


def holder_of(fence: int, owner: str = "anna", version: int = 1) -> Holder:
    """A holder for tests."""
    return Holder(fence, NOON, owner, version)


def a_draft_keeps_its_entries(store: DraftStore) -> None:
    assert store.holder(PLACE) is None and store.read(PLACE, 1) == []
    store.open(PLACE, holder_of(1))
    store.append(PLACE, 1, [{"l": ["a", "b\n"]}, {"a": {"x": None}}])
    store.append(PLACE, 1, [])
    store.append(PLACE, 1, [{"l": ["c"]}])
    store.sync(PLACE, 1)
    assert store.read(PLACE, 1) == [{"l": ["a", "b\n"]}, {"a": {"x": None}}, {"l": ["c"]}]


def an_older_fence_writes_nothing(store: DraftStore) -> None:
    store.open(PLACE, holder_of(1))
    store.open(PLACE, holder_of(2))
    _refuses(LeaseLost, lambda: store.append(PLACE, 1, [{"l": ["x"]}]))
    _refuses(LeaseLost, lambda: store.renew(PLACE, 1, NOON))
    _refuses(LeaseLost, lambda: store.open(PLACE, holder_of(1)))
    _refuses(LeaseLost, lambda: store.append(PLACE, 3, [{"l": ["x"]}]))
    assert store.read(PLACE, 1) == [] == store.read(PLACE, 2)


def opening_again_changes_nothing(store: DraftStore) -> None:
    store.open(PLACE, holder_of(1))
    store.append(PLACE, 1, [{"l": ["a"]}])
    store.open(PLACE, holder_of(1))
    assert store.read(PLACE, 1) == [{"l": ["a"]}]


def own_work_is_carried_over(store: DraftStore) -> None:
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


def a_renewal_moves_the_end(store: DraftStore) -> None:
    store.open(PLACE, holder_of(1))
    store.renew(PLACE, 1, NOON + timedelta(minutes=5))
    assert store.holder(PLACE) == Holder(1, NOON + timedelta(minutes=5), "anna", 1)


DRAFT_LAWS: Sequence[Callable[[DraftStore], None]] = (
    a_draft_keeps_its_entries,
    an_older_fence_writes_nothing,
    opening_again_changes_nothing,
    own_work_is_carried_over,
    a_renewal_moves_the_end,
)
