"""Run jobs in processes of this machine; a process that dies costs only the series it was working on.

Each process has a pipe of its own, so that its end is noticed at once and blamed on no other series. Where the system
can fork, they are forks of a process that has no threads and has imported what they need.
"""

from __future__ import annotations

import gc
import multiprocessing
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import Any

from eci_annotate.batch.cohort_scan import SeriesJob
from eci_annotate.batch.prepare_options import PrepareOptions
from eci_annotate.batch.prepare_series import prepare_series
from eci_annotate.batch.series_record import SeriesRecord

DIED = "The process ended while it prepared this series."
ATTEMPTS = 2
STOP_S = 5.0
METHOD = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
IMPORTED = ("eci_annotate.batch.prepare_series", "eci_annotate.imaging.volume", "__main__")
GARBAGE = (20_000, 50, 100)  # a header is thousands of objects without cycles: looking for some takes a seventh longer


def begin_start() -> None:
    """Let processes be started soon: what they import is imported while this process does something else."""
    if METHOD == "forkserver":
        from multiprocessing import forkserver

        multiprocessing.get_context(METHOD).set_forkserver_preload([*IMPORTED])
        forkserver.ensure_running()


def run_locally(
    jobs: Sequence[SeriesJob], options: PrepareOptions, digest: str, workers: int
) -> Iterator[SeriesRecord]:
    """Prepare series in `workers` processes, and yield each record when it is ready.

    A series whose process ends is tried a second time, and then refused. The largest come first, so that no process
    waits long for the last one.
    """
    waiting, attempts = deque(sorted(jobs, key=_size, reverse=True)), Counter[str]()
    idle: list[WorkerProcess] = []
    busy: dict[object, WorkerProcess] = {}
    try:
        while waiting or busy:
            while waiting and len(busy) < workers:
                worker = idle.pop() if idle else WorkerProcess(options, digest)
                worker.take(waiting.popleft())
                busy[worker.pipe] = worker
            for pipe in wait([each.pipe for each in busy.values()]):
                worker = busy.pop(pipe)
                record = worker.record()
                if record is not None:
                    idle.append(worker)
                    yield record
                    continue
                attempts[worker.job.series] += 1
                if attempts[worker.job.series] < ATTEMPTS:
                    waiting.append(worker.job)
                else:
                    yield died(worker.job, digest)
    finally:
        for worker in [*idle, *busy.values()]:
            worker.stop()


def _size(job: SeriesJob) -> int:
    with suppress(OSError):
        return sum(path.stat().st_size for path in job.files)
    return 0


def died(job: SeriesJob, digest: str) -> SeriesRecord:
    """Return the record of a series whose process ended."""
    return SeriesRecord(job.series, job.subject, job.fingerprint, digest, why=DIED, lasting=False)


class WorkerProcess:
    """A process that prepares one series after the other.

    Attributes
    ----------
    pipe
        Ready when a record has arrived, or the process has ended.
    job
        What it works on.
    """

    job: SeriesJob

    def __init__(self, options: PrepareOptions, digest: str) -> None:
        context: Any = multiprocessing.get_context(METHOD)
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, options, digest), daemon=True)
        with suppress(OSError):  # it may end while it starts; then the pipe is at its end
            self.process.start()
        theirs.close()

    def take(self, job: SeriesJob) -> None:
        """Hand in the next series."""
        self.job = job
        with suppress(OSError):
            self.pipe.send(job)

    def record(self) -> SeriesRecord | None:
        """Return the record that has arrived; None if the process has ended."""
        try:
            found: SeriesRecord = self.pipe.recv()
            return found
        except (EOFError, OSError):
            self.stop()
            return None

    def stop(self) -> None:
        """End the process."""
        self.pipe.close()
        if self.process.pid is not None:
            self.process.terminate()
            self.process.join(STOP_S)


def _serve(pipe: Connection, options: PrepareOptions, digest: str) -> None:
    """Prepare series until the other end of the pipe is closed."""
    gc.freeze()
    gc.set_threshold(*GARBAGE)
    with suppress(EOFError, OSError):
        while True:
            pipe.send(prepare_series(pipe.recv(), options, digest))
