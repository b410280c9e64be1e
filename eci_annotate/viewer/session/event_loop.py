"""Work for later on the kernel's own loop. Without a loop (plain Python, tests) it is done at once, and once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

Work = Callable[[], None]


def _loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def is_ticking() -> bool:
    """Whether there is a later."""
    return _loop() is not None


def after(delay_s: float, work: Work) -> None:
    """Call later; at once where there is no loop."""
    loop = _loop()
    if loop is None:
        work()
    else:
        loop.call_later(delay_s, work)


def poster() -> Callable[[Work], object]:
    """What another thread calls to have work done on the loop that runs now; done at once where there is none."""
    loop = _loop()
    return loop.call_soon_threadsafe if loop else lambda work: work()


def every(seconds: float, work: Callable[[], bool]) -> None:
    """Call `work` again and again until it returns False; never where there is no loop."""
    if is_ticking():
        after(seconds, lambda: every(seconds, work) if work() else None)
