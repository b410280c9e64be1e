"""A site's proxy: its parts opened together, and run until it is stopped; it may be killed at any moment.

Every step reads what is durable and writes what is durable, so that a start continues where a kill interrupted.
"""

from __future__ import annotations

import fcntl
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from threading import Event, Thread

from eci_annotate.deid.policy import Policy
from eci_annotate.errors import EciError, Refused
from eci_annotate.proxy.configuration import Configuration
from eci_annotate.proxy.deidentifier import Deidentifier
from eci_annotate.proxy.deidentifier_pool import DeidentifierPool
from eci_annotate.proxy.instance_queue import InstanceQueue, QueueState
from eci_annotate.proxy.link_table import LinkTable
from eci_annotate.proxy.policy_in_force import PolicyInForce
from eci_annotate.proxy.receive.file_sources import Progress
from eci_annotate.proxy.receive.folder_watch import WatchedFolder
from eci_annotate.proxy.send.centre_client import Centre
from eci_annotate.proxy.send.uploader import Uploader
from eci_annotate.proxy.site_records import SiteRecords
from eci_annotate.proxy.spool import Spool

IDLE_S, WATCH_S, SWEEP_S = 0.5, 2.0, 600.0
_ON_THE_WAY = (QueueState.RECEIVED, QueueState.DEIDENTIFIED, QueueState.SENT)
log = logging.getLogger("eci_proxy")


class Proxy:
    """The parts of a proxy.

    Parameters
    ----------
    configuration
        The site's.
    """

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self.spool = Spool(configuration.spool, configuration.largest)
        self.names, self.rules = configuration.pseudonymiser(), PolicyInForce(configuration)
        self.queue = InstanceQueue(configuration.spool / "queue.sqlite")
        self.links = LinkTable(configuration.spool / "links.sqlite", self.names)
        self.records = SiteRecords(configuration.spool)

    @property
    def policy(self) -> Policy:
        """The policy that holds now."""
        return self.rules.current()

    def close(self) -> None:
        """Close the databases."""
        self.queue.close()
        self.links.close()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Be the only process that works on the queue; raises Refused if another one does."""
        path = self.configuration.spool / "run.lock"
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            raise Refused("The proxy runs already.", "Stop it first, or use its queue: eci-proxy status") from None
        try:
            yield
        finally:
            os.close(handle)

    @contextmanager
    def deidentifier(self) -> Iterator[Deidentifier]:
        """The part that de-identifies, with as many processes as configured."""
        keep, number = self.configuration.keep_originals, self.configuration.processes
        with ExitStack() as stack:
            pool = stack.enter_context(self._pool(number)) if number > 1 else None
            alone = partial(self._pool, 1)
            made = Deidentifier(self.spool, self.queue, self.links, self.rules, self.names, keep, pool, alone)
            made.recover()
            yield made

    def _pool(self, number: int) -> AbstractContextManager[DeidentifierPool]:
        return closing(DeidentifierPool(number, self.spool, self.configuration.key, self.names.fingerprint))

    @contextmanager
    def uploader(self) -> Iterator[Uploader | None]:
        """The part that uploads; None if no centre is configured."""
        settings = self.configuration.centre
        if settings is None:
            yield None
            return
        centre = Centre(settings)
        keep = self.configuration.keep_originals
        made = Uploader(self.spool, self.queue, self.links, centre, settings.parallel, keep)
        try:
            yield made
        finally:
            made.close()
            centre.close()

    def left(self) -> int:
        """Return how many instances are on their way, by this proxy's own doing."""
        counts = self.queue.counts()
        states = _ON_THE_WAY if self.configuration.centre else (QueueState.RECEIVED,)
        return sum(counts.get(state, 0) for state in states) + sum(1 for _ in self.spool.received())

    def drain(self, tell: Progress, patience_s: float = 60.0) -> int:
        """Work until nothing is on its way; returns how many are, if nothing has moved for a while."""
        moved = time.monotonic()
        total = before = self.left()
        with self.alone(), self.deidentifier() as deidentifier, self.uploader() as uploader:
            while left := self.left():
                deidentifier.step()
                if uploader is not None and not uploader.step():
                    time.sleep(0.1)
                now = self.left()
                total = max(total, now)
                moved = time.monotonic() if now != before else moved
                tell("De-identifying and uploading", total - now, total)
                if time.monotonic() - moved > patience_s:
                    return left
                before = now
        return 0

    def run(self, over: Event, more: Callable[[Spool], object] = lambda spool: None) -> None:
        """Receive, de-identify and upload until `over` is set."""
        self.spool.recover()
        with self.alone(), self.deidentifier() as deidentifier, self.uploader() as uploader:
            works: list[tuple[str, Callable[[], int], float]] = [
                ("de-identify", deidentifier.step, IDLE_S), ("sweep", self.spool.sweep, SWEEP_S)
            ]  # fmt: skip
            if uploader is not None:
                works.append(("upload", uploader.step, IDLE_S))
            for folder in self.configuration.watch:
                works.append(("watch", _watcher(folder, self.spool), WATCH_S))
            threads = [Thread(target=_repeat, args=(*work, over), name=work[0]) for work in works]
            for thread in threads:
                thread.start()
            try:
                over.wait()
            finally:
                over.set()
                for thread in threads:
                    thread.join()


def _watcher(folder: Path, spool: Spool) -> Callable[[], int]:
    watched = WatchedFolder(folder)
    return lambda: watched.step(spool)


def _repeat(name: str, step: Callable[[], int], idle_s: float, over: Event) -> None:
    """Repeat a step; an unexpected failure is logged by its kind, and the step tried again."""
    while not over.is_set():
        try:
            done = step()
        except EciError as error:
            log.error("a step was refused", extra={"why": name, "kind": type(error).__name__})
            done = 0
        except Exception as error:  # the proxy goes on: the next file may be another one
            log.error("a step failed", extra={"why": name, "kind": type(error).__name__})
            done = 0
        if not done:
            over.wait(idle_s)
