"""Work that repeats on the kernel's own loop. Where there is no loop (plain Python, tests) nothing repeats."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


def every(seconds: float, work: Callable[[], bool]) -> None:
    """Call `work` again and again until it returns False."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return

    def once() -> None:
        if work():
            loop.call_later(seconds, once)

    loop.call_later(seconds, once)
