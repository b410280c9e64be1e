"""Work for later on the kernel's own loop. Without a loop (plain Python) it is done at once, and once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

Work = Callable[[], None]


class Scheduler(Protocol):
    """What tells the time and does things later; tests give one whose time they set."""

    def now(self) -> datetime:
        """The time, in UTC."""

    def elapsed_s(self) -> float:
        """Seconds since some moment; unlike `now` it never steps back."""

    def is_ticking(self) -> bool:
        """Whether there is a later."""

    def after(self, delay_s: float, work: Work) -> None:
        """Call later; at once where there is no later."""

    def poster(self) -> Callable[[Work], object]:
        """What another thread calls to have work done here."""


class KernelLoop:
    """The loop that runs the kernel."""

    def now(self) -> datetime:
        """The time, in UTC."""
        return datetime.now(UTC)

    def elapsed_s(self) -> float:
        """Seconds since some moment."""
        return time.monotonic()

    def is_ticking(self) -> bool:
        """Whether a loop runs."""
        return _loop() is not None

    def after(self, delay_s: float, work: Work) -> None:
        """Call later on the loop; at once where there is none."""
        loop = _loop()
        if loop is None:
            work()
        else:
            loop.call_later(delay_s, work)

    def poster(self) -> Callable[[Work], object]:
        """What another thread calls to have work done on the loop that runs now; done at once where there is none."""
        loop = _loop()
        return loop.call_soon_threadsafe if loop else lambda work: work()


LOOP = KernelLoop()


def _loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def every(seconds: float, work: Callable[[], bool], scheduler: Scheduler = LOOP) -> None:
    """Call `work` again and again until it returns False; never where there is no later."""
    if scheduler.is_ticking():
        scheduler.after(seconds, lambda: every(seconds, work, scheduler) if work() else None)
