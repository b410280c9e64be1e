"""Which subjects have an active lease, and who holds one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress

from eci_annotate.errors import NotFound
from eci_annotate.repository.local.context import Context
from eci_annotate.store.cards import CardQuery
from eci_annotate.workflow.actor import Actor
from eci_annotate.workflow.project import Member
from eci_annotate.workflow.subject.state import Subject
from eci_annotate.workflow.subject.view import SubjectView, view

_MOST = 200  # cards of each member


def lease_holders(context: Context) -> list[str]:
    """Return the names of all who hold a task now, in any project."""
    members = ((name, one) for name, project in context.streams.projects().items() for one in project.members)
    return sorted({member for name, member in members if any(_held(context, name, member, _MOST))})


def leased_views(
    context: Context, actor: Actor, project: str, members: Iterable[Member], most: int
) -> Iterator[SubjectView]:
    """Yield the subjects in which a member has an active lease, as the actor may see them.

    Parameters
    ----------
    context
        The parts of the repository.
    actor
        Who looks.
    project, members
        Name of the project, and the members to look for.
    most
        Number of cards to examine at most for each member.
    """
    for member in members:
        for state in _held(context, project, member.name, most):
            with suppress(NotFound):  # this was not requested, so no refusal is recorded
                yield view(state, actor, context.clock())


def _held(context: Context, project: str, member: str, most: int) -> Iterator[Subject]:
    now = context.clock()
    _, states = context.streams.page(CardQuery(project, ((f"for:{member}",),), size=most))
    for state in map(context.renewed, states):
        leases = [work.lease for work in state.work.values() if work.lease is not None]
        if any(lease.holder == member and lease.is_live(now) for lease in leases):
            yield state
