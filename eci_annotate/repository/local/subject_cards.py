"""The card of a subject, and what an actor's query asks of cards: lists then read the streams of one page only.

A card leaves the time out: a task that only waits for a day, or for a lease to end, counts as ready. What an actor may
not see is asked for by no word, so that no filter, total or order tells of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from eci_annotate.repository.backend import SubjectQuery
from eci_annotate.store.cards import Card, CardQuery
from eci_annotate.workflow.actor import ALL_SITES, EVERYWHERE, SIGNED_ONLY, Actor, Permission
from eci_annotate.workflow.subject.blinding import is_open_to_all
from eci_annotate.workflow.subject.state import Subject, TaskStatus, rejection, stage_of, standing
from eci_annotate.workflow.usecase.pipeline import DRAWN, TaskDefinition, TaskKind

FORMAT = "card:3"  # a word of every card; raise it when the words or the order come to mean something else
_LATE = datetime.max.replace(tzinfo=UTC)
_HIDDEN_SORTS = frozenset({"cohort", "stage", "progress"})


def card_of(stream: str, state: Subject) -> Card:
    """The card of a subject as it is."""
    order = {
        "subject": state.subject,
        "site": state.site,
        "cohort": state.cohort[:200],
        "stage": stage_of(state),
        "progress": f"{_share(state):.4f}",
    }
    return Card(stream, state.project, frozenset(_words(state)), order, {})


def _share(state: Subject) -> float:
    done = sum(standing(state, task, _LATE) == TaskStatus.SIGNED for task in state.pipeline)
    return done / max(len(state.pipeline), 1)


def _words(state: Subject) -> Iterator[str]:
    yield FORMAT
    yield f"site:{state.site}"
    yield f"cohort:{state.cohort}"
    yield f"stage:{stage_of(state)}"
    yield "included" if state.included else "excluded"
    yield "live" if state.live else "test"
    yield "withdrawn" if state.withdrawn else "present"
    drawn = [task for task in state.pipeline if task.kind in DRAWN and state.work[task.name].signed]
    if drawn:
        yield "signed"
    if any(is_open_to_all(state, task) for task in drawn):
        yield "shown"
    for task in state.pipeline:
        yield from _doers(state, task)


def _doers(state: Subject, task: TaskDefinition) -> Iterator[str]:
    """Return whose worklists may contain the task, now or when time passes."""
    work = state.work[task.name]
    if work.lease is not None:
        yield from (f"for:{work.lease.holder}", f"own:{work.lease.holder}")
    if task.kind == TaskKind.INGEST or not state.included or standing(state, task, _LATE) != TaskStatus.READY:
        return
    if work.begun_by:
        yield f"own:{work.begun_by}"
    if work.assigned:
        yield from (f"for:{work.assigned}", f"own:{work.assigned}")
    elif not task.assigned:
        yield from (f"do:{role}" for role in task.roles)
        yield from _sent_back_to(state, task)


def _sent_back_to(state: Subject, task: TaskDefinition) -> Iterator[str]:
    """Return to whom a task came back; of a reading only its reader learns that."""
    work = state.work[task.name]
    if rejection(state, task.name) is None and not (work.signed and work.reopened == work.version):
        return
    if task.group:
        yield f"own:{work.signed[-1].by}"
    else:
        yield from (f"again:{role}" for role in task.roles)


def query_of(actor: Actor, project: str, query: SubjectQuery) -> CardQuery | None:
    """What the query asks of cards for this actor; None when nothing can fit.

    An actor has the same roles at every site they can access.
    """
    everywhere = [role for role in actor.roles.get(project, ()) if role in EVERYWHERE]
    reach = () if everywhere else actor.sites.get(project) or (actor.site,)
    roles = actor.roles_at(project, None)
    if not roles:
        return None
    whole = actor.may(Permission.SEE_PIPELINE, project)
    if not whole and (query.cohort or query.stage):
        return None
    return CardQuery(
        project,
        tuple(_groups(actor, project, reach, roles, whole, query)),
        query.contains,
        "subject" if not whole and query.sort in _HIDDEN_SORTS else query.sort,
        query.descending,
        query.offset,
        query.size,
    )


def _groups(
    actor: Actor, project: str, reach: tuple[str, ...], roles: tuple[str, ...], whole: bool, query: SubjectQuery
) -> Iterator[tuple[str, ...]]:
    if reach and ALL_SITES not in reach:
        yield tuple(f"site:{site}" for site in reach)
    if not whole:
        yield ("present",)
        if set(roles) <= SIGNED_ONLY:
            yield ("shown",)
    for key in ("site", "cohort", "stage"):
        if asked := getattr(query, key):
            yield (f"{key}:{asked}",)
    if query.included is not None:
        yield ("included" if query.included else "excluded",)
    if query.live is not None:
        yield ("live" if query.live else "test",)
    if query.signed:
        yield ("signed",)
    if query.startable:
        yield (f"for:{actor.name}", *(f"do:{role}" for role in roles))
    if query.urgent:
        yield (f"own:{actor.name}", *(f"again:{role}" for role in roles))
