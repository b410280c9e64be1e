"""Short pauses: objects that survive a long garbage collection are excluded from later ones.

A service holds hundreds of thousands of long-lived objects (modules, folded subjects, headers). Each full collection
scans all of them while every request waits. Reference counting still frees objects; only reference cycles among
objects kept at such a moment remain, and each further moment needs as many new long-lived objects again.
"""

from __future__ import annotations

import gc
import time

LONGEST_S, OLDEST = 0.02, 2


class Pauses:
    """Monitors the garbage collector of this process.

    Parameters
    ----------
    longest_s
        Maximum duration of a full collection; survivors of a longer one are kept permanently.
    """

    def __init__(self, longest_s: float = LONGEST_S) -> None:
        self._longest_s, self._begin = longest_s, 0.0

    def keep_short(self) -> None:
        """Start monitoring."""
        gc.callbacks.append(self._told)

    def leave(self) -> None:
        """Let the collector scan all objects again."""
        gc.callbacks.remove(self._told)
        gc.unfreeze()

    def _told(self, phase: str, info: dict[str, int]) -> None:
        if info["generation"] < OLDEST:
            return
        if phase == "start":
            self._begin = time.perf_counter()
        elif time.perf_counter() - self._begin > self._longest_s:
            gc.freeze()
