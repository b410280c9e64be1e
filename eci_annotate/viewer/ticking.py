"""Work for later on the kernel's own loop. Where there is no loop (plain Python, tests) it is done at once, and once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


def _loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def is_ticking() -> bool:
    """Whether there is a later."""
    return _loop() is not None


def after(delay_s: float, work: Callable[[], None]) -> None:
    """Call later; at once where there is no loop."""
    loop = _loop()
    if loop is None:
        work()
    else:
        loop.call_later(delay_s, work)


def every(seconds: float, work: Callable[[], bool]) -> None:
    """Call `work` again and again until it returns False; never where there is no loop."""
    if is_ticking():
        after(seconds, lambda: every(seconds, work) if work() else None)
