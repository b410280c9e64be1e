"""A Dask cluster of real processes gives the same files as this machine, also when a worker is killed."""

import signal
import subprocess
import sys
import time

import pytest

from eci_annotate.errors import NotFound
from tests.batch.cohort_world import prepared, site_key, tree
from tests.dicom.series_maker import make_series
from tests.ports import free_port

SERIES = 12


@pytest.fixture
def cohort(tmp_path):
    for n in range(SERIES):
        make_series(tmp_path / "in" / str(n), 30, edit=lambda d, k, n=n: setattr(d, "PatientID", f"P{n}"), value=n)
    return tmp_path / "in"


@pytest.fixture
def cluster(tmp_path):
    """Address of a scheduler, and its two workers as processes."""
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    scheduler = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", str(port)]
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": tmp_path}
    started = [subprocess.Popen([*scheduler, "--no-dashboard"], **quiet)]
    started += [subprocess.Popen([*worker, "--no-dashboard"], **quiet) for _ in range(2)]
    yield address, started[1:]
    for process in started:
        process.kill()
        process.wait()


def test_a_cluster_gives_the_same_files_although_a_worker_is_killed(cohort, cluster, tmp_path):
    address, workers = cluster
    key, killed = site_key(tmp_path), []

    def kill_after_some(what, done, of):
        if what == "Preparing series" and done == 2 and not killed:
            workers[0].send_signal(signal.SIGKILL)
            killed.append(workers[0].wait())

    from eci_annotate.batch.prepare import prepare_cohort
    from eci_annotate.batch.prepare_options import PrepareOptions

    options = PrepareOptions(tmp_path / "cluster", key, keep_dicom=True)
    wait_for_workers(address, 2)
    report = prepare_cohort(cohort, options, workers=1, scheduler=address, progress=kill_after_some)
    assert killed == [-signal.SIGKILL] and report.count("taken") == SERIES
    prepared(cohort, tmp_path / "local", key=key, keep_dicom=True, workers=2)
    assert tree(tmp_path / "cluster") == tree(tmp_path / "local")


def wait_for_workers(address, number):
    from distributed import Client

    with Client(address, timeout=30, set_as_default=False) as client:
        client.wait_for_workers(number, timeout=60)


def test_a_scheduler_that_does_not_answer_is_named(cohort, tmp_path, monkeypatch):
    monkeypatch.setattr("eci_annotate.batch.cluster.CONNECT_S", 1)
    begin = time.monotonic()
    with pytest.raises(NotFound, match="scheduler does not answer"):
        prepared(cohort, tmp_path / "out", scheduler=f"tcp://127.0.0.1:{free_port()}")
    assert time.monotonic() - begin < 15
