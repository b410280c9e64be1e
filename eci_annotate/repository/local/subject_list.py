"""A page of subjects for an actor: cards say which, streams say what, `view` decides what leaves."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from eci_annotate.errors import NotFound
from eci_annotate.repository.backend import SubjectPage, SubjectQuery
from eci_annotate.repository.local.context import Context
from eci_annotate.repository.local.event_streams import SUBJECTS
from eci_annotate.repository.local.subject_cards import query_of
from eci_annotate.store.cards import CardQuery, fits
from eci_annotate.workflow.actor import Actor
from eci_annotate.workflow.subject.past_view import past_view
from eci_annotate.workflow.subject.state import Subject
from eci_annotate.workflow.subject.view import SubjectView, has_task, view

_PIECE, _LARGEST = 100, 1000


def subject_page(context: Context, actor: Actor, project: str, query: SubjectQuery) -> SubjectPage:
    """The page that the query asks for.

    What the clock decides (whether a lease is over) no card knows: with `startable` the cards give who may come
    into question, each is looked at, and `total` is at most so many.
    """
    cards = query_of(actor, project, query)
    if cards is None:
        return SubjectPage(0, ())
    if query.startable:
        return _startable(context, actor, cards, query)
    if query.position:
        return _as_they_stood(context, actor, cards, query.position)
    total, states = context.streams.page(cards)
    return SubjectPage(total, tuple(_views(context, actor, states, context.clock())))


def seen_of(context: Context, actor: Actor, names: Sequence[str]) -> list[tuple[str, str]]:
    """Those of the subjects' streams that stand in the actor's lists, as (project, subject)."""
    cards = context.streams.cards_of([name for name in names if name.startswith(SUBJECTS)])
    queries = {project: query_of(actor, project, SubjectQuery()) for project in actor.roles}
    asked = ((card, queries.get(card.project)) for _, card in sorted(cards.items()))
    return [(card.project, card.order["subject"]) for card, query in asked if query and fits(card, query)]


def _views(context: Context, actor: Actor, states: list[Subject], now: datetime) -> Iterator[SubjectView]:
    for state in states:
        with suppress(NotFound):  # what changed since its card was read
            yield view(context.renewed(state), actor, now)


def _as_they_stood(context: Context, actor: Actor, cards: CardQuery, position: int) -> SubjectPage:
    """The page of today, its subjects as they stood; those that came later are counted in `total` only."""
    total, states = context.streams.page(cards)
    now, found = context.clock(), list[SubjectView]()
    for today, then in zip(states, context.streams.states_at(position, states), strict=True):
        if then is not None:
            with suppress(NotFound):
                found.append(past_view(then, today, actor, now))
    return SubjectPage(total, tuple(found))


def _having_task(context: Context, actor: Actor, states: list[Subject], now: datetime) -> Iterator[Subject]:
    """Of those that come into question; the ends of leases are looked up where it depends on them."""
    for state in states:
        with suppress(NotFound):
            if has_task(context.renewed(state, now), actor, now):
                yield state


def _startable(context: Context, actor: Actor, cards: CardQuery, query: SubjectQuery) -> SubjectPage:
    found: list[Subject] = []
    now, wanted, at, total = context.clock(), query.offset + query.size, 0, 1
    while at < total and len(found) < wanted:
        piece = _piece(wanted - len(found), len(found), at)
        total, states = context.streams.page(replace(cards, offset=at, size=piece))
        found += _having_task(context, actor, states, now)
        at += piece
    rest = max(total - at, 0)
    return SubjectPage(len(found) + rest, tuple(_views(context, actor, found[query.offset : wanted], now)))


def _piece(missing: int, found: int, looked: int) -> int:
    """How many to look at next, by how many of those that were looked at had a task."""
    share = (found + 1) / (looked + 1)
    return min(max(_PIECE, math.ceil(missing / share)), _LARGEST)
