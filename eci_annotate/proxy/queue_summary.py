"""Where the instances of a proxy are, how fast they move, and how long the rest takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from eci_annotate.deid.quarantine import Cause
from eci_annotate.proxy.proxy_service import Proxy


@dataclass(frozen=True)
class QueueSummary:
    """Counts by state and cause; why the centre holds instances back; rate per second and seconds that remain.

    `remaining_s` is None while nothing moves; `failing` counts uploads that failed and are tried again.
    """

    waiting: int
    counts: Mapping[str, int]
    causes: Mapping[Cause, int]
    reasons: Mapping[str, int]
    moving: int
    left_bytes: int
    rate: float
    failing: int

    @property
    def remaining_s(self) -> float | None:
        """Seconds until nothing is on its way, at the present rate."""
        return self.moving / self.rate if self.rate and self.moving else None


def summary_of(proxy: Proxy) -> QueueSummary:
    """Return the summary of a proxy's queue."""
    queue = proxy.queue
    rate, left = queue.rates()
    return QueueSummary(
        waiting=sum(1 for _ in proxy.spool.received()),
        counts=queue.counts(),
        causes=queue.causes(),
        reasons=queue.reasons(),
        moving=proxy.left(),
        left_bytes=left,
        rate=rate,
        failing=queue.failing(),
    )
