"""From received to de-identified or quarantined: one file at a time, each step repeatable after a crash."""

from __future__ import annotations

from itertools import islice

from eci_annotate.deid.pseudonymiser import Pseudonymiser
from eci_annotate.proxy.deidentifier_pool import DeidentifierPool
from eci_annotate.proxy.instance_queue import InstanceQueue, QueuedInstance, QueueState
from eci_annotate.proxy.link_table import LinkTable
from eci_annotate.proxy.policy_in_force import PolicyInForce
from eci_annotate.proxy.spool import Spool
from eci_annotate.proxy.treat_instance import Treated, treat

BATCH = 200


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
    ) -> None:
        self._spool, self._queue, self._links, self._pool = spool, queue, links, pool
        self._rules, self._names, self._keep = rules, pseudonymiser, keep_originals

    def step(self) -> int:
        """Do a batch; returns how many files were registered or treated."""
        registered = self._register()
        batch = self._queue.waiting(QueueState.RECEIVED, BATCH)
        done = self._treated(batch)
        with self._queue.together():
            gone = [self._record(each, treated) for each, treated in zip(batch, done, strict=True)]
        for content, outgoing in filter(None, gone):
            self._spool.forget(content, outgoing, self._keep)
        return registered + len(batch)

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
