"""From received to de-identified or quarantined: one file at a time, each step repeatable after a crash."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from pathlib import Path

from pydicom import dcmread

from eci_annotate.deid.deidentify import deidentify, quiet
from eci_annotate.deid.folder_run import encoded
from eci_annotate.deid.pixel_masks import rule_for
from eci_annotate.deid.policy import Policy
from eci_annotate.deid.pseudonymiser import Pseudonymiser
from eci_annotate.deid.quarantine import Cause, said
from eci_annotate.proxy.inflation_limit import MOST_BYTES, pixel_bytes, require_bounded_file
from eci_annotate.proxy.instance_queue import InstanceQueue, QueuedInstance, QueueState
from eci_annotate.proxy.link_table import LinkTable
from eci_annotate.proxy.pixel_text import may_show_text
from eci_annotate.proxy.policy_in_force import PolicyInForce
from eci_annotate.proxy.spool import Spool

BATCH = 200


@dataclass(frozen=True)
class Treated:
    """What became of one file: causes, or the digest of the de-identified file, its patient and UIDs."""

    causes: tuple[Cause, ...] = ()
    outgoing: str = ""
    patient_id: str = field(default="", repr=False)
    issuer: str = field(default="", repr=False)
    pseudonym: str = ""
    series: str = ""
    uid: str = ""


def treat(
    digest: str, spool: Spool, policy: Policy, pseudonymiser: Pseudonymiser, accepted: Collection[Cause]
) -> Treated:
    """De-identify an original, and store the result among the outgoing files."""
    try:
        with quiet():
            require_bounded_file(spool.original(digest), spool.largest)
            dataset = dcmread(spool.original(digest))
            if rule_for(dataset, policy) and pixel_bytes(dataset) > MOST_BYTES:
                return Treated((Cause.PIXELS,))
            result = deidentify(dataset, policy, pseudonymiser, accepted=accepted)
            if result.dataset is None:
                return Treated(result.causes)
            made = result.dataset
            if policy.find_text and Cause.TEXT not in accepted and may_show_text(made):
                return Treated((Cause.TEXT,))
            content = encoded(made)
            patient, issuer = said(dataset, "PatientID"), said(dataset, "IssuerOfPatientID")
            names = [said(made, name) for name in ("PatientID", "SeriesInstanceUID", "SOPInstanceUID")]
    except Exception:  # whatever is wrong with one file sets that file aside, and its text may hold values
        return Treated((Cause.UNREADABLE,))
    outgoing = sha256(content).hexdigest()
    spool.write_outgoing(outgoing, content)
    return Treated((), outgoing, patient, issuer, *names)


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
        pool: ProcessPoolExecutor | None = None,
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
            for job in [self._pool.submit(abs, 0) for _ in range(8)]:
                job.result()

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
        jobs = [self._pool.submit(treat_in_worker, each.content, policy, each.accepted) for each in batch]
        return [job.result() for job in jobs]

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


_worker: dict[str, tuple[Spool, Pseudonymiser]] = {}


def start_worker(root: Path, largest: int, key: Path) -> None:
    """Prepare a worker process; the secret is read there, since it is not passed between processes."""
    _worker["own"] = (Spool(root, largest), Pseudonymiser.from_file(key))


def treat_in_worker(digest: str, policy: Policy, accepted: tuple[Cause, ...]) -> Treated:
    """De-identify an original in a worker process."""
    spool, names = _worker["own"]
    return treat(digest, spool, policy, names, accepted)
