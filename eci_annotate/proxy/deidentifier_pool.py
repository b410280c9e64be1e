"""Processes that de-identify. One that dies, for want of memory for instance, costs the file that it cannot survive."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from threading import Thread

from eci_annotate.deid.policy import Policy
from eci_annotate.deid.pseudonymiser import Pseudonymiser
from eci_annotate.deid.quarantine import Cause
from eci_annotate.errors import BadSiteKey, StoreUnavailable
from eci_annotate.proxy.instance_queue import QueuedInstance
from eci_annotate.proxy.spool import Spool
from eci_annotate.proxy.treat_instance import Treated, treat

_WARM_UP = 8


class DeidentifierPool:
    """Processes that share the work.

    Parameters
    ----------
    number
        How many.
    spool, key
        The proxy's files, and the path of the site's secret: processes read it, since it is not passed between them.
    fingerprint
        Of the secret that the proxy uses; a file that has changed since is refused.
    """

    def __init__(self, number: int, spool: Spool, key: Path, fingerprint: str) -> None:
        self._number, self._given = number, (spool.root, spool.largest, key, fingerprint)
        self._pool = self._opened()

    def close(self) -> None:
        """Stop after what is being done."""
        self._pool.shutdown(cancel_futures=True)

    def warm_up(self) -> None:
        """Start the processes before there is work."""
        for job in [self._pool.submit(abs, 0) for _ in range(_WARM_UP)]:
            job.result()

    def treated(self, batch: Sequence[QueuedInstance], policy: Policy) -> list[Treated]:
        """Return what became of each file.

        Raises
        ------
        StoreUnavailable
            No process can be started.
        """
        jobs: list[Future[Treated] | None] = []
        for each in batch:
            try:
                jobs.append(self._submit(each, policy))
            except BrokenProcessPool:
                jobs.append(None)
        done = [_result(job) if job else None for job in jobs]
        if None in done:
            self._renew()
        return [found or self._alone(each, policy) for each, found in zip(batch, done, strict=True)]

    def _alone(self, each: QueuedInstance, policy: Policy) -> Treated:
        """Do a file with nothing beside it: if its process dies again, it is because of this file."""
        found = _result(self._submit(each, policy))
        if found is None:
            self._renew()
        return found or Treated((Cause.UNREADABLE,))

    def _submit(self, each: QueuedInstance, policy: Policy) -> Future[Treated]:
        return self._pool.submit(treat_in_worker, each.content, policy, each.accepted, *self._given)

    def _renew(self) -> None:
        self.close()
        self._pool = self._opened()
        try:
            self._pool.submit(abs, 0).result()
        except BrokenProcessPool:
            raise StoreUnavailable("No process can be started to de-identify.", "Restart the proxy.") from None

    def _opened(self) -> ProcessPoolExecutor:
        spawn = multiprocessing.get_context("spawn")  # threads run already, so that a fork might hang
        return ProcessPoolExecutor(self._number, spawn, end_with_parent)


def end_with_parent() -> None:
    """End this process as soon as the one that started it has ended: a proxy that is killed leaves no processes."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        Thread(target=_end_after, args=(parent.join,), daemon=True).start()


def _end_after(wait: Callable[[], None]) -> None:
    wait()
    os._exit(1)


def _result(job: Future[Treated]) -> Treated | None:
    """What a job gave; None if its process died, or another one of the pool."""
    try:
        return job.result()
    except BrokenProcessPool:
        return None


_worker: dict[Path, tuple[Spool, Pseudonymiser]] = {}


def treat_in_worker(
    digest: str, policy: Policy, accepted: tuple[Cause, ...], root: Path, largest: int, key: Path, fingerprint: str
) -> Treated:
    """De-identify an original in a worker process; raises BadSiteKey if the secret is not the proxy's."""
    if root not in _worker:
        names = Pseudonymiser.from_file(key)
        if names.fingerprint != fingerprint:
            raise BadSiteKey("The file of the site's secret has changed.", "Restore it, or restart the proxy.")
        _worker[root] = Spool(root, largest), names
    return treat(digest, _worker[root][0], policy, _worker[root][1], accepted)
