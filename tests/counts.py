"""How often the heavy proofs are run: a small count in `make test`, in full with `make soak` (ECI_SOAK=1).

`make check` (ECI_FAST=1) tries a quarter of the examples of laws.
"""

from __future__ import annotations

import os

SOAK, FAST = os.environ.get("ECI_SOAK") == "1", os.environ.get("ECI_FAST") == "1"


def count(small: int, full: int) -> int:
    """The full count only under `make soak`."""
    return full if SOAK else small


def examples(small: int, full: int) -> int:
    """As `count`, for the examples of a law: fewer in the fast loop."""
    return max(small // 4, 5) if FAST else count(small, full)


EXAMPLES = examples(100, 5000)  # hypothesis, where a test does not say otherwise
ROUND_TRIPS = examples(60, 5000)  # mask -> RTSTRUCT -> mask; each writes and reads files

STORE_RACERS, STORE_TASKS = count(6, 64), count(25, 1000)
STORE_KILLS = count(20, 1000)
STORE_STREAMS = count(200, 1000)
STORE_CROWD = count(2000, 100_000)

RACERS, SUBJECTS = count(4, 32), count(6, 100)
KERNEL_KILLS = count(3, 100)
