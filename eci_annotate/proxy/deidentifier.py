"""From received to de-identified or quarantined: one file at a time, each step repeatable after a crash."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from itertools import islice

from eci_annotate.deid.pseudonymiser import Pseudonymiser
from eci_annotate.deid.quarantine import Cause
from eci_annotate.proxy.deidentifier_pool import DeidentifierPool
from eci_annotate.proxy.instance_queue import InstanceQueue, QueuedInstance, QueueState
from eci_annotate.proxy.link_table import LinkTable
from eci_annotate.proxy.policy_in_force import PolicyInForce
from eci_annotate.proxy.spool import Spool
from eci_annotate.proxy.treat_instance import Treated, treat

BATCH, _ALL = 200, 1 << 30


class Deidentifier:
    """Registers received files, and de-identifies them.

    Parameters
    ----------
    spool, queue, links
        The proxy's files, its queue, and its link table.
    rules, pseudonymiser
        What is removed, and the site's secret.
    keep_originals
        Whether originals stay after the centre confirmed the file.
    pool
        Processes that share the work; None: this one does it.
    alone
        Opens a process that does what has killed one before.
    """

    def __init__(
        self,
        spool: Spool,
        queue: InstanceQueue,
        links: LinkTable,
        rules: PolicyInForce,
        pseudonymiser: Pseudonymiser,
        keep_originals: bool = False,
        pool: DeidentifierPool | None = None,
        alone: Callable[[], AbstractContextManager[DeidentifierPool]] | None = None,
    ) -> None:
        self._spool, self._queue, self._links, self._pool, self._alone = spool, queue, links, pool, alone
        self._rules, self._names, self._keep = rules, pseudonymiser, keep_originals

    def recover(self) -> None:
        """After a kill: delete originals that nobody needs, and try what may have killed the proxy alone.

        What has killed it twice is set aside.
        """
        if not self._keep:
            for content in {*self._spool.originals()} - self._queue.contents():
                self._spool.forget(content, "", keep_original=False)
        begun = self._spool.begun()
        rows = self._queue.waiting(QueueState.RECEIVED, _ALL) if begun else []
        found = {each.content: each for each in rows if each.content in begun}
        for content in begun:
            if content not in found or begun[content]:
                self._spool.end(content)
        twice = [each for content, each in found.items() if begun[content]]
        once = [each for content, each in found.items() if not begun[content]]
        self._finish(twice, [Treated((Cause.UNREADABLE,)) for _ in twice])
        if once and self._alone is not None:
            with self._alone() as pool:
                for each in once:
                    self._spool.locate(each.content)
                    self._finish([each], pool.treated([each], self._rules.current()))

    def step(self) -> int:
        """Do a batch; returns how many files were registered or treated."""
        registered = self._register()
        batch = self._queue.waiting(QueueState.RECEIVED, BATCH)
        for each in batch:
            self._spool.locate(each.content)
        self._finish(batch, self._treated(batch))
        return registered + len(batch)

    def _finish(self, batch: list[QueuedInstance], done: list[Treated]) -> None:
        with self._queue.together():
            gone = [self._record(each, treated) for each, treated in zip(batch, done, strict=True)]
        for content, outgoing in filter(None, gone):
            self._spool.forget(content, outgoing, self._keep)
        for each, treated in zip(batch, done, strict=True):
            if treated.causes:  # the process of this one may have died
                self._spool.end(each.content)

    def warm_up(self) -> None:
        """Start the worker processes, if there are any, before there is work."""
        if self._pool is not None:
            self._pool.warm_up()

    def _register(self) -> int:
        paths = list(islice(self._spool.received(), BATCH))
        if paths:
            needed = self._queue.add({path.stem: path.stat().st_size for path in paths})
            for path in paths:
                if path.stem in needed:
                    self._spool.register(path)
                else:
                    path.unlink(missing_ok=True)
        return len(paths)

    def _treated(self, batch: list[QueuedInstance]) -> list[Treated]:
        policy = self._rules.current()  # after the batch was read: what is in it was queued before
        if self._pool is None:
            return [treat(each.content, self._spool, policy, self._names, each.accepted) for each in batch]
        return self._pool.treated(batch, policy)

    def _record(self, each: QueuedInstance, treated: Treated) -> tuple[str, str] | None:
        """Record what became of a file; returns the files to delete (original and outgoing, empty: none) afterwards."""
        if treated.causes:
            self._queue.quarantine(each, treated.causes)
            return None
        if treated.patient_id:
            self._links.put(treated.patient_id, treated.issuer)
        state = self._queue.deidentified(
            each, treated.outgoing, pseudonym=treated.pseudonym, series=treated.series, uid=treated.uid
        )
        if state is None:  # the same object once more; the first one may still need the outgoing file
            return each.content, treated.outgoing if self._queue.is_confirmed(treated.outgoing) else ""
        if state is QueueState.QUARANTINED:  # another file of this UID was there first
            self._spool.outgoing(treated.outgoing).unlink(missing_ok=True)
        return None
