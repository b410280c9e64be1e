"""Short pauses: what outlives a long collection of garbage is not looked at again by the next ones.

A service holds hundreds of thousands of objects for as long as it lives (modules, folded subjects, headers). Each full
collection looks at all of them, while every request waits. References let go free objects as before; only circles
that form of what was kept at such a moment stay: each moment needs as many new lasting objects again.
"""

from __future__ import annotations

import gc
import time

LONGEST_S, OLDEST = 0.02, 2


class Pauses:
    """Watches the collector of this process.

    Parameters
    ----------
    longest_s
        How long a full collection may take; what outlives a longer one is kept for good.
    """

    def __init__(self, longest_s: float = LONGEST_S) -> None:
        self._longest_s, self._begin = longest_s, 0.0

    def keep_short(self) -> None:
        """Begin."""
        gc.callbacks.append(self._told)

    def leave(self) -> None:
        """Let the collector look at everything again."""
        gc.callbacks.remove(self._told)
        gc.unfreeze()

    def _told(self, phase: str, info: dict[str, int]) -> None:
        if info["generation"] < OLDEST:
            return
        if phase == "start":
            self._begin = time.perf_counter()
        elif time.perf_counter() - self._begin > self._longest_s:
            gc.freeze()
