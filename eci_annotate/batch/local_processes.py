"""Run jobs in processes of this machine; a process that dies costs only the series it was working on."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

from eci_annotate.batch.cohort_scan import SeriesJob
from eci_annotate.batch.prepare_options import PrepareOptions
from eci_annotate.batch.prepare_series import prepare_series
from eci_annotate.batch.series_record import SeriesRecord

DIED = "The process ended while it prepared this series."


def run_locally(
    jobs: Sequence[SeriesJob], options: PrepareOptions, digest: str, workers: int
) -> Iterator[SeriesRecord]:
    """Prepare series in `workers` processes, and yield each record when it is ready."""
    waiting = list(jobs)[::-1]
    while waiting:
        suspects: list[SeriesJob] = []
        yield from _with_pool(waiting, suspects, options, digest, min(workers, len(waiting)))
        for job in suspects:  # each alone, to learn which of them ends the process
            guilty: list[SeriesJob] = []
            yield from _with_pool([job], guilty, options, digest, 1)
            if guilty:
                yield died(job, digest)


def died(job: SeriesJob, digest: str) -> SeriesRecord:
    """Return the record of a series whose process ended."""
    return SeriesRecord(job.series, job.subject, job.fingerprint, digest, why=DIED, lasting=False)


def _with_pool(
    waiting: list[SeriesJob], suspects: list[SeriesJob], options: PrepareOptions, digest: str, workers: int
) -> Iterator[SeriesRecord]:
    """Run jobs until none is waiting, or a process dies: then `suspects` holds those that were running.

    Only as many jobs as processes are handed in at a time, so that few are suspects.
    """
    running: dict[Future[SeriesRecord], SeriesJob] = {}
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        while waiting or running:
            try:
                while waiting and len(running) < workers:
                    running[pool.submit(prepare_series, waiting[-1], options, digest)] = waiting[-1]
                    waiting.pop()
            except BrokenProcessPool:
                suspects += running.values()
                return
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                if isinstance(future.exception(), BrokenProcessPool):
                    suspects += running.values()
                    return
                running.pop(future)
                yield future.result()
