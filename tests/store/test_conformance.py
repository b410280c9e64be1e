"""Every store keeps every law; random appends on each equal those on the reference."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eci_annotate.errors import EciError, LeaseLost, NotFound, Tampered
from eci_annotate.store.cards import CardQuery
from eci_annotate.store.conformance.card_laws import CardedEvents, card_of
from eci_annotate.store.conformance.draft_laws import (
    DRAFT_LAWS,
    PLACE,
    IndexedDrafts,
    a_part_behind_a_stream_needs_its_length,
    holder_of,
)
from eci_annotate.store.conformance.event_laws import ACCESS_LAWS, BLOB_LAWS, EVENT_LAWS
from eci_annotate.store.folder.blob_store import FolderBlobs
from eci_annotate.store.folder.draft_store import FolderDrafts
from eci_annotate.store.folder.event_store import TinyEvents
from eci_annotate.store.memory import MemoryEvents
from eci_annotate.store.open_stores import open_postgres
from eci_annotate.store.protocols import AccessStore, BlobStore, EventStore, Stores
from tests.counts import count, examples


@pytest.mark.parametrize("law", EVENT_LAWS)
def test_event_stores(law: Callable[[CardedEvents], None], stores: Stores) -> None:
    law(cast(CardedEvents, stores.events))


@pytest.mark.parametrize("law", BLOB_LAWS)
def test_blob_stores(law: Callable[[BlobStore], None], stores: Stores) -> None:
    law(stores.blobs)


@pytest.mark.parametrize("law", DRAFT_LAWS)
def test_draft_stores(law: Callable[[IndexedDrafts], None], stores: Stores) -> None:
    law(cast(IndexedDrafts, stores.drafts))


def test_drafts_behind_a_stream(stores: Stores) -> None:
    a_part_behind_a_stream_needs_its_length(stores)


@pytest.mark.parametrize("law", ACCESS_LAWS)
def test_access_stores(law: Callable[[AccessStore], None], stores: Stores) -> None:
    law(stores.access)


APPEND = st.tuples(st.sampled_from(["a", "b/c"]), st.integers(0, 3), st.integers(-1, 1))


@pytest.mark.soak
@settings(max_examples=examples(40, 5000), deadline=None)
@given(st.lists(APPEND, max_size=12))
def test_tinydb_does_as_memory_does(steps: list[tuple[str, int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        stores: list[EventStore] = [MemoryEvents(), TinyEvents(Path(folder))]
        for number, (stream, count, shift) in enumerate(steps):
            records = [{"name": "x.1", "data": {"n": number, "i": i}} for i in range(count)]
            answers = [_append(store, stream, records, shift) for store in stores]
            assert answers[0] == answers[1]
        assert stores[0].feed() == stores[1].feed()
        assert stores[0].heads() == stores[1].heads()
        stores[1].rebuild()  # type: ignore[attr-defined]
        assert stores[0].feed(3) == stores[1].feed(3)


def _append(store: EventStore, stream: str, records: list[dict[str, object]], shift: int, card: bool = False) -> str:
    try:
        expected = len(store.read(stream)) + shift
        store.append(
            stream, records, expected, replace(card_of(1), stream=stream, body={"n": expected}) if card else None
        )
    except EciError as error:
        return type(error).__name__
    return "done"


def test_postgres_does_as_memory_does(dsn: str) -> None:
    opened = open_postgres(dsn)
    draw, memory = random.Random(7), MemoryEvents()
    stores: list[EventStore] = [memory, opened.events]
    for number in range(count(300, 5000)):
        stream, shift, card = draw.choice(["a", "b/c", "d"]), draw.choice([-1, 0, 0, 0, 1]), draw.random() < 0.5
        records = [{"name": "x.1", "data": {"n": number, "i": i}} for i in range(draw.randint(0, 3))]
        assert len({_append(store, stream, records, shift, card) for store in stores}) == 1
    assert stores[0].feed() == stores[1].feed() and stores[0].heads() == stores[1].heads()
    assert memory.cards(CardQuery("p")) == opened.cards.cards(CardQuery("p"))
    opened.close()


def test_a_changed_blob_is_found(tmp_path: Path) -> None:
    store = FolderBlobs(tmp_path)
    key = store.put(b"content")
    path = tmp_path / key[:2] / key[2:]
    path.write_bytes(b"Content")
    with pytest.raises(Tampered):
        store.get(key)
    assert store.put(b"content") == key and store.get(key) == b"content"
    path.unlink()
    with pytest.raises(NotFound):
        store.get(key)


def test_a_position_announced_but_not_committed_is_given_to_nobody(tmp_path: Path) -> None:
    store = TinyEvents(tmp_path)
    store.append("a", [{"name": "x.1", "data": {}}], 0)
    with (tmp_path / "feed.jsonl").open("ab") as feed:
        feed.write(b'{"n":1,"p":2,"s":"b"}\n{"n":1,"p":3,"s"')
    assert [entry.position for entry in store.feed()] == [1]
    store.append("b", [{"name": "x.1", "data": {}}], 0)
    assert [(entry.position, entry.stream) for entry in store.feed()] == [(1, "a"), (3, "b")]


def test_a_lost_feed_is_made_anew(tmp_path: Path) -> None:
    store = TinyEvents(tmp_path)
    for number in range(300):
        store.append(f"s/{number % 7}", [{"name": "x.1", "data": {}}], number // 7)
    before = store.feed()
    (tmp_path / "feed.jsonl").unlink()
    assert store.feed() == before and store.feed(290) == before[290:]
    (tmp_path / "feed.jsonl").unlink()
    store.append("new", [{"name": "x.1", "data": {}}], 0)
    assert [entry.position for entry in store.feed(299)] == [300, 301]


def test_damage_is_named(tmp_path: Path) -> None:
    store = TinyEvents(tmp_path)
    store.append("a", [{"name": "x.1", "data": {}}], 0)
    (tmp_path / "streams" / "a.json").write_bytes(b'{"events": {"1": ')
    with pytest.raises(Tampered):
        store.read("a")
    with pytest.raises(Tampered):
        store.append("a", [{"name": "x.1", "data": {}}], 1)


@pytest.mark.parametrize("number", [b":", b"2", b"r", b"-1"])
def test_a_row_that_is_numbered_otherwise_is_named(tmp_path: Path, number: bytes) -> None:
    store = TinyEvents(tmp_path)
    store.append("a", [{"name": "x.1", "data": {}}], 0)
    path = tmp_path / "streams" / "a.json"
    path.write_bytes(path.read_bytes().replace(b'"events":{"1"', b'"events":{"' + number + b'"'))
    with pytest.raises(Tampered):
        store.read("a")


@pytest.mark.parametrize("torn", [b"{", b'{"l":["half', b'{"l":["whole"]}'])
def test_a_torn_last_line_is_left_out_and_mended(tmp_path: Path, torn: bytes) -> None:
    store = FolderDrafts(tmp_path)
    store.open(PLACE, holder_of(1))
    store.append(PLACE, 1, [{"l": ["a"]}])
    journal = next(tmp_path.rglob("000001.jsonl"))
    with journal.open("ab") as file:
        file.write(torn)
    assert store.read(PLACE, 1) == [{"l": ["a"]}]
    store.append(PLACE, 1, [{"l": ["b"]}])
    assert store.read(PLACE, 1) == [{"l": ["a"]}, {"l": ["b"]}]
    with journal.open("ab") as file:
        file.write(torn)
    store.open(PLACE, holder_of(2))
    assert store.read(PLACE, 2) == [{"l": ["a"]}, {"l": ["b"]}]


def test_damage_inside_a_journal_is_named(tmp_path: Path) -> None:
    store = FolderDrafts(tmp_path)
    store.open(PLACE, holder_of(1))
    store.append(PLACE, 1, [{"l": ["a"]}, {"l": ["b"]}])
    journal = next(tmp_path.rglob("000001.jsonl"))
    journal.write_bytes(journal.read_bytes().replace(b'{"l":["a"]}', b'{"l":["a"]'))
    assert store.read(PLACE, 1) == [{}, {"l": ["b"]}]


def test_two_stores_on_one_folder_see_one_fence(tmp_path: Path) -> None:
    old, new = FolderDrafts(tmp_path), FolderDrafts(tmp_path)
    old.open(PLACE, holder_of(1))
    new.open(PLACE, holder_of(2))
    with pytest.raises(LeaseLost):
        old.append(PLACE, 1, [{"l": ["late"]}])
