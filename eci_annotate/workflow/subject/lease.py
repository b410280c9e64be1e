"""The exclusive right to work on a task: holder (actor, session), end, and a fencing number that only increases.

A client with an older fence cannot write, whatever the clocks say; the end only decides who may start.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from eci_annotate.errors import LeaseLost, Refused
from eci_annotate.workflow.actor import Actor

LEASE = timedelta(minutes=30)


@dataclass(frozen=True)
class Lease:
    """The holder of a task, their session, fence and end of the lease (UTC)."""

    holder: str
    session: str
    fence: int
    until: datetime

    def is_live(self, now: datetime) -> bool:
        """Whether it has not ended."""
        return now < self.until

    def is_of(self, actor: Actor) -> bool:
        """Whether this very session of this actor holds it."""
        return (self.holder, self.session) == (actor.name, actor.session)


def to_minute(when: datetime) -> str:
    """Format a time for display: UTC, to the minute, ``2026-01-01 00:30``."""
    return when.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def check_start(task: str, lease: Lease | None, actor: Actor, now: datetime, take_over: bool, may: bool) -> None:
    """Refuse to start a task that is held.

    Parameters
    ----------
    task
        Name of the task.
    lease
        Its current lease, or None.
    actor
        The actor who wants to start it.
    now
        Current time (UTC).
    take_over
        Whether the actor asked to take the task over.
    may
        Whether the actor may take over from others.
    """
    if lease is None or not lease.is_live(now) or lease.is_of(actor):
        return
    own = lease.holder == actor.name
    if take_over and (own or may):
        return
    until = to_minute(lease.until)
    if own:
        remedy = "Work on there, or start it here with take_over=True; the other session can then write nothing."
        raise Refused(f"{task!r} is open by you in another session until {until}.", remedy)
    raise Refused(f"{task!r} is open by {lease.holder} until {until}.", "Choose another task, or wait.")


def check_held(task: str, lease: Lease | None, fence: int, actor: Actor, now: datetime) -> Lease:
    """Return the actor's own active lease with that fence; raises LeaseLost otherwise.

    Parameters
    ----------
    task
        Name of the task.
    lease
        Its current lease, or None.
    fence
        Fencing number that the client states.
    actor
        The acting user, in one session.
    now
        Current time (UTC).
    """
    kept = "Start it again; your last work is kept as a draft."
    if lease is None:
        raise LeaseLost(f"{task!r} is not open.", kept)
    if lease.fence != fence or not lease.is_of(actor):
        who = "you, in another session" if lease.holder == actor.name else lease.holder
        raise LeaseLost(f"This task was taken over by {who}.", "Work that was saved is kept as a draft.")
    if not lease.is_live(now):
        raise LeaseLost(f"Your lease of {task!r} ended at {to_minute(lease.until)}.", kept)
    return lease
