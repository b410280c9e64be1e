"""Drafts at the stores themselves: who may read and write which, and under which fence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from eci_annotate.errors import LeaseLost, Refused
from eci_annotate.repository.draft_entries import check_entries
from eci_annotate.repository.local.access_log import Notes
from eci_annotate.repository.local.account import LocalAccount
from eci_annotate.repository.local.context import Context
from eci_annotate.store.protocols import Address, Head, Record
from eci_annotate.workflow.actor import Actor
from eci_annotate.workflow.subject.state import Subject
from eci_annotate.workflow.usecase.pipeline import task_named


class _Right(NamedTuple):
    """What allows work on a task: one of these roles, for subjects of this site."""

    roles: tuple[str, ...]
    site: str


class LocalDrafts:
    """Drafts of the tasks that one session holds; see `TaskDrafts`."""

    def __init__(self, context: Context, account: LocalAccount, notes: Notes) -> None:
        self._context, self._account, self._notes = context, account, notes
        self._granted: dict[tuple[Address, int], _Right] = {}

    def grant(self, state: Subject, task: str, fence: int) -> None:
        """Keep what allows work on a task that was just started, so that saving need not read the subject again."""
        right = _Right(task_named(state.pipeline, task).roles, state.site)
        self._granted[Address(state.project, state.subject, task), fence] = right

    def save(self, project: str, subject: str, task: str, fence: int, entries: Sequence[Record]) -> None:
        """See `TaskDrafts`."""
        address = Address(project, subject, task)
        self.check_held(address, fence)
        check_entries(entries)
        self._context.drafts.append(address, fence, entries)

    def check_held(self, address: Address, fence: int) -> None:
        """Check that this session was granted the task under that fence; whether it is the newest the store says.

        Raises
        ------
        LeaseLost
            This session never held the task under that fence.
        Refused
            The roles of the actor no longer allow the task.
        """
        with self._notes.refusals("Save", address.project, address.subject):
            if (address, fence) not in self._granted:
                if self._fence(address) != fence:
                    what = f"You do not hold {address.task!r}."
                    raise LeaseLost(what, "Start it again; your last work is kept as a draft.")
                self.grant(self._context.state(address.project, address.subject)[1], address.task, fence)
            if not self._may_work(address, fence, self._account.actor):
                raise Refused(f"You may no longer work on {address.task!r}.", "Your role has changed; ask the owner.")

    def head_if_held(self, address: Address, fence: int) -> Head | None:
        """See `PersonDrafts`."""
        head = self._context.streams.project_head(address.project)
        granted = (address, fence) in self._granted
        return head if granted and self._may_work(address, fence, self._account.actor_before) else None

    def _may_work(self, address: Address, fence: int, actor: Actor) -> bool:
        right = self._granted[address, fence]
        return actor.has_role(address.project, right.roles, right.site)

    def read(self, project: str, subject: str, task: str) -> list[Record]:
        """See `TaskDrafts`."""
        address = Address(project, subject, task)
        with self._notes.refusals("Read draft", project, subject):
            fence = self._fence(address)
        return self._context.drafts.read(address, fence)

    def _fence(self, address: Address) -> int:
        """The fence of the last lease, if it is this session's; that it has ended loses no work."""
        state = self._context.seen(address.project, address.subject, self._account.actor)
        state.task(address.task)
        lease = self._context.state(address.project, address.subject)[1].work[address.task].lease
        if lease is None or not lease.is_of(self._account.actor):
            raise LeaseLost(
                f"You do not hold the lease of {address.task!r}.", "Start it again; your last work is kept as a draft."
            )
        return lease.fence
