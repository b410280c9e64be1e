"""Requirements of every store, as checks that run on any implementation: `for law in EVENT_LAWS: law(store)`.

Each law gets a new, empty store and raises AssertionError if the store violates it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from eci_annotate.errors import Conflict, NotFound
from eci_annotate.store.conformance.card_laws import CARD_LAWS, CardedEvents, record_of, refuses
from eci_annotate.store.protocols import AccessStore, BlobStore, Head
from eci_annotate.workflow.codec import contains, digest
from eci_annotate.workflow.trust.seals import START


def unknown_streams_are_empty(store: CardedEvents) -> None:
    assert store.read("a/b") == []
    assert store.feed() == []
    assert store.heads() == {}


def what_is_appended_is_read(store: CardedEvents) -> None:
    store.append("a/b", [record_of("1"), record_of("é\n\u2028")], 0)
    store.append("a/b", [record_of("3")], 2)
    assert store.read("a/b") == [record_of("1"), record_of("é\n\u2028"), record_of("3")]
    assert store.read("a/b", after=2) == [record_of("3")]


def a_wrong_expectation_changes_nothing(store: CardedEvents) -> None:
    store.append("a", [record_of("1")], 0)
    for wrong in (0, 2):
        refuses(Conflict, lambda wrong=wrong: store.append("a", [record_of("2")], wrong))  # type: ignore[misc]
    assert store.read("a") == [record_of("1")]
    assert len(store.feed()) == 1


def an_append_behind_another_stream_needs_its_length(store: CardedEvents) -> None:
    store.append("project/p", [record_of("1"), record_of("2")], 0)
    store.append("a", [record_of("1")], 0, behind=[Head("project/p", 2)])
    store.append("b", [record_of("1")], 0, behind=[Head("project/q", 0)])
    for name, wrong in (("project/p", 1), ("project/p", 3), ("project/q", 1)):
        head = Head(name, wrong)
        refuses(Conflict, lambda head=head: store.append("a", [record_of("2")], 1, behind=[head]))  # type: ignore[misc]
        both = [Head("b", 1), head]
        refuses(Conflict, lambda both=both: store.append("a", [record_of("2")], 1, behind=both))  # type: ignore[misc]
        refuses(Conflict, lambda both=both: store.append("a", [record_of("2")], 1, behind=both[::-1]))  # type: ignore[misc]
    for heads in ([Head("project/p", 2)], [Head("project/p", 2), Head("b", 1)]):
        refuses(Conflict, lambda heads=heads: store.append("a", [record_of("2")], 0, behind=heads))  # type: ignore[misc]
    assert store.read("a") == [record_of("1")] and [entry.position for entry in store.feed()] == [1, 2, 3, 4]
    store.append("a", [record_of("2")], 1, behind=[Head("project/p", 2), Head("b", 1), Head("project/q", 0)])
    assert len(store.read("a")) == 2 and store.heads() == {"a": 2, "b": 1, "project/p": 2}


def an_empty_append_changes_nothing(store: CardedEvents) -> None:
    store.append("a", [], 0)
    assert store.read("a") == [] and store.feed() == []


def the_feed_has_all_in_order(store: CardedEvents) -> None:
    for number in range(5):
        store.append(f"s/{number % 2}", [record_of(f"{number}a"), record_of(f"{number}b")], 2 * (number // 2))
    entries = store.feed()
    positions = [entry.position for entry in entries]
    assert positions == sorted(set(positions)) and positions[0] >= 1
    texts = [entry.record["data"]["text"] for entry in entries]
    assert texts == [f"{n}{half}" for n in range(5) for half in "ab"]
    assert all(store.read(e.stream)[e.index] == e.record for e in entries)
    for place, entry in enumerate(entries):
        assert store.feed(entry.position) == entries[place + 1 :]


def the_feed_is_read_backwards(store: CardedEvents) -> None:
    assert store.feed_before(None, 10) == (1, [])
    for number in range(40):
        store.append(f"s/{number % 7}", [record_of(f"{number}%_\\{half}") for half in "ab"], 2 * (number // 7))
    whole = store.feed()
    for span in (1, 7, 1000):
        for words in ((), ("%_\\\\a",), ("1", "a"), ("none",)):
            found, before = [], None
            while before is None or before > 1:
                before, entries = store.feed_before(before, span, words)
                found += entries
            assert found[::-1] == [entry for entry in whole if contains(entry.record, words)]


def streams_are_listed(store: CardedEvents) -> None:
    for name in ("subject/p/S2", "subject/p/S1", "project/p"):
        store.append(name, [record_of("1")], 0)
    assert sorted(store.heads("subject/p/")) == ["subject/p/S1", "subject/p/S2"]
    assert len(store.heads()) == 3


def what_is_read_is_a_copy(store: CardedEvents) -> None:
    store.append("a", [record_of("1")], 0)
    store.read("a")[0]["data"]["text"] = "changed"
    store.feed()[0].record["data"]["text"] = "changed"
    assert store.read("a") == [record_of("1")]


def bad_stream_names_are_refused(store: CardedEvents) -> None:
    for name in ("", "../a", "a//b", "/a", "a/.b", "a b", "a/b/c/d/e"):
        try:
            store.append(name, [record_of("1")], 0)
        except ValueError:
            continue
        raise AssertionError(name)


EVENT_LAWS: Sequence[Callable[[CardedEvents], None]] = (
    unknown_streams_are_empty,
    what_is_appended_is_read,
    a_wrong_expectation_changes_nothing,
    an_append_behind_another_stream_needs_its_length,
    an_empty_append_changes_nothing,
    the_feed_has_all_in_order,
    the_feed_is_read_backwards,
    streams_are_listed,
    what_is_read_is_a_copy,
    bad_stream_names_are_refused,
    *CARD_LAWS,
)


def blobs_come_back(store: BlobStore) -> None:
    for scope in ("", "p/S1"):
        for content in (b"", b"a", bytes(range(256)) * 500):
            for _ in range(2):
                store.keep(scope, digest(content), content)
            assert store.fetch(scope, digest(content)) == content


def a_name_is_what_the_caller_says(store: BlobStore) -> None:
    name = digest(b"plain")
    store.keep("p/S1", name, b"encrypted")
    assert store.fetch("p/S1", name) == b"encrypted"
    store.keep("p/S1", name, b"otherwise")
    assert store.fetch("p/S1", name) == b"otherwise" and store.names("p/S1") == [name]


def scopes_are_apart(store: BlobStore) -> None:
    assert store.scopes() == [] and store.names("p/S1") == [] and store.names("") == []
    for scope in ("p/S2", "", "p/S1", "ab/S1"):
        store.keep(scope, "0" * 64, scope.encode())
        store.keep(scope, digest(scope.encode()), b"own")
    assert store.scopes() == ["", "ab/S1", "p/S1", "p/S2"]
    assert store.names("p/S1") == sorted(["0" * 64, digest(b"p/S1")])
    assert store.fetch("p/S1", "0" * 64) == b"p/S1" and store.fetch("", "0" * 64) == b""
    refuses(NotFound, lambda: store.fetch("p/S1", digest(b"p/S2")))


def a_scope_is_dropped_whole(store: BlobStore) -> None:
    assert store.drop("p/S1") == 0
    for scope in ("", "p/S1", "p/S2"):
        for content in (b"1", b"2", b"3"):
            store.keep(scope, digest(content), content)
    assert store.drop("p/S1") == 3
    assert store.drop("p/S1") == 0
    assert store.names("p/S1") == [] and store.scopes() == ["", "p/S2"]
    refuses(NotFound, lambda: store.fetch("p/S1", digest(b"1")))
    assert store.fetch("", digest(b"1")) == store.fetch("p/S2", digest(b"1")) == b"1"
    store.keep("p/S1", digest(b"1"), b"1")
    assert store.names("p/S1") == [digest(b"1")]


def only_old_blobs_that_are_named_expire(store: BlobStore) -> None:
    past, future = (datetime.now(UTC) + timedelta(days=days) for days in (-1, 1))
    names = [digest(content) for content in (b"1", b"2", b"3")]
    for scope in ("", "p/S1", "p/S2"):
        for name in names:
            store.keep(scope, name, b"content")
    assert store.expire("p/S1", names, past) == [] == store.expire("p/S1", [], future)
    assert store.expire("p/S1", [*names[:2], names[0], "0" * 64], future) == sorted(names[:2])
    assert store.names("p/S1") == names[2:] and store.names("") == store.names("p/S2") == sorted(names)
    assert store.expire("p/none", names, future) == []
    store.keep("p/S1", names[0], b"content")
    assert store.fetch("p/S1", names[0]) == b"content"


def unknown_blobs_are_not_found(store: BlobStore) -> None:
    for key in ("0" * 64, "../../etc", "", "A" * 64):
        for scope in ("", "p/S1"):
            refuses(NotFound, lambda key=key, scope=scope: store.fetch(scope, key))  # type: ignore[misc]


def bad_scopes_are_refused(store: BlobStore) -> None:
    for scope in ("p", "p/S1/x", "../x", "/", "p/", "p/.x"):
        refuses(ValueError, lambda scope=scope: store.keep(scope, "0" * 64, b""))  # type: ignore[misc]
        refuses(ValueError, lambda scope=scope: store.drop(scope))  # type: ignore[misc]


def content_is_named_by_its_digest(store: BlobStore) -> None:
    key = store.put(b"content")
    assert key == store.put(b"content") == digest(b"content") and store.get(key) == b"content"
    assert store.names("") == [key]


BLOB_LAWS: Sequence[Callable[[BlobStore], None]] = (
    blobs_come_back,
    a_name_is_what_the_caller_says,
    scopes_are_apart,
    a_scope_is_dropped_whole,
    only_old_blobs_that_are_named_expire,
    unknown_blobs_are_not_found,
    bad_scopes_are_refused,
    content_is_named_by_its_digest,
)


def accesses_are_chained_by_month(store: AccessStore) -> None:
    assert store.months() == [] and store.read("2026-01") == [] and store.head("2026-01") == (0, START)
    for month in ("2026-02", "2026-01"):
        for number in range(3):
            store.append(month, {"name": "read.1", "data": {"n": number, "what": "é\n"}})
    records = store.read("2026-01")
    assert [record["data"]["n"] for record in records] == [0, 1, 2]
    assert records[0]["prev"] == START and records[1]["prev"] == records[0]["digest"]
    assert store.head("2026-01") == (3, records[2]["digest"]) and store.months() == ["2026-01", "2026-02"]
    assert store.read("2026-02")[2]["digest"] != records[2]["digest"]


def many_accesses_are_added_at_once(store: AccessStore) -> None:
    store.append("2026-01", record_of("0"))
    store.extend("2026-01", [record_of(text) for text in "123"])
    store.extend("2026-01", [])
    assert [record["data"]["text"] for record in store.read("2026-01")] == ["0", "1", "2", "3"]


def accesses_are_read_in_parts(store: AccessStore) -> None:
    store.extend("2026-01", [{"name": f"n{n % 3}", "data": {"w": 'é%_\\"' * (n % 50)}} for n in range(3000)])
    whole = list(enumerate(store.read("2026-01")))
    for begin, end in ((0, 3000), (2990, 3000), (0, 1), (1200, 1201), (500, 2500), (7, 7)):
        assert store.between("2026-01", begin, end) == whole[begin:end]
        for words in (['"name":"n1"'], ['%_\\\\\\"é'], ['"name":"n1"', "é"], ["not in any"], ["n_"]):
            found = [(n, record) for n, record in whole[begin:end] if contains(record, words)]
            assert store.between("2026-01", begin, end, words) == found


def bad_months_are_refused(store: AccessStore) -> None:
    for month in ("", "../x", "2026", "2026-1"):
        refuses(ValueError, lambda month=month: store.append(month, record_of("1")))  # type: ignore[misc]


ACCESS_LAWS: Sequence[Callable[[AccessStore], None]] = (
    accesses_are_chained_by_month,
    many_accesses_are_added_at_once,
    accesses_are_read_in_parts,
    bad_months_are_refused,
)
