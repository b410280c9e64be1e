"""The folder's file of cards only repeats the streams: lost, torn, damaged or late, the lists stay right."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from eci_annotate.errors import StoreUnavailable
from eci_annotate.store.cards import CardQuery, page_of
from eci_annotate.store.conformance.card_laws import card_of, record_of
from eci_annotate.store.folder.card_file import CardFile
from eci_annotate.store.folder.event_store import TinyEvents
from tests.counts import count


def filled(folder: Path, number: int = 30) -> TinyEvents:
    store = TinyEvents(folder)
    for n in range(number):
        store.append(card_of(n).stream, [record_of("1")], 0, card_of(n))
    return store


def right(store: TinyEvents, number: int = 30) -> None:
    query = CardQuery("p", sort="site", size=100)
    assert store.cards(query) == page_of(map(card_of, range(number)), query)
    assert store.heads() == {card_of(n).stream: 1 for n in range(number)}


def lost(path: Path) -> None:
    path.unlink()


def torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def without_its_end(path: Path) -> None:
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-7]))


def damaged_inside(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 600] = bytes(600)
    path.write_bytes(content)


def without_its_head(path: Path) -> None:
    path.write_bytes(path.read_bytes().partition(b"\n")[2])


DAMAGES = [lost, torn, without_its_end, damaged_inside, without_its_head]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("written", [False, True])
def test_what_the_file_lacks_is_read_from_the_streams(
    damage: Callable[[Path], None], written: bool, tmp_path: Path
) -> None:
    filled(tmp_path)
    damage(tmp_path / "cards.jsonl")
    if written:
        TinyEvents(tmp_path).append(card_of(30).stream, [record_of("1")], 0, card_of(30))
    right(TinyEvents(tmp_path), 31 if written else 30)
    right(TinyEvents(tmp_path), 31 if written else 30)


@pytest.mark.parametrize("damage", DAMAGES)
def test_who_followed_the_file_before_it_was_damaged_is_right_too(
    damage: Callable[[Path], None], tmp_path: Path
) -> None:
    reader = filled(tmp_path)
    right(reader)
    damage(tmp_path / "cards.jsonl")
    TinyEvents(tmp_path).append(card_of(30).stream, [record_of("1")], 0, card_of(30))
    right(reader, 31)


def test_a_writer_that_died_after_its_commit_is_made_up_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = filled(tmp_path, 5)
    right(reader, 5)

    def refuse(*_: object) -> None:
        raise StoreUnavailable("The repository cannot be written.")

    with monkeypatch.context() as patch:
        patch.setattr(CardFile, "note", refuse)
        writer = TinyEvents(tmp_path)
        writer.append(card_of(5).stream, [record_of("1")], 0, card_of(5))
        right(reader, 6)
    right(TinyEvents(tmp_path), 6)


def test_an_announcement_without_a_commit_does_not_disturb(tmp_path: Path) -> None:
    store = filled(tmp_path, 5)
    with (tmp_path / "feed.jsonl").open("ab") as feed:
        feed.write(b'{"n":1,"p":6,"s":"new"}\n{"n":1,"p":7,"s":"project/p"}\n')
    right(store, 5)
    store.append(card_of(5).stream, [record_of("1")], 0, card_of(5))
    right(TinyEvents(tmp_path), 6)


def test_cards_outlive_both_indexes(tmp_path: Path) -> None:
    reader = filled(tmp_path)
    right(reader)
    for name in ("feed.jsonl", "cards.jsonl"):
        (tmp_path / name).unlink()
    right(reader)
    right(TinyEvents(tmp_path))


def test_a_repository_from_before_cards_has_heads(tmp_path: Path) -> None:
    store = TinyEvents(tmp_path)
    store.append("a/b", [record_of("1")], 0)
    path = tmp_path / "streams" / "a" / "b.json"
    old = {"events": json.loads(path.read_bytes())["events"]}
    path.write_text(json.dumps(old))
    (tmp_path / "cards.jsonl").unlink()
    assert store.heads() == {"a/b": 1} and store.cards(CardQuery("p")).total == 0


def test_the_file_does_not_grow_without_end(tmp_path: Path) -> None:
    store, reader, largest = filled(tmp_path, 10), TinyEvents(tmp_path), 0
    for turn in range(count(300, 6000)):
        card = replace(card_of(turn % 10), body={"turn": turn, "pad": "x" * 1000})
        store.recard([card])
        largest = max(largest, (tmp_path / "cards.jsonl").stat().st_size)
        if turn % 20 == 0:
            assert card in reader.cards(CardQuery("p")).cards
    assert 200_000 < largest < 4 * (1 << 16) + 2000
    assert reader.cards(CardQuery("p")) == TinyEvents(tmp_path).cards(CardQuery("p"))
