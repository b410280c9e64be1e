"""Periodic work beside requests: a checkpoint in every minute with new events, notices, and cleaning up."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from threading import Event, Thread

from eci_annotate.hub.background.notifier import Notifier, Ways
from eci_annotate.hub.core.middleware import Numbers
from eci_annotate.hub.pages.intake.uploads import INCOMING, sweep
from eci_annotate.hub.pages.session import LASTS_S, forget_ended
from eci_annotate.hub.signing.confirmations import forget_requests
from eci_annotate.repository.service.protocol import Service

EVERY_S, NOTICE_S, SWEEP_S, ARRIVALS_S = 60.0, 5.0, 3600.0, 2.0
log = logging.getLogger("eci_annotate.hub")


class Housekeeping:
    """Works in separate threads until it is stopped."""

    def __init__(self, service: Service, numbers: Numbers) -> None:
        self._over, upkeep, cache = Event(), service.upkeep, service.cache
        self._upkeep, self._numbers, ways = upkeep, numbers, Ways.from_environment()
        self._notifier = Notifier(service, ways) if ways else None
        self._threads = [
            self._thread(EVERY_S, upkeep.checkpoint),
            self._thread(EVERY_S, upkeep.clean_up, at_once=True),
            self._thread(ARRIVALS_S, upkeep.ingest),
            self._thread(EVERY_S, self._synchronise),
            self._thread(ARRIVALS_S, upkeep.derive, at_once=True),
            self._thread(SWEEP_S, lambda: sweep(cache / INCOMING)),
            self._thread(SWEEP_S, lambda: forget_requests(cache, time.time() - SWEEP_S)),
            self._thread(SWEEP_S, lambda: forget_ended(cache, time.time() - 2 * LASTS_S)),
        ]
        if self._notifier:
            self._threads.append(self._thread(NOTICE_S, self._notifier.step))

    def _synchronise(self) -> None:
        """Exchange what is due with other archives, count it, and notify of what has begun to fail."""
        states = self._upkeep.synchronise()
        self._numbers.count_sync(states)
        if self._notifier:
            self._notifier.tell_of_sync(states)

    def _thread(self, seconds: float, work: Callable[[], object], at_once: bool = False) -> Thread:
        def run() -> None:
            wait = 0.0 if at_once else seconds
            while not self._over.wait(wait):
                wait = seconds
                try:
                    work()
                except Exception as error:  # the next run may succeed; the service must not stop
                    log.error("housekeeping failed", extra={"kind": type(error).__name__})

        return Thread(target=run, daemon=True)

    def start(self) -> None:
        """Start the threads."""
        for each in self._threads:
            each.start()

    def stop(self) -> None:
        """Stop after the current run."""
        self._over.set()
