"""Deferred work on the kernel's own event loop. Without a loop (plain Python) it runs immediately, and once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

Work = Callable[[], None]
FOCUS_S = 0.3  # the browser has made a new control by then, and can give it the keyboard focus


class Scheduler(Protocol):
    """Provides the time and runs work later; tests use one whose time they control."""

    def now(self) -> datetime:
        """Return the current time in UTC."""

    def elapsed_s(self) -> float:
        """Return seconds since a fixed moment; unlike `now` it never goes backwards."""

    def is_ticking(self) -> bool:
        """Whether deferred work can run."""

    def after(self, delay_s: float, work: Work) -> None:
        """Call later; immediately if nothing can be deferred."""

    def poster(self) -> Callable[[Work], object]:
        """Return a function with which another thread runs work here."""


class KernelLoop:
    """The loop that runs the kernel."""

    def now(self) -> datetime:
        """Return the current time in UTC."""
        return datetime.now(UTC)

    def elapsed_s(self) -> float:
        """Return seconds since a fixed moment."""
        return time.monotonic()

    def is_ticking(self) -> bool:
        """Whether a loop runs."""
        return _loop() is not None

    def after(self, delay_s: float, work: Work) -> None:
        """Call later on the loop; immediately if there is none."""
        loop = _loop()
        if loop is None:
            work()
        else:
            loop.call_later(delay_s, work)

    def poster(self) -> Callable[[Work], object]:
        """Return a function to run work on the current loop from another thread; immediate if there is none."""
        loop = _loop()
        return loop.call_soon_threadsafe if loop else lambda work: work()


LOOP = KernelLoop()


def _loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def every(seconds: float, work: Callable[[], bool], scheduler: Scheduler = LOOP) -> None:
    """Call `work` repeatedly until it returns False; never if nothing can be deferred."""
    if scheduler.is_ticking():
        scheduler.after(seconds, lambda: every(seconds, work, scheduler) if work() else None)
