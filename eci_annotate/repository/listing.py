"""A page of subjects for an actor: cards say which, streams say what, `view` decides what leaves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from eci_annotate.errors import NotFound
from eci_annotate.repository.carding import query_of
from eci_annotate.repository.protocols import SubjectPage, SubjectQuery
from eci_annotate.repository.rooms import Rooms
from eci_annotate.store.cards import CardQuery
from eci_annotate.workflow.actor import Actor
from eci_annotate.workflow.pipeline import INGEST
from eci_annotate.workflow.starting import why_not
from eci_annotate.workflow.state import Subject
from eci_annotate.workflow.view import SubjectView, view

_PIECE, _LARGEST = 100, 1000


def subject_page(rooms: Rooms, actor: Actor, project: str, query: SubjectQuery) -> SubjectPage:
    """The page that the query asks for.

    What the clock decides (whether a lease is over) no card knows: with `startable` the cards give who may come
    into question, each is looked at, and `total` is at most so many.
    """
    cards = query_of(actor, project, query)
    if cards is None:
        return SubjectPage(0, ())
    if query.startable:
        return _startable(rooms, actor, cards, query)
    total, states = rooms.streams.page(cards)
    return SubjectPage(total, tuple(_views(rooms, actor, states)))


def _views(rooms: Rooms, actor: Actor, states: list[Subject]) -> Iterator[SubjectView]:
    now = rooms.clock()
    for state in states:
        with suppress(NotFound):  # what changed since its card was read
            yield view(rooms.renewed(state), actor, now)


def _having_task(rooms: Rooms, actor: Actor, states: list[Subject]) -> Iterator[SubjectView]:
    """Of those that come into question; the ends of leases are looked up for the few that are shown."""
    now = rooms.clock()
    for state in states:
        with suppress(NotFound):
            if _may_have_task(rooms.renewed(state, now), actor, now):
                seen = view(rooms.renewed(state), actor, now)
                if has_task(seen):
                    yield seen


def _may_have_task(state: Subject, actor: Actor, now: datetime) -> bool:
    """Whether it is worth to make the view: there is a task that is not somebody else's just now."""
    for task in state.pipeline:
        lease = state.work[task.name].lease
        if lease is not None and lease.is_live(now):
            if lease.holder == actor.name:
                return True
        elif task.kind != INGEST and why_not(state, task, actor, now) is None:
            return True
    return False


def _startable(rooms: Rooms, actor: Actor, cards: CardQuery, query: SubjectQuery) -> SubjectPage:
    found: list[SubjectView] = []
    wanted, at, total = query.offset + query.size, 0, 1
    piece = max(_PIECE, query.size)
    while at < total and len(found) < wanted:
        total, states = rooms.streams.page(replace(cards, offset=at, size=piece))
        found += _having_task(rooms, actor, states)
        at += piece
        piece = min(2 * piece, _LARGEST)  # where little fits, ask more at once
    rest = max(total - at, 0)
    return SubjectPage(len(found) + rest, tuple(found[query.offset : wanted]))


def has_task(seen: SubjectView) -> bool:
    """Whether there is a task that the actor may start now, or holds."""
    return any(task.may_start or task.mine or task.elsewhere for task in seen.tasks if task.kind != INGEST)
