"""Cards: what lists show and filter of a stream. A projection that can be made anew, never the truth.

`page_of` says what a query means; every store gives the same answer, however it finds it.
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
    """The searchable face of a stream.

    Attributes
    ----------
    stream
        Whose card it is.
    project
        In whose lists it is shown.
    words
        What filters ask for, e.g. ``site:KAU``, ``included``.
    order
        Values of the sort columns (`ORDER`), compared as text, code point by code point; an absent one is empty.
    body
        What a list shows; JSON.
    """

    stream: str
    project: str
    words: frozenset[str]
    order: Mapping[str, str]
    body: dict[str, Any]

    def __post_init__(self) -> None:
        """ValueError for a column that is none, and for text that not every store can keep."""
        if unknown := set(self.order) - set(ORDER):
            raise ValueError(f"There is no sort column {', '.join(sorted(unknown))}.")
        if any(not word or "\0" in word for word in self.words) or any("\0" in v for v in self.order.values()):
            raise ValueError("A card's words are not empty, and hold no NUL.")
        if any(len(value) > LONGEST for value in self.order.values()):
            raise ValueError(f"What a list is sorted by has at most {LONGEST} characters.")

    def key(self, column: str) -> tuple[str, str, str]:
        """Where the card stands in a list sorted by `column`."""
        return self.order.get(column, ""), self.order.get("subject", ""), self.stream


@dataclass(frozen=True)
class CardQuery:
    """Which cards of a project, in which order, and which page of them.

    Attributes
    ----------
    wanted
        Of each group a card has at least one word: an AND of ORs.
    contains
        Part of the subject's name; ASCII letters of either case are the same.
    sort, descending
        One of `ORDER`; ties by subject. Descending is the exact reverse, ties included.
    offset, size
        How many cards to leave out, and how many to give.
    """

    project: str
    wanted: tuple[tuple[str, ...], ...] = ()
    contains: str = ""
    sort: str = "subject"
    descending: bool = False
    offset: int = 0
    size: int = 20

    def __post_init__(self) -> None:
        """ValueError for what no store could answer."""
        if self.sort not in ORDER:
            raise ValueError(f"There is no sort column {self.sort!r}; there are {', '.join(ORDER)}.")
        if self.offset < 0 or not 0 <= self.size <= LARGEST_PAGE:
            raise ValueError(f"A page begins at 0 or later and has at most {LARGEST_PAGE} cards.")


class CardPage:
    """How many cards a query has in all, and those of the page.

    Parameters
    ----------
    total
        Of all pages.
    cards
        Those of the page; with `streams` they are taken only when somebody asks for them.
    streams
        Whose cards they are, in order.
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
        """Whether it is a page with the same total and cards."""
        return isinstance(other, CardPage) and (self.total, self.cards) == (other.total, other.cards)

    def __repr__(self) -> str:
        return f"CardPage({self.total}, {self.cards})"


def lower(text: str) -> str:
    """ASCII letters in lower case, all else as it is: the same in every store."""
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in text)


def page_of(cards: Iterable[Card], query: CardQuery) -> CardPage:
    """What `query` finds among `cards`: the meaning of a query."""
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
    """ValueError when a card is appended to another stream than its own."""
    if card is not None and card.stream != stream:
        raise ValueError("A card is kept with its own stream.")


def to_row(card: Card) -> dict[str, Any]:
    """A card as JSON."""
    return {
        "stream": card.stream,
        "project": card.project,
        "words": sorted(card.words),
        "order": dict(card.order),
        "body": card.body,
    }


def from_row(row: Any) -> Card:
    """The card that `to_row` was given; Tampered when it is none."""
    with undamaged("A card is damaged.", "Make the cards anew."):
        return Card(row["stream"], row["project"], frozenset(row["words"]), dict(row["order"]), row["body"])
