"""Processes that de-identify files of the spool."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from eci_annotate.deid.parallel.process_pool import ProcessPool
from eci_annotate.deid.policy import Policy
from eci_annotate.deid.pseudonymiser import Pseudonymiser
from eci_annotate.deid.quarantine import Cause
from eci_annotate.proxy.instance_queue import QueuedInstance
from eci_annotate.proxy.spool import Spool
from eci_annotate.proxy.treat_instance import Treated, treat


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
        self._given = (spool.root, spool.largest, key, fingerprint)
        self._pool = ProcessPool(number)

    def close(self) -> None:
        """Stop after what is being done."""
        self._pool.close()

    def warm_up(self) -> None:
        """Start the processes before there is work."""
        self._pool.warm_up()

    def treated(self, batch: Sequence[QueuedInstance], policy: Policy) -> list[Treated]:
        """Return what became of each file.

        Raises
        ------
        StoreUnavailable
            No process can be started.
        """
        jobs = ((each.content, policy, each.accepted, *self._given) for each in batch)
        return [found or Treated((Cause.UNREADABLE,)) for found in self._pool.results(treat_in_worker, jobs)]


_worker: dict[Path, tuple[Spool, Pseudonymiser]] = {}


def treat_in_worker(
    digest: str, policy: Policy, accepted: tuple[Cause, ...], root: Path, largest: int, key: Path, fingerprint: str
) -> Treated:
    """De-identify an original in a worker process; raises BadSiteKey if the secret is not the proxy's."""
    if root not in _worker:
        _worker[root] = Spool(root, largest), Pseudonymiser.from_file(key, fingerprint)
    return treat(digest, _worker[root][0], policy, _worker[root][1], accepted)
