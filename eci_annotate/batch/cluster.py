"""Run jobs on a Dask cluster, whose workers see source, target, secret and policy under the same paths."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from re import match
from typing import TypeVar

from eci_annotate.batch.cohort_scan import SeriesJob
from eci_annotate.batch.local_processes import died
from eci_annotate.batch.prepare_options import PrepareOptions
from eci_annotate.batch.prepare_series import prepare_series
from eci_annotate.batch.series_record import SeriesRecord
from eci_annotate.errors import BadRequest, NotFound, NotInstalled, WorkerFailed

CONNECT_S = 20
Job = TypeVar("Job")
Result = TypeVar("Result")


def run_on_cluster(
    jobs: Sequence[SeriesJob], options: PrepareOptions, digest: str, scheduler: str
) -> Iterator[SeriesRecord]:
    """Prepare series on a cluster, and yield each record when it is ready.

    A job whose worker dies runs again on another one. A job that ends several workers is refused.

    Raises
    ------
    BadRequest, NotFound, NotInstalled
        As `map_on_cluster`.
    """
    prepare = partial(prepare_series, options=options, digest=digest)
    for number, record in _results(prepare, jobs, scheduler):
        yield died(jobs[number], digest) if record is None else record


def map_on_cluster(
    function: Callable[[Job], Result], jobs: Sequence[Job], scheduler: str
) -> Iterator[tuple[int, Result]]:
    """Call a function with each job on a cluster; yield the number and result of each when it is ready.

    A job whose worker dies runs again on another one.

    Raises
    ------
    BadRequest
        If the address has another form.
    NotFound
        If the scheduler does not answer.
    NotInstalled
        If Dask is not installed.
    WorkerFailed
        If a job ended several workers, or raised an error.
    """
    for number, result in _results(function, jobs, scheduler):
        if result is None:
            raise WorkerFailed("A job failed on the cluster.", "See the logs of its workers, and try again.")
        yield number, result


def _results(
    function: Callable[[Job], Result], jobs: Sequence[Job], scheduler: str
) -> Iterator[tuple[int, Result | None]]:
    """Yield the number and result of each job when it is ready; None for one that failed."""
    try:
        from distributed import Client, as_completed
    except ImportError:
        raise NotInstalled("Dask is not installed.", "Install it: pip install 'eci-annotate[dask]'.") from None
    if not match(r"[a-z]+://[^/]", scheduler):  # a client that was refused an address ends with a message of its own
        raise BadRequest("This is no address of a scheduler.", "Give one like tcp://host:8786.")
    try:
        client = Client(scheduler, timeout=CONNECT_S, set_as_default=False)
    except (OSError, TimeoutError, ValueError):
        raise NotFound("The scheduler does not answer.", "Check the address, for instance tcp://host:8786.") from None
    with client:
        futures = {client.submit(function, job, pure=False): number for number, job in enumerate(jobs)}
        for future in as_completed(futures, loop=client.loop):
            yield futures[future], None if future.status == "error" else future.result()
