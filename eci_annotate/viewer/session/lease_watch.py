"""Notice that another session has taken a task over, also while nothing is drawn and so nothing is saved."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Protocol

from eci_annotate.errors import EciError, LeaseLost
from eci_annotate.viewer.session.event_loop import LOOP, Scheduler


class Leased(Protocol):
    """The part of a task that knows its lease."""

    def check_lease(self) -> None:
        """Raise LeaseLost if another session has taken the task over."""


class LeaseWatch:
    """Asks in a thread, one question at a time; a connection that is down is not a lost lease.

    Parameters
    ----------
    task
        The task.
    lost
        Is told that the lease is lost.
    scheduler
        Loop to which the answer comes back.
    """

    def __init__(self, task: Leased, lost: Callable[[LeaseLost], None], scheduler: Scheduler = LOOP) -> None:
        self._task, self._lost, self._scheduler = task, lost, scheduler
        self._thread = ThreadPoolExecutor(1, "lease")
        self._asked: Future[None] | None = None

    def ask(self, shown: bool = True) -> None:
        """Ask, unless no page shows the task, or the last answer has not arrived yet."""
        if shown and self._asked is None:
            post = self._scheduler.poster()
            self._asked = self._thread.submit(self._task.check_lease)
            self._asked.add_done_callback(lambda done: post(lambda: self._answered(done)))

    def _answered(self, done: Future[None]) -> None:
        self._asked = None
        with suppress(EciError):
            try:
                done.result()
            except LeaseLost as error:
                self._lost(error)
