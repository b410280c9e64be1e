"""From de-identified to confirmed: files are sent in parallel, tried again after failures, and asked about."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor

from eci_annotate.errors import EciError, NoIdentity
from eci_annotate.proxy.instance_queue import InstanceQueue, QueuedInstance, QueueState
from eci_annotate.proxy.link_table import LinkTable
from eci_annotate.proxy.send.centre_client import AtCentre, Centre, CentreState
from eci_annotate.proxy.spool import Spool

BATCH, ASK = 64, 500
log = logging.getLogger("eci_proxy")


class Uploader:
    """Sends de-identified files, and learns what became of them.

    Parameters
    ----------
    spool, queue, links
        The proxy's files, its queue, and its link table.
    centre
        Where files go.
    parallel
        How many files are sent at once.
    keep_originals
        Whether originals stay after the centre confirmed the file.
    """

    def __init__(
        self,
        spool: Spool,
        queue: InstanceQueue,
        links: LinkTable,
        centre: Centre,
        parallel: int = 4,
        keep_originals: bool = False,
    ) -> None:
        self._spool, self._queue, self._links, self._centre = spool, queue, links, centre
        self._keep = keep_originals
        self._threads = ThreadPoolExecutor(parallel, thread_name_prefix="upload")
        self.problem = ""

    def close(self) -> None:
        """Stop after the files that are being sent."""
        self._threads.shutdown(cancel_futures=True)

    def step(self) -> int:
        """Send a batch, and ask about what was sent; returns how many files moved on."""
        waiting = self._queue.waiting(QueueState.DEIDENTIFIED, BATCH)
        if waiting:
            self._propose()  # before files: the centre may take them in at any moment
        done = sum(self._threads.map(self._send, waiting))
        if (
            waiting
            and not self._queue.waiting(QueueState.DEIDENTIFIED, 1)
            and not self._queue.waiting(QueueState.RECEIVED, 1)
        ):
            self._quietly(self._centre.ingest)  # nothing more is coming now
        return done + self._ask(QueueState.SENT) + self._ask(QueueState.HELD)

    def _propose(self) -> None:
        """Tell the centre provisional numbers; without that it gives others, which count."""
        numbers = self._links.to_propose()

        def attempt() -> None:
            self._centre.propose(numbers)
            self._links.proposed(numbers)

        if numbers:
            self._quietly(attempt)

    def _send(self, each: QueuedInstance) -> bool:
        def attempt() -> None:
            self._centre.send(each.outgoing, self._spool.outgoing(each.outgoing))
            self._queue.sent(each)

        done = self._quietly(attempt)
        if not done:
            self._queue.again(each, QueueState.DEIDENTIFIED)
        return done

    def _ask(self, stage: QueueState) -> int:
        rows = {each.outgoing: each for each in self._queue.waiting(stage, ASK)}
        moved, undecided = 0, list[QueuedInstance]()

        def attempt() -> None:
            nonlocal moved
            states = self._centre.states(list(rows))
            for digest, each in rows.items():
                found = states.get(digest, CentreState(AtCentre.RECEIVED))
                match found.state:
                    case AtCentre.CONFIRMED:
                        self._confirm(each, found.subject)
                        moved += 1
                    case AtCentre.HELD:
                        self._queue.held(each, found.reason)
                        moved += stage is QueueState.SENT
                    case AtCentre.ABSENT | AtCentre.PARTIAL:
                        self._queue.again(each, QueueState.DEIDENTIFIED)  # the centre lost it: it is sent once more
                    case AtCentre.RECEIVED:
                        undecided.append(each)

        if rows:
            self._quietly(attempt)
        if len(rows) == ASK:  # there may be more behind them
            with self._queue.together():
                for each in undecided:
                    self._queue.again(each, stage)
        return moved

    def _confirm(self, each: QueuedInstance, subject: str) -> None:
        self._links.set_subject(each.pseudonym, subject)
        self._spool.forget(each.content, "", self._keep)  # first: after a kill nothing would delete it
        self._queue.confirmed(each, subject)
        self._spool.forget(each.content, each.outgoing, keep_original=True)

    def _quietly(self, attempt: object) -> bool:
        try:
            attempt()  # type: ignore[operator]
        except (EciError, OSError) as error:
            self.problem = str(error) if isinstance(error, EciError) else "A file of the spool cannot be read."
            level = logging.ERROR if isinstance(error, NoIdentity) else logging.WARNING
            log.log(level, "upload failed", extra={"kind": type(error).__name__})
            return False
        self.problem = ""
        return True
