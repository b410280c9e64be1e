"""Run jobs on a Dask cluster, whose workers see source, target, secret and policy under the same paths."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from eci_annotate.batch.cohort_scan import SeriesJob
from eci_annotate.batch.local_processes import died
from eci_annotate.batch.prepare_options import PrepareOptions
from eci_annotate.batch.prepare_series import prepare_series
from eci_annotate.batch.series_record import SeriesRecord
from eci_annotate.errors import NotFound, NotInstalled

CONNECT_S = 20


def run_on_cluster(
    jobs: Sequence[SeriesJob], options: PrepareOptions, digest: str, scheduler: str
) -> Iterator[SeriesRecord]:
    """Prepare series on a cluster, and yield each record when it is ready.

    A job whose worker dies runs again on another one. A job that ends several workers is refused.

    Raises
    ------
    NotFound
        If the scheduler does not answer.
    NotInstalled
        If Dask is not installed.
    """
    try:
        from distributed import Client, as_completed
    except ImportError:
        raise NotInstalled("Dask is not installed.", "Install it: pip install 'eci-annotate[dask]'.") from None
    try:
        client = Client(scheduler, timeout=CONNECT_S, set_as_default=False)
    except (OSError, TimeoutError, ValueError):
        raise NotFound("The scheduler does not answer.", "Check the address, for instance tcp://host:8786.") from None
    with client:
        futures = {client.submit(prepare_series, job, options, digest, pure=False): job for job in jobs}
        for future in as_completed(futures, loop=client.loop):
            yield died(futures[future], digest) if future.status == "error" else future.result()
