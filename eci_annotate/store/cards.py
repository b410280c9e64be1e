"""Cards: what lists show of a stream and filter by. A projection that can be rebuilt, never authoritative.

`page_of` defines the meaning of a query; every store gives the same answer, however it computes it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from eci_annotate.errors import undamaged

ORDER = ("subject", "site", "cohort", "stage", "progress")
LARGEST_PAGE, LONGEST = 10_000, 200


@dataclass(frozen=True)
class Card:
    """The searchable summary of a stream.

    Attributes
    ----------
    stream
        Stream that it summarises.
    project
        Project in whose lists it appears.
    words
        Words to filter by, e.g. ``site:KAU``, ``included``.
    order
        Values of the sort columns (`ORDER`), compared as text by code point; an absent one is empty.
    body
        Content of the list entry; JSON.
    """

    stream: str
    project: str
    words: frozenset[str]
    order: Mapping[str, str]
    body: dict[str, Any]

    def __post_init__(self) -> None:
        """Raise ValueError for an unknown column, and for text that not every store can keep."""
        if unknown := set(self.order) - set(ORDER):
            raise ValueError(f"There is no sort column {', '.join(sorted(unknown))}.")
        if any(not word or "\0" in word for word in self.words) or any("\0" in v for v in self.order.values()):
            raise ValueError("A card's words are not empty, and hold no NUL.")
        if any(len(value) > LONGEST for value in self.order.values()):
            raise ValueError(f"What a list is sorted by has at most {LONGEST} characters.")

    def key(self, column: str) -> tuple[str, str, str]:
        """Return the sort key of the card in a list sorted by `column`."""
        return self.order.get(column, ""), self.order.get("subject", ""), self.stream


@dataclass(frozen=True)
class CardQuery:
    """A selection of a project's cards, their order, and the requested page.

    Attributes
    ----------
    wanted
        A card must have at least one word of each group: an AND of ORs.
    contains
        Part of the subject's name; ASCII letters match case-insensitively.
    sort, descending
        One of `ORDER`; ties by subject. Descending is the exact reverse, ties included.
    offset, size
        How many cards to skip, and how many to return.
    """

    project: str
    wanted: tuple[tuple[str, ...], ...] = ()
    contains: str = ""
    sort: str = "subject"
    descending: bool = False
    offset: int = 0
    size: int = 20

    def __post_init__(self) -> None:
        """Raise ValueError for queries that no store can answer."""
        if self.sort not in ORDER:
            raise ValueError(f"There is no sort column {self.sort!r}; there are {', '.join(ORDER)}.")
        if self.offset < 0 or not 0 <= self.size <= LARGEST_PAGE:
            raise ValueError(f"A page begins at 0 or later and has at most {LARGEST_PAGE} cards.")


class CardPage:
    """The total number of cards of a query, and the cards of one page.

    Parameters
    ----------
    total
        Number of cards on all pages.
    cards
        Cards of the page; with `streams` they are loaded only on demand.
    streams
        Streams of the cards, in order.
    """

    def __init__(self, total: int, cards: Iterable[Card] = (), streams: Sequence[str] | None = None) -> None:
        self.total = total
        self._cards = cards if streams is not None else tuple(cards)
        self.streams = tuple(streams if streams is not None else (card.stream for card in self._cards))

    @cached_property
    def cards(self) -> tuple[Card, ...]:
        """The cards of the page."""
        return tuple(self._cards)

    def __eq__(self, other: object) -> bool:
        """Whether the other page has the same total and cards."""
        return isinstance(other, CardPage) and (self.total, self.cards) == (other.total, other.cards)

    def __repr__(self) -> str:
        return f"CardPage({self.total}, {self.cards})"


def lower(text: str) -> str:
    """Convert ASCII letters to lower case and nothing else: identical in every store."""
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in text)


def page_of(cards: Iterable[Card], query: CardQuery) -> CardPage:
    """Return the result of `query` on `cards`; this defines the meaning of a query."""
    found = [card for card in cards if fits(card, query)]
    found.sort(key=lambda card: card.key(query.sort), reverse=query.descending)
    page = found[query.offset : query.offset + query.size]
    copies = (replace(card, body=copy.deepcopy(card.body)) for card in page)
    return CardPage(len(found), copies, [card.stream for card in page])


def fits(card: Card, query: CardQuery) -> bool:
    """Whether a card is on one of the query's pages."""
    if card.project != query.project or not all(card.words.intersection(group) for group in query.wanted):
        return False
    return not query.contains or lower(query.contains) in lower(card.order.get("subject", ""))


def check_card(stream: str, card: Card | None) -> None:
    """Raise ValueError if a card is appended to a stream other than its own."""
    if card is not None and card.stream != stream:
        raise ValueError("A card is kept with its own stream.")


def to_row(card: Card) -> dict[str, Any]:
    """Return a card as JSON."""
    return {
        "stream": card.stream,
        "project": card.project,
        "words": sorted(card.words),
        "order": dict(card.order),
        "body": card.body,
    }


def from_row(row: Any) -> Card:
    """Return the card from the JSON of `to_row`; raises Tampered if it is not one."""
    with undamaged("An index entry is damaged.", "Rebuild the index."):
        return Card(row["stream"], row["project"], frozenset(row["words"]), dict(row["order"]), row["body"])
