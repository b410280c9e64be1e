"""Requirements of every EventStore for heads, pages of the feed and cards; a part of `event_laws.EVENT_LAWS`."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from eci_annotate.errors import Conflict, NotFound
from eci_annotate.store.cards import ORDER, Card, CardPage, CardQuery, page_of
from eci_annotate.store.protocols import Append, CardIndex, EventStore, Record


class CardedEvents(EventStore, CardIndex, Protocol):
    """A store of events, which also keeps the cards of its streams."""


SITES = ("KAU", "ERL", "UMU")


def record_of(text: str) -> Record:
    """Return a record for tests."""
    return {"name": "x.1", "data": {"text": text}}


def card_of(number: int, project: str = "p", word: str = "included") -> Card:
    """Return a card for tests; numbers give distinct subjects in every sort order."""
    site, subject = SITES[number % 3], f"ECI_{SITES[number % 3]}_S{number * 7 % 100:04d}"
    order = {"subject": subject, "site": site, "cohort": "ABC"[number % 2], "progress": f"{number % 5:03d}"}
    words = frozenset({f"site:{site}", word, f"reader:{number % 4}"})
    return Card(f"subject/{project}/{subject}", project, words, order, {"n": number, "a": ["é", None, 0.5]})


def refuses(error: type[Exception], act: Callable[[], object]) -> None:
    """Raise AssertionError unless `act` raises `error`."""
    try:
        act()
    except error:
        return
    raise AssertionError(f"{error.__name__} was expected")


def _filled(store: CardedEvents, count: int = 40, project: str = "p") -> list[Card]:
    cards = [card_of(number, project, "excluded" if number % 9 == 0 else "included") for number in range(count)]
    for card in cards:
        store.append(card.stream, [record_of(card.stream)], 0, card)
    return cards


def heads_count_records(store: CardedEvents) -> None:
    assert store.heads() == {}
    store.append("subject/p/S1", [record_of("1"), record_of("2")], 0)
    store.append("subject/p/S2", [record_of("1")], 0)
    store.append("project/p", [record_of("1")], 0)
    refuses(Conflict, lambda: store.append("subject/p/S2", [record_of("2")], 0))
    assert store.heads("subject/p/") == {"subject/p/S1": 2, "subject/p/S2": 1}
    store.append("subject/p/S1", [record_of("3")], 2)
    assert store.heads() == {"subject/p/S1": 3, "subject/p/S2": 1, "project/p": 1}
    assert store.heads("subject/q") == {} and store.heads("subject_p") == {}
    assert store.heads_of(["subject/p/S1", "project/p", "nowhere"]) == {"subject/p/S1": 3, "project/p": 1}
    assert store.heads_of([]) == {}


def many_streams_are_read_at_once(store: CardedEvents) -> None:
    store.append("a", [record_of("1"), record_of("2")], 0)
    store.append("b", [record_of("3")], 0)
    found = store.read_many(["b", "a", "unknown"])
    assert found == {"a": [record_of("1"), record_of("2")], "b": [record_of("3")], "unknown": []}
    assert store.read_many([]) == {}


def many_appends_are_made_at_once(store: CardedEvents) -> None:
    card = card_of(1)
    store.append_many([])
    store.append_many([Append("a", [record_of("1")], 0), Append(card.stream, [record_of("2")], 0, card)])
    store.append_many([Append("a", [record_of("3"), record_of("4")], 1)])
    assert [entry.record["data"]["text"] for entry in store.feed()] == ["1", "2", "3", "4"]
    assert store.cards_of(["a", card.stream, "unknown"]) == {card.stream: card}
    refuses(Conflict, lambda: store.append_many([Append("a", [record_of("5")], 1), Append("b", [record_of("6")], 0)]))
    assert store.heads() == {"a": 3, card.stream: 1}


def the_feed_comes_in_pieces(store: CardedEvents) -> None:
    for number in range(7):
        store.append(f"s/{number % 2}", [record_of(f"{number}a"), record_of(f"{number}b")], 2 * (number // 2))
    pieces, after = [], 0
    while piece := store.feed(after, 3):
        assert len(piece) <= 3
        pieces += piece
        after = piece[-1].position
    assert pieces == store.feed() and len(pieces) == 14
    assert store.feed(0, 0) == []


def cards_come_with_their_records(store: CardedEvents) -> None:
    card = card_of(1)
    store.append(card.stream, [record_of("1")], 0, card)
    assert store.cards(CardQuery("p")) == CardPage(1, (card,))
    newer = replace(card, words=frozenset({"signed"}), body={"n": 2})
    refuses(Conflict, lambda: store.append(card.stream, [record_of("x")], 0, newer))
    assert store.cards(CardQuery("p")) == CardPage(1, (card,))
    store.append(card.stream, [record_of("2")], 1)
    assert store.cards(CardQuery("p")) == CardPage(1, (card,))
    store.append(card.stream, [record_of("3")], 2, newer)
    assert store.cards(CardQuery("p")) == CardPage(1, (newer,))
    assert store.cards(CardQuery("p", wanted=(("included",),))) == CardPage(0, ())
    refuses(ValueError, lambda: store.append(card.stream, [record_of("4")], 3, card_of(2)))
    assert len(store.read(card.stream)) == 3


def a_card_is_replaced_without_records(store: CardedEvents) -> None:
    card = card_of(1)
    store.append(card.stream, [record_of("1")], 0, card)
    newer = replace(card, words=frozenset(), order={"subject": "A"})
    refuses(Conflict, lambda: store.append(card.stream, [], 0, newer))
    store.append(card.stream, [], 1, newer)
    assert store.cards(CardQuery("p")) == CardPage(1, (newer,)) and len(store.feed()) == 1
    refuses(NotFound, lambda: store.append(card_of(2).stream, [], 0, card_of(2)))


def cards_are_made_anew(store: CardedEvents) -> None:
    cards = _filled(store)
    newer = [replace(card, words=card.words | {"new"}, body={}) for card in cards]
    store.recard(newer[:30])
    store.recard([])
    assert store.cards(CardQuery("p", wanted=(("new",),))).total == 30
    assert store.cards(CardQuery("p")).total == 40 == len(store.feed())
    refuses(NotFound, lambda: store.recard([cards[0], card_of(1, "elsewhere")]))
    assert store.cards(CardQuery("p", wanted=(("new",),))).total == 30
    moved = replace(newer[0], project="q")
    store.recard([moved])
    assert store.cards(CardQuery("q")) == CardPage(1, (moved,)) and store.cards(CardQuery("p")).total == 39


def a_card_that_was_read_is_a_copy(store: CardedEvents) -> None:
    card = card_of(1)
    store.append(card.stream, [record_of("1")], 0, card)
    store.cards(CardQuery("p")).cards[0].body["n"] = "changed"
    card.body["a"].append("changed")
    assert store.cards(CardQuery("p")).cards == (card_of(1),)


def pages_are_as_the_reference_makes_them(store: CardedEvents) -> None:
    cards = _filled(store) + _filled(store, 8, "q")
    for query in _queries(random.Random(1), 150):
        assert store.cards(query) == page_of(cards, query), query


def _queries(draw: random.Random, count: int) -> list[CardQuery]:
    words = ["site:KAU", "site:ERL", "site:UMU", "included", "excluded", "reader:1", "reader:2", "none"]
    contains = ["", "", "", "kau", "S00", "_", "%", "\\", "7"]
    return [
        CardQuery(
            draw.choice(["p", "p", "p", "q", "none"]),
            tuple(
                tuple(draw.sample(words, draw.randint(0, 9) and draw.randint(1, 3))) for _ in range(draw.randint(0, 2))
            ),
            draw.choice(contains),
            draw.choice(ORDER),
            draw.random() < 0.5,
            draw.choice([0, 0, 5, 38, 100]),
            draw.choice([20, 3, 0]),
        )
        for _ in range(count)
    ]


def senseless_queries_are_refused(store: CardedEvents) -> None:
    refuses(ValueError, lambda: store.cards(CardQuery("p", sort="name; drop table")))
    refuses(ValueError, lambda: store.cards(CardQuery("p", offset=-1)))
    refuses(ValueError, lambda: store.cards(CardQuery("p", size=10**6)))
    refuses(ValueError, lambda: replace(card_of(1), order={"name": "x"}))


def texts_come_back_as_they_were(store: CardedEvents) -> None:
    """Numbers, NULs and the rest are unchanged: text that was digested must not be reformatted."""
    data = {
        "a": [0.1, 1e22, 1.0, 1, -0.0, 2**70],
        "b\0\u2028": "\0\\u0000\ud7ff\U0001f600",
        "c": {"": [[], {}, None, True]},
    }
    record = {"name": "x.1", "data": data, "prev": "0"}
    store.append("a", [record], 0)
    for found in (store.read("a")[0], store.feed()[0].record, store.read_many(["a"])["a"][0]):
        assert repr(sorted(found["data"].items())) == repr(sorted(data.items())) and found == record


CARD_LAWS: Sequence[Callable[[CardedEvents], None]] = (
    heads_count_records,
    many_streams_are_read_at_once,
    many_appends_are_made_at_once,
    the_feed_comes_in_pieces,
    cards_come_with_their_records,
    a_card_is_replaced_without_records,
    cards_are_made_anew,
    a_card_that_was_read_is_a_copy,
    pages_are_as_the_reference_makes_them,
    senseless_queries_are_refused,
    texts_come_back_as_they_were,
)
